#include "io/chunk_exchange.hpp"

#include <algorithm>
#include <exception>

#include "io/chunk_slabs.hpp"
#include "io/element_boxes.hpp"
#include "io/geometry.hpp"
#include "io/transposition.hpp"
#include "serried/base/faults.hpp"
#include "serried/comm/agree.hpp"

namespace serried {
namespace {

/// Elements of a piece that are put in their places at a time.
constexpr std::int64_t slice_elements = 8192;

/// A run of selected indices along one axis.
struct Interval {
  std::int64_t begin = 0;
  std::int64_t count = 0;
};

/// The selected indices of an axis, cut where chunks end.
std::vector<Interval> cut_by_chunks(const SelectedAxis& axis, std::int64_t chunk) {
  std::vector<Interval> intervals;
  for (std::int64_t begin = 0; begin < axis.count;) {
    const std::int64_t beyond = ((axis.start + begin * axis.step) / chunk + 1) * chunk;
    const std::int64_t end =
        std::min(axis.count, (beyond - axis.start + axis.step - 1) / axis.step);
    intervals.push_back({begin, end - begin});
    begin = end;
  }
  return intervals;
}

std::int64_t product(const std::vector<std::int64_t>& extents) {
  std::int64_t result = 1;
  for (const std::int64_t extent : extents) result *= extent;
  return result;
}

/// [first, last) of `count` things that belong to a rank.
std::pair<std::size_t, std::size_t> share_of(std::size_t count, int rank, int ranks) {
  const auto at = [&](int r) {
    return count * static_cast<std::size_t>(r) / static_cast<std::size_t>(ranks);
  };
  return {at(rank), at(rank + 1)};
}

}  // namespace

ChunkExchange::ChunkExchange(const Context& ctx, const std::vector<PartMeta>& parts,
                             const std::vector<PartGeometry>& geometry, std::int64_t row_elements,
                             DType dtype, RowReader& reader)
    : ctx_(ctx),
      parts_(parts),
      geometry_(geometry),
      row_elements_(row_elements),
      element_bytes_(size_of(dtype)),
      reader_(reader) {}

/// The pieces of a block that are among the rows, in an order that sender and receiver share.
template <class F>
void ChunkExchange::visit_pieces(const ItemBlock& block, const WantedRows& rows, F&& visit) const {
  const PartMeta& part = parts_[block.part];
  const PartGeometry& geometry = geometry_[block.part];
  const ItemMeta& item = part.items[static_cast<std::size_t>(block.item)];
  // the block as a box of the part's axes
  std::array<std::int64_t, max_dimensions> begin{};
  std::array<std::int64_t, max_dimensions> end{};
  std::size_t kept = 0;
  if (part.is_series) {
    begin[0] = block.item;
    end[0] = block.item + 1;
    kept = 1;
  }
  const std::size_t series_axes = kept;
  for (std::size_t i = 0; i < item.axes.size(); ++i) {
    if (item.axes[i].is_dropped) continue;
    begin[kept] = item.axes[i].in_file_order(block.begin[i], block.count[i]);
    end[kept] = begin[kept] + block.count[i];
    ++kept;
  }
  // the first and the last row that the block has elements of
  RowRange touched{0, 1};
  for (const int axis : geometry.roles.samples) {
    const auto i = static_cast<std::size_t>(axis);
    const std::int64_t stride = geometry.strides[i] / row_elements_;
    touched.begin += begin[i] * stride;
    touched.end += (end[i] - 1) * stride;
  }
  std::int64_t rows_before = 0;
  for (const RowRange& run : rows) {
    const std::int64_t rows_of_run = run.size();
    rows_before += rows_of_run;
    if (intersect(run, touched).is_empty()) continue;
    for (const ElementBox& box : cut_into_boxes(geometry.samples, run, INT64_MAX)) {
      auto from = begin;
      auto to = end;
      bool is_empty = false;
      for (std::size_t s = 0; s < geometry.roles.samples.size(); ++s) {
        const auto axis = static_cast<std::size_t>(geometry.roles.samples[s]);
        from[axis] = std::max(from[axis], box.start[s]);
        to[axis] = std::min(to[axis], box.start[s] + box.extent[s]);
        is_empty = is_empty || from[axis] >= to[axis];
      }
      if (is_empty) continue;
      Piece piece;
      piece.offset =
          geometry.feature_begin - (run.begin - (rows_before - rows_of_run)) * row_elements_;
      for (std::size_t axis = 0; axis < kept; ++axis)
        piece.offset += from[axis] * geometry.strides[axis];
      std::size_t axis = series_axes;
      for (const SelectedAxis& selected : item.axes) {
        const std::int64_t count = selected.is_dropped ? 1 : to[axis] - from[axis];
        piece.begin.push_back(selected.is_dropped ? 0 : selected.in_file_order(from[axis], count));
        piece.count.push_back(count);
        if (selected.is_reversed) piece.offset += (count - 1) * geometry.strides[axis];
        if (!selected.is_dropped) ++axis;
      }
      piece.elements = product(piece.count);
      visit(piece);
    }
  }
}

void ChunkExchange::list_blocks_of_item(const std::vector<WantedRows>& wanted, std::size_t part,
                                        std::int64_t number, std::vector<Block>& blocks,
                                        BlocksOfChunks* known) const {
  const ItemMeta& item = parts_[part].items[static_cast<std::size_t>(number)];
  std::vector<std::vector<Interval>> cuts;
  for (std::size_t i = 0; i < item.axes.size(); ++i) {
    SelectedAxis axis = item.axes[i];
    if (axis.is_dropped) axis.count = 1;
    cuts.push_back(cut_by_chunks(axis, std::max<std::int64_t>(1, item.chunks[i])));
    if (cuts.back().empty()) return;
  }
  std::vector<std::size_t> at(cuts.size(), 0);
  while (true) {
    ItemBlock block{.part = part, .item = number, .begin = {}, .count = {}, .elements = 0};
    auto chunk = static_cast<std::uint64_t>(item.source);
    for (std::size_t i = 0; i < cuts.size(); ++i) {
      const Interval& cut = cuts[i][at[i]];
      block.begin.push_back(item.axes[i].is_dropped ? 0 : cut.begin);
      block.count.push_back(cut.count);
      const std::int64_t index = item.axes[i].start + cut.begin * item.axes[i].step;
      chunk = chunk * 0x9E3779B97F4A7C15U +
              static_cast<std::uint64_t>(index / std::max<std::int64_t>(1, item.chunks[i]));
    }
    block.elements = product(block.count);
    bool is_wanted = false;
    for (const WantedRows& rows : wanted) {
      visit_pieces(block, rows, [&](const Piece&) { is_wanted = true; });
      if (is_wanted) break;
    }
    if (is_wanted) {
      // two chunks of one name would be read together: as right, if not as good
      std::size_t place = blocks.size();
      if (known != nullptr) place = known->try_emplace(chunk, place).first->second;
      if (place == blocks.size()) blocks.emplace_back();
      blocks[place].bytes += block.elements * static_cast<std::int64_t>(element_bytes_);
      blocks[place].items.push_back(std::move(block));
    }
    std::size_t axis = cuts.size();
    while (axis > 0 && ++at[axis - 1] == cuts[axis - 1].size()) at[--axis] = 0;
    if (axis == 0) return;
  }
}

std::vector<ChunkExchange::Block> ChunkExchange::list_blocks(
    const std::vector<WantedRows>& wanted) const {
  std::unordered_map<std::int64_t, int> selections;  // by source
  for (const PartMeta& part : parts_)
    for (const ItemMeta& item : part.items) ++selections[item.source];
  std::vector<Block> blocks;
  BlocksOfChunks known;
  for (std::size_t part = 0; part < parts_.size(); ++part)
    for (std::size_t i = 0; i < parts_[part].items.size(); ++i) {
      const ItemMeta& item = parts_[part].items[i];
      if (item.is_filtered)
        list_blocks_of_item(wanted, part, static_cast<std::int64_t>(i), blocks,
                            selections[item.source] > 1 ? &known : nullptr);
    }
  return blocks;
}

/// Reads a block's values, each item's in the C order of its axes.
void ChunkExchange::read_block(const Block& block) {
  std::vector<Transfer> transfers;
  std::int64_t offset = 0;
  for (const ItemBlock& of : block.items) {
    transfers.push_back({.item = &parts_[of.part].items[static_cast<std::size_t>(of.item)],
                         .begin = of.begin,
                         .count = of.count,
                         .strides = c_strides(of.count),
                         .offset = offset,
                         .elements = of.elements});
    offset += of.elements;
  }
  faults::before_allocation();
  values_.resize(static_cast<std::size_t>(block.bytes));
  reader_.read_blocks(transfers, values_.data());
}

/// The pieces that a rank has received for the blocks [first, last) of one sender.
void ChunkExchange::list_received(std::span<const Block> blocks, const WantedRows& rows,
                                  const std::byte* from, std::vector<Received>& received) const {
  for (const Block& block : blocks)
    for (const ItemBlock& of : block.items) {
      const PartMeta& part = parts_[of.part];
      std::vector<std::int64_t> strides;
      std::size_t axis = part.is_series ? 1 : 0;
      for (const SelectedAxis& selected : part.items[static_cast<std::size_t>(of.item)].axes)
        strides.push_back(selected.is_dropped ? 0
                                              : (selected.is_reversed ? -1 : 1) *
                                                    geometry_[of.part].strides[axis++]);
      visit_pieces(of, rows, [&](const Piece& piece) {
        received.push_back({from, piece.offset, strides, piece.count});
        from += piece.elements * static_cast<std::int64_t>(element_bytes_);
      });
    }
}

/// Puts pieces in their places, a slice of each in turn: where each piece gives one element of many
/// rows, the rows of a slice stay in the cache until all pieces have been there.
void ChunkExchange::unpack(const std::vector<Received>& received, std::byte* to) const {
  const auto bytes = static_cast<std::int64_t>(element_bytes_);
  bool is_done = false;
  for (std::int64_t slice = 0; !is_done; ++slice) {
    is_done = true;
    for (const Received& piece : received) {
      const auto longest =
          static_cast<std::size_t>(std::ranges::max_element(piece.count) - piece.count.begin());
      const std::int64_t extent = piece.count.empty() ? 1 : piece.count[longest];
      const std::int64_t elements = product(piece.count);
      const std::int64_t step = std::max<std::int64_t>(1, slice_elements * extent / elements);
      const std::int64_t begin = slice * step;
      if (begin >= extent) continue;
      const std::int64_t end = std::min(extent, begin + step);
      is_done = is_done && end == extent;
      const std::vector<std::int64_t> strides = c_strides(piece.count);
      std::vector<std::int64_t> count = piece.count;
      std::int64_t from = 0;
      std::int64_t place = piece.offset;
      if (!count.empty()) {
        count[longest] = end - begin;
        from = begin * strides[longest];
        place += begin * piece.strides[longest];
      }
      copy_transposed(to + place * bytes, piece.strides, piece.from + from * bytes, strides, count,
                      element_bytes_);
    }
  }
}

/// Puts what each rank wants of the block that was read behind what is there for it already.
void ChunkExchange::pack(const Block& block, const std::vector<WantedRows>& wanted, std::byte* send,
                         std::vector<std::int64_t>& cursors) const {
  const auto bytes = static_cast<std::int64_t>(element_bytes_);
  for (std::size_t r = 0; r < wanted.size(); ++r) {
    std::int64_t offset = 0;  // of the item's values
    for (const ItemBlock& of : block.items) {
      const std::vector<std::int64_t> strides = c_strides(of.count);
      visit_pieces(of, wanted[r], [&](const Piece& piece) {
        std::int64_t from = offset;
        for (std::size_t axis = 0; axis < strides.size(); ++axis)
          from += (piece.begin[axis] - of.begin[axis]) * strides[axis];
        copy_transposed(send + cursors[r], c_strides(piece.count), values_.data() + from * bytes,
                        strides, piece.count, element_bytes_);
        cursors[r] += piece.elements * bytes;
      });
      offset += of.elements;
    }
  }
}

std::int64_t ChunkExchange::read(const std::vector<WantedRows>& wanted, std::int64_t round_bytes,
                                 std::byte* to) {
  const Communicator& comm = ctx_.comm();
  const int ranks = comm.size();
  const auto own = static_cast<std::size_t>(comm.rank());
  const std::vector<Block> blocks = agree_on(comm, [&] { return list_blocks(wanted); });
  // groups[r]: where the rounds of rank r begin in the list, and the end
  std::vector<std::vector<std::size_t>> groups(static_cast<std::size_t>(ranks));
  std::size_t rounds = 0;
  for (int rank = 0; rank < ranks; ++rank) {
    auto& begins = groups[static_cast<std::size_t>(rank)];
    const auto [first, last] = share_of(blocks.size(), rank, ranks);
    std::int64_t bytes = 0;
    for (std::size_t i = first; i < last; ++i) {
      if (i == first || bytes + blocks[i].bytes > round_bytes) {
        begins.push_back(i);
        bytes = 0;
      }
      bytes += blocks[i].bytes;
    }
    rounds = std::max(rounds, begins.size());
    begins.resize(std::max(begins.size(), rounds), last);
    begins.push_back(last);
  }
  for (auto& begins : groups) begins.resize(rounds + 1, begins.back());

  // what fails between two agreements is told in the next
  std::exception_ptr failure;
  std::vector<std::byte> send;
  std::vector<std::int64_t> offsets(static_cast<std::size_t>(ranks) + 1);
  for (std::size_t round = 0; round < rounds; ++round) {
    const std::size_t first = groups[own][round];
    const std::size_t last = groups[own][round + 1];
    agree(comm, [&] {
      if (failure) std::rethrow_exception(failure);
      for (int rank = 0; rank < ranks; ++rank) {
        const auto r = static_cast<std::size_t>(rank);
        std::int64_t elements = 0;
        for (std::size_t i = first; i < last; ++i)
          for (const ItemBlock& of : blocks[i].items)
            visit_pieces(of, wanted[r], [&](const Piece& piece) { elements += piece.elements; });
        offsets[r + 1] = offsets[r] + elements * static_cast<std::int64_t>(element_bytes_);
      }
      faults::before_allocation();
      send.resize(static_cast<std::size_t>(offsets.back()));
      std::vector<std::int64_t> cursors = offsets;
      for (std::size_t i = first; i < last; ++i) {
        read_block(blocks[i]);
        pack(blocks[i], wanted, send.data(), cursors);
      }
    });
    const auto received = comm.alltoall(std::span<const std::byte>(send), offsets);
    try {
      std::vector<Received> pieces;
      for (std::size_t r = 0; r < groups.size(); ++r)
        list_received(
            std::span(blocks).subspan(groups[r][round], groups[r][round + 1] - groups[r][round]),
            wanted[own], received.values.data() + received.offsets[r], pieces);
      unpack(pieces, to);
    } catch (...) {
      failure = std::current_exception();
    }
  }
  agree(comm, [&] {
    if (failure) std::rethrow_exception(failure);
    std::int64_t rows_before = 0;
    for (const RowRange& run : wanted[own]) {
      reader_.read_unfiltered(
          run, to + rows_before * row_elements_ * static_cast<std::int64_t>(element_bytes_));
      rows_before += run.size();
    }
  });
  return static_cast<std::int64_t>(blocks.size());
}

}  // namespace serried
