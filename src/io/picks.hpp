#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "io/file_reads.hpp"

namespace serried {

/// Elements of what one H5Dread brings (a slab) that go to memory together: those of one transfer,
/// or of several that lie at equal distances on both sides (an axis in front of the others then
/// counts them).
struct Pick {
  std::vector<std::int64_t> count;
  std::vector<std::int64_t> from_strides;  ///< in elements of the slab
  std::vector<std::int64_t> to_strides;    ///< and of the destination
  std::int64_t from_offset = 0;
  std::int64_t to_offset = 0;
  std::int64_t elements = 0;
  std::size_t first_user = 0;  ///< of the read
};

/// Local.
[[nodiscard]] std::vector<Pick> list_picks(const FileRead& read);

/// Whether the slab's elements lie in the destination as they do in the slab. Local.
[[nodiscard]] bool is_whole_slab(const FileRead& read, const std::vector<Pick>& picks);

/// Where element `number` (C order) of a pick stands in the file. Local.
[[nodiscard]] std::vector<std::int64_t> place_in_file(const FileRead& read, const Pick& pick,
                                                      std::int64_t number);

}  // namespace serried
