#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "serried/comm/reduction_tree.hpp"
#include "serried/comm/tile_source.hpp"
#include "serried/context.hpp"

namespace serried {

/// A run of consecutive leaves of one batch, in the memory of the context's device: leaf i of it
/// holds the rows [offsets[i], offsets[i + 1]) behind `rows`.
struct LeafRun {
  const std::byte* rows = nullptr;
  std::span<const std::int64_t> offsets;
  std::int64_t first_leaf = 0;  ///< the number of the run's first leaf

  [[nodiscard]] std::int64_t row_count() const { return offsets.back() - offsets.front(); }
};

/// What the payloads of a run are of.
enum class RunPayloads : unsigned char {
  leaves,  ///< each of its leaves
  nodes,   ///< maximal_nodes(first_leaf, first_leaf + leaves), folded by the kernel
};

/// Makes the payloads of a run, one after the other, in host memory. On the host kernels are
/// single-threaded functions of their leaves; the driver gives different runs to the threads of
/// the backend's pool. A device gets all leaves of a batch in one call.
using ReduceRun = std::function<void(const LeafRun& run, std::byte* payloads, int worker)>;

/// One read of a source: `reduce` makes the payloads of all leaves, or of the nodes of the fixed
/// tree that they make up; these are folded by `combine` and combined over all ranks. Batches, runs
/// and threads leave no trace in the bits. Collective.
/// @param empty the result for no leaves.
/// @param payloads nodes where a device folds, so that little travels and little is left to do.
/// @throws RankError on all ranks if reading or the work on one rank fails.
[[nodiscard]] std::vector<std::byte> reduce_leaf_runs(const Context& ctx, const TileSource& source,
                                                      const Leaves& leaves, const ReduceRun& reduce,
                                                      const CombineFunction& combine,
                                                      std::span<const std::byte> empty,
                                                      const TreeReduceOptions& tree_options = {},
                                                      RunPayloads payloads = RunPayloads::leaves);

/// One read of a source, for work that leaves no payloads: `use(run, nullptr, worker)`.
/// Collective.
/// @throws RankError as above.
void visit_leaf_runs(const Context& ctx, const TileSource& source, const Leaves& leaves,
                     const ReduceRun& use);

}  // namespace serried
