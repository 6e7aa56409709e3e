#include "report/rank_rows.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <set>
#include <string_view>
#include <utility>

namespace serried {
namespace {

bool is_alike(const RankReport& a, const RankReport& b, bool is_host_free) {
  return (is_host_free || a.host == b.host) && a.threads == b.threads &&
         a.threads_source == b.threads_source && a.instruction_level == b.instruction_level &&
         a.device == b.device;
}

void add_piece(std::set<std::pair<int, int>>& pieces, std::string_view text) {
  const std::size_t dash = text.find('-');
  const std::string_view low_text = text.substr(0, dash);
  const std::string_view high_text =
      dash == std::string_view::npos ? low_text : text.substr(dash + 1);
  int low = 0;
  int high = 0;
  const auto low_end = std::from_chars(low_text.data(), low_text.data() + low_text.size(), low);
  const auto high_end =
      std::from_chars(high_text.data(), high_text.data() + high_text.size(), high);
  if (low_end.ec == std::errc{} && high_end.ec == std::errc{} && low <= high)
    pieces.insert({low, high});
}

/// "1.2 GB", or "1.2 GB - 1.4 GB" where the ranks differ.
template <class Field>
std::string span_text(std::span<const RankReport> ranks, Field field) {
  std::int64_t least = INT64_MAX;
  std::int64_t most = 0;
  for (const RankReport& rank : ranks) {
    least = std::min(least, rank.*field);
    most = std::max(most, rank.*field);
  }
  const std::string low = bytes_to_text(least);
  const std::string high = bytes_to_text(most);
  return low == high ? high : low + " - " + high;
}

RankRow make_row(std::span<const RankReport> ranks, std::size_t first, std::size_t last) {
  std::vector<std::string> hosts;
  std::vector<std::string> cores;
  for (std::size_t r = first; r < last; ++r) {
    if (hosts.empty() || hosts.back() != ranks[r].host) hosts.push_back(ranks[r].host);
    cores.push_back(ranks[r].cores);
  }
  const RankReport& head = ranks[first];
  const bool is_same_cores =
      std::all_of(cores.begin(), cores.end(), [&](const auto& c) { return c == head.cores; });
  return {
      .ranks = last - first == 1 ? fmt::format("{}", first) : fmt::format("{}-{}", first, last - 1),
      .hosts = hosts.size() == 1
                   ? hosts.front()
                   : fmt::format("{} .. {} ({} hosts)", hosts.front(), hosts.back(), hosts.size()),
      .cores = is_same_cores ? head.cores : unite_cpu_lists(cores),
      .threads = fmt::format("{} ({})", head.threads, head.threads_source),
      .instruction_level = head.instruction_level,
      .device = head.device,
      .peak_memory = span_text(ranks.subspan(first, last - first), &RankReport::peak_memory_bytes),
      .file_bytes = span_text(ranks.subspan(first, last - first), &RankReport::file_bytes)};
}

std::vector<RankRow> fold(std::span<const RankReport> ranks, bool is_host_free) {
  std::vector<RankRow> rows;
  for (std::size_t first = 0; first < ranks.size();) {
    std::size_t last = first + 1;
    while (last < ranks.size() && is_alike(ranks[first], ranks[last], is_host_free)) ++last;
    rows.push_back(make_row(ranks, first, last));
    first = last;
  }
  return rows;
}

}  // namespace

std::string bytes_to_text(std::int64_t bytes) {
  static constexpr std::array<const char*, 6> units = {"B", "kB", "MB", "GB", "TB", "PB"};
  double value = static_cast<double>(bytes);
  std::size_t unit = 0;
  while (value >= 999.5 && unit + 1 < units.size()) {
    value /= 1000;
    ++unit;
  }
  return unit == 0 ? fmt::format("{} B", bytes) : fmt::format("{:.3g} {}", value, units[unit]);
}

std::string unite_cpu_lists(std::span<const std::string> lists) {
  std::set<std::pair<int, int>> pieces;
  for (const std::string& list : lists) {
    std::string_view rest = list;
    while (!rest.empty()) {
      const std::size_t comma = rest.find(',');
      add_piece(pieces, rest.substr(0, comma));
      rest = comma == std::string_view::npos ? std::string_view{} : rest.substr(comma + 1);
    }
  }
  std::vector<std::pair<int, int>> merged;
  for (const auto& piece : pieces) {
    if (!merged.empty() && piece.first <= merged.back().second + 1)
      merged.back().second = std::max(merged.back().second, piece.second);
    else
      merged.push_back(piece);
  }
  std::string text;
  for (const auto& [low, high] : merged) {
    if (!text.empty()) text += ',';
    text += low == high ? fmt::format("{}", low) : fmt::format("{}-{}", low, high);
  }
  return text;
}

std::vector<RankRow> fold_ranks(std::span<const RankReport> ranks, std::size_t max_rows) {
  std::vector<RankRow> rows = fold(ranks, false);
  if (rows.size() > max_rows) rows = fold(ranks, true);
  return rows;
}

}  // namespace serried
