#include "io/open_items.hpp"

#include <algorithm>
#include <utility>

#include "io/chunk_slabs.hpp"
#include "io/file_access.hpp"
#include "io/hdf5/errors.hpp"
#include "io/hdf5/injected.hpp"
#include "io/hdf5/open.hpp"
#include "serried/comm/agree.hpp"

namespace serried {
namespace {

constexpr std::size_t max_open = 64;
constexpr std::int64_t least_cache_bytes = std::int64_t{1} << 20;

/// A cache that holds the chunks which the following batches need again. Each chunk is then
/// decompressed once by each rank.
hdf5::Properties access_properties(const ItemMeta& meta, std::int64_t cache_bytes) {
  hdf5::Properties access(hdf5::checked(H5Pcreate(H5P_DATASET_ACCESS), meta.name()));
  if (!meta.is_filtered) return access;
  const std::int64_t bytes = cache_bytes_of(meta, cache_bytes);
  // HDF5 advises slots of about a hundred times the chunks that fit, best a prime number.
  const std::int64_t chunks =
      std::min<std::int64_t>(bytes / std::max<std::int64_t>(chunk_bytes(meta), 1), 10000);
  hdf5::check(H5Pset_chunk_cache(access.id(), static_cast<std::size_t>(chunks * 100 + 521),
                                 static_cast<std::size_t>(bytes), H5D_CHUNK_CACHE_W0_DEFAULT),
              meta.name());
  return access;
}

void open_dataset(const ItemMeta& meta, std::int64_t cache_bytes, OpenItems::Item& item) {
  const hdf5::Properties access = access_properties(meta, cache_bytes);
  item.dataset = hdf5::DatasetId(hdf5::checked(
      hdf5::alone(faults::Kind::read,
                  [&] { return H5Dopen2(item.file.id(), meta.object.c_str(), access.id()); }),
      meta.name() + " cannot be opened"));
  item.space = hdf5::Space(hdf5::checked(H5Dget_space(item.dataset.id()), meta.name()));
  item.memory_type = hdf5::memory_type(meta.type);
}

}  // namespace

std::int64_t cache_bytes_of(const ItemMeta& meta, std::int64_t cache_bytes) {
  return std::max({cache_bytes, chunk_bytes(meta), least_cache_bytes});
}

OpenItems::Item* OpenItems::find(const ItemMeta& meta) {
  const auto found = std::find_if(items_.begin(), items_.end(),
                                  [&](const auto& entry) { return entry.first == meta.source; });
  if (found == items_.end()) return nullptr;
  items_.splice(items_.begin(), items_, found);
  return &found->second;
}

const OpenItems::Item& OpenItems::keep(const ItemMeta& meta, Item item) {
  items_.emplace_front(meta.source, std::move(item));
  return items_.front().second;
}

const OpenItems::Item& OpenItems::get(const ItemMeta& meta, std::int64_t chunk_cache_bytes) {
  if (const Item* known = find(meta)) return *known;
  if (items_.size() == max_open) items_.pop_back();
  Item item;
  item.file = hdf5::open_serial(meta.file);
  open_dataset(meta, chunk_cache_bytes, item);
  return keep(meta, std::move(item));
}

const OpenItems::Item& OpenItems::get_parallel(const Context& ctx, const ItemMeta& meta,
                                               std::int64_t chunk_cache_bytes) {
  if (const Item* known = find(meta)) return *known;
  if (items_.size() == max_open) items_.pop_back();
  Item item;
  item.file = hdf5::open_parallel(ctx.comm(), meta.file, false);
  note_file_access(ctx.recorder(), "reading files", describe_parallel_access(item.file));
  agree(ctx.comm(), [&] { open_dataset(meta, chunk_cache_bytes, item); });
  return keep(meta, std::move(item));
}

void OpenItems::close() noexcept {
  items_.clear();
}

void OpenItems::release() noexcept {
  for (auto& [source, item] : items_) item.file.release();
  items_.clear();
}

}  // namespace serried
