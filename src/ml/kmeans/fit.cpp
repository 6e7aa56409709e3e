#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "ml/kmeans/labels.hpp"
#include "ml/kmeans/lloyd.hpp"
#include "ml/kmeans/seeding.hpp"
#include "serried/ml/kmeans.hpp"

namespace serried {
namespace {

using kmeans::Columns;
using kmeans::FixedPoint;
using kmeans::LloydResult;
using kmeans::Rows;

void require(bool is_good, const std::string& text) {
  if (!is_good) throw InvalidArgument("k-means: " + text);
}

void check_options(const KMeansOptions& options, const TileSource& data) {
  require(
      options.clusters >= 1 && options.clusters < std::numeric_limits<std::int32_t>::max(),
      "the number of clusters must be from 1 to 2^31 - 2, not " + std::to_string(options.clusters));
  require(options.max_iterations >= 1,
          "there must be at least 1 iteration, not " + std::to_string(options.max_iterations));
  require(options.n_init >= 1,
          "there must be at least 1 fit (n_init), not " + std::to_string(options.n_init));
  require(options.tolerance >= 0 && std::isfinite(options.tolerance),
          "the tolerance must be a number >= 0, not " + std::to_string(options.tolerance));
  require(options.init_rounds >= 0,
          "the rounds of k-means|| must be >= 0, not " + std::to_string(options.init_rounds));
  require(
      options.oversampling > 0 && std::isfinite(options.oversampling),
      "the oversampling of k-means|| must be above 0, not " + std::to_string(options.oversampling));
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

void report(const Rows& rows, const FixedPoint& fixed, const LloydResult& result) {
  Recorder& recorder = rows.context().recorder();
  recorder.set_fact("k-means reads of the data",
                    std::to_string(rows.reads()) +
                        " (means, variances with the scale of the fixed-point sums, seeding, " +
                        std::to_string(result.iterations) +
                        " iterations of the best fit, inertia)");
  recorder.set_fact("k-means rows compared with all centres",
                    std::to_string(result.examined_rows) + " of " +
                        std::to_string(result.visited_rows) +
                        ", the others were decided by bounds");
  const double typical =
      std::sqrt(result.inertia / result.weight / static_cast<double>(rows.features()));
  if (fixed.coarsest_error() > 0x1.0p-26 * typical && typical > 0)
    recorder.say(
        Severity::warning,
        fmt::format("k-means: column {} has outliers that take the bits of the other values: "
                    "its sums are good to {:.1e} a row, while rows lie about {:.1e} from "
                    "their centres",
                    fixed.coarsest_column(), fixed.coarsest_error(), typical));
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
    phase.reset();
    phase = std::make_unique<Recorder::Span>(ctx.recorder().phase("init"));
    std::vector<double> centers = kmeans::choose_centers(rows, columns, options, run);
    phase.reset();
    phase = std::make_unique<Recorder::Span>(ctx.recorder().phase("fit"));
    LloydResult result = kmeans::run_lloyd(rows, columns, fixed, std::move(centers), options);
    if (run == 0 || result.inertia < best.inertia) best = std::move(result);
  }
  report(rows, fixed, best);
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
