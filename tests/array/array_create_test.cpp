// Creation: every element on every rank, for all dtypes, split axes, few rows and none.
#include <cmath>
#include <complex>
#include <numeric>

#include "array/array_support.hpp"

namespace serried {
namespace {

using Index = std::int64_t;
using test::element_value;
using test::local_numbers;
using test::local_values;

const Shape shapes[] = {{0},       {1},       {3},        {1000},         {5, 7},
                        {4, 0, 3}, {2, 3, 4}, {1, 50, 2}, {3, 2, 1, 2, 2}};

TEST(ArrayCreate, from_function_all_dtypes_shapes_and_axes) {
  const Context ctx = test::tiled_context(64);
  for (const Shape& shape : shapes)
    for (int axis = 0; axis < shape.dimensions(); ++axis)
      for (const DType dtype : test::real_dtypes) {
        const Array array = test::numbered(ctx, shape, dtype, axis);
        EXPECT_EQ(array.shape(), shape);
        EXPECT_EQ(array.dtype(), dtype);
        EXPECT_EQ(array.split_axis(), axis);
        EXPECT_FALSE(array.is_replicated());
        EXPECT_EQ(array.layout(), Layout::uniform(shape[axis], ctx.size(), 64));
        EXPECT_EQ(array.row_shape(), shape.without(axis));
        const auto numbers = local_numbers(array);
        const auto values = local_values(array);
        ASSERT_EQ(values.size(), numbers.size());
        for (std::size_t i = 0; i < values.size(); ++i) {
          const double value = element_value(numbers[i]);
          ASSERT_EQ(values[i], dtype == DType::b8 ? value != 0 : value);
        }
      }
}

TEST(ArrayCreate, zeros_and_full) {
  const Context ctx = test::context();
  for (const Shape& shape : shapes)
    for (const DType dtype : test::real_dtypes) {
      const int axis = shape.dimensions() - 1;
      for (const double value : local_values(Array::zeros(ctx, shape, dtype, axis)))
        ASSERT_EQ(value, 0);
      for (const double value : local_values(Array::full(ctx, shape, dtype, 3, axis)))
        ASSERT_EQ(value, dtype == DType::b8 ? 1 : 3);
    }
  const Array complex = Array::full(ctx, {9}, DType::c128, 1.5);
  for (const auto& value : complex.local<std::complex<double>>())
    ASSERT_EQ(value, (std::complex<double>{1.5, 0}));
  EXPECT_THROW((void)Array::full(ctx, {9}, DType::i8, 128), InvalidArgument);
  EXPECT_THROW((void)Array::full(ctx, {9}, DType::i32, NAN), InvalidArgument);
  EXPECT_THROW((void)Array::zeros(ctx, {9}, DType::string), InvalidArgument);
  EXPECT_THROW((void)Array::zeros(ctx, {9}, DType::f64, 1), InvalidArgument);
  EXPECT_THROW((void)Array::zeros(ctx, {9}, DType::f64, -1), InvalidArgument);
  EXPECT_THROW((void)Array::zeros(ctx, {INT64_MAX, 2}, DType::f64), InvalidArgument);
  EXPECT_THROW((void)Array::zeros(ctx, {INT64_MAX / 4}, DType::f64), InvalidArgument);
}

TEST(ArrayCreate, too_large_for_memory_is_an_error_on_all_ranks) {
#ifdef __SANITIZE_ADDRESS__
  GTEST_SKIP() << "AddressSanitizer ends the process instead";
#endif
  const Context ctx = test::context();
  EXPECT_THROW((void)Array::zeros(ctx, {Index{1} << 55}, DType::u8), RankError);
}

TEST(ArrayCreate, a_number_is_replicated) {
  const Context ctx = test::context();
  const Array number = Array::full(ctx, {}, DType::f32, 2.5);
  EXPECT_TRUE(number.is_replicated());
  EXPECT_EQ(number.rows(), 1);
  ASSERT_EQ(number.local<float>().size(), 1u);
  EXPECT_EQ(number.local<float>()[0], 2.5F);
  const auto gathered = number.gather<float>(ctx.size() - 1);
  EXPECT_EQ(gathered.size(), ctx.rank() == ctx.size() - 1 ? 1u : 0u);
}

// numpy.arange fills with start + i * (second - first).
TEST(ArrayCreate, arange_as_numpy) {
  const Context ctx = test::context();
  const double cases[][3] = {{0, 10, 1}, {0, 1, 0.1},  {5, -3, -0.7},          {3, 3, 1},
                             {3, 1, 1},  {1, 2, 1e-3}, {-1e9, 1e9, 12345.678}, {0.1, 0.35, 0.05}};
  for (const auto& [start, stop, step] : cases) {
    const Array array = Array::arange(ctx, start, stop, step);
    const double length = std::ceil((stop - start) / step);
    EXPECT_EQ(array.shape(), (Shape{length > 0 ? static_cast<Index>(length) : 0}));
    const double second = start + step;
    const auto values = array.local<double>();
    for (std::size_t i = 0; i < values.size(); ++i) {
      const auto row = static_cast<double>(array.local_rows().begin + static_cast<Index>(i));
      ASSERT_EQ(values[i], start + row * (second - start));
    }
  }
  const Array whole = Array::arange(ctx, 0, 200000, 1, DType::i32);
  const auto values = whole.local<std::int32_t>();
  for (std::size_t i = 0; i < values.size(); ++i)
    ASSERT_EQ(values[i], whole.local_rows().begin + static_cast<Index>(i));
  EXPECT_THROW((void)Array::arange(ctx, 0, 1, 0), InvalidArgument);
  EXPECT_THROW((void)Array::arange(ctx, 0, INFINITY), InvalidArgument);
  EXPECT_THROW((void)Array::arange(ctx, 0, 1e300), InvalidArgument);
  EXPECT_THROW((void)Array::arange(ctx, 0, 1000, 1, DType::i8), RankError);
}

TEST(ArrayCreate, linspace_as_numpy) {
  const Context ctx = test::context();
  const double cases[][3] = {{0, 1, 11}, {3, -2, 7}, {1, 1, 4},        {0, 5e-324, 5},
                             {2, 9, 1},  {2, 9, 0},  {0.1, 0.9, 30001}};
  for (const auto& [start, stop, count] : cases) {
    const Array array = Array::linspace(ctx, start, stop, static_cast<Index>(count));
    EXPECT_EQ(array.shape(), (Shape{static_cast<Index>(count)}));
    const double step = (stop - start) / (count - 1);
    const auto values = array.local<double>();
    for (std::size_t i = 0; i < values.size(); ++i) {
      const auto row = static_cast<double>(array.local_rows().begin + static_cast<Index>(i));
      double expected = step == 0 ? start + row / (count - 1) * (stop - start) : row * step + start;
      if (count == 1) expected = start;
      if (row == count - 1 && count > 1) expected = stop;
      ASSERT_EQ(values[i], expected) << start << ' ' << stop << ' ' << count << " row " << row;
    }
  }
  EXPECT_THROW((void)Array::linspace(ctx, 0, 1, -1), InvalidArgument);
}

TEST(ArrayCreate, replicated_and_views) {
  const Context ctx = test::context();
  std::vector<std::int16_t> data(12);
  std::iota(data.begin(), data.end(), std::int16_t{5});
  const Array array = Array::replicated(ctx, {4, 3}, DType::i16, data.data());
  EXPECT_TRUE(array.is_replicated());
  EXPECT_EQ(array.local_rows(), (RowRange{0, 4}));
  EXPECT_TRUE(std::ranges::equal(array.local<std::int16_t>(), data));
  EXPECT_THROW((void)array.local<std::uint16_t>(), InvalidArgument);
  EXPECT_EQ(array.layout(), Layout::uniform(4, ctx.size()));
}

TEST(ArrayCreate, function_that_throws_on_one_rank) {
  const Context ctx = test::context();
  try {
    (void)Array::from_function(ctx, {100}, DType::f64, [&](std::span<const Index>) -> double {
      if (ctx.rank() == ctx.size() - 1) throw DataError("no value");
      return 0;
    });
    ADD_FAILURE() << "no error";
  } catch (const RankError& error) {
    EXPECT_EQ(error.rank(), ctx.size() - 1);
  }
}

TEST(ArrayCreate, copies_share_their_memory) {
  const Context ctx = test::context();
  Array array = Array::zeros(ctx, {100}, DType::i32);
  const Array copy = array;
  for (auto& value : array.local_mutable<std::int32_t>()) value = 7;
  for (const auto& value : copy.local<std::int32_t>()) ASSERT_EQ(value, 7);
  EXPECT_THROW((void)array.local_mutable<float>(), InvalidArgument);
}

TEST(ArrayCreate, more_than_600000_rows_on_two_threads) {
  const Context one = test::context();
  const Context ctx(one.comm(), make_host_backend(2), one.comm().recorder(), one.options());
  const Array array = test::numbered(ctx, {700001, 2}, DType::f32, 0);
  const auto values = array.local<float>();
  const Index first = 2 * array.local_rows().begin;
  for (std::size_t i = 0; i < values.size(); ++i)
    ASSERT_EQ(values[i], static_cast<float>(element_value(first + static_cast<Index>(i))));
}

}  // namespace
}  // namespace serried
