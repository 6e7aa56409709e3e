#include "comm/watch/host_watch.hpp"

#include <algorithm>
#include <utility>

#include "comm/watch/bytes.hpp"
#include "comm/watch/comparison.hpp"

namespace serried::comm {
namespace {

enum MessageKind : std::uint8_t {
  report_up,
  sign_of_life,
  verdict_to_all,
  inquiry_down,
  answer_up,
  goodbye
};

constexpr std::size_t ring_entries = 256;  // looked at in a comparison on one host
constexpr std::size_t calls_sent = 32;     // of each communicator, to host 0
constexpr std::size_t communicators_sent = 8;

std::vector<std::byte> bytes_of(const WatchdogVerdict& verdict) {
  std::vector<std::byte> message;
  put(message, verdict.kind);
  put(message, static_cast<std::uint32_t>(verdict.ranks.size()));
  for (const int rank : verdict.ranks) put(message, rank);
  put(message, verdict.text);
  return message;
}

WatchdogVerdict verdict_of(std::span<const std::byte> message) {
  WatchdogVerdict verdict;
  verdict.kind = take<VerdictKind>(message);
  for (auto left = take<std::uint32_t>(message); left > 0; --left)
    verdict.ranks.push_back(take<int>(message));
  verdict.text = take_text(message);
  return verdict;
}

/// The first call that both ranks have made in one place and that differs; 0 if the histories
/// differ before that; nothing if what is known of them agrees.
std::optional<std::uint64_t> first_conflict(std::span<const RecordedCall> own,
                                            std::span<const RecordedCall> its) {
  auto other = its.begin();
  for (const RecordedCall& call : own) {
    while (other != its.end() && other->number < call.number) ++other;
    if (other == its.end()) break;
    if (other->number != call.number || other->history == call.history) continue;
    return other->hash != call.hash ? call.number : 0;
  }
  return std::nullopt;
}

WatchdogVerdict divergence(int rank, const std::string& first, int other,
                           const std::string& second) {
  WatchdogVerdict verdict;
  verdict.kind = VerdictKind::divergence;
  verdict.ranks = {other};
  verdict.text = difference_text(rank, first, other, second);
  return verdict;
}

const std::string& forgotten() {
  static const std::string text = "something that is no longer known";
  return text;
}

}  // namespace

HostWatch::HostWatch(std::shared_ptr<NodeSegment> segment, const Places& places,
                     std::unique_ptr<Links> links, const WatchTimes& times)
    : segment_(std::move(segment)),
      places_(places),
      links_(std::move(links)),
      times_(times),
      judge_({.deadlock_ticks = times.deadlock, .stalled_ticks = times.stalled}) {
  if (!links_) return;
  for (const int neighbour : links_->open_neighbours()) neighbours_[neighbour];
}

std::vector<RankView> HostWatch::own_views() const {
  std::vector<RankView> views;
  for (int r = 0; r < segment_->size(); ++r)
    views.push_back(view_of(segment_->slot(r), places_.own_ranks()[static_cast<std::size_t>(r)]));
  return views;
}

std::optional<WatchdogVerdict> HostWatch::tick() {
  ++now_;
  if (links_) {
    receive();
    if (received_) return std::exchange(received_, std::nullopt);
    if (auto verdict = check_links()) return verdict;
  }
  if (auto verdict = answer_inquiry()) return verdict;
  if (now_ % times_.period != 0) return std::nullopt;
  if (auto verdict = compare_own()) return verdict;
  if (links_) report();
  return is_root() && sees_all() ? judge() : std::nullopt;
}

void HostWatch::receive() {
  const Links::News news = links_->receive();
  for (const Links::Message& message : news.messages) {
    neighbours_[message.host].heard_at = now_;
    try {
      take(message);
    } catch (const Error&) {
      // A damaged message says nothing; if the neighbour goes on so, it falls silent.
    }
  }
  for (const int host : news.closed) neighbours_[host].closed_at = now_;
}

void HostWatch::take(const Links::Message& message) {
  switch (static_cast<MessageKind>(message.kind)) {
    case report_up:
      if (is_root())
        take_report(message.content);
      else
        links_->send(links_->parent(), report_up, message.content);
      break;
    case sign_of_life:
      break;
    case verdict_to_all:
      received_ = verdict_of(message.content);
      received_from_ = message.host;
      break;
    case inquiry_down:
      take_inquiry(message.content);
      break;
    case answer_up: {
      if (!is_root()) {
        links_->send(links_->parent(), answer_up, message.content);
        break;
      }
      std::span<const std::byte> content(message.content);
      Inquiry::Answer answer;
      answer.rank = comm::take<int>(content);
      answer.hash = comm::take<std::uint64_t>(content);
      answer.text = take_text(content);
      if (inquiry_) inquiry_->answers.push_back(std::move(answer));
      break;
    }
    case goodbye:
      neighbours_[message.host].has_left = true;
      break;
  }
}

void HostWatch::take_report(std::span<const std::byte> message) {
  for (auto left = comm::take<std::uint32_t>(message); left > 0; --left) {
    RankView view = take_rank_view(message);
    views_[view.rank] = std::move(view);
  }
  for (auto left = comm::take<std::uint32_t>(message); left > 0; --left) {
    const auto rank = comm::take<int>(message);
    const auto communicator = comm::take<std::uint64_t>(message);
    std::vector<RecordedCall> calls(comm::take<std::uint32_t>(message));
    for (RecordedCall& call : calls) call = comm::take<RecordedCall>(message);
    compare_with(rank, communicator, calls);
  }
}

void HostWatch::compare_with(int rank, std::uint64_t communicator,
                             std::span<const RecordedCall> calls) {
  if (inquiry_) return;
  for (int r = 0; r < segment_->size(); ++r) {
    const auto own = last_calls(segment_->slot(r), communicator, RankSlot::calls);
    if (own.empty()) continue;
    const auto number = first_conflict(own, calls);
    if (!number) return;
    const int own_rank = places_.own_ranks()[static_cast<std::size_t>(r)];
    inquiry_ =
        Inquiry{communicator, *number, now_, own_rank, rank, own_answers(communicator, *number)};
    std::vector<std::byte> question;
    put(question, communicator);
    put(question, *number);
    for (const int neighbour : links_->open_neighbours())
      links_->send(neighbour, inquiry_down, question);
    return;
  }
}

std::vector<HostWatch::Inquiry::Answer> HostWatch::own_answers(std::uint64_t communicator,
                                                               std::uint64_t number) const {
  std::vector<Inquiry::Answer> answers;
  for (int r = 0; r < segment_->size(); ++r) {
    const RankSlot& slot = segment_->slot(r);
    const auto text = call_text(slot, communicator, number);
    if (!text) continue;
    const auto calls = last_calls(slot, communicator, RankSlot::calls);
    const auto call = std::find_if(calls.begin(), calls.end(),
                                   [&](const RecordedCall& each) { return each.number == number; });
    if (call == calls.end()) continue;
    const bool is_known = std::any_of(answers.begin(), answers.end(), [&](const auto& answer) {
      return answer.hash == call->hash;
    });
    if (!is_known)
      answers.push_back({places_.own_ranks()[static_cast<std::size_t>(r)], call->hash, *text});
  }
  return answers;
}

void HostWatch::take_inquiry(std::span<const std::byte> message) {
  const auto whole = message;
  const auto communicator = comm::take<std::uint64_t>(message);
  const auto number = comm::take<std::uint64_t>(message);
  for (const Inquiry::Answer& answer : own_answers(communicator, number)) {
    std::vector<std::byte> content;
    put(content, answer.rank);
    put(content, answer.hash);
    put(content, answer.text);
    links_->send(links_->parent(), answer_up, content);
  }
  for (const int neighbour : links_->open_neighbours())
    if (neighbour != links_->parent()) links_->send(neighbour, inquiry_down, whole);
}

std::optional<WatchdogVerdict> HostWatch::answer_inquiry() {
  if (!inquiry_) return std::nullopt;
  for (const auto& first : inquiry_->answers)
    for (const auto& second : inquiry_->answers)
      if (first.hash != second.hash)
        return divergence(first.rank, first.text, second.rank, second.text);
  if (now_ - inquiry_->since < 2 * times_.period) return std::nullopt;
  return divergence(inquiry_->rank, forgotten(), inquiry_->other, forgotten());
}

void HostWatch::report() {
  for (const int neighbour : links_->open_neighbours())
    if (neighbour != links_->parent()) links_->send(neighbour, sign_of_life, {});
  if (is_root()) return;
  std::vector<RankView> views = own_views();
  std::vector<std::byte> message;
  put(message, static_cast<std::uint32_t>(views.size()));
  for (RankView& view : views) {
    if (view.is_busy) leave_out_details(view);
    append(message, view);
  }
  std::vector<std::byte> windows;
  std::uint32_t used = 0;
  std::vector<std::uint64_t> known;
  for (int r = 0; r < segment_->size(); ++r)
    for (const auto& [communicator, calls] : recent_calls(segment_->slot(r), ring_entries)) {
      if (used == communicators_sent ||
          std::find(known.begin(), known.end(), communicator) != known.end())
        continue;
      known.push_back(communicator);
      ++used;
      put(windows, places_.own_ranks()[static_cast<std::size_t>(r)]);
      put(windows, communicator);
      const std::size_t count = std::min(calls.size(), calls_sent);
      put(windows, static_cast<std::uint32_t>(count));
      for (std::size_t i = calls.size() - count; i < calls.size(); ++i) put(windows, calls[i]);
    }
  put(message, used);
  message.insert(message.end(), windows.begin(), windows.end());
  links_->send(links_->parent(), report_up, message);
}

std::optional<WatchdogVerdict> HostWatch::check_links() {
  for (auto& [host, neighbour] : neighbours_) {
    if (neighbour.has_left) continue;
    const bool is_closed =
        neighbour.closed_at != 0 && now_ - neighbour.closed_at >= 2 * times_.grace;
    if (!is_closed && now_ - neighbour.heard_at < times_.lost) continue;
    WatchdogVerdict verdict;
    verdict.kind = VerdictKind::lost;
    for (const int behind : links_->hosts_behind(host)) {
      const auto& ranks = places_.ranks[static_cast<std::size_t>(behind)];
      verdict.ranks.insert(verdict.ranks.end(), ranks.begin(), ranks.end());
    }
    verdict.text = text_of_ranks(places_, verdict.ranks) +
                   (verdict.ranks.size() == 1 ? " is" : " are") + " lost: " +
                   (is_closed ? "the link to the host was closed"
                              : "the host gives no sign of life for " +
                                    std::to_string(static_cast<int>(
                                        static_cast<double>(times_.lost) * times_.tick_s)) +
                                    " s");
    return verdict;
  }
  return std::nullopt;
}

std::optional<WatchdogVerdict> HostWatch::compare_own() {
  struct First {
    int node_rank;
    std::vector<RecordedCall> calls;
  };
  std::map<std::uint64_t, First> firsts;
  for (int r = 0; r < segment_->size(); ++r)
    for (auto& [communicator, calls] : recent_calls(segment_->slot(r), ring_entries)) {
      const auto [first, is_new] = firsts.try_emplace(communicator, First{r, {}});
      if (is_new) {
        first->second.calls = std::move(calls);
        continue;
      }
      const auto number = first_conflict(first->second.calls, calls);
      if (!number) continue;
      const auto text = [&, id = communicator](int node_rank) {
        return call_text(segment_->slot(node_rank), id, *number).value_or(forgotten());
      };
      const auto& ranks = places_.own_ranks();
      const int one = first->second.node_rank;
      return divergence(ranks[static_cast<std::size_t>(one)], text(one),
                        ranks[static_cast<std::size_t>(r)], text(r));
    }
  return std::nullopt;
}

std::optional<WatchdogVerdict> HostWatch::judge() {
  std::vector<RankView> views = own_views();
  for (const auto& [rank, view] : views_) views.push_back(view);
  if (views.size() != places_.host_of_rank.size()) return std::nullopt;
  return judge_.look(views);
}

void HostWatch::announce(const WatchdogVerdict& verdict) {
  if (!links_) return;
  const auto message = bytes_of(verdict);
  for (const int neighbour : links_->open_neighbours())
    if (neighbour != received_from_) links_->send(neighbour, verdict_to_all, message);
}

void HostWatch::say_goodbye() {
  if (!links_) return;
  for (const int neighbour : links_->open_neighbours()) links_->send(neighbour, goodbye, {});
}

}  // namespace serried::comm
