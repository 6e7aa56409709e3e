#include "comm/watch/links.hpp"

#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <random>

#include "comm/watch/bytes.hpp"
#include "comm/watch/sockets.hpp"

namespace serried::comm {
namespace {

constexpr int connect_ms = 1000;
constexpr int set_up_ms = 5000;
constexpr std::size_t longest_message = std::size_t{64} << 20;
/// A neighbour that takes nothing for so long that this much is waiting for it is dead or stopped;
/// its silence will be noticed.
constexpr std::size_t most_waiting = std::size_t{64} << 20;

/// What the one who connects says first: only ranks of this job know the secret.
struct Hello {
  std::array<std::uint64_t, 2> secret{};
  std::int32_t host = 0;
};

struct Meeting {
  std::uint16_t port = 0;
  std::vector<std::string> addresses;
};

std::string text_of(const Meeting& meeting) {
  std::string text = std::to_string(meeting.port);
  for (const std::string& address : meeting.addresses) text += " " + address;
  return text;
}

Meeting meeting_of(const std::string& text) {
  Meeting meeting;
  std::size_t begin = text.find(' ');
  meeting.port = static_cast<std::uint16_t>(std::stoi(text.substr(0, begin)));
  while (begin != std::string::npos) {
    const std::size_t end = text.find(' ', begin + 1);
    meeting.addresses.push_back(
        text.substr(begin + 1, end == std::string::npos ? end : end - begin - 1));
    begin = end;
  }
  return meeting;
}

std::array<std::uint64_t, 2> new_secret() {
  std::random_device random;
  std::array<std::uint64_t, 2> secret{};
  for (auto& half : secret)
    half = (static_cast<std::uint64_t>(random()) << 32) | static_cast<std::uint64_t>(random());
  return secret;
}

int connect_to_parent(const Meeting& parent, const Hello& hello) {
  const int socket = connect_to(parent.addresses, parent.port, connect_ms);
  if (socket < 0) return -1;
  if (send_all(socket, std::as_bytes(std::span(&hello, 1)), connect_ms)) return socket;
  close_socket(socket);
  return -1;
}

/// Accepts connections until each child has come, or time is up. @return the sockets, by child.
std::vector<int> accept_children(int listener, int first, int count, const Hello& own) {
  std::vector<int> sockets(static_cast<std::size_t>(count), -1);
  const auto end = std::chrono::steady_clock::now() + std::chrono::milliseconds(set_up_ms);
  for (int missing = count; missing > 0;) {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(
        end - std::chrono::steady_clock::now());
    const int socket = accept_from(listener, static_cast<int>(left.count()));
    if (socket < 0) break;
    Hello hello;
    if (receive_all(socket, std::as_writable_bytes(std::span(&hello, 1)), connect_ms) &&
        hello.secret == own.secret && hello.host >= first && hello.host < first + count &&
        sockets[static_cast<std::size_t>(hello.host - first)] < 0) {
      sockets[static_cast<std::size_t>(hello.host - first)] = socket;
      --missing;
    } else {
      close_socket(socket);
    }
  }
  return sockets;
}

}  // namespace

std::unique_ptr<Links> Links::make(const Communicator& leaders, std::string& why) {
  const int host = leaders.rank();
  const int hosts = leaders.size();
  const Listener listener = listen_anywhere();
  const auto meetings = leaders.allgather_text(text_of({listener.port, own_addresses()}));
  Hello hello{leaders.broadcast(new_secret(), 0), host};
  std::unique_ptr<Links> links(new Links(host, hosts));
  int failed = listener.socket < 0 ? host : -1;
  if (host > 0 && failed < 0) {
    const int socket =
        connect_to_parent(meeting_of(meetings[static_cast<std::size_t>(links->parent())]), hello);
    if (socket < 0) failed = host;
    links->links_.push_back({links->parent(), socket, {}, {}});
  }
  const int first = std::min(hosts, degree * host + 1);
  const int count = std::min(hosts, first + degree) - first;
  if (listener.socket >= 0) {
    const auto sockets = accept_children(listener.socket, first, count, hello);
    for (int i = 0; i < count; ++i) {
      const int socket = sockets[static_cast<std::size_t>(i)];
      if (socket < 0) failed = std::max(failed, first + i);
      links->links_.push_back({first + i, socket, {}, {}});
    }
    close_socket(listener.socket);
  }
  const int worst = leaders.allreduce(failed, ReduceOp::max);
  if (worst < 0) return links;
  why = "host number " + std::to_string(worst) + " of " + std::to_string(hosts) +
        " cannot be reached by TCP" + (worst == host ? " " + listener.error : "");
  return nullptr;
}

Links::~Links() {
  for (const Link& link : links_) close_socket(link.socket);
}

std::vector<int> Links::open_neighbours() const {
  std::vector<int> open;
  for (const Link& link : links_)
    if (link.socket >= 0) open.push_back(link.host);
  return open;
}

std::vector<int> Links::hosts_behind(int neighbour) const {
  std::vector<int> behind{neighbour};
  if (neighbour == parent()) return behind;
  for (std::size_t i = 0; i < behind.size(); ++i)
    for (int child = degree * behind[i] + 1; child <= degree * behind[i] + degree && child < hosts_;
         ++child)
      behind.push_back(child);
  return behind;
}

void Links::send(int neighbour, std::uint8_t kind, std::span<const std::byte> content) {
  for (Link& link : links_) {
    if (link.host != neighbour || link.socket < 0 || link.out.size() > most_waiting) continue;
    put(link.out, static_cast<std::uint32_t>(content.size()));
    put(link.out, kind);
    link.out.insert(link.out.end(), content.begin(), content.end());
    flush(link);
  }
}

void Links::flush(Link& link) {
  while (!link.out.empty()) {
    const ssize_t sent = ::send(link.socket, link.out.data(), link.out.size(), MSG_NOSIGNAL);
    // a link that is broken is found by receive
    if (sent <= 0) return;
    link.out.erase(link.out.begin(), link.out.begin() + sent);
  }
}

bool Links::take_message(Link& link, std::vector<Message>& messages) {
  constexpr std::size_t head = sizeof(std::uint32_t) + sizeof(std::uint8_t);
  if (link.in.size() < head) return false;
  std::span<const std::byte> bytes(link.in);
  const auto length = take<std::uint32_t>(bytes);
  const auto kind = take<std::uint8_t>(bytes);
  if (bytes.size() < length) return false;
  messages.push_back({link.host, kind, {bytes.begin(), bytes.begin() + length}});
  link.in.erase(link.in.begin(), link.in.begin() + static_cast<std::ptrdiff_t>(head + length));
  return true;
}

Links::News Links::receive() {
  News news;
  std::array<std::byte, 65536> buffer{};
  for (Link& link : links_) {
    if (link.socket < 0) continue;
    flush(link);
    ssize_t got = 0;
    while ((got = ::recv(link.socket, buffer.data(), buffer.size(), 0)) > 0 &&
           link.in.size() < longest_message)
      link.in.insert(link.in.end(), buffer.begin(), buffer.begin() + got);
    const bool is_closed = got == 0 || (got < 0 && errno != EAGAIN && errno != EINTR);
    while (take_message(link, news.messages)) {
    }
    if (!is_closed) continue;
    close_socket(link.socket);
    link.socket = -1;
    news.closed.push_back(link.host);
  }
  return news;
}

}  // namespace serried::comm
