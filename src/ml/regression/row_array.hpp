#pragma once

#include <vector>

#include "serried/array/array.hpp"
#include "serried/device/glm_kernels.hpp"
#include "serried/ml/coefficient.hpp"

namespace serried::regression {

/// The numbers of this rank's rows of x as an array (n) that lies as x does. Collective.
[[nodiscard]] Array row_array(const Context& ctx, const TileSource& x,
                              const std::vector<double>& values);

/// The coefficients of a model as a pass over the columns as they are; NaN of aliased ones becomes
/// 0.
class ModelPass {
 public:
  ModelPass(const std::vector<Coefficient>& model, bool has_intercept);
  ModelPass(const ModelPass&) = delete;
  ModelPass& operator=(const ModelPass&) = delete;
  ~ModelPass() = default;

  /// @throws InvalidArgument unless x has the model's columns, in numbers, on the context's ranks.
  void check(const Context& ctx, const TileSource& x) const;
  /// The linear predictor of each of this rank's rows. Collective.
  /// @param offsets by local row, or empty.
  [[nodiscard]] std::vector<double> predictors(const Context& ctx, const TileSource& x,
                                               const std::vector<double>& offsets = {}) const;
  /// The standard error of each, for a covariance root root^T. Collective.
  [[nodiscard]] std::vector<double> std_errors(const Context& ctx, const TileSource& x,
                                               const std::vector<double>& root) const;

 private:
  std::vector<double> coefficients_;
  std::vector<double> shift_;
  std::vector<double> scale_;
  GlmPass pass_;
};

}  // namespace serried::regression
