// host
// ranks: 1 2 3 4 7
// Quantiles against a sort of all values, over the rows, within them, and of columns; with values
// of which most are equal, or sorted, or periodic; where the sample misleads.
#include "serried/expr/quantiles.hpp"

#include <algorithm>
#include <cmath>
#include <functional>
#include <vector>

#include "array/array_support.hpp"
#include "serried/array/evaluate.hpp"
#include "serried/expr/functions.hpp"

namespace serried::test {
namespace {

class Quantiles : public testing::Test {
 protected:
  using Make = std::function<double(std::int64_t)>;

  [[nodiscard]] Array series(std::int64_t rows, const Make& make) const {
    return Array::from_function(ctx_, Shape{rows}, DType::f64, [&](auto i) { return make(i[0]); });
  }

  static double expected(std::vector<double> values, double q, QuantileMethod method) {
    std::sort(values.begin(), values.end());
    const QuantilePlace place = quantile_place(method, static_cast<std::int64_t>(values.size()), q);
    return interpolate(values[static_cast<std::size_t>(place.first)],
                       values[static_cast<std::size_t>(place.second)], place.share);
  }

  void check(std::int64_t rows, const Make& make) const {
    std::vector<double> values;
    for (std::int64_t i = 0; i < rows; ++i) values.push_back(make(i));
    const Array x = series(rows, make);
    const std::vector<double> q{0, 0.01, 0.25, 0.5, 0.731, 0.99, 1};
    for (const QuantileMethod method :
         {QuantileMethod::linear, QuantileMethod::lower, QuantileMethod::median_unbiased}) {
      const Array found = evaluate(ctx_, quantile(x, q, {.method = method}));
      ASSERT_EQ(found.shape(), (Shape{7}));
      for (std::size_t i = 0; i < q.size(); ++i)
        EXPECT_EQ(found.local<double>()[i], expected(values, q[i], method)) << q[i];
    }
  }

  Context ctx_ = context();
};

double noise(std::int64_t i) {
  return std::sin(1e6 * static_cast<double>(i + 1)) * std::exp(static_cast<double>(i % 17));
}

TEST_F(Quantiles, series_of_many_kinds) {
  check(1, noise);
  check(2, noise);
  check(1000, noise);
  check(700001, noise);
  check(30007, [](std::int64_t i) { return static_cast<double>(i); });
  check(30007, [](std::int64_t i) { return static_cast<double>(-i); });
  check(30007, [](std::int64_t) { return 3.5; });
  check(30007, [](std::int64_t i) { return i % 10 == 0 ? static_cast<double>(i) : 1.0; });
  check(30007, [](std::int64_t i) { return static_cast<double>(i % 7); });
  // one far away, of which no sample knows
  check(700001,
        [](std::int64_t i) { return i == 123456 ? -1e300 : 5.0 + static_cast<double>(i % 3); });
}

TEST_F(Quantiles, sample_that_misleads) {
  // nearly all values lie in one narrow range, which is more than can be kept
  check(1500007,
        [](std::int64_t i) { return 1.0 + 1e-9 * static_cast<double>((i * 7919) % 1500007); });
}

TEST_F(Quantiles, along_axes) {
  const Shape shape{3001, 5, 4};
  const auto value = [](std::int64_t i, std::int64_t j, std::int64_t k) {
    return noise((i * 5 + j) * 4 + k);
  };
  const Array x = Array::from_function(ctx_, shape, DType::f64,
                                       [&](auto i) { return value(i[0], i[1], i[2]); });
  const Array columns = evaluate(ctx_, quantile(x, 0.3, {.axes = {0}}));
  ASSERT_EQ(columns.shape(), (Shape{5, 4}));
  for (std::int64_t j = 0; j < 5; ++j)
    for (std::int64_t k = 0; k < 4; ++k) {
      std::vector<double> values;
      for (std::int64_t i = 0; i < 3001; ++i) values.push_back(value(i, j, k));
      EXPECT_EQ(columns.local<double>()[static_cast<std::size_t>(j * 4 + k)],
                expected(values, 0.3, QuantileMethod::linear));
    }
  const Array two = evaluate(ctx_, median(x, {.axes = {0, 2}}));
  ASSERT_EQ(two.shape(), (Shape{5}));
  for (std::int64_t j = 0; j < 5; ++j) {
    std::vector<double> values;
    for (std::int64_t i = 0; i < 3001; ++i)
      for (std::int64_t k = 0; k < 4; ++k) values.push_back(value(i, j, k));
    EXPECT_EQ(two.local<double>()[static_cast<std::size_t>(j)],
              expected(values, 0.5, QuantileMethod::linear));
  }
  const Array rows = evaluate(ctx_, quantile(x, std::vector<double>{0.2, 0.9}, {.axes = {1}}));
  ASSERT_EQ(rows.shape(), (Shape{2, 3001, 4}));
  const auto found = rows.gather<double>();
  if (ctx_.rank() == 0) {
    for (std::int64_t i = 0; i < 3001; i += 97)
      for (std::int64_t k = 0; k < 4; ++k) {
        std::vector<double> values;
        for (std::int64_t j = 0; j < 5; ++j) values.push_back(value(i, j, k));
        EXPECT_EQ(found[static_cast<std::size_t>(i * 4 + k)],
                  expected(values, 0.2, QuantileMethod::linear));
        EXPECT_EQ(found[static_cast<std::size_t>((3001 + i) * 4 + k)],
                  expected(values, 0.9, QuantileMethod::linear));
      }
  }
}

TEST_F(Quantiles, nan_and_masks) {
  const double nan = std::nan("");
  const Array x = series(100003, [&](std::int64_t i) {
    return i % 5 == 0 ? nan : static_cast<double>((i * 7919) % 100003);
  });
  EXPECT_TRUE(std::isnan(evaluate_as<double>(ctx_, median(x))));
  std::vector<double> left;
  std::vector<double> even;
  for (std::int64_t i = 0; i < 100003; ++i) {
    const std::int64_t value = (i * 7919) % 100003;
    if (i % 5 != 0) left.push_back(static_cast<double>(value));
    if (i % 5 != 0 && value % 2 == 0) even.push_back(static_cast<double>(value));
  }
  EXPECT_EQ(evaluate_as<double>(ctx_, median(x, {.skips_nan = true})),
            expected(left, 0.5, QuantileMethod::linear));
  EXPECT_EQ(evaluate_as<double>(ctx_, median(x, {.where = x % 2 == 0})),
            expected(even, 0.5, QuantileMethod::linear));
  EXPECT_TRUE(std::isnan(evaluate_as<double>(ctx_, median(x, {.where = x < -1}))));
  const Expr none = quantile(cast(where(isnan(x), 0, x), DType::i64), 0.5,
                             {.method = QuantileMethod::lower, .where = x < -1});
  EXPECT_THROW(static_cast<void>(evaluate(ctx_, none)), Error);
}

TEST_F(Quantiles, integers_and_replicated) {
  const Array x = Array::random_integers(ctx_, Shape{70001}, DType::i32, 5, -1000, 1000);
  std::vector<double> values;
  const Array all = x.replicate();
  for (const std::int32_t each : all.local<std::int32_t>()) values.push_back(each);
  EXPECT_EQ(evaluate_as<double>(ctx_, quantile(x, 0.37)),
            expected(values, 0.37, QuantileMethod::linear));
  EXPECT_EQ(evaluate_as<std::int32_t>(ctx_, quantile(x, 0.37, {.method = QuantileMethod::higher})),
            expected(values, 0.37, QuantileMethod::higher));
  EXPECT_EQ(evaluate_as<double>(ctx_, median(x.replicate())),
            expected(values, 0.5, QuantileMethod::linear));
  EXPECT_EQ(evaluate_as<double>(ctx_, median(abs(x - median(x)))), [&] {
    const double middle = expected(values, 0.5, QuantileMethod::linear);
    std::vector<double> apart;
    for (const double each : values) apart.push_back(std::abs(each - middle));
    return expected(apart, 0.5, QuantileMethod::linear);
  }());
  EXPECT_THROW(static_cast<void>(quantile(x, 1.5)), InvalidArgument);
}

// The highest integer is a number as any other, though its key is that of NaN.
TEST_F(Quantiles, the_highest_integer) {
  for (const std::int64_t rows : {9, 100003}) {
    const Array places = Array::arange(ctx_, 0, static_cast<double>(rows), 1, DType::i64);
    const Expr high = where(places % 4 == 0, places, INT64_MAX);
    for (const double q : {0.1, 0.5, 1.0}) {
      const Expr found = quantile(high, q, {.method = QuantileMethod::lower});
      std::vector<std::int64_t> values;
      for (std::int64_t i = 0; i < rows; ++i) values.push_back(i % 4 == 0 ? i : INT64_MAX);
      std::sort(values.begin(), values.end());
      const auto at = static_cast<std::size_t>(q * static_cast<double>(rows - 1));
      EXPECT_EQ(evaluate_as<std::int64_t>(ctx_, found), values[at]) << rows << " " << q;
    }
    const Array stored = evaluate(ctx_, high);
    EXPECT_EQ(
        evaluate_as<std::int64_t>(ctx_, quantile(stored, 0.5, {.method = QuantileMethod::lower})),
        INT64_MAX);
  }
}

TEST_F(Quantiles, of_narrow_numbers) {
  // registers are wider than what is stored
  const std::int64_t n = 40011;
  std::vector<double> values;
  for (std::int64_t i = 0; i < n; ++i) values.push_back(static_cast<double>((i * 7919) % 251));
  for (const DType dtype : {DType::u8, DType::i16, DType::u32, DType::f16}) {
    const Array x = Array::from_function(
        ctx_, Shape{n}, dtype, [&](auto i) { return values[static_cast<std::size_t>(i[0])]; });
    EXPECT_EQ(evaluate_as<double>(ctx_, cast(quantile(x, 0.3), DType::f64)),
              expected(values, 0.3, QuantileMethod::linear))
        << name(dtype);
  }
}

}  // namespace
}  // namespace serried::test
