#pragma once

#include <cstdint>
#include <span>

#include "serried/base/api.hpp"
#include "serried/base/dtype.hpp"
#include "serried/base/glm_family.hpp"
#include "serried/device/kernel_field.hpp"

namespace SERRIED_API serried {

/// The model that a pass over the rows evaluates: the linear predictor of a row is intercept +
/// sum of coefficients[j] * ((x[j] - shift[j]) * scale[j]) + the row's offset.
struct GlmPass {
  GlmDistribution distribution;
  bool has_intercept = true;
  /// Instead of the model's, take means that follow from the response alone; see accumulate.
  bool is_start = false;
  double intercept = 0;
  std::span<const double> coefficients;  ///< one for each column of x, as the next two have
  std::span<const double> shift;
  std::span<const double> scale;
};

/// A run of rows. All but x is f64, one for each row.
struct GlmRows {
  const void* x = nullptr;  ///< (rows, columns), C order, in the kernels' dtype
  const double* response = nullptr;
  const double* weights = nullptr;  ///< null: all 1. A row of weight 0 adds nothing
  const double* offset = nullptr;   ///< null: all 0
  const double* trials = nullptr;   ///< null: all 1
};

/// What a model has for each row; null for what is not wanted.
struct GlmRowValues {
  double* mean = nullptr;
  double* working_weight = nullptr;
  double* working_residual = nullptr;
  double* deviance = nullptr;
};

/// Where the sums of a pass stand in a payload. With z = ([1,] (x - shift) * scale, r), r being the
/// working residual (y - mean) / (d mean / d predictor), and the working weight w = weight *
/// (d mean / d predictor)^2 / variance(mean), the first `products()` entries are the upper triangle
/// of the sum of w z z^T, row by row. So they hold the Gram matrix, its right-hand side (the last
/// column) and Pearson's statistic (the last element).
struct GlmSums {
  std::int64_t terms = 0;  ///< length of z without r: columns, and 1 with an intercept

  [[nodiscard]] constexpr std::int64_t products() const { return (terms + 1) * (terms + 2) / 2; }
  [[nodiscard]] constexpr std::int64_t deviance() const { return products(); }
  /// Rows (of a weight above 0) for which there is no mean in the family's range.
  [[nodiscard]] constexpr std::int64_t invalid() const { return products() + 1; }
  /// Rows whose mean is within 1e-8 of a bound of the family's range.
  [[nodiscard]] constexpr std::int64_t extreme() const { return products() + 2; }
  [[nodiscard]] constexpr std::int64_t size() const { return products() + 3; }
};

/// Where the sums of a gradient pass stand in a payload: with w, z and r as in GlmSums the sum of w
/// z r, then that of w r^2 (Pearson's statistic), and the last three of GlmSums.
struct GlmSlopeSums {
  std::int64_t terms = 0;

  [[nodiscard]] constexpr std::int64_t pearson() const { return terms; }
  [[nodiscard]] constexpr std::int64_t deviance() const { return terms + 1; }
  [[nodiscard]] constexpr std::int64_t invalid() const { return terms + 2; }
  [[nodiscard]] constexpr std::int64_t extreme() const { return terms + 3; }
  [[nodiscard]] constexpr std::int64_t size() const { return terms + 4; }
};

/// The model of several classes that a pass evaluates: class 0 has the linear predictor 0, class k
/// that of the coefficients k - 1; the probability of a class is the exponential of its predictor
/// over the sum of all. GlmRows::response is the number of a row's class; offset and trials are not
/// used.
struct SoftmaxPass {
  std::int64_t classes = 2;
  bool has_intercept = true;
  std::span<const double> coefficients;  ///< (classes - 1, terms), C order, the intercept first
  std::span<const double> shift;         ///< of the columns of x, as the next
  std::span<const double> scale;
};

/// Where the sums of such a pass stand in a payload, z = ([1,] (x - shift) * scale): the gradient
/// of the log-likelihood, sum of weight * ((1 where the class is k) - p_k) z for k = 1, ...; the
/// log-likelihood; and, where they are wanted, for each pair of classes 1 <= k <= l (in the order
/// (1, 1), (1, 2), ...) the upper triangle, row by row, of the sum of weight * p_k ((1 where k = l)
/// - p_l) z z^T.
struct SoftmaxSums {
  std::int64_t terms = 0;
  std::int64_t classes = 2;
  bool has_information = true;

  [[nodiscard]] constexpr std::int64_t log_likelihood() const { return (classes - 1) * terms; }
  [[nodiscard]] constexpr std::int64_t information() const { return log_likelihood() + 1; }
  [[nodiscard]] constexpr std::int64_t pairs() const { return classes * (classes - 1) / 2; }
  [[nodiscard]] constexpr std::int64_t size() const {
    return information() + (has_information ? pairs() * terms * (terms + 1) / 2 : 0);
  }
};

/// Sums of generalised linear models over leaves, for every real dtype of x; computed in f64. The
/// bits of a leaf's sums depend on the leaf alone: each product is one FMA chain over the leaf's
/// rows in ascending order. Leaf l of a call holds the rows [offsets[l], offsets[l + 1]), counted
/// from the first row that GlmRows points to. Calls are safe from several threads at once.
class GlmKernels {
 public:
  static constexpr KernelField field = KernelField::glm;
  static constexpr bool covers(DType dtype) noexcept { return is_real(dtype); }
  virtual ~GlmKernels() = default;

  /// One read of x: predictors, means, working weights and residuals, products and deviance; the
  /// payload of leaf l begins at payloads[l * GlmSums::size()]. At the start (GlmPass::is_start) r
  /// is the working response less the offset, for coefficients that are all 0, and rows without a
  /// mean are left out without being counted.
  virtual void accumulate(const GlmPass& pass, const GlmRows& rows,
                          std::span<const std::int64_t> offsets, double* payloads) const = 0;

  /// The sums of GlmSlopeSums, for models of many columns: one read of x, and work in proportion to
  /// it. The pass is no start.
  virtual void slope(const GlmPass& pass, const GlmRows& rows,
                     std::span<const std::int64_t> offsets, double* payloads) const = 0;

  /// As accumulate, but the first products() entries are the triangle R of a QR decomposition of
  /// the rows sqrt(w) z, whose R^T R is what accumulate has there, for half of its digits at least.
  /// Its diagonal may have any sign.
  virtual void factor(const GlmPass& pass, const GlmRows& rows,
                      std::span<const std::int64_t> offsets, double* payloads) const = 0;

  /// The triangle R, of (n + 1) n / 2 entries row by row, of the rows sqrt(weight) * z, z = ([1,]
  /// (x - shift) * scale, y), n long: least squares of several targets at once. The pass's
  /// distribution and coefficients are not used, but for their number, and GlmRows::response is
  /// (rows, targets), C order; offset and trials are not used.
  virtual void factor_targets(const GlmPass& pass, const GlmRows& rows, std::int64_t targets,
                              std::span<const std::int64_t> offsets, double* payloads) const = 0;

  /// left = the triangle of the rows of both, `width` columns each.
  virtual void combine_factors(std::int64_t width, double* left, const double* right) const = 0;

  /// The sums of a model of several classes: one read of x.
  virtual void softmax(const SoftmaxPass& pass, const GlmRows& rows, bool has_information,
                       std::span<const std::int64_t> offsets, double* payloads) const = 0;

  /// out (count, classes), C order = the probabilities of the rows' classes.
  virtual void softmax_probabilities(const SoftmaxPass& pass, const GlmRows& rows,
                                     std::int64_t count, double* out) const = 0;

  /// out[i] = the linear predictor of row i.
  virtual void predict(const GlmPass& pass, const GlmRows& rows, std::int64_t count,
                       double* out) const = 0;

  /// What a model has for `count` rows with these linear predictors: mean, working weight and
  /// residual as in GlmSums, and deviance. Of a row of weight 0 all but the mean are 0. Without x.
  virtual void row_values(const GlmDistribution& distribution, const GlmRows& rows,
                          const double* predictors, std::int64_t count,
                          const GlmRowValues& values) const = 0;

  /// out[i] = squared length of z root, z = ([1,] (x - shift) * scale) of row i; `root` is (terms,
  /// columns), C order. Each element of z root is one FMA chain over the terms.
  virtual void quadratic_forms(const GlmPass& pass, const GlmRows& rows,
                               std::span<const double> root, std::int64_t columns,
                               std::int64_t count, double* out) const = 0;

  /// sums[l] = what the leaf's rows add to the log-likelihood whatever the model is. Without x.
  virtual void likelihood_terms(const GlmDistribution& distribution, const GlmRows& rows,
                                std::span<const std::int64_t> offsets, double* sums) const = 0;

  /// For the negative binomial family, whose theta is distribution.family_parameter: sums[2 l] and
  /// sums[2 l + 1] = the first and the negative second derivative by theta of the leaf's
  /// log-likelihood, for the linear predictors given. Without x.
  virtual void theta_terms(const GlmDistribution& distribution, const GlmRows& rows,
                           const double* predictors, std::span<const std::int64_t> offsets,
                           double* sums) const = 0;
};

}  // namespace serried
