#include "comm/watch/places.hpp"

#include <algorithm>
#include <map>

#include "base/host_name.hpp"

namespace serried::comm {
namespace {

/// "3", "4 to 7", "1, 3, 5".
std::string numbers_text(const std::vector<int>& ranks) {
  const bool is_run =
      ranks.size() > 2 && ranks.back() - ranks.front() + 1 == static_cast<int>(ranks.size());
  if (is_run) return std::to_string(ranks.front()) + " to " + std::to_string(ranks.back());
  constexpr std::size_t most = 8;
  std::string text;
  for (std::size_t i = 0; i < ranks.size(); ++i) {
    if (i == most) return text + " and " + std::to_string(ranks.size() - most) + " more";
    text += (i == 0 ? "" : ", ") + std::to_string(ranks[i]);
  }
  return text;
}

}  // namespace

Places find_places(const Communicator& all, const Communicator& node) {
  Places places;
  places.rank = all.rank();
  // the first rank of a node stands for it
  const int first = node.broadcast(all.rank(), 0);
  const auto first_of_rank = all.allgather(first);
  const auto names = all.allgather_text(node.rank() == 0 ? host_name() : std::string());
  std::map<int, int> host_of_first;
  for (std::size_t r = 0; r < first_of_rank.size(); ++r) {
    const auto [entry, is_new] =
        host_of_first.emplace(first_of_rank[r], static_cast<int>(host_of_first.size()));
    if (is_new) {
      places.host_names.push_back(names[static_cast<std::size_t>(first_of_rank[r])]);
      places.ranks.emplace_back();
    }
    places.host_of_rank.push_back(entry->second);
    places.ranks[static_cast<std::size_t>(entry->second)].push_back(static_cast<int>(r));
  }
  return places;
}

std::string text_of_ranks(const Places& places, const std::vector<int>& ranks) {
  std::map<int, std::vector<int>> by_host;
  for (const int rank : ranks)
    by_host[places.host_of_rank[static_cast<std::size_t>(rank)]].push_back(rank);
  std::string text;
  for (auto& [host, its] : by_host) {
    std::sort(its.begin(), its.end());
    text += (text.empty() ? "" : ", ") + std::string(its.size() == 1 ? "rank " : "ranks ") +
            numbers_text(its) + " on host " + places.host_names[static_cast<std::size_t>(host)];
  }
  return text;
}

}  // namespace serried::comm
