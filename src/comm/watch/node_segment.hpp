#pragma once

#include <array>
#include <atomic>
#include <memory>
#include <optional>
#include <string>

#include "comm/watch/rank_slot.hpp"
#include "serried/comm/communicator.hpp"
#include "serried/comm/watchdog.hpp"

namespace serried::comm {

/// Memory that the ranks of a node share: the board of each, and the verdict. It has no name any
/// more when make returns, so nothing is left behind whatever dies; it is never unmapped, because
/// boards are written until the process ends.
class NodeSegment {
 public:
  /// Collective over the ranks of a node.
  /// @return nothing on all of them if one cannot have it; `why` then says why.
  [[nodiscard]] static std::shared_ptr<NodeSegment> make(const Communicator& node,
                                                         std::string& why);

  [[nodiscard]] int size() const noexcept { return size_; }
  [[nodiscard]] RankSlot& slot(int node_rank) const noexcept;
  /// The first verdict stands. Local.
  void post(const WatchdogVerdict& verdict) noexcept;
  /// Local.
  [[nodiscard]] std::optional<WatchdogVerdict> verdict() const;

  /// Public for make_shared.
  NodeSegment(std::byte* memory, int size) : memory_(memory), size_(size) {}

 private:
  struct Header;
  [[nodiscard]] Header& header() const noexcept;
  std::byte* memory_;
  int size_;
};

}  // namespace serried::comm
