#include "ml/kmeans/wide_memory.hpp"

#include <algorithm>
#include <bit>

#include "ml/kmeans/wide_chains.hpp"
#include "ml/kmeans/wide_seeding.hpp"
#include "serried/io/held_rows.hpp"

namespace serried::kmeans {
namespace {

/// Narrower pieces would be read in runs that take longer than what is in them.
constexpr std::int64_t least_width = 1024;
/// Wider ones bring nothing more.
constexpr std::int64_t most_piece_bytes = std::int64_t{64} << 20;
/// The kernels add up the columns of narrower rows in another order.
constexpr std::int64_t least_features = 64;

std::int64_t most_rows_of_a_rank(const Leaves& leaves) {
  std::int64_t most = 1;
  for (int rank = 0; rank < leaves.layout().ranks(); ++rank)
    most = std::max(most, leaves.rows_of(rank).size());
  return most;
}

/// Of all rounds of k-means||, unless chance plays foul.
std::int64_t most_candidates(const TileSource& data, const KMeansOptions& options) {
  const double most = 2 * options.init_candidates * static_cast<double>(options.clusters) + 64;
  return static_cast<std::int64_t>(std::min(most, static_cast<double>(data.rows())));
}

/// @param gathered rows that all ranks have a piece of at a time.
WideMemory memory_of(const TileSource& data, std::int64_t clusters, std::int64_t gathered) {
  const Leaves leaves = leaves_of(data);
  WideMemory memory;
  memory.most_rows = most_rows_of_a_rank(leaves);
  const auto levels = static_cast<std::int64_t>(
      std::bit_width(static_cast<std::uint64_t>(std::max<std::int64_t>(1, leaves.count()))));
  const std::int64_t leaf_rows = leaves.count() > 0 ? leaves.row_begin(1) - leaves.row_begin(0) : 0;
  const auto element_bytes = static_cast<std::int64_t>(size_of(data.dtype()));
  // the values, a leaf that is read and one that comes; centres, those before, transposed, and
  // their sums, which MPI has once more; gathered rows on their way; means, scales, and the tree's
  // nodes
  memory.by_column = 8 * memory.most_rows + 3 * leaf_rows * element_bytes + clusters * (24 + 32) +
                     gathered * 32 + 8 * (24 + 3 * levels);
  // labels, those before and those of centres, weights, distances, marks
  memory.fixed = memory.most_rows * 64;
  return memory;
}

}  // namespace

bool is_wide_enough(std::int64_t features, KMeansInit init) noexcept {
  const bool is_measuring =
      init == KMeansInit::kmeans_parallel || init == KMeansInit::kmeans_plus_plus;
  return features >= (is_measuring ? least_features_of_direct_seeding : least_features);
}

WideMemory memory_of_wide_fit(const TileSource& data, const KMeansOptions& options,
                              bool has_weights) {
  const std::int64_t k = options.clusters;
  std::int64_t gathered = k;
  std::int64_t seeding = 0;
  WideMemory memory = memory_of(data, k, 0);
  if (options.init == KMeansInit::given) {
    seeding = Chains::bytes(memory.most_rows, k);
  } else if (options.init == KMeansInit::kmeans_plus_plus) {
    gathered = std::max(k, greedy_trials(k));
    seeding = Chains::bytes(memory.most_rows, greedy_trials(k));
  } else if (options.init == KMeansInit::kmeans_parallel) {
    const std::int64_t candidates = most_candidates(data, options);
    gathered = std::max(k, candidates);
    seeding = std::max(2 * Chains::bytes(memory.most_rows, candidates),
                       16 * candidates * candidates + Chains::bytes(candidates, k));
  }
  memory = memory_of(data, k, gathered);
  const std::int64_t own = Chains::bytes(memory.most_rows, k);
  memory.fixed += options.init == KMeansInit::given ? own + seeding : std::max(own, seeding);
  if (options.n_init > 1) memory.fixed += memory.most_rows * 12;
  if (has_weights) memory.fixed += memory.most_rows * 16;
  return memory;
}

WideMemory memory_of_wide_prediction(const TileSource& data, std::int64_t clusters) {
  WideMemory memory = memory_of(data, clusters, clusters);
  memory.fixed += Chains::bytes(memory.most_rows, clusters);
  return memory;
}

std::int64_t least_memory(const Dataset& data, const WideMemory& memory) {
  const std::int64_t width = std::min(least_width, data.row_elements());
  return data.columns({0, width}).least_memory(memory.fixed + memory.by_column * width);
}

std::int64_t width_of_pieces(const Context& ctx, const Dataset& data, const WideMemory& memory) {
  const std::int64_t least = std::min(least_width, data.row_elements());
  require_memory(ctx, least_memory(data, memory), "k-means of this data by pieces of its rows");
  const Dataset narrow = data.columns({0, least});
  // where ranks read together, a batch takes as much as it is given
  const std::int64_t by_column =
      memory.by_column +
      (narrow.is_read_together()
           ? 2 * memory.most_rows * static_cast<std::int64_t>(size_of(data.dtype()))
           : 0);
  const std::int64_t room = ctx.options().memory_bytes - memory.fixed - narrow.reading_bytes();
  const std::int64_t most = std::max(least, most_piece_bytes / (8 * memory.most_rows));
  const std::int64_t width = std::clamp(room / by_column, least, most) / 16 * 16;
  return std::clamp(width, std::int64_t{1}, data.row_elements());
}

}  // namespace serried::kmeans
