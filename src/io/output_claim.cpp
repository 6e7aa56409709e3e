#include "serried/io/output_claim.hpp"

#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <map>
#include <mutex>
#include <utility>

#include "io/file_space.hpp"
#include "io/output_claim_impl.hpp"
#include "io/temporary_file.hpp"
#include "serried/base/temporary_files.hpp"
#include "serried/comm/agree.hpp"
#include "serried/io/file_writer.hpp"

namespace serried {
namespace {

/// What this process has claimed, by temporary name.
struct Claims {
  std::mutex mutex;
  std::map<std::string, std::weak_ptr<OutputClaim::Impl>> by_name;

  std::shared_ptr<OutputClaim::Impl> find(const std::string& name) {
    const std::lock_guard lock(mutex);
    const auto found = by_name.find(name);
    return found == by_name.end() ? nullptr : found->second.lock();
  }
  /// Whether a file is claimed already, by its inode: under another path of its folder.
  bool holds(std::uint64_t inode) {
    const std::lock_guard lock(mutex);
    return inode != 0 && std::any_of(by_name.begin(), by_name.end(), [&](const auto& entry) {
             const auto claim = entry.second.lock();
             return claim != nullptr && claim->is_listed && inode_of(claim->absolute) == inode;
           });
  }
  void add(const std::shared_ptr<OutputClaim::Impl>& claim) {
    const std::lock_guard lock(mutex);
    std::erase_if(by_name, [](const auto& entry) { return entry.second.expired(); });
    by_name[claim->temporary] = claim;
  }
};

/// Never destroyed: an output may be given up while static objects are being destroyed.
Claims& claims() {
  static auto* const the_claims = new Claims;
  return *the_claims;
}

std::string absolute_path(const std::string& path) {
  std::error_code failed;
  const auto absolute = std::filesystem::absolute(path, failed);
  return failed ? path : absolute.string();
}

}  // namespace

std::shared_ptr<OutputClaim::Impl> OutputClaim::Impl::of(const Context& ctx,
                                                         const std::string& path) {
  const Communicator& comm = ctx.comm();
  const std::string name = comm.broadcast_text(comm.rank() == 0 ? temporary_name(path) : "", 0);
  std::shared_ptr<Impl> claim;
  agree(comm, [&] {
    claim = claims().find(name);
    if (claim != nullptr) return;
    claim = std::make_shared<Impl>(path, name);
    claims().add(claim);
  });
  return claim;
}

OutputClaim::Impl::Impl(std::string of_path, std::string of_temporary)
    : path(std::move(of_path)),
      temporary(std::move(of_temporary)),
      absolute(absolute_path(temporary)) {}

OutputClaim::Impl::~Impl() {
  remove();
}

void OutputClaim::Impl::make(const Context& ctx) {
  const Communicator& comm = ctx.comm();
  const bool is_held = is_listed;
  state = State::growing;
  if (!is_held)
    agree_on_root(comm, 0, [&] {
      if (claims().holds(inode_of(temporary)))
        throw IoError("cannot write " + path +
                      ": this program is writing it already, under another name of its folder");
    });
  agree(comm, [&] {
    if (is_listed) return;
    register_temporary_file(absolute);
    is_listed = true;
  });
  try {
    // All ranks have come here: none still removes a file of that name from an earlier attempt.
    agree_on_root(comm, 0, [&] {
      check_output_path(path);
      if (is_held && inode_of(temporary) != 0) return;
      claim_output(path, temporary,
                   [&](const std::string& text) { ctx.recorder().say(Severity::warning, text); });
    });
    // Each rank would open a file of its own, and HDF5's ranks wait for each other.
    const auto inode = comm.broadcast(inode_of(temporary), 0);
    agree(comm, [&] {
      if (inode_of(temporary) != inode)
        throw IoError("cannot write " + path +
                      ": this rank does not see the file that rank 0 has made; the folder must be "
                      "one that all ranks see, and outputs with relative names need one working "
                      "folder");
    });
  } catch (...) {
    remove();
    throw;
  }
}

void OutputClaim::Impl::complete(const Context& ctx) {
  agree_on_root(ctx.comm(), 0, [&] {
    sync_file(temporary);
    const FileName names{.temporary = temporary, .path = path};
    if (is_kept)
      rename_and_claim(names);
    else if (!is_deferred)
      rename_files({names});
  });
  if (is_kept) return;  // and a new file is listed by the old one's name
  state = State::complete;
  if (!is_deferred) forget();
}

void OutputClaim::Impl::forget() noexcept {
  // not before it has its name: who is to end the process meanwhile removes what has none
  forget_temporary_file(absolute);
  is_listed = false;
}

void OutputClaim::Impl::remove() noexcept {
  if (!is_listed) return;  // the file may be another claim's
  ::unlink(absolute.c_str());
  forget();
}

OutputClaim::OutputClaim(const Context& ctx, const std::string& path, std::int64_t least_bytes)
    : impl_(Impl::of(ctx, path)) {
  impl_->make(ctx);
  if (least_bytes > 0)
    agree_on_root(ctx.comm(), 0,
                  [&] { set_space_aside(impl_->temporary, least_bytes, "cannot write " + path); });
}

void OutputClaim::keep() {
  impl_->is_kept = true;
}

OutputClaim::~OutputClaim() = default;
OutputClaim::OutputClaim(OutputClaim&& other) noexcept = default;

}  // namespace serried
