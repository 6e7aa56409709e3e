#pragma once

#include <cstddef>
#include <cstdint>
#include <list>
#include <unordered_map>

#include "io/file_reads.hpp"

namespace serried {

/// How often chunks are decompressed: HDF5 does not say, but keeps the chunks used last.
class ChunkCacheModel {
 public:
  /// A read of a dataset whose cache holds `room` chunks.
  void use(const FileRead& read, std::int64_t room);
  /// The caches are empty, as after closing the files.
  void clear() noexcept { caches_.clear(); }
  [[nodiscard]] std::int64_t decompressions() const noexcept { return decompressions_; }

 private:
  struct Cache {
    std::list<std::uint64_t> chunks;  ///< the one used last in front
    std::unordered_map<std::uint64_t, std::list<std::uint64_t>::iterator> places;
  };
  void use_chunk(Cache& cache, std::uint64_t chunk, std::size_t room);

  std::unordered_map<std::int64_t, Cache> caches_;  ///< by source
  std::int64_t decompressions_ = 0;
};

}  // namespace serried
