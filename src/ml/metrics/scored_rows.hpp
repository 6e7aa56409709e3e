#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "serried/array/evaluate.hpp"
#include "serried/context.hpp"
#include "serried/expr/expr.hpp"

namespace serried::metrics {

/// The rows that count: arrays of f64 without NaN and without rows of weight 0.
struct ScoredRows {
  Array y;
  Array predicted;
  std::optional<Array> weights;
  std::optional<Array> beside;  ///< (n, k) f64
  std::int64_t rows = 0;
  std::int64_t missing = 0;

  /// x times the weight of its row.
  [[nodiscard]] Expr weighted(const Expr& x) const;
  /// Of a truth: the number of rows where it is true, or the sum of their weights, as f64.
  [[nodiscard]] Expr total(const Expr& truth) const;
};

/// Collective.
/// @param beside another array of the rows, or null. @throws as the metrics.
[[nodiscard]] ScoredRows scored_rows(const Context& ctx, const Array& y, const Array& predicted,
                                     const Array* weights, const Array* beside = nullptr);

/// The values of expressions without dimensions, as f64, on every rank: those that need no other
/// one in one read. Collective.
[[nodiscard]] std::vector<double> numbers(const Context& ctx, std::vector<Expr> expressions);

/// Collective.
/// @throws DataError that names the first row for which `is_wrong`, and its value: "y: row 3 is 2;
/// it must be ...".
void check_values(const Context& ctx, const Array& values, const char* role, const Expr& is_wrong,
                  const char* rule);

}  // namespace serried::metrics
