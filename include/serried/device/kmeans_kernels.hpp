#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "serried/base/api.hpp"
#include "serried/base/dtype.hpp"
#include "serried/base/philox.hpp"
#include "serried/device/kernel_field.hpp"

namespace SERRIED_API serried {

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

/// The two integers of one number.
struct KMeansPair {
  std::int64_t high = 0;
  std::int64_t low = 0;
};
/// What kernels add for v = w * (x - shift), or for a weight: see KMeansFixedPoint.
/// Local.
[[nodiscard]] constexpr KMeansPair kmeans_pair(double v, double high_scale,
                                               double low_scale) noexcept {
  // Adding this rounds to an integer, which then stands in the low bits.
  constexpr double rounding_magic = 0x1.8p52;
  const double scaled = v * high_scale;
  const double high = scaled + rounding_magic;
  const double rest = scaled - (high - rounding_magic);
  const double low = rest * low_scale + rounding_magic;
  constexpr auto bits = std::bit_cast<std::int64_t>(rounding_magic);
  return {std::bit_cast<std::int64_t>(high) - bits, std::bit_cast<std::int64_t>(low) - bits};
}

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

/// What is known of a centre besides its place, in units of the frame; f32, rounded so that what is
/// concluded from it holds.
struct alignas(16) KMeansReach {
  float own = 0;              ///< sum of this centre's movements since bounds are kept
  float others = 0;           ///< sum of the largest movements of any other centre but the movers
  float half_gap = 0;         ///< half the distance to the nearest other centre; 0: not known
  std::int32_t is_mover = 0;  ///< 1: one of KMeansBounds::movers
};

/// What the bounds of consecutive rows have in common, so that they can be decided together and
/// without a look at them. Kept where no row of the group was open.
struct alignas(16) KMeansGate {
  float gap = -1;           ///< the least (lower - upper) as they are stored; negative: not known
  float mean_gap = -1;      ///< their mean, without missing rows; negative: none is there
  float upper = 0;          ///< the largest upper bound as it is stored
  std::int32_t label = -1;  ///< of all rows; -1: they differ
};
/// Rows of a gate; the first is a multiple of it, counted over all ranks.
inline constexpr std::int64_t kmeans_gate_rows = 64;

/// Bounds by row, which show for many rows that their label cannot change (after G. Hamerly,
/// "Making k-means even faster", 2010). At (row, 0) stands an upper bound of the distance to the
/// row's own centre, less reach.own at the time it was found; at (row, 1) a lower bound of the
/// distance to any other centre, plus reach.others at that time: so nothing has to be written while
/// the centres move a little. Centres that moved far are few, as a rule, and would spoil the lower
/// bounds of all rows: those movers are compared with every row instead. A row whose bounds show
/// strictly, rounding included, that its own centre is the nearest by the direct form is not
/// compared with the rest.
struct KMeansBounds {
  float* limits = nullptr;               ///< (rows, 2)
  const KMeansReach* reaches = nullptr;  ///< one for each cluster, for the centres of this call
  bool is_known = false;                 ///< whether `limits` hold bounds already
  /// Some of the centres, prepared for KMeansUse::assign, or null; and which ones they are.
  const KMeansCenters* movers = nullptr;
  const std::int32_t* mover_numbers = nullptr;
  /// One for each kmeans_gate_rows rows, or null; and the largest reaches of all clusters.
  KMeansGate* gates = nullptr;
  KMeansReach worst = {};
  /// Of every eighth row, by its global number, the difference of the two bounds at the end of the
  /// call is counted in a bin; see kmeans_slack_bin.
  std::int64_t first_row = 0;  ///< global number of the first row of the call
  std::int64_t* slack_counts = nullptr;
};

/// Bins of KMeansBounds::slack_counts: bin 0 holds differences below 2^-24, bin b those in
/// [kmeans_slack(b), kmeans_slack(b + 1)), four bins for a factor of 2, and the last all above.
inline constexpr int kmeans_slack_bins = 128;
/// Local.
[[nodiscard]] inline int kmeans_slack_bin(float slack) noexcept {
  // The bits of a positive float are ordered as it is; two bits of its fraction are kept.
  constexpr std::int32_t first = std::bit_cast<std::int32_t>(0x1.0p-24F) >> 21;
  const std::int32_t bin = (std::bit_cast<std::int32_t>(slack) >> 21) - first + 1;
  return std::clamp(bin, 0, kmeans_slack_bins - 1);
}
/// The lower end of a bin. Local.
[[nodiscard]] inline float kmeans_slack(int bin) noexcept {
  constexpr std::int32_t first = std::bit_cast<std::int32_t>(0x1.0p-24F) >> 21;
  return bin == 0 ? 0.F : std::bit_cast<float>((bin - 1 + first) << 21);
}

/// How rows are drawn. One block of random numbers, philox_words(seed, stream, row / 4), serves
/// four rows: 32 bits of it, the upper half of a row's number, are compared first, and the lower
/// half, of philox_words(seed, low_stream, row), only where they alone do not decide.
struct KMeansDraw {
  std::uint64_t seed = 0;
  std::uint64_t stream = 0;
  std::uint64_t low_stream = 0;
  std::int64_t first_row = 0;  ///< global number of the first row of the run
  double factor = 0;

  [[nodiscard]] constexpr std::array<std::uint64_t, 2> words(std::int64_t block) const {
    return philox_words(seed, stream, static_cast<std::uint64_t>(block));
  }
  /// Whether a row is drawn; `words` are those of its block, row / 4.
  [[nodiscard]] constexpr bool is_drawn(const std::array<std::uint64_t, 2>& words, std::int64_t row,
                                        double weight, float squared) const {
    const double probability = factor * weight * static_cast<double>(squared);
    const auto place = static_cast<std::size_t>(row % 4);
    const auto high =
        static_cast<double>(static_cast<std::uint32_t>(words[place / 2] >> (place % 2 * 32)));
    // Also false for a missing weight.
    if (!(high * 0x1.0p-32 < probability)) return false;
    const auto low = static_cast<double>(
        philox_words(seed, low_stream, static_cast<std::uint64_t>(row))[0] >> 32);
    return (high + low * 0x1.0p-32) * 0x1.0p-32 < probability;
  }
};

struct KMeansAssigned {
  std::int64_t changed = 0;   ///< rows whose label changed
  std::int64_t examined = 0;  ///< rows that were compared with all centres
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

  /// Whether assign makes use of bounds; where it does not, none may be given.
  [[nodiscard]] virtual bool uses_bounds() const noexcept = 0;

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
  /// @param bounds where given, rows that they decide are not looked at, and those of the other
  /// rows are set anew. Neither labels nor sums depend on them. See uses_bounds.
  /// @param fixed, sums where given, rows whose label changed are taken from the sums of the old
  /// cluster and put into those of the new one.
  virtual KMeansAssigned assign(const KMeansCenters& centers, KMeansRows rows,
                                const double* weights, std::int32_t* labels,
                                const KMeansBounds* bounds, const KMeansFixedPoint* fixed,
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
  /// `usable[l]` is the number of the others. Raises maxima[f] to the largest |w * (x_f -
  /// shift_f)|, and maxima[features] to the largest |x_f - shift_f| of all. squares and maxima may
  /// be null, both or neither.
  virtual void column_sums(const void* rows, const double* weights, std::int64_t features,
                           std::span<const double> shift, std::span<const std::int64_t> offsets,
                           double* sums, double* squares, double* maxima,
                           std::int64_t* usable) const = 0;

  /// sums[2 l] + sums[2 l + 1] = the sum over leaf l, the rows [offsets[l], offsets[l + 1]), of
  /// w * d^2 to the row's own centre by the direct form: the sum in f64 and what rounding took from
  /// it. Rows whose label is -1 or whose weight is NaN are left out.
  virtual void leaf_inertia(const KMeansCenters& centers, KMeansRows rows, const double* weights,
                            const std::int32_t* labels, std::span<const std::int64_t> offsets,
                            double* sums) const = 0;

  /// For seeding. sums[l] = the sum over leaf l of w * values, in f64 and in an order that depends
  /// on the leaf alone; values are not negative, and those that are 0 count as 0 also where the
  /// weight is NaN.
  virtual void leaf_sums(const float* values, const double* weights,
                         std::span<const std::int64_t> offsets, double* sums) const = 0;

  /// For seeding. squared[i] = 0 and nearest[i] = -1 where weights[i] is NaN; nearest may be null.
  virtual void drop_missing(const double* weights, std::int64_t count, float* squared,
                            std::int32_t* nearest) const = 0;

  /// For seeding. values[i] = min(values[i], by[i]).
  virtual void lower(const float* by, std::int64_t count, float* values) const = 0;

  /// For seeding. Adds to high[j] the number of rows whose label is j; with weights, to high[j] and
  /// low[j] the integers of their weights (see KMeansFixedPoint::weight_scale). Labels below 0 are
  /// left out.
  virtual void label_weights(const std::int32_t* labels, const double* weights, std::int64_t count,
                             std::int64_t clusters, const KMeansFixedPoint& fixed,
                             std::int64_t* high, std::int64_t* low) const = 0;

  /// For seeding. The rows of a run that are drawn, ascending, counted from its first: each with
  /// probability min(1, draw.factor * w * squared). A row with a missing weight is not drawn.
  [[nodiscard]] virtual std::vector<std::int64_t> draw_rows(const KMeansDraw& draw,
                                                            const float* squared,
                                                            const double* weights,
                                                            std::int64_t count) const = 0;

  /// is_missing[i] = 1 for missing rows, else 0, in host memory. Returns how many.
  virtual std::int64_t find_missing(KMeansRows rows, std::int64_t features,
                                    std::uint8_t* is_missing) const = 0;
};

}  // namespace serried
