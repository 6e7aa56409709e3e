#include "serried/ml/kmeans_range.hpp"

#include "ml/cluster_scores/silhouette.hpp"
#include "ml/cluster_scores/spread.hpp"
#include "ml/kmeans/fit.hpp"
#include "ml/kmeans/fit_report.hpp"
#include "ml/kmeans/fits.hpp"
#include "ml/kmeans/labels.hpp"
#include "ml/kmeans/placed_data.hpp"

namespace serried {
namespace {

using kmeans::Columns;
using kmeans::FixedPoint;
using kmeans::LloydResult;
using kmeans::Rows;
using kmeans::SharedReads;
using kmeans::Task;

std::string range_text(const KMeansRangeOptions& options) {
  return std::to_string(options.lowest) + ":" + std::to_string(options.highest) + ":" +
         std::to_string(options.step);
}

void check_range(const KMeansRangeOptions& options, const TileSource& data) {
  const auto require = [](bool is_good, const std::string& text) {
    if (!is_good) throw InvalidArgument("k-means: " + text);
  };
  require(options.lowest >= 1 && options.lowest <= options.highest && options.step >= 1,
          "a range of clusters must begin with at least 1, must not end before that, and needs a "
          "step of at least 1; it is from " +
              std::to_string(options.lowest) + " to " + std::to_string(options.highest) + " by " +
              std::to_string(options.step));
  require(options.fit.init != KMeansInit::given,
          "given centres are for one number of clusters, not for a range");
  require(options.fit.batch_rows == 0,
          "mini-batches are for one number of clusters, not for a range");
  require(options.scores.silhouette_sample >= 1,
          "the sample for the silhouette must have at least 1 row, not " +
              std::to_string(options.scores.silhouette_sample));
  for (const std::int64_t clusters : {options.lowest, options.highest}) {
    KMeansOptions fit = options.fit;
    fit.clusters = clusters;
    kmeans::check_options(fit, data);
  }
}

class Range {
 public:
  Range(Rows& rows, const Columns& columns, const KMeansRangeOptions& options,
        kmeans::Checkpoints& checkpoints)
      : rows_(rows),
        columns_(columns),
        options_(options),
        fixed_(columns, rows.features(), rows.has_weights()),
        reads_(rows, &checkpoints) {
    for (std::int64_t i = 0; i <= (options.highest - options.lowest) / options.step; ++i) {
      fits_.push_back(options.fit);
      fits_.back().clusters = options.lowest + i * options.step;
    }
  }

  KMeansRange run() {
    sample_ = cluster_scores::draw_sample(rows_, columns_, options_.scores.silhouette_sample,
                                          options_.scores.seed);
    results_.resize(fits_.size());
    entries_.resize(fits_.size());
    labellings_.resize(fits_.size());
    kmeans::run_fits(reads_, columns_, fixed_, fits_, [&](std::size_t index, LloydResult best) {
      return score(index, std::move(best));
    });
    const std::optional<std::size_t> best = score_silhouettes();
    Array labels = labels_of(results_[best.value_or(0)]);
    return {std::move(entries_), best, std::move(labels)};
  }

 private:
  /// What takes reads; of the labels no more is kept than the sample's.
  Task<> score(std::size_t index, LloydResult best) {
    const std::vector<std::int32_t> labels = std::move(best.labels);
    KMeansRange::Entry& entry = entries_[index];
    entry.model = kmeans::model_of(rows_, columns_, best);
    results_[index] = std::move(best);
    if (!cluster_scores::has_scores(entry.model.sizes)) co_return;
    labellings_[index] = cluster_scores::labels_of(rows_, sample_, labels);
    const cluster_scores::SpreadScores spread =
        co_await cluster_scores::score_spread(reads_, columns_, labels, entry.model.sizes);
    entry.scores.davies_bouldin = spread.davies_bouldin;
    entry.scores.calinski_harabasz = spread.calinski_harabasz;
  }

  /// Returns which fit has the highest.
  std::optional<std::size_t> score_silhouettes() {
    const auto phase = rows_.context().recorder().phase("score");
    const auto silhouettes =
        cluster_scores::mean_silhouettes(rows_.context(), sample_, labellings_);
    std::optional<std::size_t> best;
    for (std::size_t i = 0; i < silhouettes.size(); ++i) {
      entries_[i].scores.silhouette = silhouettes[i];
      entries_[i].scores.silhouette_rows = static_cast<std::int64_t>(sample_.rows.size());
      if (silhouettes[i] && (!best || *silhouettes[i] > *silhouettes[*best])) best = i;
    }
    return best;
  }

  /// Assigns the rows to the centres once more: a read, instead of memory for the labels of all
  /// fits. Labels of a fit are always those of its centres.
  Array labels_of(LloydResult& chosen) {
    const auto prepared =
        rows_.kernels().prepare(columns_.frame(), chosen.centers,
                                static_cast<std::int64_t>(chosen.sizes.size()), KMeansUse::assign);
    chosen.labels.assign(static_cast<std::size_t>(rows_.local_rows()), -1);
    static_cast<void>(reads_.run(
        kmeans::assign_and_measure(reads_, *prepared, false, chosen.labels.data(), nullptr)));
    const auto fits = static_cast<std::int64_t>(fits_.size()) * options_.fit.n_init;
    kmeans::report_fit(rows_, columns_, fixed_, chosen, fits);
    return kmeans::labels_array(rows_, std::move(chosen.labels));
  }

  Rows& rows_;
  const Columns& columns_;
  const KMeansRangeOptions& options_;
  FixedPoint fixed_;
  SharedReads reads_;
  std::vector<KMeansOptions> fits_;
  cluster_scores::Sample sample_;
  std::vector<LloydResult> results_;                   ///< without labels
  std::vector<std::vector<std::int32_t>> labellings_;  ///< of the sample; empty: no scores
  std::vector<KMeansRange::Entry> entries_;
};

}  // namespace

void check_kmeans_checkpoint(const KMeansRangeOptions& options, const TileSource& data,
                             bool has_weights) {
  if (options.fit.checkpoint == nullptr || options.fit.checkpoint->former() == nullptr) return;
  kmeans::require_options(
      *options.fit.checkpoint->former(), kmeans::range_kind,
      kmeans::option_facts(options.fit, range_text(options), data, has_weights));
}

KMeansRange fit_kmeans_range(const Context& ctx, const TileSource& data,
                             const KMeansRangeOptions& options, const TileSource* weights) {
  check_range(options, data);
  const auto phase = ctx.recorder().phase("fit");
  kmeans::Checkpoints checkpoints(
      ctx, options.fit.checkpoint, kmeans::range_kind,
      kmeans::option_facts(options.fit, range_text(options), data, weights != nullptr));
  const kmeans::PlacedData placed(ctx, data, "scores of a range");
  Rows rows(placed.context(), placed.source());
  if (weights != nullptr) kmeans::read_weights(rows, *weights);
  const Columns columns = kmeans::scan_columns(rows, options.fit.drop_missing);
  const std::int64_t most =
      options.lowest + (options.highest - options.lowest) / options.step * options.step;
  kmeans::check_rows(rows, columns, most);
  checkpoints.add_data(rows, columns, data, weights);
  std::vector<std::int64_t> clusters;
  for (std::int64_t k = options.lowest; k <= most; k += options.step)
    clusters.insert(clusters.end(), static_cast<std::size_t>(options.fit.n_init), k);
  checkpoints.set_fits(clusters, rows.features());
  return Range(rows, columns, options, checkpoints).run();
}

}  // namespace serried
