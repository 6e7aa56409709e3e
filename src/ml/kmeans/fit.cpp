#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>

#include "ml/kmeans/labels.hpp"
#include "ml/kmeans/lloyd.hpp"
#include "ml/kmeans/minibatch.hpp"
#include "ml/kmeans/seeding.hpp"
#include "serried/ml/kmeans.hpp"

namespace serried {
namespace {

using kmeans::Columns;
using kmeans::FixedPoint;
using kmeans::LloydResult;
using kmeans::Rows;
using kmeans::Unit;

void require(bool is_good, const std::string& text) {
  if (!is_good) throw InvalidArgument("k-means: " + text);
}

void check_options(const KMeansOptions& options, const TileSource& data) {
  require(
      options.clusters >= 1 && options.clusters < std::numeric_limits<std::int32_t>::max(),
      "the number of clusters must be from 1 to 2^31 - 2, not " + std::to_string(options.clusters));
  require(options.max_iterations >= 1,
          "there must be at least 1 iteration, not " + std::to_string(options.max_iterations));
  require(options.batch_rows >= 0, "a batch must have at least 1 row (0: no batches), not " +
                                       std::to_string(options.batch_rows));
  require(options.n_init >= 1,
          "there must be at least 1 fit (n_init), not " + std::to_string(options.n_init));
  require(options.tolerance >= 0 && std::isfinite(options.tolerance),
          "the tolerance must be a number >= 0, not " + std::to_string(options.tolerance));
  require(options.init_rounds.value_or(0) >= 0,
          "the rounds of k-means|| must be >= 0, not " +
              std::to_string(options.init_rounds.value_or(0)));
  require(options.init_candidates > 0 && std::isfinite(options.init_candidates),
          "the candidates of k-means|| for each cluster must be above 0, not " +
              std::to_string(options.init_candidates));
  require(data.row_elements() >= 1, data.describe() + " has rows without an element");
  if (options.init != KMeansInit::given) return;
  require(static_cast<std::int64_t>(options.initial_centers.size()) ==
              options.clusters * data.row_elements(),
          "the initial centres must be " + std::to_string(options.clusters) + " x " +
              std::to_string(data.row_elements()) + " numbers; there are " +
              std::to_string(options.initial_centers.size()));
  for (const double value : options.initial_centers)
    require(std::isfinite(value), "an initial centre has NaN or Inf");
}

void check_rows(const Rows& rows, const Columns& columns, std::int64_t clusters) {
  if (columns.usable_rows >= clusters) return;
  const std::int64_t missing = rows.global_rows() - columns.usable_rows;
  throw DataError(rows.source().describe() + ": " + std::to_string(clusters) +
                  " clusters need at least as many rows; there are " +
                  std::to_string(columns.usable_rows) +
                  (missing > 0 ? " without the " + std::to_string(missing) + " missing ones" : ""));
}

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
  rows.pass("rows at their centres", [&](const Unit& unit) {
    const std::int32_t* const labels = result.labels.data() + unit.local_row;
    std::vector<double> squared(static_cast<std::size_t>(unit.rows.size()));
    rows.kernels().own_distances(*prepared, unit.kernel_rows(), labels, squared.data());
    auto& mine = found[static_cast<std::size_t>(unit.worker)];
    for (std::size_t i = 0; i < squared.size(); ++i) {
      if (labels[i] < 0 || !(rows.weight(unit.local_row + static_cast<std::int64_t>(i)) > 0))
        continue;
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

/// Collective.
void report(Rows& rows, const Columns& columns, const FixedPoint& fixed,
            const KMeansOptions& options, const LloydResult& result) {
  Recorder& recorder = rows.context().recorder();
  const double typical =
      std::sqrt(result.inertia / result.weight / static_cast<double>(rows.features()));
  const Resolution worst =
      worst_resolution(columns, fixed, result.weight / static_cast<double>(columns.usable_rows));
  // Distances near the resolution also come from rows that are equal, which need no better one.
  const bool is_checked = worst.error > 0x1.0p-26 * typical && typical > 0;
  const bool is_coarse = is_checked && !are_clusters_single_points(rows, columns, result);
  recorder.set_fact("k-means reads of the data",
                    std::to_string(rows.reads()) +
                        " (means, variances with the scale of the fixed-point sums, seeding, " +
                        std::to_string(result.iterations) +
                        (options.batch_rows > 0 ? " batches" : " iterations") +
                        " of the best fit, inertia" + (is_checked ? ", resolution)" : ")"));
  recorder.set_fact("k-means rows compared with all centres",
                    std::to_string(result.examined_rows) + " of " +
                        std::to_string(result.visited_rows) +
                        ", the others were decided by bounds");
  if (is_coarse)
    recorder.say(
        Severity::warning,
        fmt::format("k-means: column {} has outliers that take the bits of the other values: "
                    "its sums are good to {:.1e} a row, while rows lie about {:.1e} from "
                    "their centres",
                    worst.column, worst.error, typical));
}

}  // namespace

KMeansFit fit_kmeans(const Context& ctx, const TileSource& data, const KMeansOptions& options,
                     const TileSource* weights) {
  check_options(options, data);
  Rows rows(ctx, data);
  auto phase = std::make_unique<Recorder::Span>(ctx.recorder().phase("fit"));
  if (weights != nullptr) kmeans::read_weights(rows, *weights);
  const Columns columns = kmeans::scan_columns(rows, options.drop_missing);
  check_rows(rows, columns, options.clusters);
  const FixedPoint fixed(columns, rows.features(), rows.has_weights());

  const int runs = options.init == KMeansInit::given ? 1 : options.n_init;
  LloydResult best;
  for (int run = 0; run < runs; ++run) {
    std::vector<double> centers;
    if (options.batch_rows == 0) {
      phase.reset();
      phase = std::make_unique<Recorder::Span>(ctx.recorder().phase("init"));
      centers = kmeans::choose_centers(rows, columns, options, run);
      phase.reset();
      phase = std::make_unique<Recorder::Span>(ctx.recorder().phase("fit"));
    }
    LloydResult result = options.batch_rows > 0
                             ? kmeans::run_minibatch(rows, columns, fixed, options, run)
                             : kmeans::run_lloyd(rows, columns, fixed, std::move(centers), options);
    if (run == 0 || result.inertia < best.inertia) best = std::move(result);
  }
  report(rows, columns, fixed, options, best);
  const double inertia = std::ldexp(best.inertia, columns.weight_exponent);
  if (!std::isfinite(inertia))
    throw DataError(data.describe() +
                    ": the inertia leaves the range of f64; k-means needs smaller weights");

  KMeansModel model;
  model.clusters = options.clusters;
  model.features = rows.features();
  model.dtype = rows.dtype();
  model.centers = std::move(best.centers);
  model.sizes = std::move(best.sizes);
  model.inertia = inertia;
  model.iterations = best.iterations;
  model.converged = best.is_converged;
  model.rows = rows.global_rows();
  model.rows_used = columns.usable_rows;
  const Shape row_shape = data.row_shape();
  model.feature_shape.assign(row_shape.extents().begin(), row_shape.extents().end());
  if (model.feature_shape.empty()) model.feature_shape = {model.features};
  return {std::move(model), kmeans::labels_array(rows, std::move(best.labels))};
}

}  // namespace serried
