#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace serried::glm {

/// LDL^T of a symmetric matrix (n, n) in the order of its columns. A column whose rest, after those
/// before it have been taken from it, is at most its least pivot is aliased: left out, its solution
/// is 0. So the columns that R leaves out are left out.
class Factor {
 public:
  /// @param matrix C order; only its upper triangle is read.
  /// @param least the least pivots; empty: which columns are aliased is known already.
  Factor(std::span<const double> matrix, std::span<const double> least,
         std::vector<std::uint8_t> is_aliased = {});

  /// Whether every pivot of a column that is not aliased is a positive number.
  [[nodiscard]] bool is_good() const noexcept { return is_good_; }
  [[nodiscard]] const std::vector<std::uint8_t>& is_aliased() const noexcept { return aliased_; }
  [[nodiscard]] std::int64_t rank() const noexcept;
  [[nodiscard]] std::vector<double> solve(std::span<const double> right) const;
  /// The inverse, C order; 0 in the rows and columns of aliased ones.
  [[nodiscard]] std::vector<double> inverse() const;

 private:
  [[nodiscard]] double lower(std::size_t i, std::size_t j) const { return lower_[i * n_ + j]; }

  std::size_t n_;
  std::vector<double> lower_;  ///< unit lower triangle
  std::vector<double> pivots_;
  std::vector<std::uint8_t> aliased_;
  bool is_good_ = true;
};

}  // namespace serried::glm
