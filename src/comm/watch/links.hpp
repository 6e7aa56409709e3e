#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "serried/comm/communicator.hpp"

namespace serried::comm {

/// TCP between hosts, in a tree: host h is linked with its parent (h - 1) / 32 and its children
/// 32 h + 1 .. 32 h + 32. Worked example: of 40 hosts, 0 has the children 1 .. 32, and 1 has 33
/// .. 39. Only MPI is used to make it, and none afterwards.
class Links {
 public:
  static constexpr int degree = 32;

  struct Message {
    int host = 0;  ///< from which neighbour
    std::uint8_t kind = 0;
    std::vector<std::byte> content;
  };

  /// Collective over one rank of each host; host h is rank h there.
  /// @return nothing on all of them if one link cannot be made; `why` then says which.
  [[nodiscard]] static std::unique_ptr<Links> make(const Communicator& leaders, std::string& why);
  ~Links();
  Links(const Links&) = delete;
  Links& operator=(const Links&) = delete;

  [[nodiscard]] int host() const noexcept { return host_; }
  [[nodiscard]] int hosts() const noexcept { return hosts_; }
  /// Neighbours whose links are open; the parent, if any, first.
  [[nodiscard]] std::vector<int> open_neighbours() const;
  [[nodiscard]] int parent() const noexcept { return host_ == 0 ? -1 : (host_ - 1) / degree; }
  /// The hosts that are reached through a neighbour: a child's subtree, or the parent alone.
  [[nodiscard]] std::vector<int> hosts_behind(int neighbour) const;

  /// Never waits: what the kernel does not take is kept. Local.
  void send(int neighbour, std::uint8_t kind, std::span<const std::byte> content);
  /// What has come since the last call, and which links have been closed meanwhile. Never waits.
  /// Local.
  struct News {
    std::vector<Message> messages;
    std::vector<int> closed;
  };
  [[nodiscard]] News receive();

 private:
  struct Link {
    int host = 0;
    int socket = -1;
    std::vector<std::byte> in;
    std::vector<std::byte> out;
  };
  Links(int host, int hosts) : host_(host), hosts_(hosts) {}
  void flush(Link& link);
  static bool take_message(Link& link, std::vector<Message>& messages);

  int host_;
  int hosts_;
  std::vector<Link> links_;
};

}  // namespace serried::comm
