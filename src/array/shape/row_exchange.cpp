#include "array/shape/row_exchange.hpp"

#include <algorithm>
#include <cstring>
#include <utility>

#include "array/rank_order.hpp"
#include "serried/comm/agree.hpp"

namespace serried {
namespace {

constexpr std::int64_t round_bytes = std::int64_t{1} << 23;
/// Of a row that is sent at a time, so that rows of any length take rounds of bounded memory.
constexpr std::int64_t part_bytes = std::int64_t{1} << 16;
/// Entries that a thread takes at a time.
constexpr std::int64_t run_entries = 1024;

void for_entries(const Context& ctx, std::int64_t count,
                 const std::function<void(std::int64_t i)>& task) {
  ctx.backend()->threads().parallel_for(
      (count + run_entries - 1) / run_entries, [&](std::int64_t run, int) {
        const std::int64_t end = std::min(count, (run + 1) * run_entries);
        for (std::int64_t i = run * run_entries; i < end; ++i) task(i);
      });
}

}  // namespace

RowRequests::RowRequests(const Context& ctx, std::vector<std::int64_t> rows, const Layout& layout)
    : ctx_(ctx), layout_(layout), rows_(std::move(rows)) {
  agree(ctx.comm(), [&] {
    order_.resize(rows_.size());
    std::vector<std::int64_t> cuts;
    for (int rank = 0; rank < ctx.size(); ++rank) cuts.push_back(layout.rows_of(rank).begin);
    std::vector<int> owners(rows_.size());
    for_entries(ctx, static_cast<std::int64_t>(rows_.size()), [&](std::int64_t i) {
      // of ranks without rows the last one begins at the row too, and has it
      const auto above = std::ranges::upper_bound(cuts, rows_[static_cast<std::size_t>(i)]);
      owners[static_cast<std::size_t>(i)] = static_cast<int>(above - cuts.begin()) - 1;
    });
    RankOrder order(owners, ctx.size());
    for (std::size_t i = 0; i < rows_.size(); ++i)
      order_[static_cast<std::size_t>(order.places[i])] = static_cast<std::int64_t>(i);
    offsets_ = std::move(order.offsets);
  });
}

void RowRequests::each_round(std::int64_t row_bytes,
                             const std::function<void(const Round&)>& run) const {
  const int ranks = ctx_.size();
  const std::int64_t share = round_bytes / ranks;
  const std::int64_t part = std::min(row_bytes, std::max(share, part_bytes));
  const std::int64_t entries = std::max<std::int64_t>(1, share / std::max<std::int64_t>(part, 16));
  std::int64_t most = 0;
  for (std::size_t r = 0; r + 1 < offsets_.size(); ++r)
    most = std::max(most, offsets_[r + 1] - offsets_[r]);
  most = ctx_.comm().allreduce(most, ReduceOp::max);
  for (std::int64_t begin = 0; begin < most; begin += entries) {
    Round round;
    agree(ctx_.comm(), [&] {
      round.offsets.assign(1, 0);
      for (std::size_t r = 0; r + 1 < offsets_.size(); ++r) {
        const std::int64_t first = std::min(offsets_[r + 1], offsets_[r] + begin);
        const std::int64_t last = std::min(offsets_[r + 1], first + entries);
        round.entries.insert(round.entries.end(), order_.begin() + first, order_.begin() + last);
        round.offsets.push_back(static_cast<std::int64_t>(round.entries.size()));
      }
    });
    for (std::int64_t first = 0; first < row_bytes; first += part) {
      round.first = first;
      round.bytes = std::min(part, row_bytes - first);
      run(round);
    }
  }
}

void RowRequests::fetch(std::int64_t row_bytes, const std::byte* data,
                        const std::function<void(std::int64_t, std::int64_t, const std::byte*,
                                                 std::int64_t)>& give) const {
  const std::int64_t first_row = layout_.rows_of(ctx_.rank()).begin;
  each_round(row_bytes, [&](const Round& round) {
    std::vector<std::int64_t> asked;
    std::vector<std::byte> answers;
    std::vector<std::int64_t> offsets;
    agree(ctx_.comm(), [&] {
      for (const std::int64_t entry : round.entries)
        asked.push_back(rows_[static_cast<std::size_t>(entry)]);
    });
    const auto wanted = ctx_.comm().alltoall(std::span<const std::int64_t>(asked), round.offsets);
    agree(ctx_.comm(), [&] {
      answers.resize(wanted.values.size() * static_cast<std::size_t>(round.bytes));
      for_entries(ctx_, static_cast<std::int64_t>(wanted.values.size()), [&](std::int64_t i) {
        const std::int64_t row = wanted.values[static_cast<std::size_t>(i)] - first_row;
        std::memcpy(answers.data() + i * round.bytes, data + row * row_bytes + round.first,
                    static_cast<std::size_t>(round.bytes));
      });
      for (const std::int64_t offset : wanted.offsets) offsets.push_back(offset * round.bytes);
    });
    const auto received = ctx_.comm().alltoall(std::span<const std::byte>(answers), offsets);
    for_entries(ctx_, static_cast<std::int64_t>(round.entries.size()), [&](std::int64_t i) {
      give(round.entries[static_cast<std::size_t>(i)], round.first,
           received.values.data() + i * round.bytes, round.bytes);
    });
  });
}

void RowRequests::store(std::int64_t row_bytes, const std::byte* values, std::byte* data) const {
  struct Entry {
    std::int64_t row = 0;
    std::int64_t number = 0;  ///< in the order of ranks and of their numbers
  };
  const RowRange mine = layout_.rows_of(ctx_.rank());
  const std::int64_t before =
      ctx_.comm().exscan(static_cast<std::int64_t>(rows_.size()), ReduceOp::sum);
  std::vector<std::int64_t> last;  // the number that was stored in each row
  agree(ctx_.comm(), [&] { last.assign(static_cast<std::size_t>(mine.size()), -1); });
  each_round(row_bytes, [&](const Round& round) {
    std::vector<Entry> entries;
    std::vector<std::byte> sent;
    std::vector<std::int64_t> offsets;
    agree(ctx_.comm(), [&] {
      sent.resize(round.entries.size() * static_cast<std::size_t>(round.bytes));
      for (const std::int64_t entry : round.entries)
        entries.push_back({rows_[static_cast<std::size_t>(entry)], before + entry});
      for_entries(ctx_, static_cast<std::int64_t>(round.entries.size()), [&](std::int64_t i) {
        std::memcpy(sent.data() + i * round.bytes,
                    values + round.entries[static_cast<std::size_t>(i)] * row_bytes + round.first,
                    static_cast<std::size_t>(round.bytes));
      });
      for (const std::int64_t offset : round.offsets) offsets.push_back(offset * round.bytes);
    });
    const auto places = ctx_.comm().alltoall(std::span<const Entry>(entries), round.offsets);
    const auto rows = ctx_.comm().alltoall(std::span<const std::byte>(sent), offsets);
    // one thread: a row may come several times
    for (std::size_t i = 0; i < places.values.size(); ++i) {
      const Entry& entry = places.values[i];
      std::int64_t& known = last[static_cast<std::size_t>(entry.row - mine.begin)];
      if (entry.number < known) continue;
      known = entry.number;
      std::memcpy(data + (entry.row - mine.begin) * row_bytes + round.first,
                  rows.values.data() + static_cast<std::int64_t>(i) * round.bytes,
                  static_cast<std::size_t>(round.bytes));
    }
  });
}

}  // namespace serried
