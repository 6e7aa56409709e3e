#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <unordered_map>
#include <vector>

#include "io/metadata.hpp"
#include "io/row_reader.hpp"
#include "io/transfers.hpp"
#include "serried/base/row_range.hpp"
#include "serried/context.hpp"

namespace serried {

/// Rows that one rank wants: runs of rows, ascending, which lie one after the other in its memory.
using WantedRows = std::vector<RowRange>;

/// Reads rows of all ranks together, so that each chunk of the files is read and decompressed by
/// one rank; the pieces are exchanged in memory, in rounds of bounded size.
class ChunkExchange {
 public:
  /// Everything must outlive the exchange. Local.
  ChunkExchange(const Context& ctx, const std::vector<PartMeta>& parts,
                const std::vector<PartGeometry>& geometry, std::int64_t row_elements, DType dtype,
                RowReader& reader);

  /// Fills `to` with this rank's rows. Collective.
  /// @param wanted of each rank; the same on all ranks.
  /// @param round_bytes of pieces that a rank reads and sends at a time, at least one chunk.
  /// @return the chunks that were read, by all ranks.
  /// @throws RankError if reading fails on any rank.
  std::int64_t read(const std::vector<WantedRows>& wanted, std::int64_t round_bytes, std::byte* to);

 private:
  /// A block of one item's selected elements, inside one chunk.
  struct ItemBlock {
    std::size_t part = 0;
    std::int64_t item = 0;  ///< of the part
    std::vector<std::int64_t> begin;
    std::vector<std::int64_t> count;
    std::int64_t elements = 0;
  };
  /// What all selections have in one chunk; their elements lie one item after the other.
  struct Block {
    std::vector<ItemBlock> items;
    std::int64_t bytes = 0;  ///< of the values
  };
  /// Blocks by chunk, of datasets that several items select from.
  using BlocksOfChunks = std::unordered_map<std::uint64_t, std::size_t>;
  /// A piece of an item's block that one rank wants: where it stands in the block and in the rank's
  /// memory.
  struct Piece {
    std::vector<std::int64_t> begin;  ///< in the item's axes
    std::vector<std::int64_t> count;
    std::int64_t offset = 0;  ///< in elements of the rank's memory
    std::int64_t elements = 0;
  };

  /// A piece that has come, in the C order of its own axes.
  struct Received {
    const std::byte* from = nullptr;
    std::int64_t offset = 0;            ///< in elements of this rank's memory
    std::vector<std::int64_t> strides;  ///< there
    std::vector<std::int64_t> count;
  };

  [[nodiscard]] std::vector<Block> list_blocks(const std::vector<WantedRows>& wanted) const;
  void list_blocks_of_item(const std::vector<WantedRows>& wanted, std::size_t part,
                           std::int64_t item, std::vector<Block>& blocks,
                           BlocksOfChunks* known) const;
  template <class F>
  void visit_pieces(const ItemBlock& block, const WantedRows& rows, F&& visit) const;
  void read_block(const Block& block);
  void pack(const Block& block, const std::vector<WantedRows>& wanted, std::byte* send,
            std::vector<std::int64_t>& cursors) const;
  void list_received(std::span<const Block> blocks, const WantedRows& rows, const std::byte* from,
                     std::vector<Received>& received) const;
  void unpack(const std::vector<Received>& received, std::byte* to) const;

  const Context& ctx_;
  const std::vector<PartMeta>& parts_;
  const std::vector<PartGeometry>& geometry_;
  std::int64_t row_elements_;
  std::size_t element_bytes_;
  RowReader& reader_;
  std::vector<std::byte> values_;  ///< of the block that was read
};

}  // namespace serried
