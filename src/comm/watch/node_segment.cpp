#include "comm/watch/node_segment.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <new>
#include <random>

namespace serried::comm {
namespace {

constexpr std::size_t alignment = 4096;

std::size_t rounded(std::size_t bytes) {
  return (bytes + alignment - 1) / alignment * alignment;
}

std::string new_name() {
  std::random_device random;
  return "/serried-" + std::to_string(::getpid()) + "-" + std::to_string(random()) + "-" +
         std::to_string(random());
}

/// Maps a segment; nullptr and errno if it cannot be had.
std::byte* map(const std::string& name, std::size_t bytes, bool is_maker) {
  const int flags = is_maker ? O_CREAT | O_EXCL | O_RDWR : O_RDWR;
  const int file = ::shm_open(name.c_str(), flags | O_CLOEXEC, 0600);
  if (file < 0) return nullptr;
  // posix_fallocate, so that a full file system is an error here and no signal later
  if (is_maker) errno = ::posix_fallocate(file, 0, static_cast<off_t>(bytes));
  if (is_maker && errno != 0) {
    const int cause = errno;
    ::close(file);
    errno = cause;
    return nullptr;
  }
  void* const memory = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
  const int cause = errno;
  ::close(file);
  errno = cause;
  return memory == MAP_FAILED ? nullptr : static_cast<std::byte*>(memory);
}

}  // namespace

struct NodeSegment::Header {
  static constexpr std::size_t most_ranks = 256;
  static constexpr std::size_t text_bytes = 2048;
  enum State : std::uint32_t { empty, being_written, complete };
  std::atomic<std::uint32_t> state{empty};
  std::uint32_t kind = 0;
  std::uint32_t ranks_used = 0;
  std::array<int, most_ranks> ranks{};
  std::array<char, text_bytes> text{};
};

NodeSegment::Header& NodeSegment::header() const noexcept {
  return *std::launder(reinterpret_cast<Header*>(memory_));
}

RankSlot& NodeSegment::slot(int node_rank) const noexcept {
  std::byte* const begin = memory_ + rounded(sizeof(Header)) +
                           static_cast<std::size_t>(node_rank) * rounded(sizeof(RankSlot));
  return *std::launder(reinterpret_cast<RankSlot*>(begin));
}

std::shared_ptr<NodeSegment> NodeSegment::make(const Communicator& node, std::string& why) {
  const std::size_t bytes =
      rounded(sizeof(Header)) + static_cast<std::size_t>(node.size()) * rounded(sizeof(RankSlot));
  std::byte* memory = nullptr;
  const std::string own_name = node.rank() == 0 ? new_name() : "";
  int cause = 0;
  if (node.rank() == 0) {
    memory = map(own_name, bytes, true);
    cause = memory == nullptr ? errno : 0;
    if (memory != nullptr) {
      new (memory) Header;
      for (int r = 0; r < node.size(); ++r)
        new (memory + rounded(sizeof(Header)) +
             static_cast<std::size_t>(r) * rounded(sizeof(RankSlot))) RankSlot;
    }
  }
  const std::string name = node.broadcast_text(own_name, 0);
  if (node.rank() != 0) {
    memory = map(name, bytes, false);
    cause = memory == nullptr ? errno : 0;
  }
  const int worst = node.allreduce(cause, ReduceOp::max);
  if (node.rank() == 0) ::shm_unlink(name.c_str());
  if (worst != 0) {
    if (memory != nullptr) ::munmap(memory, bytes);
    why = std::string("the ranks of a node cannot share memory: ") + std::strerror(worst);
    return nullptr;
  }
  return std::make_shared<NodeSegment>(memory, node.size());
}

void NodeSegment::post(const WatchdogVerdict& verdict) noexcept {
  Header& to = header();
  std::uint32_t empty = Header::empty;
  if (!to.state.compare_exchange_strong(empty, Header::being_written)) return;
  to.kind = static_cast<std::uint32_t>(verdict.kind);
  const std::size_t ranks = std::min(verdict.ranks.size(), Header::most_ranks);
  std::copy_n(verdict.ranks.begin(), ranks, to.ranks.begin());
  to.ranks_used = static_cast<std::uint32_t>(ranks);
  const std::size_t length = std::min(verdict.text.size(), Header::text_bytes - 1);
  std::copy_n(verdict.text.begin(), length, to.text.begin());
  to.state.store(Header::complete, std::memory_order_release);
}

std::optional<WatchdogVerdict> NodeSegment::verdict() const {
  const Header& from = header();
  if (from.state.load(std::memory_order_acquire) != Header::complete) return std::nullopt;
  WatchdogVerdict verdict;
  verdict.kind = static_cast<VerdictKind>(from.kind);
  verdict.ranks.assign(from.ranks.begin(), from.ranks.begin() + from.ranks_used);
  verdict.text.assign(from.text.data(), strnlen(from.text.data(), from.text.size()));
  return verdict;
}

}  // namespace serried::comm
