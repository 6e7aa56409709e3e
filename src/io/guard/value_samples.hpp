#pragma once

#include <functional>

#include "io/metadata.hpp"

namespace serried::guard {

/// Refuses files that claim to hold out of all proportion more than they have bytes: more than a
/// GiB and 1100 times their size (deflate gives 1032 times at most). Chunks that were never written
/// and constant components make files of a few bytes from which one would read for years.
/// Local. @throws IoError.
void require_proportion(const DatasetMeta& meta);

/// Goes through the index of the item's chunks and reads values, as the ranks will: of the first
/// and the last selected element, or all from the first to the last index along each axis, in
/// pieces of a few MiB. `progress` is called after each.
/// Local. @throws IoError.
void read_values(const ItemMeta& item, FileCheck::Depth depth,
                 const std::function<void()>& progress);

}  // namespace serried::guard
