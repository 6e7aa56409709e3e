// host
// ranks: 1 2 3
// What evaluate() is said to need, by hand.
#include <gtest/gtest.h>

#include "array/array_support.hpp"
#include "serried/array/evaluate.hpp"
#include "serried/expr/reductions.hpp"

namespace serried::test {
namespace {

constexpr std::int64_t rows = 50000;
constexpr std::int64_t columns = 6;

class EvaluateMemory : public testing::Test {
 protected:
  std::int64_t of(const Expr& expression) const {
    return memory_of_evaluation(ctx_, std::span(&expression, 1));
  }
  /// Rows of the rank that has most.
  std::int64_t part() const {
    std::int64_t most = 0;
    for (int rank = 0; rank < ctx_.size(); ++rank)
      most = std::max(most, x_.layout().rows_of(rank).size());
    return most;
  }

  Context ctx_ = context();
  Array x_ = Array::zeros(ctx_, Shape{rows, columns}, DType::f64);
  Array y_ = Array::zeros(ctx_, Shape{columns}, DType::f64);
};

TEST_F(EvaluateMemory, of_elements_is_the_part_of_the_result) {
  EXPECT_EQ(of(x_ + 1), part() * columns * 8);
  EXPECT_EQ(of(x_ > 1), part() * columns);
  EXPECT_EQ(of(mean(x_, {.axes = {1}})), 2 * part() * 8);  // what is folded, and the quotient
}

TEST_F(EvaluateMemory, of_an_operand_that_is_broadcast_counts_it_on_every_rank) {
  EXPECT_EQ(of(x_ * y_), part() * columns * 8 + 2 * columns * 8);
}

TEST_F(EvaluateMemory, of_reductions_over_rows_is_that_of_some_leaves) {
  EXPECT_LT(of(sum(x_)), 1 << 20);
  // columns x {sum, error} for each of 12500 leaves of 4 rows at most
  EXPECT_LT(of(sum(x_, {.axes = {0}})), 16384 * columns * 16 + (1 << 16));
  EXPECT_GT(of(sum(x_, {.axes = {0}})), columns * 16);
  // the elements of the outer one are not kept
  EXPECT_LT(of(sum(Expr(x_) - mean(x_))), 2 << 20);
}

}  // namespace
}  // namespace serried::test
