// host
// ranks: 1 2 3 4
// Expressions as rows that are computed when they are read.
#include <gtest/gtest.h>

#include <cstring>
#include <memory>
#include <utility>
#include <vector>

#include "array/array_support.hpp"
#include "array/function_source.hpp"
#include "serried/array/evaluate.hpp"
#include "serried/array/statistics.hpp"
#include "serried/base/error.hpp"
#include "serried/expr/functions.hpp"
#include "serried/expr/quantiles.hpp"
#include "serried/expr/reductions.hpp"

namespace serried::test {
namespace {

class ToSource : public testing::Test {
 protected:
  Context ctx_ = context();
  std::shared_ptr<FunctionSource> file(std::int64_t rows, std::int64_t columns) const {
    return std::make_shared<FunctionSource>(
        ctx_, Layout::uniform(rows, ctx_.size(), ctx_.options().max_tiles), columns, noise);
  }

  /// All rows of this rank's leaves, in the batches of a plan.
  std::vector<std::byte> read(const TileSource& source, const Leaves& leaves,
                              std::int64_t bytes) const {
    const ReadPlan plan = source.plan(leaves, bytes, ctx_.rank());
    Buffer scratch;
    std::vector<std::byte> all;
    std::int64_t row = leaves.rows_of(ctx_.rank()).begin;
    for (std::size_t batch = 0; batch < plan.batches.size(); ++batch) {
      const TileView view = source.read(plan, static_cast<std::int64_t>(batch), scratch);
      if (batch + 1 < plan.batches.size())
        source.prefetch(plan, static_cast<std::int64_t>(batch + 1));
      if (view.rows.is_empty()) continue;
      EXPECT_EQ(view.rows.begin, row);
      row = view.rows.end;
      all.insert(all.end(), view.data, view.data + view.rows.size() * source.row_bytes());
    }
    EXPECT_EQ(row, leaves.rows_of(ctx_.rank()).end);
    return all;
  }

  /// The same rows of an array that every rank has.
  std::vector<std::byte> rows_of(const Array& all, RowRange rows) const {
    const std::int64_t bytes = all.row_bytes();
    const std::byte* const begin = all.local_data() + rows.begin * bytes;
    return {begin, begin + rows.size() * bytes};
  }

  void expect_rows(const Expr& expression, const char* what) {
    SCOPED_TRACE(what);
    const Array expected = evaluate(ctx_, expression);
    const auto source = to_source(ctx_, expression);
    ASSERT_EQ(source->layout(), expected.layout());
    ASSERT_EQ(source->dtype(), expected.dtype());
    ASSERT_EQ(source->row_shape(), expected.row_shape());
    const Array all = expected.replicate();
    for (const auto& [tiles, bytes] :
         {std::pair<std::int64_t, std::int64_t>{1, 5000}, {4, 1 << 24}, {64, 1}}) {
      const Leaves leaves = Leaves::of_tiles(source->layout(), tiles);
      EXPECT_EQ(read(*source, leaves, bytes), rows_of(all, leaves.rows_of(ctx_.rank())))
          << tiles << " tiles, " << bytes << " bytes";
    }
  }
};

TEST_F(ToSource, gives_what_evaluate_makes) {
  const std::int64_t n = 20011;
  const Array a = Array::random_normal(ctx_, Shape{n, 3}, DType::f64, 1);
  const Array k = Array::random_integers(ctx_, Shape{n, 3}, DType::i32, 2, -9, 9);
  const Array row = Array::random_normal(ctx_, Shape{3}, DType::f32, 3).replicate();
  const Expr f = Expr(to_operand(file(n, 3), "f"));
  expect_rows(a * 2 + row, "arrays in memory");
  expect_rows(f * 2 - row, "a file");
  expect_rows(where(f > 0.5, k, 7) + a, "both");
  expect_rows((f - mean(f, {.axes = {0}})) / stddev(a), "reductions within");
  expect_rows(sum(f * a, {.axes = {1}}) + index(sum(a, {.axes = {1}}), 0), "a reduction of rows");
  expect_rows(f > median(f), "truth values");
  expect_rows(cast(abs(k), DType::u8) * 2, "other dtypes");
}

TEST_F(ToSource, verbs_take_it) {
  const std::int64_t n = 300007;
  const Array a = Array::random_normal(ctx_, Shape{n}, DType::f64, 4);
  const Expr x = exp(a) * 3 - a;
  const StatisticsOptions options{.bins = 7, .range_low = 0.0, .range_high = 9.0};
  const Statistics expected = compute_statistics(ctx_, evaluate(ctx_, x), options).front();
  const Statistics found = compute_statistics(ctx_, *to_source(ctx_, x), options).front();
  EXPECT_EQ(found.count, expected.count);
  EXPECT_EQ(found.mean, expected.mean);
  EXPECT_EQ(found.variance, expected.variance);
  EXPECT_EQ(found.kurtosis, expected.kurtosis);
  EXPECT_EQ(found.histogram->counts, expected.histogram->counts);
  // and an expression of it
  const Expr again = Expr(to_operand(to_source(ctx_, x), "x"));
  EXPECT_EQ(evaluate_as<double>(ctx_, sum(again * 2)), evaluate_as<double>(ctx_, sum(x * 2)));
}

TEST_F(ToSource, few_rows_and_none) {
  for (const std::int64_t n : {0, 1, 2, 5}) {
    const Array a = Array::random_normal(ctx_, Shape{n, 2}, DType::f32, 5);
    expect_rows(a + 1, "few rows");
    expect_rows(Expr(to_operand(file(n, 2), "f")) + 1, "of a file");
  }
  expect_rows(Array::random_normal(ctx_, Shape{9, 0}, DType::f32, 5) + Expr(1), "no columns");
}

TEST_F(ToSource, what_is_replicated_is_an_array) {
  const Array a = Array::random_normal(ctx_, Shape{1000, 4}, DType::f64, 6);
  const auto source = to_source(ctx_, mean(a, {.axes = {0}}) * 2);
  const auto* const array = dynamic_cast<const Array*>(source.get());
  ASSERT_NE(array, nullptr);
  EXPECT_TRUE(array->is_replicated());
  // an operand by itself is not computed
  const auto rows = file(100, 2);
  EXPECT_EQ(to_source(ctx_, Expr(to_operand(rows, "f"))).get(), rows.get());
}

TEST_F(ToSource, an_element_without_a_value_is_an_error_of_all_ranks) {
  const std::int64_t n = 40009;
  const Array a = Array::arange(ctx_, 0, static_cast<double>(n));
  // the last rank's last element
  const auto source =
      to_source(ctx_, cast(where(a == Expr(static_cast<double>(n - 1)), 300, 2), DType::u8));
  for (int pass = 0; pass < 2; ++pass) {
    try {
      static_cast<void>(read(*source, Leaves::single_tiles(source->layout()), 1000));
      FAIL() << "no error";
    } catch (const DataError& error) {
      EXPECT_NE(std::string(error.what()).find("[40008] has no value"), std::string::npos);
    }
  }
}

TEST_F(ToSource, a_failing_read_is_an_error_of_all_ranks) {
  const auto rows = file(30000, 2);
  rows->failing_rank = ctx_.size() - 1;
  const auto source = to_source(ctx_, Expr(to_operand(rows, "f")) * 2);
  const Leaves leaves = Leaves::single_tiles(source->layout());
  EXPECT_THROW(static_cast<void>(read(*source, leaves, 10000)), RankError);
  // it can be read again
  rows->failing_rank = -1;
  EXPECT_EQ(read(*source, leaves, 10000).size(),
            static_cast<std::size_t>(leaves.rows_of(ctx_.rank()).size() * 16));
}

TEST_F(ToSource, what_cannot_be_made_is_told_at_once) {
  const Array a = Array::arange(ctx_, 0, 10);
  EXPECT_THROW(static_cast<void>(to_source(ctx_, max(cast(a, DType::i32), {.where = a < 0}) + a)),
               DataError);
  EXPECT_EQ(estimate_source(ctx_, a * 2).split_axis, 0);
  EXPECT_EQ(estimate_source(ctx_, sum(a)).split_axis, -1);
  EXPECT_EQ(estimate_source(ctx_, a + Array::zeros(ctx_, Shape{3, 1}, DType::f64)).split_axis, 1);
}

}  // namespace
}  // namespace serried::test
