#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace serried::comm {

/// A socket that listens on all addresses of the host, and its port. Local.
struct Listener {
  int socket = -1;
  std::uint16_t port = 0;
  std::string error;  ///< why there is none
};
[[nodiscard]] Listener listen_anywhere();

/// The numeric addresses of this host, those of the loopback last. Local.
[[nodiscard]] std::vector<std::string> own_addresses();

/// Tries the addresses in turn, each for so long. @return the socket, or -1. Local.
[[nodiscard]] int connect_to(const std::vector<std::string>& addresses, std::uint16_t port,
                             int milliseconds_each);

/// Accepts a connection within a time. @return the socket, or -1. Local.
[[nodiscard]] int accept_from(int listener, int milliseconds);

/// All bytes within a time, or false. Local.
[[nodiscard]] bool send_all(int socket, std::span<const std::byte> bytes, int milliseconds);
[[nodiscard]] bool receive_all(int socket, std::span<std::byte> bytes, int milliseconds);

void close_socket(int socket) noexcept;

}  // namespace serried::comm
