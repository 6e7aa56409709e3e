#include "ml/kmeans/fit_report.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>

#include "ml/kmeans/own_distances.hpp"

namespace serried::kmeans {
namespace {

/// The column whose sums are worst resolved, and by how much the share of one row of mean weight
/// may be off, in units of the data: half a unit of the fixed point, or the rounding of a typical
/// x - shift. An outlier raises both.
struct Resolution {
  std::int64_t column = 0;
  double error = 0;
};

Resolution worst_resolution(const Columns& columns, const FixedPoint& fixed, double mean_weight) {
  Resolution worst;
  for (std::size_t f = 0; f < columns.deviations.size(); ++f) {
    const auto column = static_cast<std::int64_t>(f);
    const double error =
        std::max(fixed.unit(column) / 2 / mean_weight, 0x1.0p-53 * columns.deviations[f]);
    if (error > worst.error) worst = {column, error};
  }
  return worst;
}

/// Whether the rows of each cluster are equal, so that their mean lies on them but for rounding. As
/// equal rows are equally far from it, their distances tell. One read. Collective.
bool are_clusters_single_points(Rows& rows, const Columns& columns, const LloydResult& result) {
  const std::size_t clusters = result.sizes.size();
  const KMeansFrame frame = columns.frame();
  const auto prepared = rows.kernels().prepare(
      frame, result.centers, static_cast<std::int64_t>(clusters), KMeansUse::assign);
  // The largest squared distance of each cluster, and the largest negated one: the bits of
  // non-negative doubles are ordered as they are.
  std::vector<std::vector<std::int64_t>> found(
      static_cast<std::size_t>(rows.workers()),
      std::vector<std::int64_t>(2 * clusters, std::numeric_limits<std::int64_t>::min()));
  RowValues<std::int32_t> placed;
  if (rows.context().has_device()) placed = {rows.device(), result.labels};
  const std::int32_t* const all =
      rows.context().has_device() ? placed.data() : result.labels.data();
  rows.pass("rows at their centres", [&](const Unit& unit) {
    const OwnDistances measured(rows, *prepared, unit, all + unit.local_row);
    const double* const squared = measured.squared();
    const std::int32_t* const labels = measured.labels();
    auto& mine = found[static_cast<std::size_t>(unit.worker)];
    for (std::int64_t i = 0; i < unit.rows.size(); ++i) {
      if (labels[i] < 0 || !(rows.weight(unit.local_row + i) > 0)) continue;
      const auto at = static_cast<std::size_t>(labels[i]);
      const auto bits = std::bit_cast<std::int64_t>(squared[i]);
      mine[at] = std::max(mine[at], bits);
      mine[clusters + at] = std::max(mine[clusters + at], -bits);
    }
  });
  for (const auto& other : found)
    for (std::size_t i = 0; i < 2 * clusters; ++i) found[0][i] = std::max(found[0][i], other[i]);
  rows.context().comm().allreduce(std::span<std::int64_t>(found[0]), ReduceOp::max);
  for (std::size_t j = 0; j < clusters; ++j) {
    const std::int64_t most = found[0][j];
    if (most >= 0 && most != -found[0][clusters + j]) return false;
  }
  return true;
}

}  // namespace

void report_fit(Rows& rows, const Columns& columns, const FixedPoint& fixed,
                const LloydResult& result, std::int64_t fits, const char* steps) {
  Recorder& recorder = rows.context().recorder();
  const double typical =
      std::sqrt(result.inertia / result.weight / static_cast<double>(rows.features()));
  const Resolution worst =
      worst_resolution(columns, fixed, result.weight / static_cast<double>(columns.usable_rows));
  // Distances near the resolution also come from rows that are equal, which need no better one.
  const bool is_checked = worst.error > 0x1.0p-26 * typical && typical > 0;
  const bool is_coarse = is_checked && !are_clusters_single_points(rows, columns, result);
  recorder.set_fact(
      "k-means reads of the data",
      fmt::format("{}{} (means, variances with the scale of the fixed-point sums, "
                  "seeding, {}{}, inertia{})",
                  rows.reads(), fits == 1 ? "" : fmt::format(" for {} fits together", fits),
                  fits == 1 ? fmt::format("{} ", result.iterations) : "", steps,
                  is_checked ? ", resolution" : ""));
  recorder.set_fact("k-means rows compared with all centres",
                    std::to_string(result.examined_rows) + " of " +
                        std::to_string(result.visited_rows) +
                        ", the others were decided by bounds");
  if (is_coarse) warn_of_outliers(recorder, worst.column, worst.error, typical);
}

void warn_of_outliers(Recorder& recorder, std::int64_t column, double error, double typical) {
  recorder.say(Severity::warning,
               fmt::format("k-means: column {} has outliers that take the bits of the other "
                           "values: its sums are good to {:.1e} a row, while rows lie about {:.1e} "
                           "from their centres",
                           column, error, typical));
}

}  // namespace serried::kmeans
