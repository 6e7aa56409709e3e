#pragma once

#include <cstdint>
#include <vector>

#include "ml/regression/columns.hpp"
#include "ml/regression/source_rows.hpp"
#include "serried/device/glm_kernels.hpp"
#include "serried/ml/linear.hpp"

namespace serried::linear {

/// What one read of x leaves.
struct Triangle {
  /// R of the weighted rows ([1,] x, y), packed row by row.
  std::vector<double> values;
  std::int64_t used = 0;  ///< rows of a weight above 0
  double weight_sum = 0;
  double log_weight_sum = 0;
};

/// The rows of a fit as one rank sees them: y and the weights in memory, x read in each pass.
class Rows {
 public:
  /// Reads and checks all but x.
  /// Collective.
  /// @throws InvalidArgument for shapes, dtypes and layouts; DataError naming the first bad row.
  Rows(const Context& ctx, const TileSource& x, const TileSource& y, const LinearOptions& options);

  [[nodiscard]] const Context& context() const noexcept { return ctx_; }
  [[nodiscard]] std::int64_t targets() const noexcept { return targets_; }
  /// Reads x once.
  /// Collective.
  [[nodiscard]] Triangle factor(const regression::Columns& columns, bool has_intercept) const;

 private:
  void check(const TileSource& y) const;

  Context ctx_;
  const TileSource& x_;
  std::int64_t targets_;
  const GlmKernels& kernels_;
  Leaves leaves_;
  RowRange own_;
  std::vector<double> responses_;  ///< (local rows, targets)
  std::vector<double> weights_;    ///< empty: all 1
};

}  // namespace serried::linear
