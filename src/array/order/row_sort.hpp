#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "serried/comm/layout.hpp"
#include "serried/context.hpp"
#include "serried/device/sort_kernels.hpp"

namespace serried {

/// Sorts pairs that all ranks have together, each of them once: rank r gets those with the numbers
/// layout.rows_of(r) of the order. Collective.
/// @param pairs this rank's, in any order; they differ from each other and from other ranks'.
/// @throws RankError if memory is short on a rank.
[[nodiscard]] std::vector<KeyPlace> sort_over_ranks(const Context& ctx, std::vector<KeyPlace> pairs,
                                                    const Layout& layout);

/// Sorts with all threads of the rank. Local.
void sort_here(const Context& ctx, std::vector<KeyPlace>& pairs);

}  // namespace serried
