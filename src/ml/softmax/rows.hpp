#pragma once

#include <cstdint>
#include <vector>

#include "ml/regression/source_rows.hpp"
#include "serried/device/glm_kernels.hpp"
#include "serried/ml/softmax.hpp"

namespace serried::softmax {

/// The rows of a fit as one rank sees them: the numbers of their classes and the weights in memory,
/// x read in each pass.
class Rows {
 public:
  /// Reads and checks all but x.
  /// Collective.
  /// @throws InvalidArgument for shapes, dtypes and layouts; DataError naming the first bad row,
  /// and for a number of classes that cannot be.
  Rows(const Context& ctx, const TileSource& x, const TileSource& y, const SoftmaxOptions& options);

  [[nodiscard]] const Context& context() const noexcept { return ctx_; }
  [[nodiscard]] const TileSource& x() const noexcept { return x_; }
  [[nodiscard]] const std::vector<double>& classes() const noexcept { return classes_; }
  /// The weight of each class's rows.
  [[nodiscard]] const std::vector<double>& class_weights() const noexcept { return class_weights_; }
  [[nodiscard]] std::int64_t used() const noexcept { return used_; }
  [[nodiscard]] double weight_sum() const noexcept { return weight_sum_; }

  /// GlmKernels::softmax over all rows: a payload, on every rank. Reads x once.
  /// Collective.
  [[nodiscard]] std::vector<double> accumulate(const SoftmaxPass& pass, bool has_information) const;

 private:
  void check(const TileSource& y) const;
  void find_classes(const TileSource& y);
  void count_classes(const TileSource& y);

  Context ctx_;
  const TileSource& x_;
  const GlmKernels& kernels_;
  Leaves leaves_;
  RowRange own_;
  std::vector<double> responses_;  ///< values, then numbers of classes
  std::vector<double> weights_;    ///< empty: all 1
  std::vector<double> classes_;
  std::vector<double> class_weights_;
  std::int64_t used_ = 0;
  double weight_sum_ = 0;
};

}  // namespace serried::softmax
