#pragma once

#include <string>
#include <vector>

#include "serried/comm/communicator.hpp"

namespace serried::comm {

/// Which rank is where. Hosts are numbered by their first ranks.
struct Places {
  int rank = 0;                         ///< this one
  std::vector<int> host_of_rank;        ///< by rank of the whole
  std::vector<std::string> host_names;  ///< by host
  std::vector<std::vector<int>> ranks;  ///< by host, ascending

  [[nodiscard]] int host() const { return host_of_rank[static_cast<std::size_t>(rank)]; }
  /// The ranks of this one's host: its node rank r is entry r.
  [[nodiscard]] const std::vector<int>& own_ranks() const {
    return ranks[static_cast<std::size_t>(host())];
  }
};

/// Collective over `all`; `node` is its part on one host.
[[nodiscard]] Places find_places(const Communicator& all, const Communicator& node);

/// "rank 3 on host a", "ranks 4 to 7 on host b". Local.
[[nodiscard]] std::string text_of_ranks(const Places& places, const std::vector<int>& ranks);

}  // namespace serried::comm
