#pragma once

#include <cstdint>
#include <string>

#include "serried/base/api.hpp"
#include "serried/io/checkpoint.hpp"

namespace SERRIED_API serried {

/// How a long computation is asked to stop, and where its state goes. An estimator's options take
/// one; CheckpointFile is the usual one. The estimator asks in each iteration and brings the
/// answers along with a reduction that it makes anyway, so that one rank that is asked to stop is
/// enough. All calls come from the thread that computes.
class CheckpointHook {
 public:
  virtual ~CheckpointHook() = default;

  /// Whether this rank wants the computation to end, with its state saved and Stopped thrown on all
  /// ranks. Local; asked on every rank.
  [[nodiscard]] virtual bool should_stop() = 0;
  /// Whether the state is to be saved now. Local; rank 0's answer counts.
  /// @param iterations since the last save, or since the beginning.
  [[nodiscard]] virtual bool should_save(std::int64_t iterations) = 0;
  /// Keeps the state.
  /// Collective.
  /// @param is_last the computation ends afterwards.
  virtual void save(const Checkpoint& checkpoint, bool is_last) = 0;
  /// The state to go on from, the same on all ranks; null: from the beginning. Local.
  [[nodiscard]] virtual const Checkpoint* former() const = 0;
  /// How to go on after a stop, for the text of Stopped. Local.
  [[nodiscard]] virtual std::string how_to_go_on() const = 0;
};

}  // namespace serried
