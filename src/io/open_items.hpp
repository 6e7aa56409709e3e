#pragma once

#include <cstddef>
#include <cstdint>
#include <list>
#include <utility>

#include "io/hdf5/handle.hpp"
#include "io/metadata.hpp"
#include "serried/context.hpp"

namespace serried {

/// The chunk cache that an item is opened with: at least a chunk. Local.
[[nodiscard]] std::int64_t cache_bytes_of(const ItemMeta& meta, std::int64_t cache_bytes);

/// The files and datasets that a rank has open, the ones used last. In collective mode all ranks
/// ask for the same items in the same order, so they open and close alike.
class OpenItems {
 public:
  /// One open dataset.
  struct Item {
    hdf5::File file;
    hdf5::DatasetId dataset;
    hdf5::Space space;
    hdf5::Type memory_type;
  };

  /// Opens on this rank alone where it is not open yet.
  /// Local. @throws IoError.
  [[nodiscard]] const Item& get(const ItemMeta& meta, std::int64_t chunk_cache_bytes);
  /// Opens on all ranks.
  /// Collective. @throws RankError.
  [[nodiscard]] const Item& get_parallel(const Context& ctx, const ItemMeta& meta,
                                         std::int64_t chunk_cache_bytes);
  /// Closes all. Local for items of `get`, collective for items of `get_parallel`.
  void close() noexcept;
  /// Forgets all without closing them, where closing would communicate: HDF5 closes them when MPI
  /// ends.
  void release() noexcept;

 private:
  Item* find(const ItemMeta& meta);
  const Item& keep(const ItemMeta& meta, Item item);

  std::list<std::pair<std::int64_t, Item>> items_;  ///< by source; the one used last in front
};

}  // namespace serried
