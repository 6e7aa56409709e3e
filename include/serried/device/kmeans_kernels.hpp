#pragma once

#include <cstdint>
#include <memory>
#include <span>

#include "serried/base/dtype.hpp"
#include "serried/device/kernel_field.hpp"

namespace serried {

/// Where and in which unit a fit measures: x' = scale * (x - shift), computed with one rounding of
/// the difference. The shift (the column means) keeps data far from zero accurate; the scale, a
/// power of two, keeps squares inside the range of the dtype whatever the data's units are.
struct KMeansFrame {
  std::span<const double>
      shift;  ///< one for each feature, exactly representable in the data's dtype
  double scale = 1;
};

/// What centres are prepared for.
enum class KMeansUse : std::uint8_t { assign, seed };

/// Centres in the form that one device's kernels read. Made by KMeansKernels::prepare.
class KMeansCenters {
 public:
  virtual ~KMeansCenters() = default;
};

/// A run of rows, C order, in the kernels' dtype.
struct KMeansRows {
  const void* data = nullptr;
  std::int64_t count = 0;
};

/// Fixed point: v = w * (x - shift) becomes the integers high = round(v * high_scale) and
/// low = round((v * high_scale - high) * low_scale), so that v = (high + low / low_scale) /
/// high_scale up to half a unit of low. Scales are powers of two chosen such that no sum can
/// overflow. All spans are padded with zeros to kmeans_padded(features) entries.
struct KMeansFixedPoint {
  std::span<const double> shift;
  std::span<const double> high_scale;  ///< one for each feature
  double low_scale = 1;
  double weight_scale = 1;  ///< high_scale of the weights themselves
};

/// Number of features with the padding that vector code may read.
/// Local.
[[nodiscard]] constexpr std::int64_t kmeans_padded(std::int64_t features) noexcept {
  return (features + 15) / 16 * 16;
}

/// Integer sums over the rows of each cluster. `high` and `low` are (clusters, features) and may be
/// written (with zeros) 16 entries beyond their end.
struct KMeansSums {
  std::int64_t* high = nullptr;
  std::int64_t* low = nullptr;
  std::int64_t* counts = nullptr;       ///< rows
  std::int64_t* weight_high = nullptr;  ///< sums of the weights; unused without weights
  std::int64_t* weight_low = nullptr;
};

/// Kernels of k-means, for f32 and f64 data. The direct form of a squared distance is
///   d^2(x, c) = sum over features f, ascending, of (x_f - c_f)^2
/// in f64, one fused multiply-add for each feature. A missing row has a NaN or Inf among its
/// elements. Every result depends on its row and the centres alone. All calls are thread-safe.
class KMeansKernels {
 public:
  static constexpr KernelField field = KernelField::kmeans;
  static constexpr bool covers(DType dtype) noexcept {
    return dtype == DType::f32 || dtype == DType::f64;
  }
  virtual ~KMeansKernels() = default;

  /// @param centers (clusters, features), C order, in the data's own units.
  /// KMeansUse::assign serves assign, KMeansUse::seed update_nearest and candidate_distances; the
  /// direct forms take either.
  [[nodiscard]] virtual std::unique_ptr<KMeansCenters> prepare(const KMeansFrame& frame,
                                                               std::span<const double> centers,
                                                               std::int64_t clusters,
                                                               KMeansUse use) const = 0;

  /// The nearest centre of each row by the direct form, ties to the lowest index; -1 for missing
  /// rows. |c'|^2 - 2 x'.c' finds it in the data's dtype; rows whose best two lie within the
  /// rounding bound of both forms are decided again by the direct form itself.
  /// @param labels before: the previous labels (-1: none); after: the new ones.
  /// @param weights one for each row, or null; a NaN marks a missing row.
  /// @param fixed, sums where given, rows whose label changed are taken from the sums of the old
  /// cluster and put into those of the new one.
  /// @return the number of rows whose label changed.
  virtual std::int64_t assign(const KMeansCenters& centers, KMeansRows rows, const double* weights,
                              std::int32_t* labels, const KMeansFixedPoint* fixed,
                              const KMeansSums* sums) const = 0;

  /// out[i] = d^2 of row i to the centre labels[i] by the direct form; 0 where the label is -1.
  virtual void own_distances(const KMeansCenters& centers, KMeansRows rows,
                             const std::int32_t* labels, double* out) const = 0;

  /// out[i * clusters + j] = d^2 of row i to centre j by the direct form.
  virtual void all_distances(const KMeansCenters& centers, KMeansRows rows, double* out) const = 0;

  /// For seeding. Where a centre is nearer than `squared`, updates `squared` (in units of the
  /// frame, i.e. scale^2 d^2) and sets nearest[i] = first + index of the centre. Good to 1/16 at
  /// worst, far better as a rule, and 0 exactly for a row that equals a centre. `squared` of
  /// missing rows becomes 0, `nearest` -1.
  virtual void update_nearest(const KMeansCenters& centers, KMeansRows rows, std::int32_t first,
                              float* squared, std::int32_t* nearest) const = 0;

  /// For seeding. out[j * rows.count + i] = scale^2 d^2 of row i to centre j, as good as
  /// update_nearest's; 0 for missing rows.
  virtual void candidate_distances(const KMeansCenters& centers, KMeansRows rows,
                                   float* out) const = 0;

  /// Sums over the rows of leaves: of x - shift, and of its square, in f64 with a fixed number of
  /// virtual lanes. sums and squares are (offsets.size() - 1, features); leaf l holds the rows
  /// [offsets[l], offsets[l + 1]). Missing rows, and rows whose weight is NaN, are left out;
  /// `usable[l]` is the number of the others. squares may be null.
  virtual void column_sums(const void* rows, const double* weights, std::int64_t features,
                           std::span<const double> shift, std::span<const std::int64_t> offsets,
                           double* sums, double* squares, std::int64_t* usable) const = 0;

  /// Raises maxima[f] to the largest |w * (x_f - shift_f)|, and maxima[features] to the largest
  /// |x_f - shift_f| of all. Missing rows are left out.
  virtual void column_maxima(KMeansRows rows, const double* weights, std::int64_t features,
                             std::span<const double> shift, double* maxima) const = 0;

  /// is_missing[i] = 1 for missing rows, else 0. Returns how many.
  virtual std::int64_t find_missing(KMeansRows rows, std::int64_t features,
                                    std::uint8_t* is_missing) const = 0;
};

}  // namespace serried
