#include "ml/cluster_scores/silhouette.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "ml/kmeans/seeding.hpp"
#include "serried/comm/agree.hpp"

namespace serried::cluster_scores {
namespace {

using kmeans::Columns;
using kmeans::Rows;

/// Rows whose distances are computed side by side, a lane for each.
constexpr std::int64_t lanes = 8;
/// Rows that they are compared with at a time: their distances stay in the first-level cache.
constexpr std::int64_t chunk_rows = 256;
/// Blocks of `lanes` rows between two reports of progress.
constexpr std::int64_t slab_blocks = 64;

/// A labelling of the sample, its clusters numbered from 0 without gaps.
struct Labelling {
  std::vector<std::int32_t> labels;
  std::vector<std::int64_t> sizes;

  [[nodiscard]] bool is_defined() const {
    return sizes.size() >= 2 && sizes.size() < labels.size();
  }
};

Labelling without_gaps(const std::vector<std::int32_t>& labels) {
  std::vector<std::int32_t> known = labels;
  std::ranges::sort(known);
  known.erase(std::unique(known.begin(), known.end()), known.end());
  Labelling result{{}, std::vector<std::int64_t>(known.size(), 0)};
  for (const std::int32_t label : labels) {
    const auto at = std::ranges::lower_bound(known, label) - known.begin();
    result.labels.push_back(static_cast<std::int32_t>(at));
    ++result.sizes[static_cast<std::size_t>(at)];
  }
  return result;
}

class Silhouettes {
 public:
  Silhouettes(const Context& ctx, const Sample& sample,
              std::span<const std::vector<std::int32_t>> labellings)
      : ctx_(ctx),
        sample_(sample),
        kernels_(ctx.backend()->kernels<KMeansKernels>(DType::f64)),
        count_(static_cast<std::int64_t>(sample.rows.size())),
        features_(count_ == 0 ? 1 : static_cast<std::int64_t>(sample.values.size()) / count_),
        zeros_(static_cast<std::size_t>(features_), 0.) {
    for (const auto& labels : labellings) {
      Labelling labelling = without_gaps(labels);
      if (!labelling.is_defined()) labelling = {};
      labellings_.push_back(std::move(labelling));
    }
  }

  /// Collective. Each rank computes some rows of the sample, whole.
  std::vector<std::optional<double>> means() {
    const Communicator& comm = ctx_.comm();
    const std::int64_t blocks = (count_ + lanes - 1) / lanes;
    const std::int64_t begin = blocks * comm.rank() / comm.size();
    const std::int64_t end = blocks * (comm.rank() + 1) / comm.size();
    agree(comm, [&] { compute(begin, end); });
    std::vector<std::optional<double>> result;
    for (std::size_t l = 0; l < labellings_.size(); ++l) {
      result.emplace_back();
      if (!labellings_[l].is_defined()) continue;
      const std::span<const double> own(values_[l]);
      double sum = 0;
      for (const double value : comm.allgather(own).values) sum += value;
      result.back() = sum / static_cast<double>(count_);
    }
    return result;
  }

 private:
  void compute(std::int64_t begin, std::int64_t end) {
    first_row_ = begin * lanes;
    const std::int64_t rows = std::max<std::int64_t>(0, std::min(count_, end * lanes) - first_row_);
    for (const Labelling& labelling : labellings_)
      values_.emplace_back(labelling.is_defined() ? static_cast<std::size_t>(rows) : 0);
    const ThreadPool& pool = ctx_.backend()->threads();
    const std::int64_t step = slab_blocks * pool.threads();
    for (std::int64_t slab = begin; slab < end; slab += step) {
      const auto span = ctx_.recorder().span("silhouette", Activity::computation);
      pool.parallel_for(std::min(step, end - slab),
                        [&](std::int64_t i, int) { compute_block(slab + i); });
      ctx_.recorder().progress("silhouette", std::min(end, slab + step) - begin, end - begin);
    }
  }

  /// For each labelling and cluster, the sums of a block's distances to the cluster's rows, in
  /// ascending order of these: (clusters, lanes).
  std::vector<std::vector<double>> sums_of(std::int64_t first) const {
    std::vector<double> centers;  // the last row again where the block is not full
    for (std::int64_t i = first; i < first + lanes; ++i) {
      const auto row = sample_.values.begin() + std::min(i, count_ - 1) * features_;
      centers.insert(centers.end(), row, row + features_);
    }
    const auto prepared = kernels_.prepare({zeros_, 1}, centers, lanes, KMeansUse::assign);
    std::vector<std::vector<double>> sums;
    for (const Labelling& labelling : labellings_)
      sums.emplace_back(labelling.sizes.size() * static_cast<std::size_t>(lanes), 0.);
    std::vector<double> distances(static_cast<std::size_t>(chunk_rows * lanes));
    for (std::int64_t row = 0; row < count_; row += chunk_rows) {
      const std::int64_t rows = std::min(chunk_rows, count_ - row);
      kernels_.all_distances(*prepared, {sample_.values.data() + row * features_, rows},
                             distances.data());
      for (std::int64_t i = 0; i < rows * lanes; ++i)
        distances[static_cast<std::size_t>(i)] = std::sqrt(distances[static_cast<std::size_t>(i)]);
      for (std::size_t l = 0; l < labellings_.size(); ++l)
        if (labellings_[l].is_defined())
          add(distances.data(), labellings_[l].labels.data() + row, rows, sums[l].data());
    }
    return sums;
  }

  static void add(const double* __restrict distances, const std::int32_t* labels, std::int64_t rows,
                  double* __restrict sums) {
    for (std::int64_t i = 0; i < rows; ++i) {
      double* const to = sums + labels[i] * lanes;
      for (std::int64_t lane = 0; lane < lanes; ++lane) to[lane] += distances[i * lanes + lane];
    }
  }

  void compute_block(std::int64_t block) {
    const std::int64_t first = block * lanes;
    const auto sums = sums_of(first);
    for (std::size_t l = 0; l < labellings_.size(); ++l)
      for (std::int64_t i = first;
           labellings_[l].is_defined() && i < std::min(count_, first + lanes); ++i)
        values_[l][static_cast<std::size_t>(i - first_row_)] =
            silhouette(labellings_[l], i, sums[l].data() + (i - first));
  }

  /// Of one row.
  static double silhouette(const Labelling& labelling, std::int64_t row, const double* sums) {
    const auto own = static_cast<std::size_t>(labelling.labels[static_cast<std::size_t>(row)]);
    if (labelling.sizes[own] == 1) return 0;
    double nearest = std::numeric_limits<double>::infinity();
    for (std::size_t j = 0; j < labelling.sizes.size(); ++j)
      if (j != own)
        nearest = std::min(nearest, sums[j * static_cast<std::size_t>(lanes)] /
                                        static_cast<double>(labelling.sizes[j]));
    const double inside =
        sums[own * static_cast<std::size_t>(lanes)] / static_cast<double>(labelling.sizes[own] - 1);
    const double larger = std::max(inside, nearest);
    return larger > 0 ? (nearest - inside) / larger : 0;
  }

  const Context& ctx_;
  const Sample& sample_;
  const KMeansKernels& kernels_;
  std::int64_t count_;
  std::int64_t features_;
  std::vector<double> zeros_;
  std::vector<Labelling> labellings_;
  std::int64_t first_row_ = 0;               ///< of this rank's part of the sample
  std::vector<std::vector<double>> values_;  ///< by labelling, of this rank's part
};

/// All usable rows, by number.
std::vector<std::int64_t> all_rows(const Rows& rows, const Columns& columns) {
  std::vector<std::int64_t> mine;
  for (std::int64_t i = 0; i < rows.local_rows(); ++i)
    if (!columns.is_missing_row(i)) mine.push_back(rows.first_row() + i);
  return rows.context().comm().allgather(std::span<const std::int64_t>(mine)).values;
}

}  // namespace

Sample draw_sample(Rows& rows, const Columns& columns, std::int64_t count, std::uint64_t seed) {
  Sample sample;
  if (columns.usable_rows <= count) {
    sample.rows = all_rows(rows, columns);
  } else {
    const kmeans::RunRandom random(seed, 0);
    sample.rows =
        kmeans::race_rows(rows, columns, count, random, kmeans::RunRandom::Purpose::silhouette, 0,
                          [](std::int64_t) { return 1.; });
    std::ranges::sort(sample.rows);
  }
  sample.values = rows.fetch(sample.rows);
  return sample;
}

std::vector<std::int32_t> labels_of(const Rows& rows, const Sample& sample,
                                    std::span<const std::int32_t> labels) {
  std::vector<std::int32_t> mine;
  for (const std::int64_t row : sample.rows)
    if (rows.own_rows().contains(row))
      mine.push_back(labels[static_cast<std::size_t>(row - rows.first_row())]);
  return rows.context().comm().allgather(std::span<const std::int32_t>(mine)).values;
}

std::vector<std::optional<double>> mean_silhouettes(
    const Context& ctx, const Sample& sample,
    std::span<const std::vector<std::int32_t>> labellings) {
  return Silhouettes(ctx, sample, labellings).means();
}

}  // namespace serried::cluster_scores
