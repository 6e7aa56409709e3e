#include "array/scan/row_scan.hpp"

#include <algorithm>
#include <atomic>
#include <functional>
#include <span>

#include "serried/comm/agree.hpp"

namespace serried {
namespace {

constexpr int states_tag = 31004;
/// Blocks that a thread takes at a time, and columns at a time, so that states take little room.
constexpr std::int64_t task_bytes = std::int64_t{1} << 18;
constexpr std::int64_t most_state_bytes = std::int64_t{16} << 20;
constexpr std::int64_t fewest_columns = 64;

/// Columns [first, first + count) of a group of rows.
struct Columns {
  std::int64_t first_row = 0;
  std::int64_t first = 0;
  std::int64_t count = 1;
};

/// The rows of one rank, in blocks.
class RowScan {
 public:
  RowScan(const Context& ctx, const ScannedMemory& memory, std::vector<std::int64_t> begins)
      : ctx_(ctx),
        memory_(memory),
        begins_(std::move(begins)),
        kernels_(ctx.backend()->kernels<ScanKernels>(memory.dtype)),
        state_bytes_(kernels_.state_bytes(memory.op)) {}

  [[nodiscard]] std::int64_t blocks() const {
    return static_cast<std::int64_t>(begins_.size()) - 1;
  }
  [[nodiscard]] std::int64_t bytes_of(std::int64_t columns) const { return columns * state_bytes_; }

  void clear(std::byte* states, std::int64_t columns) const {
    kernels_.clear(memory_.op, states, columns);
  }

  /// Scans all blocks, one after the other.
  void scan(const Columns& columns, std::byte* states) {
    for (std::int64_t block = 0; block < blocks(); ++block)
      scan_block(block, columns, states, true);
  }

  /// Makes the states of each block by itself.
  void make_states(const Columns& columns, std::byte* of_blocks) {
    share(columns.count, [&](std::int64_t block) {
      std::byte* const own = of_blocks + block * bytes_of(columns.count);
      clear(own, columns.count);
      scan_block(block, columns, own, false);
    });
  }
  /// Replaces them by what stands before each block, and `before` by what stands behind the last.
  /// @param room for the states of a block.
  void chain(std::int64_t columns, std::byte* of_blocks, std::byte* before, std::byte* room) const {
    const auto bytes = static_cast<std::size_t>(bytes_of(columns));
    for (std::int64_t block = 0; block < blocks(); ++block) {
      std::byte* const at = of_blocks + block * bytes_of(columns);
      std::copy_n(at, bytes, room);
      std::copy_n(before, bytes, at);
      kernels_.append(memory_.op, before, room, columns);
    }
  }
  /// Scans each block behind what stands before it.
  void scan_behind(const Columns& columns, std::byte* of_blocks) {
    share(columns.count, [&](std::int64_t block) {
      scan_block(block, columns, of_blocks + block * bytes_of(columns.count), true);
    });
  }
  [[nodiscard]] bool has_failed() const { return has_failed_.load(); }

 private:
  void scan_block(std::int64_t block, const Columns& columns, std::byte* states, bool is_stored) {
    const std::int64_t begin = begins_[static_cast<std::size_t>(block)];
    const std::int64_t count = begins_[static_cast<std::size_t>(block) + 1] - begin;
    if (count == 0) return;
    const std::int64_t first = (columns.first_row + begin) * memory_.columns + columns.first;
    const auto bytes = static_cast<std::int64_t>(size_of(memory_.dtype));
    const auto stored = static_cast<std::int64_t>(size_of(scanned_dtype(memory_.dtype)));
    if (!kernels_.scan({.op = memory_.op,
                        .skips_nan = memory_.skips_nan,
                        .rows = memory_.from + first * bytes,
                        .count = count,
                        .columns = columns.count,
                        .stride = memory_.columns},
                       states, is_stored ? memory_.to + first * stored : nullptr) &&
        is_stored)
      has_failed_.store(true);
  }

  void share(std::int64_t columns, const std::function<void(std::int64_t block)>& work) const {
    const std::int64_t rows = begins_.back() - begins_.front();
    const std::int64_t block_bytes =
        rows * columns * static_cast<std::int64_t>(size_of(memory_.dtype)) / blocks();
    const std::int64_t run = std::max<std::int64_t>(1, task_bytes / (block_bytes + 1));
    ctx_.backend()->threads().parallel_for((blocks() + run - 1) / run, [&](std::int64_t i, int) {
      for (std::int64_t block = i * run; block < std::min(blocks(), (i + 1) * run); ++block)
        work(block);
    });
  }

  const Context& ctx_;
  const ScannedMemory& memory_;
  std::vector<std::int64_t> begins_;
  const ScanKernels& kernels_;
  std::int64_t state_bytes_;
  std::atomic<bool> has_failed_{false};
};

/// Columns that are scanned together, where a rank has up to `blocks` blocks.
std::int64_t columns_at_once(const RowScan& scan, std::int64_t blocks, std::int64_t columns) {
  const std::int64_t fitting =
      most_state_bytes / (scan.bytes_of(1) * std::max<std::int64_t>(1, blocks));
  return std::min(columns, std::max(fewest_columns, fitting / fewest_columns * fewest_columns));
}

}  // namespace

bool scan_here(const Context& ctx, const ScannedMemory& memory, std::int64_t groups,
               const std::vector<std::int64_t>& begins) {
  if (begins.back() == 0) return true;
  RowScan scan(ctx, memory, begins);
  const ThreadPool& pool = ctx.backend()->threads();
  if (pool.threads() > 1 && groups < pool.threads()) {
    // all threads share the blocks of a group
    const std::int64_t width = columns_at_once(scan, scan.blocks(), memory.columns);
    std::vector<std::byte> before(static_cast<std::size_t>(scan.bytes_of(width)));
    std::vector<std::byte> room(before.size());
    std::vector<std::byte> of_blocks(before.size() * static_cast<std::size_t>(scan.blocks()));
    for (std::int64_t group = 0; group < groups; ++group)
      for (std::int64_t first = 0; first < memory.columns; first += width) {
        const Columns columns{group * begins.back(), first,
                              std::min(width, memory.columns - first)};
        scan.clear(before.data(), columns.count);
        scan.make_states(columns, of_blocks.data());
        scan.chain(columns.count, of_blocks.data(), before.data(), room.data());
        scan.scan_behind(columns, of_blocks.data());
      }
  } else {
    const std::int64_t group_bytes =
        begins.back() * memory.columns * static_cast<std::int64_t>(size_of(memory.dtype));
    const std::int64_t run = std::clamp<std::int64_t>(
        task_bytes / (group_bytes + 1), 1, std::max<std::int64_t>(1, groups / pool.threads()));
    pool.parallel_for((groups + run - 1) / run, [&](std::int64_t i, int) {
      std::vector<std::byte> states(static_cast<std::size_t>(scan.bytes_of(memory.columns)));
      for (std::int64_t group = i * run; group < std::min(groups, (i + 1) * run); ++group) {
        scan.clear(states.data(), memory.columns);
        scan.scan({group * begins.back(), 0, memory.columns}, states.data());
      }
    });
  }
  return !scan.has_failed();
}

bool scan_over_ranks(const Context& ctx, const ScannedMemory& memory, const Layout& layout) {
  // the ranks with rows before and after this one
  const auto has_rows = [&](int rank) { return !layout.rows_of(rank).is_empty(); };
  int previous = ctx.rank() - 1;
  while (previous >= 0 && !has_rows(previous)) --previous;
  int next = ctx.rank() + 1;
  while (next < ctx.size() && !has_rows(next)) ++next;
  const bool is_last = next == ctx.size();
  // the last one needs to know no block's states beforehand
  const bool is_in_order = is_last && ctx.backend()->threads().threads() == 1;
  std::int64_t most_blocks = 1;
  for (int rank = 0; rank < ctx.size(); ++rank)
    most_blocks = std::max(most_blocks, layout.first_tile(rank + 1) - layout.first_tile(rank));

  std::vector<std::int64_t> begins;
  const std::int64_t first_row = layout.rows_of(ctx.rank()).begin;
  for (std::int64_t tile = layout.first_tile(ctx.rank()); tile <= layout.first_tile(ctx.rank() + 1);
       ++tile)
    begins.push_back(layout.tile_begin(tile) - first_row);
  RowScan scan(ctx, memory, std::move(begins));
  const std::int64_t width = columns_at_once(scan, most_blocks, memory.columns);
  std::vector<std::byte> before;
  std::vector<std::byte> room;
  std::vector<std::byte> of_blocks;
  agree(ctx.comm(), [&] {
    if (!has_rows(ctx.rank())) return;
    before.resize(static_cast<std::size_t>(scan.bytes_of(width)));
    room.resize(before.size());
    if (!is_in_order) of_blocks.resize(before.size() * static_cast<std::size_t>(scan.blocks()));
  });
  if (!has_rows(ctx.rank())) return true;
  for (std::int64_t first = 0; first < memory.columns; first += width) {
    const Columns columns{0, first, std::min(width, memory.columns - first)};
    const std::span<std::byte> states(before.data(),
                                      static_cast<std::size_t>(scan.bytes_of(columns.count)));
    if (!is_in_order) scan.make_states(columns, of_blocks.data());
    if (previous < 0)
      scan.clear(states.data(), columns.count);
    else
      ctx.comm().receive(states, previous, states_tag);
    if (is_in_order) {
      scan.scan(columns, states.data());
      continue;
    }
    scan.chain(columns.count, of_blocks.data(), states.data(), room.data());
    if (!is_last) ctx.comm().send(std::span<const std::byte>(states), next, states_tag);
    scan.scan_behind(columns, of_blocks.data());
  }
  return !scan.has_failed();
}

}  // namespace serried
