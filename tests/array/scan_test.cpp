// host
// ranks: 1 2 3 4
// Running sums and products against sums in 113 bits: their error, that they do not fall, their
// bits at each number of threads; along each axis, of every dtype, split, replicated, empty.
#include "serried/array/scan.hpp"

#include <cmath>
#include <complex>
#include <limits>
#include <vector>

#include "array/array_support.hpp"
#include "array/function_source.hpp"
#include "support/numbers.hpp"

namespace serried::test {
namespace {

double wild(std::int64_t i) {
  return (noise(i, 0) - 0.5) * std::pow(10, 12 * noise(i, 1));
}

TEST(Scan, sums_of_a_series_are_accurate_and_do_not_fall) {
  constexpr double unit = 0x1p-53;
  for (const std::int64_t max_tiles : {16384, 64, 3})
    for (const std::int64_t rows : {0, 1, 2, 63, 64, 65, 700, 20001, 600011})
      for (const bool is_positive : {false, true}) {
        if (rows > 600000 && (max_tiles == 3 || is_positive)) continue;
        const Context ctx = tiled_context(max_tiles);
        const auto value = [&](std::int64_t i) {
          return is_positive ? std::abs(wild(i)) : wild(i);
        };
        const Array x =
            Array::from_function(ctx, Shape{rows}, DType::f64, [&](auto i) { return value(i[0]); });
        const Array y = cumsum(x);
        ASSERT_EQ(y.layout(), x.layout());
        const std::vector<double> sums = y.gather<double>();
        if (ctx.rank() != 0) continue;
        Quad exact = 0;
        Quad absolute = 0;
        for (std::int64_t i = 0; i < rows; ++i) {
          exact += value(i);
          absolute += std::abs(value(i));
          const double sum = sums[static_cast<std::size_t>(i)];
          const Quad error = exact < sum ? sum - exact : exact - sum;
          ASSERT_LE(static_cast<double>(error),
                    unit * std::abs(sum) + 70 * unit * static_cast<double>(absolute))
              << rows << ' ' << i;
          if (is_positive && i > 0) {
            ASSERT_GE(sum, sums[static_cast<std::size_t>(i - 1)]) << i;
          }
        }
      }
}

std::vector<std::byte> bytes_of(const Array& array) {
  const Array whole = array.replicate();
  return {whole.local_data(),
          whole.local_data() +
              static_cast<std::size_t>(whole.shape().elements()) * size_of(whole.dtype())};
}

TEST(Scan, threads_and_ranks_change_no_bit) {
  const Context ctx = context();
  const Context alone = ctx.with_communicator(*ctx.comm().split(ctx.rank(), 0));
  for (const Shape& shape : {Shape{50021}, Shape{1001, 70}, Shape{70, 701}, Shape{5, 2003, 3}})
    for (const DType dtype : {DType::f64, DType::f32, DType::i32, DType::c128})
      for (int split = 0; split < shape.dimensions(); ++split)
        for (int axis = -1; axis < shape.dimensions(); ++axis)
          for (const bool is_product : {false, true}) {
            if (is_product && dtype == DType::i32) continue;
            const auto of = [&](const Context& own) {
              const Array x = Array::from_function(
                  own, shape, dtype,
                  [&](auto i) {
                    const double number = noise(number_of(shape, i), 5);
                    return dtype == DType::i32 ? std::floor(1e6 * number) : number - 0.4;
                  },
                  split);
              ScanOptions options;
              if (axis >= 0) options.axis = axis;
              return is_product ? cumprod(x, options) : cumsum(x, options);
            };
            const std::vector<std::byte> one = bytes_of(of(with_threads(alone, 1)));
            ASSERT_EQ(one, bytes_of(of(with_threads(ctx, 1))));
            ASSERT_EQ(one, bytes_of(of(with_threads(ctx, 3))));
          }
}

TEST(Scan, every_dtype_along_each_axis) {
  const Context ctx = context();
  const Shape shape{31, 7, 5};
  for (int d = 0; d <= static_cast<int>(DType::c128); ++d) {
    const auto dtype = static_cast<DType>(d);
    const auto value = [&](std::int64_t number) {
      return dtype == DType::b8 ? static_cast<double>(number % 2) : element_value(number) / 8;
    };
    for (int split = -1; split < 3; ++split) {
      Array x = Array::from_function(
          ctx, shape, dtype,
          [&](auto i) {
            const double v = value(number_of(shape, i));
            return is_real(dtype) && !is_floating(dtype) ? std::floor(v) : v;
          },
          std::max(split, 0));
      if (split < 0) x = x.replicate();
      for (int axis = -3; axis < 3; ++axis) {
        const Array y = cumsum(x, {.axis = axis});
        EXPECT_EQ(y.split_axis(), x.split_axis());
        EXPECT_EQ(y.layout(), x.layout());
        EXPECT_EQ(y.is_replicated(), x.is_replicated());
        const bool is_unsigned =
            dtype == DType::u8 || dtype == DType::u16 || dtype == DType::u32 || dtype == DType::u64;
        EXPECT_EQ(y.dtype(), is_unsigned ? DType::u64 : dtype <= DType::u64 ? DType::i64 : dtype);
        const std::vector<double> given = all_values(x);
        const std::vector<double> sums = all_values(y);
        const int along = axis < 0 ? axis + 3 : axis;
        const std::int64_t stride = along == 0 ? 35 : along == 1 ? 5 : 1;
        for (std::int64_t e = 0; e < shape.elements(); ++e) {
          const bool is_first = e / stride % shape[along] == 0;
          const auto at = static_cast<std::size_t>(e);
          // f16 rounds where it stores
          const double before = is_first ? 0 : sums[static_cast<std::size_t>(e - stride)];
          ASSERT_NEAR(sums[at], before + given[at], dtype == DType::f16 ? 1.0 : 0.0)
              << name(dtype) << ' ' << e;
        }
      }
      const Array all = cumsum(x);
      ASSERT_EQ(all.shape(), (Shape{shape.elements()}));
      EXPECT_EQ(all.layout(), Layout::uniform(shape.elements(), ctx.size()));
      const std::vector<double> given = all_values(x);
      const std::vector<double> sums = all_values(all);
      double sum = 0;
      for (std::size_t e = 0; e < given.size(); ++e)
        ASSERT_NEAR(sums[e], sum += given[e], dtype == DType::f16 ? 2.0 : 0.0);
    }
  }
}

TEST(Scan, products_are_in_range_wherever_they_have_a_value) {
  const Context ctx = context();
  // the products of both runs come and go
  const std::int64_t rows = 20000;
  const Array x = Array::from_function(ctx, Shape{rows}, DType::f64,
                                       [](auto i) { return i[0] / 500 % 2 == 0 ? 2.0 : 0.5; });
  const std::vector<double> products = cumprod(x).gather<double>();
  const Array z = Array::from_function(ctx, Shape{rows}, DType::c64,
                                       [](auto i) { return i[0] / 500 % 2 == 0 ? 2.0 : 0.5; });
  const Array w = cumprod(z).replicate();
  for (std::size_t i = 0; i < products.size(); ++i) {
    const auto place = static_cast<int>(i % 1000);
    const int power = place < 500 ? place + 1 : 999 - place;
    ASSERT_EQ(products[i], std::ldexp(1.0, power)) << i;
    ASSERT_EQ(w.local<std::complex<float>>()[i].real(), static_cast<float>(products[i])) << i;
  }
  // NumPy's limits: a zero stays, infinity times zero is NaN
  const Array edges = Array::from_function(ctx, Shape{400}, DType::f64, [](auto i) {
    if (i[0] == 100) return 0.0;
    return i[0] == 300 ? std::numeric_limits<double>::infinity() : 1e200;
  });
  const std::vector<double> found = cumprod(edges).gather<double>();
  for (std::size_t i = 0; i < found.size(); ++i) {
    const bool is_right = i < 1     ? found[i] == 1e200
                          : i < 100 ? std::isinf(found[i])
                          : i < 300 ? found[i] == 0
                                    : std::isnan(found[i]);
    EXPECT_TRUE(is_right) << i << ' ' << found[i];
  }
}

TEST(Scan, nan_and_infinity) {
  const Context ctx = context();
  const double inf = std::numeric_limits<double>::infinity();
  const auto value = [&](std::int64_t i) {
    return i % 7 == 3 ? std::nan("") : i == 5000 ? inf : i == 9000 ? -inf : 1.0;
  };
  const Array x =
      Array::from_function(ctx, Shape{10000}, DType::f64, [&](auto i) { return value(i[0]); });
  const std::vector<double> plain = all_values(cumsum(x));
  const std::vector<double> skipping = all_values(cumsum(x, {.skips_nan = true}));
  const std::vector<double> products = all_values(cumprod(x, {.skips_nan = true}));
  double sum = 0;
  for (std::int64_t i = 0; i < 10000; ++i) {
    const auto at = static_cast<std::size_t>(i);
    EXPECT_EQ(std::isnan(plain[at]), i >= 3);
    if (!std::isnan(value(i))) sum += value(i);
    ASSERT_TRUE(skipping[at] == sum || (std::isnan(sum) && std::isnan(skipping[at]))) << i;
    EXPECT_EQ(products[at], i < 5000 ? 1 : i < 9000 ? inf : -inf) << i;
  }
  const Array zeros = Array::full(ctx, Shape{100}, DType::f64, -0.0);
  for (const double zero : all_values(cumsum(zeros))) EXPECT_TRUE(zero == 0 && std::signbit(zero));
}

TEST(Scan, integers_beyond_their_dtype_are_refused) {
  const Context ctx = context();
  const auto at = [](std::int64_t place, double value) {
    return [place, value](auto i) { return i[0] == place ? value : 1.0; };
  };
  const double half = 0x1p62;
  for (const std::int64_t place : {0, 1000, 99999}) {
    const Array x = Array::from_function(ctx, Shape{100000}, DType::i64, at(place, half));
    EXPECT_NO_THROW(static_cast<void>(cumsum(x)));
    EXPECT_NO_THROW(static_cast<void>(cumprod(x)));
    const Array two = Array::from_function(ctx, Shape{100000}, DType::i64, [&](auto i) {
      return i[0] == place || i[0] == 50000 ? half : 1.0;
    });
    EXPECT_THROW(static_cast<void>(cumsum(two)), DataError);
    EXPECT_THROW(static_cast<void>(cumprod(two)), DataError);
  }
  // 2^63 is no i64, but 2^63 * -1 would be: the product of a part may not be what decides
  const Array low = Array::from_function(ctx, Shape{40000}, DType::i64, [&](auto i) {
    return i[0] == 3 ? -1.0 : i[0] == 20000 ? 0x1p40 : i[0] == 20001 ? 0x1p23 : 1.0;
  });
  EXPECT_EQ(cumprod(low).gather<std::int64_t>().size(), ctx.rank() == 0 ? 40000u : 0u);
  // a sum that comes back has been beyond
  const Array back = Array::from_function(ctx, Shape{3, 4}, DType::i64,
                                          [&](auto i) { return i[0] < 2 ? half : -half; });
  EXPECT_THROW(static_cast<void>(cumsum(back, {.axis = 0})), DataError);
  EXPECT_THROW(static_cast<void>(cumsum(back, {.axis = 1})), DataError);
  const Array zero = Array::from_function(ctx, Shape{40000}, DType::u32,
                                          [&](auto i) { return i[0] == 10 ? 0.0 : 4e9; });
  EXPECT_THROW(static_cast<void>(cumprod(zero)), DataError);
  const Array early = Array::from_function(ctx, Shape{40000}, DType::u32,
                                           [&](auto i) { return i[0] == 1 ? 0.0 : 4e9; });
  EXPECT_EQ(all_values(cumprod(early)).back(), 0);
}

TEST(Scan, shapes_without_elements_and_numbers) {
  const Context ctx = context();
  EXPECT_EQ(cumsum(Array::zeros(ctx, Shape{0}, DType::f64)).shape(), (Shape{0}));
  EXPECT_EQ(cumsum(Array::zeros(ctx, Shape{4, 0}, DType::f32)).shape(), (Shape{0}));
  EXPECT_EQ(cumsum(Array::zeros(ctx, Shape{4, 0}, DType::f32), {.axis = 0}).shape(), (Shape{4, 0}));
  EXPECT_EQ(cumprod(Array::zeros(ctx, Shape{0, 4}, DType::i8).replicate(), {.axis = 1}).dtype(),
            DType::i64);
  EXPECT_EQ(cumsum(Array::zeros(ctx, Shape{0}, DType::i8).replicate()).shape(), (Shape{0}));
  const Array number = Array::full(ctx, Shape{}, DType::u8, 7);
  for (const auto& options : {ScanOptions{}, ScanOptions{.axis = 0}, ScanOptions{.axis = -1}}) {
    const Array one = cumsum(number, options);
    EXPECT_EQ(one.shape(), (Shape{1}));
    EXPECT_EQ(one.local<std::uint64_t>()[0], 7u);
  }
  // tiles that a slice has left
  const Array x = Array::arange(ctx, 0, 1000);
  const Slice some{.begin = 17, .end = 903, .step = 5};
  const Array part = x.slice(std::span(&some, 1));
  const Array sums = cumsum(part);
  EXPECT_EQ(sums.layout(), part.layout());
  double sum = 0;
  std::int64_t i = 17;
  for (const double found : all_values(sums)) {
    EXPECT_EQ(found, sum += static_cast<double>(i));
    i += 5;
  }
}

TEST(Scan, what_is_refused) {
  const Context ctx = context();
  const Array x = Array::zeros(ctx, Shape{3, 4}, DType::f64);
  for (const int axis : {2, -3})
    EXPECT_THROW(static_cast<void>(cumsum(x, {.axis = axis})), InvalidArgument);
  EXPECT_THROW(static_cast<void>(cumsum(Array::zeros(ctx, Shape{}, DType::f64), {.axis = 1})),
               InvalidArgument);
}

}  // namespace
}  // namespace serried::test
