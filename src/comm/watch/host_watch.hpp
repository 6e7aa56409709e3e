#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "comm/watch/call_text.hpp"
#include "comm/watch/judge.hpp"
#include "comm/watch/links.hpp"
#include "comm/watch/node_segment.hpp"
#include "comm/watch/node_watch.hpp"
#include "comm/watch/places.hpp"
#include "comm/watch/rank_view.hpp"

namespace serried::comm {

/// What the first rank of each host does: it compares the boards of its host, sends what they say
/// towards host 0, which judges them all, and notices when a link falls silent.
class HostWatch {
 public:
  /// @param links nothing where there is one host, or where links could not be made; then nobody
  /// judges more than one host.
  HostWatch(std::shared_ptr<NodeSegment> segment, const Places& places,
            std::unique_ptr<Links> links, const WatchTimes& times);
  /// To be called once a tick. Local.
  [[nodiscard]] std::optional<WatchdogVerdict> tick();
  /// Passes a verdict on to all hosts that do not have it from here. Local.
  void announce(const WatchdogVerdict& verdict);
  /// Tells the neighbours that this host leaves without harm. Local.
  void say_goodbye();

 private:
  using Windows = std::map<std::uint64_t, std::vector<RecordedCall>>;
  struct Neighbour {
    std::uint64_t heard_at = 0;   ///< own tick
    std::uint64_t closed_at = 0;  ///< own tick; 0: open
    bool has_left = false;
  };
  /// What ranks called in one place, asked of all hosts.
  struct Inquiry {
    std::uint64_t communicator = 0;
    std::uint64_t number = 0;
    std::uint64_t since = 0;
    int rank = 0;  ///< the two that differ
    int other = 0;
    struct Answer {
      int rank = 0;
      std::uint64_t hash = 0;
      std::string text;
    };
    std::vector<Answer> answers;
  };

  [[nodiscard]] bool is_root() const { return places_.host() == 0; }
  [[nodiscard]] bool sees_all() const { return places_.ranks.size() == 1 || links_ != nullptr; }
  [[nodiscard]] std::vector<RankView> own_views() const;
  void receive();
  void take(const Links::Message& message);
  void take_report(std::span<const std::byte> message);
  void take_inquiry(std::span<const std::byte> message);
  void report();
  [[nodiscard]] std::optional<WatchdogVerdict> check_links();
  [[nodiscard]] std::optional<WatchdogVerdict> compare_own();
  [[nodiscard]] std::optional<WatchdogVerdict> answer_inquiry();
  [[nodiscard]] std::optional<WatchdogVerdict> judge();
  void compare_with(int rank, std::uint64_t communicator, std::span<const RecordedCall> calls);
  [[nodiscard]] std::vector<Inquiry::Answer> own_answers(std::uint64_t communicator,
                                                         std::uint64_t number) const;

  std::shared_ptr<NodeSegment> segment_;
  const Places& places_;
  std::unique_ptr<Links> links_;
  WatchTimes times_;
  Judge judge_;
  std::uint64_t now_ = 0;
  std::map<int, Neighbour> neighbours_;
  std::map<int, RankView> views_;  ///< of ranks of other hosts; on host 0
  std::optional<Inquiry> inquiry_;
  std::optional<WatchdogVerdict> received_;
  int received_from_ = -1;
};

}  // namespace serried::comm
