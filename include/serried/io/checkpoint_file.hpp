#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "serried/base/api.hpp"
#include "serried/io/checkpoint_hook.hpp"
#include "serried/io/output_claim.hpp"

namespace SERRIED_API serried {

struct CheckpointFileOptions {
  /// Where the state is saved; empty: nowhere.
  std::string path = {};
  /// The checkpoint to go on from; empty: from the beginning.
  std::string resume = {};
  std::optional<FileCheck> untrusted = {};  ///< how that one is read first, see load_checkpoint
  /// When to save: after so many iterations, after so many seconds, or both; 0: not by this.
  std::int64_t every_iterations = 0;
  double every_s = 0;
  /// Whether this rank is asked to stop, e.g. is_stop_requested. Counts where there is a path.
  std::function<bool()> should_stop = {};
  Provenance provenance = {};
};

/// Checkpoints in a file, each in place of the one before. The file is this run's from the
/// beginning to the end: another run that would write it on this host ends with an error.
class CheckpointFile : public CheckpointHook {
 public:
  /// Reads the checkpoint to go on from. If it is the file that will be written, and is not there
  /// yet, the computation begins afresh, and a note to the recorder says so: then one command line
  /// serves a job's first attempt and those after it.
  /// Collective.
  /// @throws RankError (kind io) as load_checkpoint, and as OutputClaim for the file to be written.
  CheckpointFile(const Context& ctx, CheckpointFileOptions options);

  [[nodiscard]] bool should_stop() override;
  [[nodiscard]] bool should_save(std::int64_t iterations) override;
  /// Where writing fails and the computation goes on, that is a warning: the file still has the
  /// state before.
  /// @throws RankError (kind io) where the last state cannot be written.
  void save(const Checkpoint& checkpoint, bool is_last) override;
  [[nodiscard]] const Checkpoint* former() const override;
  [[nodiscard]] std::string how_to_go_on() const override;

 private:
  /// Collective.
  void claim();
  Context ctx_;
  CheckpointFileOptions options_;
  std::optional<Checkpoint> former_;
  std::optional<OutputClaim> claim_;             ///< of the next checkpoint
  std::chrono::steady_clock::time_point saved_;  ///< when, or when the computation began
};

}  // namespace serried
