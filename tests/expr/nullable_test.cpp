// Operands that have no value for some of their elements.
// ranks: 1 2 3 4
#include <algorithm>
#include <cmath>

#include "array/array_support.hpp"
#include "expr/expr_support.hpp"
#include "serried/array/evaluate.hpp"

namespace serried::test {
namespace {

class Nullable : public testing::Test {
 protected:
  static constexpr std::int64_t rows = 1003;

  /// x[i] = f(i), and no value where is_null(i).
  template <class F, class G>
  Expr operand(F f, G is_null, DType dtype = DType::f64, const Shape& shape = {rows}) {
    const auto number = [shape](std::span<const std::int64_t> index) {
      return number_of(shape, index);
    };
    Operand made =
        to_operand(Array::from_function(ctx_, shape, dtype, [=](auto i) { return f(number(i)); }));
    made.validity = std::make_shared<const Operand>(to_operand(Array::from_function(
        ctx_, shape, DType::b8, [=](auto i) { return is_null(number(i)) ? 0.0 : 1.0; })));
    return {made};
  }
  static bool third(std::int64_t i) { return i % 3 == 1; }
  static double as_it_is(std::int64_t i) { return static_cast<double>(i); }

  std::vector<double> all(const Expr& expression) { return all_values(evaluate(ctx_, expression)); }

  Context ctx_ = context();
};

TEST_F(Nullable, must_be_filled) {
  const Expr x = operand(as_it_is, third);
  EXPECT_TRUE(x.is_nullable());
  EXPECT_TRUE((x + 1).is_nullable());
  EXPECT_NE(refusal([&] { return evaluate(ctx_, x + 1); }).find("fill_null"), std::string::npos);
  EXPECT_FALSE(fill_null(x, 0).is_nullable());
  EXPECT_FALSE(is_null(x).is_nullable());
}

TEST_F(Nullable, fill_null) {
  const Expr x = operand(as_it_is, third);
  const auto filled = all(fill_null(x * 2, -1));
  const auto nulls = all(is_null(x + 1));
  for (std::int64_t i = 0; i < rows; ++i) {
    const auto at = static_cast<std::size_t>(i);
    EXPECT_EQ(filled[at], third(i) ? -1 : 2 * as_it_is(i)) << i;
    EXPECT_EQ(nulls[at], third(i) ? 1 : 0) << i;
  }
  // by another operand that has nulls
  const Expr y =
      operand([](auto i) { return -static_cast<double>(i); }, [](auto i) { return i % 2 == 0; });
  const Expr both = fill_null(x, y);
  EXPECT_TRUE(both.is_nullable());
  const auto twice = all(fill_null(both, 0.5));
  for (std::int64_t i = 0; i < rows; ++i)
    EXPECT_EQ(twice[static_cast<std::size_t>(i)], !third(i)    ? as_it_is(i)
                                                  : i % 2 != 0 ? -as_it_is(i)
                                                               : 0.5)
        << i;
}

// Kleene: null is "not known".
TEST_F(Nullable, logic) {
  const Shape nine{9};
  // 0: false, 1: true, 2: null; what lies in a null is true
  const auto side = [&](std::int64_t step) {
    return operand([step](auto i) { return i / step % 3 == 0 ? 0.0 : 1.0; },
                   [step](auto i) { return i / step % 3 == 2; }, DType::b8, nine);
  };
  const Expr a = side(3);
  const Expr b = side(1);
  const auto known = [&](const Expr& x) {
    const auto nulls = all(is_null(x));
    auto values = all(fill_null(x, false));
    for (std::size_t i = 0; i < values.size(); ++i)
      if (nulls[i] != 0) values[i] = 2;
    return values;
  };
  const auto conjunction = known(a && b);
  const auto disjunction = known(a || b);
  const auto exclusive = known(a ^ b);
  const auto negation = known(!a);
  for (int i = 0; i < 9; ++i) {
    const int p = i / 3;
    const int q = i % 3;
    const auto at = static_cast<std::size_t>(i);
    EXPECT_EQ(conjunction[at], p == 0 || q == 0   ? 0
                               : p == 1 && q == 1 ? 1
                                                  : 2)
        << p << " and " << q;
    EXPECT_EQ(disjunction[at], p == 1 || q == 1 ? 1 : p == 0 && q == 0 ? 0 : 2) << p << " or " << q;
    EXPECT_EQ(exclusive[at], p == 2 || q == 2 ? 2 : p ^ q) << p << " xor " << q;
    EXPECT_EQ(negation[at], p == 2 ? 2 : 1 - p) << "not " << p;
  }
}

TEST_F(Nullable, choice) {
  const Expr x = operand(as_it_is, third);
  const Expr plain = Array::arange(ctx_, 0, static_cast<double>(rows));
  // the null of the branch that is not taken is none
  const auto taken = all(is_null(where(plain % 3 == 1, plain, x)));
  EXPECT_EQ(std::count(taken.begin(), taken.end(), 1.0), 0);
  // a condition that is not known gives what is not known
  const auto unknown = all(is_null(where(x > -1, plain, plain)));
  for (std::int64_t i = 0; i < rows; ++i)
    EXPECT_EQ(unknown[static_cast<std::size_t>(i)], third(i) ? 1 : 0);
}

TEST_F(Nullable, folds_skip_nulls) {
  const Expr x = operand(as_it_is, third);
  double sum_of = 0;
  double squares = 0;
  std::int64_t count_of = 0;
  std::int64_t above = 0;
  for (std::int64_t i = 0; i < rows; ++i) {
    if (third(i)) continue;
    sum_of += as_it_is(i);
    squares += as_it_is(i) * as_it_is(i);
    ++count_of;
    above += i > 100 ? 1 : 0;
  }
  const double mean_of = sum_of / static_cast<double>(count_of);
  EXPECT_EQ(evaluate_as<double>(ctx_, sum(x)), sum_of);
  EXPECT_EQ(evaluate_as<std::int64_t>(ctx_, count(x)), count_of);
  EXPECT_DOUBLE_EQ(evaluate_as<double>(ctx_, mean(x)), mean_of);
  EXPECT_NEAR(evaluate_as<double>(ctx_, var(x)),
              squares / static_cast<double>(count_of) - mean_of * mean_of, 1e-6);
  EXPECT_EQ(evaluate_as<std::int64_t>(ctx_, count_nonzero(x)), count_of - 1);
  EXPECT_EQ(evaluate_as<std::int64_t>(ctx_, count(x, {.where = x > 100})), above);
  // the lowest value lies in a null
  const Expr low =
      operand([](auto i) { return i % 3 == 1 ? -1e9 : static_cast<double>(i + 5); }, third);
  EXPECT_EQ(evaluate_as<double>(ctx_, min(low)), 5);
  EXPECT_EQ(evaluate_as<std::int64_t>(ctx_, argmin(low)), 0);
  EXPECT_EQ(evaluate_as<bool>(ctx_, serried::any(low < 0)), false);
  EXPECT_EQ(evaluate_as<bool>(ctx_, serried::all(low > 0)), true);
}

TEST_F(Nullable, nothing_left) {
  const Expr x = operand(as_it_is, [](auto) { return true; });
  EXPECT_EQ(evaluate_as<double>(ctx_, sum(x)), 0);
  EXPECT_EQ(evaluate_as<std::int64_t>(ctx_, count(x)), 0);
  EXPECT_TRUE(std::isnan(evaluate_as<double>(ctx_, mean(x))));
  EXPECT_TRUE(std::isnan(evaluate_as<double>(ctx_, min(x))));
  EXPECT_THROW(static_cast<void>(evaluate(ctx_, argmin(x))), DataError);
}

TEST_F(Nullable, along_an_axis) {
  const Shape shape{101, 4};
  const Expr x = operand(as_it_is, third, DType::f64, shape);
  const auto rows_of = all(sum(x, {.axes = {1}}));
  const auto columns_of = all(count(x, {.axes = {0}}));
  std::vector<double> want_rows(101);
  std::vector<double> want_columns(4);
  for (std::int64_t i = 0; i < 404; ++i) {
    if (third(i)) continue;
    want_rows[static_cast<std::size_t>(i / 4)] += as_it_is(i);
    want_columns[static_cast<std::size_t>(i % 4)] += 1;
  }
  EXPECT_EQ(rows_of, want_rows);
  EXPECT_EQ(columns_of, want_columns);
}

// What lies in memory where there is no value is anything.
TEST_F(Nullable, fails_nothing) {
  const Expr x =
      operand([](auto i) { return i % 3 == 1 ? 1e300 : static_cast<double>(i % 100); }, third);
  EXPECT_EQ(evaluate_as<std::int8_t>(ctx_, max(cast(x, DType::i8))), 99);
  const Expr by = operand([](auto i) { return i % 3 == 1 ? -5.0 : 2.0; }, third, DType::i32);
  EXPECT_EQ(all(fill_null(pow(cast(Expr(3), DType::i32), by), 0))[0], 9);
  EXPECT_THROW(static_cast<void>(evaluate(ctx_, cast(fill_null(x, 1e300), DType::i8))), DataError);
}

}  // namespace
}  // namespace serried::test
