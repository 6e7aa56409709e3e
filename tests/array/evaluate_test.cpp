// host
// ranks: 1 2 3 4 7
#include "serried/array/evaluate.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <vector>

#include "array/array_support.hpp"
#include "serried/expr/functions.hpp"
#include "serried/expr/reductions.hpp"

namespace serried::test {
namespace {

class Evaluate : public testing::Test {
 protected:
  Context ctx_ = context();
};

TEST_F(Evaluate, elementwise_of_arrays) {
  const Array a = Array::arange(ctx_, 0, 100003);
  const Array b = Array::random_normal(ctx_, Shape{100003}, DType::f64, 3);
  const Array c = evaluate(ctx_, sqrt(a * a + b * b) * 2 - b / 4);
  EXPECT_EQ(c.dtype(), DType::f64);
  EXPECT_EQ(c.layout(), a.layout());
  const auto x = a.local<double>();
  const auto y = b.local<double>();
  const auto z = c.local<double>();
  ASSERT_EQ(x.size(), z.size());
  for (std::size_t i = 0; i < x.size(); ++i)
    ASSERT_EQ(z[i], std::sqrt(x[i] * x[i] + y[i] * y[i]) * 2 - y[i] / 4) << i;
}

TEST_F(Evaluate, reductions_of_numbers) {
  const std::int64_t n = 1000003;
  const Array a = Array::arange(ctx_, 0, static_cast<double>(n));
  const double rows = static_cast<double>(n);
  EXPECT_EQ(evaluate_as<double>(ctx_, sum(a)), rows * (rows - 1) / 2);
  EXPECT_EQ(evaluate_as<double>(ctx_, mean(a)), (rows - 1) / 2);
  EXPECT_EQ(evaluate_as<double>(ctx_, min(a)), 0);
  EXPECT_EQ(evaluate_as<double>(ctx_, max(a)), rows - 1);
  EXPECT_EQ(evaluate_as<std::int64_t>(ctx_, argmax(-abs(a - 500000))), 500000);
  EXPECT_NEAR(evaluate_as<double>(ctx_, var(a)), (rows * rows - 1) / 12, 1e-3);
  EXPECT_NEAR(evaluate_as<double>(ctx_, stddev(a - mean(a))), std::sqrt((rows * rows - 1) / 12),
              1e-6);
  EXPECT_EQ(evaluate_as<std::int64_t>(ctx_, count_nonzero(a % 3 == 0)), (n + 2) / 3);
}

TEST_F(Evaluate, reductions_of_narrow_numbers) {
  // registers are wider than what is stored
  const std::int64_t n = 40011;
  const auto value = [](auto i) { return static_cast<double>((i[0] * 7919) % 251); };
  for (const DType dtype : {DType::i8, DType::u8, DType::i16, DType::u16, DType::u32, DType::f16}) {
    const double shift = dtype == DType::i8 || dtype == DType::i16 ? 100 : 0;
    const Array a =
        Array::from_function(ctx_, Shape{n}, dtype, [&](auto i) { return value(i) / 2 - shift; });
    const auto number = [&](const Expr& x) {
      return evaluate_as<double>(ctx_, cast(x, DType::f64));
    };
    const bool is_whole = dtype != DType::f16;
    EXPECT_EQ(number(min(a)), -shift) << name(dtype);
    EXPECT_EQ(number(max(a)), 125 - shift) << name(dtype);
    EXPECT_EQ(number(ptp(a)), 125) << name(dtype);
    double sum_of_all = 0;
    std::int64_t first_of_max = -1;
    for (std::int64_t i = 0; i < n; ++i) {
      const double half = static_cast<double>((i * 7919) % 251) / 2 - shift;
      const double x = is_whole ? std::trunc(half) : half;
      sum_of_all += x;
      if (first_of_max < 0 && x == 125 - shift) first_of_max = i;
    }
    EXPECT_EQ(number(argmax(a)), static_cast<double>(first_of_max)) << name(dtype);
    if (is_whole)
      EXPECT_EQ(number(sum(a)), sum_of_all) << name(dtype);
    else
      EXPECT_NEAR(number(mean(a)), sum_of_all / static_cast<double>(n), 0.05);
  }
}

TEST_F(Evaluate, reductions_along_axes) {
  const Shape shape{5003, 7};
  const Array a = Array::from_function(ctx_, shape, DType::f64,
                                       [](auto i) { return static_cast<double>(i[0] * 7 + i[1]); });
  const Array columns = evaluate(ctx_, sum(a, {.axes = {0}}));
  EXPECT_TRUE(columns.is_replicated());
  ASSERT_EQ(columns.shape(), (Shape{7}));
  for (std::int64_t j = 0; j < 7; ++j)
    EXPECT_EQ(columns.local<double>()[static_cast<std::size_t>(j)],
              7.0 * 5002 * 5003 / 2 + 5003.0 * static_cast<double>(j));
  const Array rows = evaluate(ctx_, mean(a, {.axes = {1}}));
  EXPECT_FALSE(rows.is_replicated());
  ASSERT_EQ(rows.shape(), (Shape{5003}));
  for (std::int64_t r = 0; r < rows.local_rows().size(); ++r)
    EXPECT_EQ(rows.local<double>()[static_cast<std::size_t>(r)],
              static_cast<double>((rows.local_rows().begin + r) * 7 + 3));
  // a reduction alone, which is no function of one
  const Array sums = evaluate(ctx_, sum(a, {.axes = {1}}));
  EXPECT_EQ(sums.layout(), a.layout());
  ASSERT_EQ(sums.shape(), (Shape{5003}));
  for (std::int64_t r = 0; r < sums.local_rows().size(); ++r)
    EXPECT_EQ(sums.local<double>()[static_cast<std::size_t>(r)],
              7 * static_cast<double>((sums.local_rows().begin + r) * 7 + 3));
  const Array centred = evaluate(ctx_, a - mean(a, {.axes = {1}, .keepdims = true}));
  for (std::size_t i = 0; i < centred.local<double>().size(); ++i)
    EXPECT_EQ(centred.local<double>()[i], static_cast<double>(i % 7) - 3);
}

}  // namespace
}  // namespace serried::test
