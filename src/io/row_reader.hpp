#pragma once

#include <cstddef>
#include <cstdint>
#include <unordered_map>
#include <vector>

#include "io/chunk_cache_model.hpp"
#include "io/file_reads.hpp"
#include "io/metadata.hpp"
#include "io/open_items.hpp"
#include "io/picks.hpp"
#include "io/transfers.hpp"
#include "serried/base/row_range.hpp"
#include "serried/context.hpp"
#include "serried/device/buffer.hpp"

namespace serried {

/// Fills rows of a Dataset from its files. Not to be used by two threads at once.
class RowReader {
 public:
  /// Both vectors must outlive the reader, and stay where they are.
  RowReader(Context ctx, const std::vector<PartMeta>& parts,
            const std::vector<PartGeometry>& geometry, std::int64_t row_elements);
  ~RowReader();
  RowReader(const RowReader&) = delete;
  RowReader& operator=(const RowReader&) = delete;

  /// Reads rows into `to`, each rank by itself.
  /// Local.
  /// @throws IoError, and DataError for values that the dtype asked for cannot hold.
  void read(RowRange rows, std::byte* to);
  /// Reads what data without filters has in the rows, as `read` does.
  void read_unfiltered(RowRange rows, std::byte* to);
  /// Reads blocks, those of one dataset together.
  /// Local. @throws as read.
  void read_blocks(const std::vector<Transfer>& blocks, std::byte* to);
  /// Reads rows into `to` with collective transfers; every rank has its own rows, or none. Datasets
  /// that several addresses select from are read by each rank for itself.
  /// Collective.
  /// @throws RankError.
  void read_collective(RowRange rows, std::byte* to);
  /// Chunks will be read once each, so that a cache for reading rows in order is of no use. To be
  /// called before anything is opened.
  void leave_out_cache() noexcept { chunk_cache_bytes_ = 0; }
  /// Opens what the first row of this rank needs, to find out early that it cannot.
  /// Local. @throws IoError.
  void try_open(RowRange rows);
  /// Closes the files; in collective mode this is collective.
  void close() noexcept;

  /// The least size of a batch for which files are read well: where compressed chunks hold many
  /// rows, or rows lie across the file. Local.
  [[nodiscard]] std::int64_t least_batch_bytes() const noexcept { return least_batch_bytes_; }

  /// Whether consecutive rows go through more compressed chunks than the cache holds.
  [[nodiscard]] bool has_wide_slabs() const noexcept { return has_wide_slabs_; }

  /// How often this rank has decompressed a chunk so far. Local.
  [[nodiscard]] std::int64_t decompressions() const noexcept { return chunks_.decompressions(); }

 private:
  enum class Wanted : std::uint8_t { all, unfiltered };
  [[nodiscard]] std::vector<FileRead> plan(RowRange rows, Wanted wanted = Wanted::all) const;
  void count(const FileRead& read);
  [[nodiscard]] static std::int64_t bytes_of(const FileRead& read);
  [[nodiscard]] std::vector<FileRead> plan_collective(RowRange rows) const;
  [[nodiscard]] bool is_shared(const ItemMeta& item) const;
  void execute(const FileRead& read, std::byte* to);
  void read_from(const OpenItems::Item& item, const FileRead& read, std::byte* to);
  void fill_constant(const Transfer& transfer, std::byte* to);
  [[nodiscard]] std::byte* target_of(const FileRead& read, const std::vector<Pick>& picks,
                                     std::byte* to);
  void finish(const FileRead& read, const std::vector<Pick>& picks, std::byte* to);
  void finish_pick(const FileRead& read, const Pick& pick, std::byte* to);
  template <class F>
  void decode_elements(const ItemMeta& item, const std::byte* raw, std::byte* result,
                       std::int64_t elements, F&& place_of) const;

  Context ctx_;
  const std::vector<PartMeta>& parts_;
  const std::vector<PartGeometry>& geometry_;
  std::int64_t row_elements_;
  std::int64_t chunk_cache_bytes_ = 0;
  bool has_wide_slabs_ = false;
  std::int64_t least_batch_bytes_ = 0;
  FileReadLimits limits_;
  std::unordered_map<std::int64_t, int> selections_;  ///< how many there are, by source
  OpenItems open_;
  ChunkCacheModel chunks_;
  Buffer raw_;      ///< elements as they are in the file
  Buffer picked_;   ///< those of them that belong to one pick
  Buffer decoded_;  ///< and as the Dataset gives them, before they are put in their places
};

}  // namespace serried
