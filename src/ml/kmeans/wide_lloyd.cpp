#include "ml/kmeans/wide_lloyd.hpp"

#include <algorithm>
#include <cmath>

#include "base/compensated_sum.hpp"
#include "ml/kmeans/lloyd.hpp"
#include "serried/comm/agree.hpp"

namespace serried::kmeans {
namespace {

class WideLloyd {
 public:
  WideLloyd(WidePieces& pieces, const Columns& columns, std::shared_ptr<const WideCenters> centers,
            bool may_be_far, const KMeansOptions& options, FitProgress& progress)
      : pieces_(pieces),
        rows_(pieces.rows()),
        columns_(columns),
        options_(options),
        progress_(progress),
        k_(centers->clusters()),
        weight_frame_(weight_frame(columns), 1, rows_.has_weights()),
        centers_(std::move(centers)) {
    agree(rows_.context().comm(), [&] {
      labels_.assign(static_cast<std::size_t>(rows_.local_rows()), -1);
      chains_ = Chains(rows_.local_rows(), k_);
      if (may_be_far) small_ = Chains(rows_.local_rows(), k_);
    });
  }

  WideResult run() {
    const double tolerance = options_.tolerance * columns_.mean_variance;
    static_cast<void>(measure(nullptr));
    small_ = small_.centers() > 0 ? take_far_labels() : Chains();
    std::int64_t moved = take_labels();
    WideResult result;
    while (!result.is_converged) {
      ++result.iterations;
      progress_.add_iteration();
      const std::shared_ptr<const WideCenters> old = centers_;
      const bool is_same = move_centers(moved);
      if (moved == 0) {
        result.is_converged = true;
        if (!is_same) static_cast<void>(measure(nullptr));
        if (has_relocated_) static_cast<void>(take_labels());
        break;
      }
      const double shift = measure(old.get());
      moved = take_labels();
      // Every rank has come to the same; one of them decides all the same.
      result.is_converged = rows_.context().comm().broadcast(shift <= tolerance ? 1 : 0, 0) != 0;
      if (result.iterations == options_.max_iterations) break;
    }
    progress_.skip(options_.max_iterations - result.iterations);
    finish(result);
    return result;
  }

 private:
  /// Weights have the same fixed point whatever the columns.
  static Columns weight_frame(const Columns& columns) {
    Columns result;
    result.usable_rows = columns.usable_rows;
    result.largest_weight = columns.largest_weight;
    result.shift = {0};
    result.maxima = {0};
    return result;
  }

  /// One pass: the distances of all rows to the present centres. Returns the sum of the squared
  /// movements of the centres since `old`, if that is given.
  double measure(const WideCenters* old) {
    chains_.clear();
    std::vector<double> movements(static_cast<std::size_t>(k_), 0.);
    const ThreadPool& threads = rows_.context().backend()->threads();
    pieces_.pass("assign", [&](const Piece& piece) {
      PieceFrame frame(pieces_, columns_, piece);
      const std::vector<double> centers = centers_->of_piece(piece, frame);
      if (old != nullptr) {
        const std::vector<double> before = old->of_piece(piece, frame);
        add_movements(before, centers, piece.width(), movements);
      }
      chains_.extend(threads, piece.values, piece.width(), centers.data());
      if (small_.centers() > 0)
        small_.extend_scaled(threads, piece.values, piece.width(), centers.data(), 0x1.0p-600);
    });
    double shift = 0;
    for (const double of_center : movements) shift += of_center;
    return shift;
  }

  static void add_movements(const std::vector<double>& before, const std::vector<double>& after,
                            std::int64_t width, std::vector<double>& movements) {
    auto a = before.begin();
    auto b = after.begin();
    for (double& of_center : movements)
      for (std::int64_t f = 0; f < width; ++f, ++a, ++b) of_center += (*b - *a) * (*b - *a);
  }

  /// Gives all rows the labels that the last measurement has found; returns how many of all ranks
  /// changed theirs.
  std::int64_t take_labels() {
    std::int64_t moved = 0;
    for (std::int64_t i = 0; i < rows_.local_rows(); ++i) {
      std::int32_t label = columns_.is_missing_row(i) ? -1 : chains_.nearest(i);
      if (label < 0 && !columns_.is_missing_row(i))
        label = far_labels_.empty() ? 0 : far_labels_[static_cast<std::size_t>(i)];
      std::int32_t& own = labels_[static_cast<std::size_t>(i)];
      if (label != own) ++moved;
      own = label;
    }
    far_labels_ = {};
    return rows_.context().comm().allreduce(moved, ReduceOp::sum);
  }
  /// The nearest centres by distances that cannot overflow. Returns nothing, for the memory.
  Chains take_far_labels() {
    for (std::int64_t i = 0; i < rows_.local_rows(); ++i)
      far_labels_.push_back(std::max(0, small_.nearest(i)));
    return {};
  }

  /// Makes the means of the present labels the centres. Returns whether they are the ones before.
  bool move_centers(std::int64_t moved) {
    ClusterSizes sizes = count_clusters(rows_, weight_frame_, labels_, k_);
    std::vector<Relocated> relocated = relocate(sizes);
    has_relocated_ = !relocated.empty();
    const auto* const before = dynamic_cast<const MeanCenters*>(centers_.get());
    if (moved == 0 && !has_relocated_ && before != nullptr && !before->has_relocated()) return true;
    centers_ = std::make_shared<MeanCenters>(pieces_, labels_, std::move(sizes),
                                             std::move(relocated), weight_frame_);
    return false;
  }

  /// As relocate_empty_clusters: the rows that empty clusters are given.
  std::vector<Relocated> relocate(const ClusterSizes& sizes) {
    std::vector<std::int32_t> empty;
    for (std::size_t j = 0; j < sizes.weights.size(); ++j)
      if (sizes.weights[j] == 0) empty.push_back(static_cast<std::int32_t>(j));
    std::vector<Relocated> result;
    if (empty.empty()) return result;
    const std::vector<std::uint8_t> is_at_center = find_rows_at_centers(sizes);
    std::vector<FarRow> far;
    for (std::int64_t i = 0; i < rows_.local_rows(); ++i) {
      const auto at = static_cast<std::size_t>(i);
      if (labels_[at] < 0 || is_at_center[at] != 0 || !(rows_.weight(i) > 0)) continue;
      const double squared = chains_.at(i, labels_[at]);
      if (squared > 0)
        far.push_back({squared, rows_.first_row() + i, rows_.weight(i), labels_[at], 0});
    }
    far = farthest_of_all(rows_.context().comm(), std::move(far), empty.size());
    for (std::size_t i = 0; i < far.size(); ++i) result.push_back({far[i], empty[i]});
    return result;
  }

  /// Which rows coincide with their centres but for rounding. One pass.
  std::vector<std::uint8_t> find_rows_at_centers(const ClusterSizes& sizes) {
    std::vector<double> squares(static_cast<std::size_t>(k_), 0.);
    std::vector<std::uint8_t> result(labels_.size(), 1);
    pieces_.pass("rows at their centres", [&](const Piece& piece) {
      PieceFrame frame(pieces_, columns_, piece);
      const std::vector<double> centers = centers_->of_piece(piece, frame);
      const std::vector<double> roundings = roundings_of(sizes, piece, frame, centers);
      for (std::size_t i = 0; i < roundings.size(); ++i)
        squares[i / static_cast<std::size_t>(piece.width())] += square_of_rounding(roundings[i]);
      rows_.context().backend()->threads().parallel_for(
          rows_.local_rows(), [&](std::int64_t i, int) {
            const auto at = static_cast<std::size_t>(i);
            if (labels_[at] < 0 || result[at] == 0) return;
            const std::int64_t first = labels_[at] * piece.width();
            const double* const x = piece.row(i);
            for (std::int64_t f = 0; f < piece.width(); ++f) {
              const auto place = static_cast<std::size_t>(first + f);
              if (std::abs(x[f] - centers[place]) > roundings[place]) result[at] = 0;
            }
          });
    });
    for (std::size_t i = 0; i < labels_.size(); ++i)
      if (labels_[i] >= 0 && chains_.at(static_cast<std::int64_t>(i), labels_[i]) >
                                 squares[static_cast<std::size_t>(labels_[i])])
        result[i] = 0;
    return result;
  }

  std::vector<double> roundings_of(const ClusterSizes& sizes, const Piece& piece, PieceFrame& frame,
                                   const std::vector<double>& centers) const {
    const FixedPoint& fixed = frame.fixed();
    std::vector<double> result;
    result.reserve(centers.size());
    for (std::size_t j = 0; j < sizes.weights.size(); ++j) {
      const double weight = sizes.weights[j];
      const double rows = weight > 0 ? static_cast<double>(sizes.counts[j]) / weight : 0.;
      const double of_weight = rows_.has_weights() ? rows * fixed.weight_unit() : 0.;
      for (std::int64_t f = 0; f < piece.width(); ++f)
        result.push_back(rounding_of_mean(centers[result.size()],
                                          frame.shift()[static_cast<std::size_t>(f)], rows,
                                          of_weight, fixed.unit(f)));
    }
    return result;
  }

  void finish(WideResult& result) {
    result.centers = centers_;
    for (std::size_t i = 0; i < labels_.size(); ++i)
      result.squared.push_back(
          labels_[i] < 0 ? 0. : chains_.at(static_cast<std::int64_t>(i), labels_[i]));
    result.inertia = wide_inertia(rows_, result.squared);
    const ClusterSizes sizes = count_clusters(rows_, weight_frame_, labels_, k_);
    result.sizes = sizes.counts;
    for (const double weight : sizes.weights) result.weight += weight;
    result.labels = std::move(labels_);
  }

  WidePieces& pieces_;
  const Rows& rows_;
  const Columns& columns_;
  const KMeansOptions& options_;
  FitProgress& progress_;
  std::int64_t k_;
  FixedPoint weight_frame_;
  std::shared_ptr<const WideCenters> centers_;  ///< that `chains_` are measured from
  std::vector<std::int32_t> labels_;
  Chains chains_;
  Chains small_;  ///< of everything times 2^-600, in the first pass from centres that may be far
  std::vector<std::int32_t> far_labels_;
  bool has_relocated_ = false;
};

}  // namespace

double wide_inertia(const Rows& rows, std::span<const double> squared) {
  LeafTotals totals(rows, 2);
  for (std::int64_t leaf = rows.first_leaf(); leaf < rows.last_leaf(); ++leaf) {
    totals.begin_batch(leaf, leaf + 1);
    CompensatedSum sum;
    const std::int64_t end = rows.leaves().row_begin(leaf + 1) - rows.first_row();
    for (std::int64_t i = rows.leaves().row_begin(leaf) - rows.first_row(); i < end; ++i)
      if (!std::isnan(rows.weight(i)))
        sum.add(rows.weight(i) * squared[static_cast<std::size_t>(i)]);
    totals.leaf(leaf)[0] = sum.sum();
    totals.leaf(leaf)[1] = sum.error();
    totals.end_batch(leaf, leaf + 1);
  }
  const std::vector<double> sum = totals.finish();
  const double inertia = sum[0] + sum[1];
  require_finite_inertia(rows, inertia);
  return inertia;
}

WideResult run_wide_lloyd(WidePieces& pieces, const Columns& columns,
                          std::shared_ptr<const WideCenters> centers, bool may_be_far,
                          const KMeansOptions& options, FitProgress& progress) {
  return WideLloyd(pieces, columns, std::move(centers), may_be_far, options, progress).run();
}

}  // namespace serried::kmeans
