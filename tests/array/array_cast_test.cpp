// Conversions: the kernels for every pair of dtypes against long double and a search among all f16
// numbers; the error that names the first row, wherever it lies.
#include <cmath>
#include <initializer_list>
#include <limits>

#include "array/array_support.hpp"
#include "serried/device/convert_kernels.hpp"

namespace serried {
namespace {

using Index = std::int64_t;

// Numbers at the edges of every dtype, as T where T has them.
template <class T>
std::vector<T> candidates() {
  std::vector<T> values;
  const auto add = [&](long double value) {
    if constexpr (std::is_same_v<T, bool>) {
      values.push_back(value != 0);
    } else if constexpr (std::is_same_v<T, Half>) {
      values.push_back(to_half(static_cast<float>(value)));
    } else if constexpr (std::is_floating_point_v<T>) {
      values.push_back(static_cast<T>(value));
    } else if (value >= static_cast<long double>(std::numeric_limits<T>::min()) &&
               value <= static_cast<long double>(std::numeric_limits<T>::max())) {
      values.push_back(static_cast<T>(value));
    }
  };
  for (int bit = 0; bit <= 64; ++bit)
    for (const long double offset : {-1.0L, -0.5L, 0.0L, 0.5L, 1.0L, 3.0L}) {
      add(std::ldexp(1.0L, bit) + offset);
      add(-std::ldexp(1.0L, bit) + offset);
    }
  for (int exponent = -30; exponent <= -5; ++exponent)
    for (const long double factor : {1.0L, 1.0000001L, 1.5L, 1.4999999L}) {
      add(factor * std::ldexp(1.0L, exponent));
      add(-factor * std::ldexp(1.0L, exponent));
    }
  // between two f16 numbers, and a little more than f32 can tell
  add(1 + std::ldexp(1.0L, -11) + std::ldexp(1.0L, -40));
  add(1 + std::ldexp(1.0L, -11) - std::ldexp(1.0L, -40));
  add(-1 - 3 * std::ldexp(1.0L, -11) - std::ldexp(1.0L, -45));
  for (const long double value : {65504.0L, 65519.99999L, 65520.0L, 1e30L, -1e30L}) add(value);
  if constexpr (is_floating(dtype_of<T>))
    for (const double value : std::initializer_list<double>{INFINITY, -INFINITY, NAN, -0.0}) {
      if constexpr (std::is_same_v<T, Half>)
        values.push_back(to_half(value));
      else
        values.push_back(static_cast<T>(value));
    }
  return values;
}

template <class T>
long double widened(T value) {
  if constexpr (std::is_same_v<T, Half>)
    return to_float(value);
  else
    return static_cast<long double>(value);
}

// The nearest f16 by search, ties to the even one.
Half nearest_half(long double value) {
  if (value != value) return to_half(NAN);
  const std::uint16_t sign = std::signbit(value) ? 0x8000 : 0;
  const long double magnitude = std::fabs(value);
  // what would come after 65504 stands for infinity
  const auto number = [](std::uint32_t bits) {
    return bits == 0x7c00 ? 65536.0L
                          : static_cast<long double>(to_float({static_cast<std::uint16_t>(bits)}));
  };
  std::uint32_t best = 0;
  std::uint32_t low = 0, high = 0x7c00;
  while (high - low > 1) {
    const std::uint32_t middle = (low + high) / 2;
    (number(middle) <= magnitude ? low : high) = middle;
  }
  const long double below = magnitude - number(low), above = number(high) - magnitude;
  if (below < above)
    best = low;
  else if (below > above)
    best = high;
  else
    best = low % 2 == 0 ? low : high;
  return {static_cast<std::uint16_t>(sign | best)};
}

template <class From, class To>
void check_pair(const Backend& backend) {
  const std::vector<From> values = candidates<From>();
  const auto& kernels = backend.kernels<ConvertKernels>(dtype_of<From>);
  for (std::size_t i = 0; i < values.size(); ++i) {
    const From from = values[i];
    const long double value = widened(from);
    To to{};
    const bool is_done = kernels.convert(&from, 1, dtype_of<To>, &to) == 1;
    const auto where = [&] {
      return testing::Message() << name(dtype_of<From>) << " to " << name(dtype_of<To>) << ", "
                                << static_cast<double>(value);
    };
    if constexpr (std::is_same_v<To, bool>) {
      ASSERT_TRUE(is_done) << where();
      ASSERT_EQ(to, value != 0 || value != value) << where();
    } else if constexpr (is_floating(dtype_of<To>)) {
      ASSERT_TRUE(is_done) << where();
      if (value != value) {
        ASSERT_NE(widened(to), widened(to)) << where();
      } else if constexpr (std::is_same_v<To, Half>) {
        ASSERT_EQ(to.bits, nearest_half(value).bits) << where();
      } else {
        ASSERT_EQ(to, static_cast<To>(value)) << where();
        ASSERT_EQ(std::signbit(to), std::signbit(value)) << where();
      }
    } else {
      const long double whole = std::trunc(value);
      const bool is_held = whole >= static_cast<long double>(std::numeric_limits<To>::min()) &&
                           whole <= static_cast<long double>(std::numeric_limits<To>::max());
      ASSERT_EQ(is_done, is_held) << where();
      if (is_held) {
        ASSERT_EQ(static_cast<long double>(to), whole) << where();
      }
    }
  }
}

TEST(ArrayCast, every_pair_of_real_dtypes) {
  const Context ctx = test::context();
  for (const DType from : test::real_dtypes)
    for (const DType to : test::real_dtypes)
      visit_real(from, [&](auto from_tag) {
        visit_real(to, [&](auto to_tag) {
          check_pair<typename decltype(from_tag)::type, typename decltype(to_tag)::type>(
              *ctx.backend());
        });
      });
}

TEST(ArrayCast, complex) {
  const Context ctx = test::context();
  const Array real = test::numbered(ctx, {50, 2}, DType::i16, 1);
  const Array wide = real.cast(DType::c128);
  EXPECT_EQ(test::all_values(wide), test::all_values(real));
  for (const auto& value : wide.local<std::complex<double>>()) ASSERT_EQ(value.imag(), 0);
  EXPECT_EQ(test::all_values(wide.cast(DType::c64)), test::all_values(real));
  const auto truth = test::all_values(wide.cast(DType::b8));
  for (std::size_t i = 0; i < truth.size(); ++i)
    ASSERT_EQ(truth[i], test::all_values(real)[i] != 0);
  EXPECT_THROW((void)wide.cast(DType::f64), InvalidArgument);
  EXPECT_THROW((void)wide.cast(DType::string), InvalidArgument);
}

TEST(ArrayCast, keeps_layout_and_replication) {
  const Context ctx = test::tiled_context(8);
  const Slice slices[] = {{3, 90, 4}};
  const Array part = test::numbered(ctx, {100, 2}).slice(slices);
  const Array cast = part.cast(DType::u8);
  EXPECT_EQ(cast.layout(), part.layout());
  EXPECT_EQ(test::all_values(cast), test::all_values(part));
  EXPECT_TRUE(part.replicate().cast(DType::f32).is_replicated());
  EXPECT_EQ(test::all_values(Array::zeros(ctx, {0, 4}, DType::f64).cast(DType::i8)).size(), 0u);
}

TEST(ArrayCast, error_names_the_first_row) {
  const Context one = test::context();
  const Context ctx(one.comm(), make_host_backend(2), one.comm().recorder(), one.options());
  constexpr Index rows = 100000;
  for (const Index first : {Index{0}, Index{1}, Index{33333}, Index{50000}, rows - 1}) {
    const Array array = Array::from_function(ctx, {rows, 2}, DType::f64, [&](auto index) {
      if (index[0] == first && index[1] == 1) return -300.5;
      return index[0] > first ? NAN : 1.0;
    });
    const std::string expected = "row " + std::to_string(first) +
                                 " of the f64 array of shape (100000, 2): element (" +
                                 std::to_string(first) + ", 1) is -300.5, which i8 cannot hold";
    for (const Array& each : {array, array.replicate()}) {
      try {
        (void)each.cast(DType::i8);
        ADD_FAILURE() << "no error";
      } catch (const DataError& error) {
        EXPECT_EQ(error.what(), expected);
      }
    }
  }
  const Array large = Array::full(ctx, {10}, DType::u64, 0x1p63);
  try {
    (void)large.cast(DType::i64);
    ADD_FAILURE() << "no error";
  } catch (const DataError& error) {
    EXPECT_NE(std::string(error.what()).find("is 9223372036854775808,"), std::string::npos)
        << error.what();
  }
}

}  // namespace
}  // namespace serried
