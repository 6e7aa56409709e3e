#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <vector>

#include "ml/regression/source_rows.hpp"
#include "serried/comm/leaves.hpp"
#include "serried/device/glm_kernels.hpp"
#include "serried/ml/glm.hpp"

namespace serried::glm {

/// By local row.
struct RowValues {
  std::vector<double> mean;
  std::vector<double> working_weight;
  std::vector<double> working_residual;
  std::vector<double> deviance;
};

/// How a rank's rows are cut: in leaves for sums, or as the layout has them, for what is written by
/// row.
enum class RowCuts : std::uint8_t { leaves, tiles };

/// The rows of a fit as one rank sees them. What stands beside x is held in memory for the rows of
/// this rank's leaves; x is read in each pass. A row of weight 0 has the response 1 and no offset,
/// whatever was given.
class Rows {
 public:
  /// Reads and checks all but x.
  /// Collective.
  /// @throws InvalidArgument for shapes, dtypes and layouts; DataError naming the first bad row.
  Rows(const Context& ctx, const TileSource& x, const TileSource& y, const GlmOptions& options,
       RowCuts cuts = RowCuts::leaves);

  [[nodiscard]] const Context& context() const noexcept { return ctx_; }
  [[nodiscard]] const TileSource& x() const noexcept { return x_; }
  [[nodiscard]] std::int64_t columns() const noexcept { return x_.row_elements(); }
  /// Of a weight above 0, on all ranks.
  [[nodiscard]] std::int64_t used() const noexcept { return used_; }
  /// The sum of the weights as they were given (without trials), on all ranks.
  [[nodiscard]] double weight_sum() const noexcept { return weight_sum_; }
  /// What the rows count: used(), or weight_sum() where weights are frequencies.
  [[nodiscard]] double count() const noexcept { return count_; }

  [[nodiscard]] bool has_trials() const noexcept { return has_trials_; }
  /// Whether a row of weight w stands for w rows.
  [[nodiscard]] bool is_frequency() const noexcept { return is_frequency_; }
  /// The predictor whose mean is that of all responses; not finite where there is none. Collective.
  [[nodiscard]] double common_predictor(const GlmDistribution& distribution) const;
  /// The least and the largest offset of the rows that are used. Collective.
  [[nodiscard]] std::array<double, 2> offset_range() const;

  [[nodiscard]] std::int64_t local_rows() const noexcept { return own_.size(); }
  /// By local row. Proportions for the binomial family.
  [[nodiscard]] double response(std::int64_t i) const {
    return response_[static_cast<std::size_t>(i)];
  }
  [[nodiscard]] double weight(std::int64_t i) const {
    return weights_.empty() ? 1 : weights_[static_cast<std::size_t>(i)];
  }
  [[nodiscard]] double trials(std::int64_t i) const {
    return trials_.empty() ? 1 : trials_[static_cast<std::size_t>(i)];
  }

  /// GlmKernels::accumulate over all rows, or factor; reads x where the pass has coefficients.
  /// Collective.
  /// @return a payload, on every rank.
  [[nodiscard]] std::vector<double> accumulate(const GlmPass& pass) const;
  [[nodiscard]] std::vector<double> factor(const GlmPass& pass) const;
  /// GlmKernels::slope over all rows, as accumulate.
  /// Collective.
  [[nodiscard]] std::vector<double> slope(const GlmPass& pass) const;
  /// The upper triangle of the sum of weights[i] z_i z_i^T, z as in GlmSums without r; row by row.
  /// Collective.
  [[nodiscard]] std::vector<double> gram(const GlmPass& pass,
                                         const std::vector<double>& weights) const;
  /// GlmKernels::quadratic_forms, by local row.
  /// Collective.
  [[nodiscard]] std::vector<double> quadratic_forms(const GlmPass& pass,
                                                    const std::vector<double>& root) const;
  /// A number for each local row, all 0. Collective.
  [[nodiscard]] std::vector<double> make_values() const;
  /// GlmKernels::row_values. Without x; Collective.
  [[nodiscard]] RowValues row_values(const GlmDistribution& distribution,
                                     const std::vector<double>& predictors) const;
  /// GlmKernels::predict, by local row.
  /// Collective.
  [[nodiscard]] std::vector<double> predict(const GlmPass& pass, bool with_offset) const;
  /// Sums of GlmKernels::likelihood_terms and theta_terms.
  /// Collective.
  [[nodiscard]] double likelihood_terms(const GlmDistribution& distribution) const;
  [[nodiscard]] std::array<double, 2> theta_terms(const GlmDistribution& distribution,
                                                  const std::vector<double>& predictors) const;

 private:
  using LeafSums =
      std::function<void(const GlmRows& rows, std::span<const std::int64_t> offsets, double* sums)>;

  [[nodiscard]] std::vector<double> values_of(const TileSource& source, const char* role) const;
  void check(const GlmOptions& options, const TileSource& y) const;
  void prepare(const GlmOptions& options);
  [[nodiscard]] GlmRows rows_from(std::int64_t local_row) const;
  /// `width` sums over all leaves, by one read of a source whose rows lie as those of x.
  [[nodiscard]] std::vector<double> sum(const TileSource& source, std::int64_t width,
                                        const LeafSums& leaf_sums) const;
  /// One number for each row of this rank, by a read of x.
  [[nodiscard]] std::vector<double> by_row(
      const std::function<void(const GlmRows& rows, std::int64_t count, double* values)>& use)
      const;
  [[nodiscard]] regression::SumLeaves with_rows(const LeafSums& leaf_sums) const;

  Context ctx_;
  const TileSource& x_;
  const TileSource& y_;
  const GlmKernels& kernels_;
  Leaves leaves_;
  RowRange own_;
  std::vector<double> response_;
  std::vector<double> weights_;  ///< with the trials in them; empty: all 1
  std::vector<double> offset_;
  std::vector<double> trials_;
  bool has_trials_ = false;  ///< the same on every rank
  bool is_frequency_ = false;
  std::int64_t used_ = 0;
  double weight_sum_ = 0;
  double count_ = 0;
};

}  // namespace serried::glm
