#include "ml/kmeans/batches.hpp"

#include <algorithm>
#include <cstring>

#include "serried/base/faults.hpp"
#include "serried/comm/agree.hpp"

namespace serried::kmeans {
namespace {

/// floor(word / 2^64 * count): each of `count` numbers with the same probability but for 2^-64.
std::int64_t scaled(std::uint64_t word, std::int64_t count) {
  __extension__ using Wide = unsigned __int128;
  return static_cast<std::int64_t>(static_cast<std::uint64_t>(
      (static_cast<Wide>(word) * static_cast<std::uint64_t>(count)) >> 64));
}

}  // namespace

Batches::Batches(Rows& rows, std::int64_t batch_rows, const RunRandom& random)
    : rows_(rows),
      random_(random),
      count_(std::max<std::int64_t>(
          1, rows.global_rows() / batch_rows + (rows.global_rows() % batch_rows > 0 ? 1 : 0))),
      row_bytes_(rows.features() * static_cast<std::int64_t>(size_of(rows.dtype()))) {}

void Batches::load(std::int64_t epoch, std::int64_t first, std::int64_t last) {
  agree(rows_.context().comm(), [&] { choose(epoch, first, last); });
  rows_.pass("batches", [&](const Unit& unit) { copy(unit); });
}

Batch Batches::batch(std::int64_t number) const {
  const auto at = static_cast<std::size_t>(number - first_);
  const std::int64_t begin = offsets_[at];
  const std::int64_t size = offsets_[at + 1] - begin;
  return {
      {data_.data() + begin * row_bytes_, size},
      rows_.has_weights() ? weights_.data() + begin : nullptr,
      std::span(numbers_).subspan(static_cast<std::size_t>(begin), static_cast<std::size_t>(size))};
}

/// Finds this rank's rows of the batches and their places: by batch, then by row.
void Batches::choose(std::int64_t epoch, std::int64_t first, std::int64_t last) {
  struct Found {
    std::int64_t row = 0;
    std::int64_t batch = 0;
  };
  constexpr std::int64_t run = 1 << 16;
  const RowRange own = rows_.own_rows();
  const std::int64_t runs = (rows_.local_rows() + run - 1) / run;
  std::vector<std::vector<Found>> parts(static_cast<std::size_t>(runs));
  rows_.context().backend()->threads().parallel_for(runs, [&](std::int64_t part, int) {
    const std::int64_t begin = own.begin + part * run;
    const std::int64_t end = std::min(own.end, begin + run);
    auto& found = parts[static_cast<std::size_t>(part)];
    for (std::int64_t pair = begin / 2; 2 * pair < end; ++pair) {
      const auto words =
          random_.words(RunRandom::Purpose::batches, static_cast<std::uint64_t>(epoch),
                        static_cast<std::uint64_t>(pair));
      for (std::int64_t row = std::max(begin, 2 * pair); row < std::min(end, 2 * pair + 2); ++row) {
        const std::int64_t batch = scaled(words[static_cast<std::size_t>(row - 2 * pair)], count_);
        if (batch >= first && batch < last) found.push_back({row, batch});
      }
    }
  });
  first_ = first;
  offsets_.assign(static_cast<std::size_t>(last - first) + 1, 0);
  for (const auto& part : parts)
    for (const Found& found : part) ++offsets_[static_cast<std::size_t>(found.batch - first) + 1];
  for (std::size_t i = 1; i < offsets_.size(); ++i) offsets_[i] += offsets_[i - 1];
  const auto total = static_cast<std::size_t>(offsets_.back());
  numbers_.resize(total);
  faults::before_allocation();
  data_.resize(total * static_cast<std::size_t>(row_bytes_));
  weights_.resize(rows_.has_weights() ? total : 0);
  chosen_.clear();
  chosen_.reserve(total);
  std::vector<std::int64_t> next(offsets_.begin(), offsets_.end() - 1);
  for (const auto& part : parts)
    for (const Found& found : part) {
      const std::int64_t place = next[static_cast<std::size_t>(found.batch - first)]++;
      numbers_[static_cast<std::size_t>(place)] = found.row;
      chosen_.push_back({found.row, place});
    }
}

void Batches::copy(const Unit& unit) {
  auto at = std::ranges::lower_bound(chosen_, unit.rows.begin, {}, &Chosen::row);
  for (; at != chosen_.end() && at->row < unit.rows.end; ++at) {
    const std::int64_t i = at->row - unit.rows.begin;
    std::memcpy(data_.data() + at->place * row_bytes_,
                static_cast<const std::byte*>(unit.data) + i * row_bytes_,
                static_cast<std::size_t>(row_bytes_));
    if (unit.weights != nullptr) weights_[static_cast<std::size_t>(at->place)] = unit.weights[i];
  }
}

}  // namespace serried::kmeans
