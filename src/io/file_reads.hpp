#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "io/metadata.hpp"
#include "io/transfers.hpp"

namespace serried {

/// A hyperslab of a dataset: the indices start, start + step, ... of each axis of the file, `count`
/// of them.
struct FileBox {
  std::vector<std::int64_t> start;
  std::vector<std::int64_t> step;
  std::vector<std::int64_t> count;

  [[nodiscard]] std::int64_t elements() const noexcept;
};

/// One H5Dread, and the transfers that take their elements from what it brings.
struct FileRead {
  const ItemMeta* item = nullptr;
  FileBox box;
  std::vector<Transfer> users;
};

struct FileReadLimits {
  /// Of a read that brings just what one transfer asks for.
  std::int64_t piece_bytes = 0;
  /// Of a read that elements are picked from: it stays in the cache meanwhile.
  std::int64_t slab_bytes = 0;
  bool is_exact = false;  ///< each transfer by itself, and nothing that it does not ask for
};

/// The reads that serve transfers. Those of one dataset are read together where that is cheaper
/// than one by one, and elements that lie near each other in the file are read with what lies
/// between them (figures stand in src/io/README.md). What transfers of several addresses have in
/// the same compressed chunks is read chunk after chunk, so that a cache of the chunks of one index
/// along the slowest axis that is cut into chunks is enough to decompress each once. Local.
[[nodiscard]] std::vector<FileRead> plan_file_reads(const std::vector<Transfer>& transfers,
                                                    const FileReadLimits& limits);

/// The chunks along one axis that indices start, start + step, ... meet, ascending. Local.
[[nodiscard]] std::vector<std::int64_t> chunks_of(std::int64_t start, std::int64_t step,
                                                  std::int64_t count, std::int64_t chunk);

/// Calls `visit` with a number for each chunk whose indices are listed for each axis. Different
/// chunks have different numbers but for unlikely chance. Local.
template <class F>
void visit_names(const std::vector<std::vector<std::int64_t>>& chunks, F&& visit) {
  for (const auto& along : chunks)
    if (along.empty()) return;
  std::vector<std::size_t> at(chunks.size(), 0);
  while (true) {
    std::uint64_t name = 0;
    for (std::size_t i = 0; i < at.size(); ++i)
      name = name * 0x9E3779B97F4A7C15U + static_cast<std::uint64_t>(chunks[i][at[i]]);
    visit(name);
    std::size_t axis = at.size();
    while (axis > 0 && ++at[axis - 1] == chunks[axis - 1].size()) at[--axis] = 0;
    if (axis == 0) return;
  }
}

}  // namespace serried
