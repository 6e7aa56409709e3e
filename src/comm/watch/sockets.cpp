#include "comm/watch/sockets.hpp"

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <cstring>

namespace serried::comm {
namespace {

constexpr int socket_flags = SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK;

Listener failed(int socket, const char* what) {
  Listener none;
  none.error = std::string(what) + ": " + std::strerror(errno);
  close_socket(socket);
  return none;
}

/// IPv6 and IPv4 by one socket, or IPv4 alone.
int open_socket(int& family) {
  family = AF_INET6;
  int socket = ::socket(AF_INET6, socket_flags, 0);
  const int off = 0;
  if (socket >= 0 && ::setsockopt(socket, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off)) == 0) {
    sockaddr_in6 any{};
    any.sin6_family = AF_INET6;
    any.sin6_addr = in6addr_any;
    if (::bind(socket, reinterpret_cast<const sockaddr*>(&any), sizeof(any)) == 0) return socket;
  }
  close_socket(socket);
  family = AF_INET;
  socket = ::socket(AF_INET, socket_flags, 0);
  sockaddr_in any{};
  any.sin_family = AF_INET;
  any.sin_addr.s_addr = htonl(INADDR_ANY);
  if (socket >= 0 && ::bind(socket, reinterpret_cast<const sockaddr*>(&any), sizeof(any)) == 0)
    return socket;
  close_socket(socket);
  return -1;
}

bool wait_for(int socket, short events, int milliseconds) {
  pollfd entry{socket, events, 0};
  return ::poll(&entry, 1, milliseconds) == 1;
}

void set_up(int socket) {
  const int on = 1;
  ::setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
}

/// Calls `step` with what is left until nothing is, or time is up.
template <class Byte, class Step>
bool transfer(int socket, std::span<Byte> bytes, short events, int milliseconds, Step step) {
  const auto end = std::chrono::steady_clock::now() + std::chrono::milliseconds(milliseconds);
  while (!bytes.empty()) {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(
        end - std::chrono::steady_clock::now());
    if (left.count() <= 0 || !wait_for(socket, events, static_cast<int>(left.count())))
      return false;
    const ssize_t moved = step(bytes);
    if (moved == 0 || (moved < 0 && errno != EAGAIN && errno != EINTR)) return false;
    if (moved > 0) bytes = bytes.subspan(static_cast<std::size_t>(moved));
  }
  return true;
}

}  // namespace

void close_socket(int socket) noexcept {
  if (socket >= 0) ::close(socket);
}

Listener listen_anywhere() {
  int family = 0;
  Listener listener;
  listener.socket = open_socket(family);
  if (listener.socket < 0) return failed(-1, "no socket");
  if (::listen(listener.socket, 64) != 0) return failed(listener.socket, "listen");
  sockaddr_storage own{};
  socklen_t length = sizeof(own);
  if (::getsockname(listener.socket, reinterpret_cast<sockaddr*>(&own), &length) != 0)
    return failed(listener.socket, "getsockname");
  listener.port = ntohs(family == AF_INET6 ? reinterpret_cast<const sockaddr_in6*>(&own)->sin6_port
                                           : reinterpret_cast<const sockaddr_in*>(&own)->sin_port);
  return listener;
}

std::vector<std::string> own_addresses() {
  std::vector<std::string> addresses;
  std::vector<std::string> loopbacks;
  ifaddrs* list = nullptr;
  if (::getifaddrs(&list) != 0) return addresses;
  for (const ifaddrs* each = list; each != nullptr; each = each->ifa_next) {
    if (each->ifa_addr == nullptr || (each->ifa_flags & IFF_UP) == 0) continue;
    const int family = each->ifa_addr->sa_family;
    if (family != AF_INET && family != AF_INET6) continue;
    const socklen_t length = family == AF_INET ? sizeof(sockaddr_in) : sizeof(sockaddr_in6);
    std::array<char, NI_MAXHOST> text{};
    if (::getnameinfo(each->ifa_addr, length, text.data(), text.size(), nullptr, 0,
                      NI_NUMERICHOST) != 0)
      continue;
    // an address that needs a scope means another thing on another host
    if (std::strchr(text.data(), '%') != nullptr) continue;
    ((each->ifa_flags & IFF_LOOPBACK) != 0 ? loopbacks : addresses).emplace_back(text.data());
  }
  ::freeifaddrs(list);
  addresses.insert(addresses.end(), loopbacks.begin(), loopbacks.end());
  return addresses;
}

int connect_to(const std::vector<std::string>& addresses, std::uint16_t port,
               int milliseconds_each) {
  for (const std::string& address : addresses) {
    addrinfo hints{};
    hints.ai_socktype = SOCK_STREAM;
    hints.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV;
    addrinfo* found = nullptr;
    if (::getaddrinfo(address.c_str(), std::to_string(port).c_str(), &hints, &found) != 0) continue;
    const int socket = ::socket(found->ai_family, socket_flags, 0);
    const int status = socket < 0 ? -1 : ::connect(socket, found->ai_addr, found->ai_addrlen);
    ::freeaddrinfo(found);
    if (socket < 0) continue;
    int error = status == 0 ? 0 : errno;
    if (error == EINPROGRESS && wait_for(socket, POLLOUT, milliseconds_each)) {
      socklen_t length = sizeof(error);
      if (::getsockopt(socket, SOL_SOCKET, SO_ERROR, &error, &length) != 0) error = errno;
    }
    if (error == 0) {
      set_up(socket);
      return socket;
    }
    close_socket(socket);
  }
  return -1;
}

int accept_from(int listener, int milliseconds) {
  if (milliseconds <= 0 || !wait_for(listener, POLLIN, milliseconds)) return -1;
  const int socket = ::accept4(listener, nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK);
  if (socket >= 0) set_up(socket);
  return socket;
}

bool send_all(int socket, std::span<const std::byte> bytes, int milliseconds) {
  return transfer(socket, bytes, POLLOUT, milliseconds, [&](std::span<const std::byte> left) {
    return ::send(socket, left.data(), left.size(), MSG_NOSIGNAL);
  });
}

bool receive_all(int socket, std::span<std::byte> bytes, int milliseconds) {
  return transfer(socket, bytes, POLLIN, milliseconds, [&](std::span<std::byte> left) {
    return ::recv(socket, left.data(), left.size(), 0);
  });
}

}  // namespace serried::comm
