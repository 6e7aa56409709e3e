#include "ml/kmeans/fit.hpp"

#include <cmath>
#include <limits>

#include "ml/kmeans/checkpoints.hpp"
#include "ml/kmeans/fit_report.hpp"
#include "ml/kmeans/fits.hpp"
#include "ml/kmeans/labels.hpp"
#include "ml/kmeans/minibatch.hpp"
#include "ml/kmeans/placed_data.hpp"

namespace serried {
namespace kmeans {
namespace {

void require(bool is_good, const std::string& text) {
  if (!is_good) throw InvalidArgument("k-means: " + text);
}

}  // namespace

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
  require(options.fits_at_once >= 0,
          "the number of fits at once must be >= 0, not " + std::to_string(options.fits_at_once));
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

KMeansModel model_of(const Rows& rows, const Columns& columns, const LloydResult& result) {
  KMeansModel model;
  model.clusters = static_cast<std::int64_t>(result.sizes.size());
  model.features = rows.features();
  model.dtype = rows.dtype();
  model.centers = result.centers;
  model.sizes = result.sizes;
  model.inertia = std::ldexp(result.inertia, columns.weight_exponent);
  if (!std::isfinite(model.inertia))
    throw DataError(rows.source().describe() +
                    ": the inertia leaves the range of f64; k-means needs smaller weights");
  for (const double inertia : result.inertia_by_iteration)
    model.inertia_by_iteration.push_back(std::ldexp(inertia, columns.weight_exponent));
  model.iterations = result.iterations;
  model.converged = result.is_converged;
  model.rows = rows.global_rows();
  model.rows_used = columns.usable_rows;
  const Shape row_shape = rows.source().row_shape();
  model.feature_shape.assign(row_shape.extents().begin(), row_shape.extents().end());
  if (model.feature_shape.empty()) model.feature_shape = {model.features};
  return model;
}

}  // namespace kmeans

KMeansFit fit_kmeans(const Context& ctx, const TileSource& data, const KMeansOptions& options,
                     const TileSource* weights) {
  kmeans::check_options(options, data);
  const auto phase = ctx.recorder().phase("fit");
  kmeans::Checkpoints checkpoints(
      ctx, options.checkpoint, kmeans::fit_kind,
      kmeans::option_facts(options, std::to_string(options.clusters), data, weights != nullptr));
  const kmeans::PlacedData placed(ctx, data, options.batch_rows > 0 ? "mini-batches" : nullptr);
  kmeans::Rows rows(placed.context(), placed.source());
  if (weights != nullptr) kmeans::read_weights(rows, *weights);
  const kmeans::Columns columns = kmeans::scan_columns(rows, options.drop_missing);
  kmeans::check_rows(rows, columns, options.clusters);
  const kmeans::FixedPoint fixed(columns, rows.features(), rows.has_weights());

  checkpoints.add_data(rows, columns, data, weights);
  checkpoints.set_fits(
      std::vector<std::int64_t>(static_cast<std::size_t>(options.n_init), options.clusters),
      rows.features());

  kmeans::SharedReads reads(rows, &checkpoints);
  kmeans::LloydResult best;
  if (options.batch_rows > 0) {
    best = kmeans::fit_minibatches(rows, columns, fixed, options, checkpoints);
  } else {
    const auto take = [&](std::size_t, kmeans::LloydResult result) -> kmeans::Task<> {
      best = std::move(result);
      co_return;
    };
    KMeansOptions placed_options = options;
    placed_options.fits_at_once = placed.fits_at_once(options.fits_at_once, options.n_init);
    kmeans::run_fits(reads, columns, fixed, {&placed_options, 1}, take);
  }
  kmeans::report_fit(rows, columns, fixed, best, options.n_init,
                     options.batch_rows > 0 ? "batches" : "iterations");
  KMeansModel model = kmeans::model_of(rows, columns, best);
  return {std::move(model), kmeans::labels_array(rows, std::move(best.labels))};
}

void check_kmeans_checkpoint(const KMeansOptions& options, const TileSource& data,
                             bool has_weights) {
  if (options.checkpoint == nullptr || options.checkpoint->former() == nullptr) return;
  kmeans::require_options(
      *options.checkpoint->former(), kmeans::fit_kind,
      kmeans::option_facts(options, std::to_string(options.clusters), data, has_weights));
}

}  // namespace serried
