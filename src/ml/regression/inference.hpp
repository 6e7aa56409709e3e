#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "ml/regression/columns.hpp"
#include "serried/ml/coefficient.hpp"

namespace serried::regression {

/// From the terms of scaled columns to the coefficients of the columns as they are. Coefficient j
/// is scale[j] * term j, and the intercept is its term less the sum of the coefficients times their
/// shifts.
class Unscaling {
 public:
  Unscaling(const Columns& columns, bool has_intercept)
      : columns_(columns), first_(has_intercept ? 1 : 0) {}

  [[nodiscard]] std::vector<double> coefficients(const std::vector<double>& terms) const;
  /// Of the terms' covariance S S^T the S of the coefficients.
  [[nodiscard]] std::vector<double> root(std::vector<double> of_terms) const;

 private:
  const Columns& columns_;
  std::size_t first_;
};

/// What inference needs to know besides the numbers.
struct InferenceFacts {
  const std::vector<std::string>& names;
  const std::vector<std::uint8_t>& is_aliased;
  double df = 0;  ///< of Student's t; infinity: the normal distribution
  double confidence = 0.95;
};

/// The coefficients with their tests and intervals. Local.
/// @param covariance (coefficients, coefficients), to be multiplied by `dispersion`; empty: errors
/// are NaN.
[[nodiscard]] std::vector<Coefficient> infer(const InferenceFacts& facts,
                                             const std::vector<double>& estimates,
                                             std::span<const double> covariance,
                                             double dispersion = 1);

/// A B of square matrices, C order.
[[nodiscard]] std::vector<double> product(const std::vector<double>& a,
                                          const std::vector<double>& b, std::size_t n);
/// S S^T, NaN in the rows and columns of aliased ones.
[[nodiscard]] std::vector<double> squared_root(const std::vector<double>& root,
                                               const std::vector<std::uint8_t>& is_aliased);

/// The coefficients as R prints them, a line each. Local.
[[nodiscard]] std::string coefficient_table(const std::vector<Coefficient>& coefficients,
                                            bool is_t);
/// "NA" for NaN.
[[nodiscard]] std::string number_text(double value, int digits);
[[nodiscard]] std::string p_text(double p);

}  // namespace serried::regression
