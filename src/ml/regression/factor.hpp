#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace serried::regression {

/// LDL^T of a symmetric matrix (n, n) in the order of its columns. A column whose rest, after those
/// before it have been taken from it, is at most its least pivot is aliased: left out, its solution
/// is 0. So the columns that R leaves out are left out. The matrix is given, or the triangle of a
/// QR decomposition of the rows that it is the Gram matrix of.
class Factor {
 public:
  Factor() = default;
  /// @param matrix C order; only its upper triangle is read.
  /// @param least the least pivots; empty: which columns are aliased is known already.
  Factor(std::span<const double> matrix, std::span<const double> least,
         std::vector<std::uint8_t> is_aliased = {});
  /// @param triangle packed row by row, of the columns and the residuals of `targets` behind them.
  /// @param penalty of the columns, 0 or more: for column j a row with sqrt(penalty[j]) there and
  /// the residuals -sqrt(penalty[j]) * terms[j] is added.
  [[nodiscard]] static Factor of_triangle(std::span<const double> triangle,
                                          std::span<const double> penalty,
                                          std::span<const double> terms,
                                          std::span<const double> least,
                                          std::vector<std::uint8_t> is_aliased = {},
                                          std::size_t targets = 1);

  /// Whether every pivot of a column that is not aliased is a positive number.
  [[nodiscard]] bool is_good() const noexcept { return is_good_; }
  [[nodiscard]] const std::vector<std::uint8_t>& is_aliased() const noexcept { return aliased_; }
  [[nodiscard]] std::int64_t rank() const noexcept;
  /// The least of what a column that is not aliased has to itself, of its own sum of squares.
  [[nodiscard]] double least_share() const noexcept { return least_share_; }
  /// Of of_triangle: the least squares solution for a target's residual, and the squared length of
  /// the first one's part that it takes away.
  [[nodiscard]] const std::vector<double>& step(std::size_t target = 0) const {
    return steps_[target];
  }
  [[nodiscard]] double decrement() const noexcept { return decrement_; }
  [[nodiscard]] std::vector<double> solve(std::span<const double> right) const;
  /// The inverse, C order; 0 in the rows and columns of aliased ones.
  [[nodiscard]] std::vector<double> inverse() const;
  /// S with S S^T = inverse(), and with S S^T = the matrix but for aliased columns; C order.
  [[nodiscard]] std::vector<double> inverse_root() const;
  [[nodiscard]] std::vector<double> root() const;

 private:
  Factor(std::size_t columns, std::vector<std::uint8_t> is_aliased);
  [[nodiscard]] bool admits(std::size_t column, double pivot, double whole, bool finds_aliased,
                            std::span<const double> least);
  void solve_upper(std::vector<double>& x) const;
  [[nodiscard]] double lower(std::size_t i, std::size_t j) const { return lower_[i * n_ + j]; }

  std::size_t n_ = 0;
  std::vector<double> lower_;  ///< unit lower triangle
  std::vector<double> pivots_;
  std::vector<std::uint8_t> aliased_;
  bool is_good_ = true;
  double least_share_ = 1;
  std::vector<std::vector<double>> steps_;  ///< by target
  double decrement_ = 0;
};

}  // namespace serried::regression
