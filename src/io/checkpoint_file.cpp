#include "serried/io/checkpoint_file.hpp"

#include <sys/stat.h>

#include <cerrno>
#include <utility>

#include "serried/base/error.hpp"
#include "serried/comm/communicator.hpp"

namespace serried {
namespace {

/// Whether nothing at all is at the path, as rank 0 sees it. Collective.
bool is_absent(const Context& ctx, const std::string& path) {
  struct stat status {};
  const int answer =
      ctx.rank() == 0 && ::stat(path.c_str(), &status) != 0 && errno == ENOENT ? 1 : 0;
  return ctx.comm().broadcast(answer, 0) != 0;
}

}  // namespace

CheckpointFile::CheckpointFile(const Context& ctx, CheckpointFileOptions options)
    : ctx_(ctx), options_(std::move(options)), saved_(std::chrono::steady_clock::now()) {
  if (!options_.path.empty()) claim();
  if (options_.resume.empty()) return;
  if (options_.resume == options_.path && is_absent(ctx_, options_.resume)) {
    ctx_.recorder().say(Severity::warning,
                        "there is no checkpoint " + options_.resume + " yet: beginning afresh");
    return;
  }
  former_ = load_checkpoint(ctx_, options_.resume, options_.untrusted);
}

void CheckpointFile::claim() {
  claim_.emplace(ctx_, options_.path);
  claim_->keep();
}

bool CheckpointFile::should_stop() {
  return !options_.path.empty() && options_.should_stop && options_.should_stop();
}

bool CheckpointFile::should_save(std::int64_t iterations) {
  if (options_.path.empty()) return false;
  if (options_.every_iterations > 0 && iterations >= options_.every_iterations) return true;
  const std::chrono::duration<double> since = std::chrono::steady_clock::now() - saved_;
  return options_.every_s > 0 && since.count() >= options_.every_s;
}

void CheckpointFile::save(const Checkpoint& checkpoint, bool is_last) {
  const auto phase = ctx_.recorder().phase("checkpoint");
  try {
    if (!claim_) claim();
    save_checkpoint(ctx_, options_.path, checkpoint, options_.provenance);
    if (is_last) claim_.reset();
  } catch (const RankError& error) {
    if (is_last) throw;
    ctx_.recorder().say(
        Severity::warning,
        std::string("no checkpoint was written, the one before stands: ") + error.what());
    claim_.reset();
  }
  saved_ = std::chrono::steady_clock::now();
}

const Checkpoint* CheckpointFile::former() const {
  return former_ ? &*former_ : nullptr;
}

std::string CheckpointFile::how_to_go_on() const {
  return "its state is in " + options_.path + "; the same command with --resume " + options_.path +
         " goes on from there";
}

}  // namespace serried
