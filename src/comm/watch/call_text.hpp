#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "comm/watch/rank_slot.hpp"

namespace serried::comm {

/// A call as it was read from a board.
struct RecordedCall {
  std::uint64_t number = 0;
  std::uint64_t hash = 0;
  std::uint64_t history = 0;
};

/// The last calls of a communicator, ascending by number; at most `most`. Local.
[[nodiscard]] std::vector<RecordedCall> last_calls(const RankSlot& slot, std::uint64_t communicator,
                                                   std::size_t most);

/// The calls among the last entries of the ring, by communicator, ascending by number. Local.
[[nodiscard]] std::map<std::uint64_t, std::vector<RecordedCall>> recent_calls(const RankSlot& slot,
                                                                              std::size_t entries);

/// Number of the first call in which two ranks' last calls of one communicator differ, also by one
/// rank having called nothing yet; 0 if they do not, or did so long ago. Entries with the number 0
/// are no calls. Local.
[[nodiscard]] std::uint64_t first_different_call(std::span<const RecordedCall> own,
                                                 std::span<const RecordedCall> its);

/// E.g. "allreduce (sum of 4 i64) at src/array/statistics.cpp:120"; nothing if the call is no
/// longer, or not yet, on the board. Local.
[[nodiscard]] std::optional<std::string> call_text(const RankSlot& slot, std::uint64_t communicator,
                                                   std::uint64_t number);
/// As call_text, by the index in the ring.
[[nodiscard]] std::optional<std::string> call_text_at(const RankSlot& slot, std::uint64_t index);

/// "allreduce", "broadcast", ... as users of Communicator know them.
[[nodiscard]] const char* name_of(CallKind kind) noexcept;

/// A text of the board, also if it is damaged.
[[nodiscard]] std::string board_text(const RankSlot& slot, std::uint64_t index);

/// The last calls of the rank, whatever their communicators, oldest first. Local.
[[nodiscard]] std::string last_calls_text(const RankSlot& slot, std::size_t most);

}  // namespace serried::comm
