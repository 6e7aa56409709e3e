#pragma once

#include <cstdint>
#include <memory>

#include "serried/base/api.hpp"
#include "serried/comm/tile_source.hpp"
#include "serried/context.hpp"
#include "serried/io/dataset.hpp"

namespace SERRIED_API serried {

/// The rows of a dataset, for passes over them: all in memory, as an Array, where the rank that has
/// most rows needs at most `bytes` for them; else the Dataset, which holds as many as fit and reads
/// the others in each pass. The bits are the same. Collective.
/// @throws RankError if reading fails on any rank.
[[nodiscard]] std::unique_ptr<TileSource> hold_what_fits(const Context& ctx, Dataset dataset,
                                                         std::int64_t bytes);

/// Throws unless this rank may allocate what a piece of work needs at least.
/// Local; the same on every rank.
/// @param node_ranks that share what `--memory` gives.
/// @throws InvalidArgument naming what is needed.
void require_memory(const Context& ctx, std::int64_t bytes, const char* work, int node_ranks = 1);

}  // namespace serried
