#include "serried/base/faults.hpp"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdlib>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <utility>

#include "serried/base/error.hpp"

namespace serried::faults {
namespace {

constexpr const char* variable = "SERRIED_FAULT";
constexpr std::chrono::milliseconds usual_delay{1000};
constexpr std::array<std::pair<std::string_view, Kind>, 5> kind_names{
    {{"allocate", Kind::allocate},
     {"read", Kind::read},
     {"write", Kind::write},
     {"send-delay", Kind::send_delay},
     {"send-drop", Kind::send_drop}}};

std::string_view name_of(Kind kind) {
  for (const auto& [name, its] : kind_names)
    if (its == kind) return name;
  return "";
}

bool is_send(Kind kind) {
  return kind == Kind::send_delay || kind == Kind::send_drop;
}

[[noreturn]] void refuse(std::string_view text, const std::string& why) {
  throw InvalidArgument(std::string(variable) + ": '" + std::string(text) + "': " + why +
                        "; wanted is KIND:rank=R,step=N[,ms=M][,peer=P] with KIND allocate, read, "
                        "write, send-delay or send-drop, or count");
}

/// The first part of `text`, up to `separator`; `text` keeps what lies behind it, or nothing.
std::string_view take_until(std::optional<std::string_view>& text, char separator) {
  const std::size_t at = text->find(separator);
  const std::string_view part = text->substr(0, at);
  if (at == std::string_view::npos)
    text.reset();
  else
    text = text->substr(at + 1);
  return part;
}

std::int64_t number_of(std::string_view whole, std::string_view key, std::string_view digits,
                       std::int64_t least) {
  constexpr std::int64_t most = 1'000'000'000;
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  if (error != std::errc() || end != digits.data() + digits.size() || value < least || value > most)
    refuse(whole, std::string(key) + " must be a whole number from " + std::to_string(least) +
                      " to " + std::to_string(most) + ", not '" + std::string(digits) + "'");
  return value;
}

Fault parse_fault(std::string_view text) {
  std::optional<std::string_view> rest = text;
  const std::string_view kind_name = take_until(rest, ':');
  const auto* const known =
      std::find_if(kind_names.begin(), kind_names.end(),
                   [&](const auto& entry) { return entry.first == kind_name; });
  if (known == kind_names.end()) refuse(text, "there is no kind '" + std::string(kind_name) + "'");
  Fault fault{.kind = known->second};
  if (fault.kind == Kind::send_delay) fault.delay = usual_delay;
  std::set<std::string_view> keys;
  while (rest) {
    const std::string_view pair = take_until(rest, ',');
    const std::size_t equals = std::min(pair.find('='), pair.size());
    const std::string_view key = pair.substr(0, equals);
    const std::string_view digits = pair.substr(std::min(equals + 1, pair.size()));
    if (!keys.insert(key).second) refuse(text, "'" + std::string(key) + "' stands twice");
    if (key == "rank")
      fault.rank = static_cast<int>(number_of(text, key, digits, 0));
    else if (key == "step")
      fault.step = number_of(text, key, digits, 1);
    else if (key == "ms" && fault.kind == Kind::send_delay)
      fault.delay = std::chrono::milliseconds(number_of(text, key, digits, 0));
    else if (key == "peer" && is_send(fault.kind))
      fault.peer = static_cast<int>(number_of(text, key, digits, 0));
    else
      refuse(text, "'" + std::string(pair) + "' says nothing about " + std::string(kind_name));
  }
  for (const std::string_view key : {"rank", "step"})
    if (!keys.contains(key)) refuse(text, "'" + std::string(key) + "' is missing");
  return fault;
}

int rank_of_launcher() {
  // Slurm's variable comes last: in a batch job mpirun's ranks all see that of the batch step.
  for (const char* name : {"OMPI_COMM_WORLD_RANK", "PMIX_RANK", "PMI_RANK", "SLURM_PROCID"}) {
    const char* const text = std::getenv(name);
    if (text == nullptr) continue;
    const std::string_view digits(text);
    int rank = -1;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), rank);
    if (error == std::errc() && end == digits.data() + digits.size() && rank >= 0) return rank;
  }
  return 0;
}

/// A plan in force, with what has happened so far.
struct Watched {
  explicit Watched(Plan its)
      : plan(std::move(its)), counts(std::make_unique<std::int64_t[]>(plan.faults.size())) {}
  Plan plan;
  std::unique_ptr<std::int64_t[]> counts;  ///< of each fault: the events that it counts
  std::array<std::int64_t, kind_names.size()> events{};
};

struct Ledger {
  std::mutex mutex;
  std::optional<Watched> watched;
  int rank = rank_of_launcher();
  bool is_printing = false;
};

/// Never destroyed: threads may still allocate while static objects are being destroyed.
Ledger& ledger() {
  static auto* const the_ledger = new Ledger;
  return *the_ledger;
}

void print_counts() {
  const std::lock_guard lock(ledger().mutex);
  if (!ledger().watched || !ledger().watched->plan.is_counting) return;
  std::string text = "serried: events of rank " + std::to_string(ledger().rank) + ":";
  for (const auto& [name, kind] : kind_names) {
    if (kind == Kind::send_drop) continue;
    text += " " + std::string(is_send(kind) ? "send" : name) + "=" +
            std::to_string(ledger().watched->events[static_cast<std::size_t>(kind)]);
  }
  text += '\n';
  // One call for the line, so that ranks' lines do not mix.
  static_cast<void>(!::write(STDERR_FILENO, text.data(), text.size()));
}

void put_in_force(Ledger& own, Plan plan) {
  if (plan.is_counting && !own.is_printing) {
    own.is_printing = true;
    static_cast<void>(std::atexit(print_counts));
  }
  const bool is_on = plan.is_counting || !plan.faults.empty();
  own.watched.emplace(std::move(plan));
  detail::state = is_on ? detail::State::on : detail::State::off;
}

/// With the ledger locked.
void read_once(Ledger& own) {
  if (own.watched) return;
  const char* const text = std::getenv(variable);
  put_in_force(own, text == nullptr || *text == '\0' ? Plan() : parse(text));
}

/// Counts an event for all faults of a kind; the one that is due.
const Fault* count(Ledger& own, Kind kind, int peer) {
  Watched& watched = *own.watched;
  ++watched.events[static_cast<std::size_t>(kind)];
  const Fault* due = nullptr;
  for (std::size_t i = 0; i < watched.plan.faults.size(); ++i) {
    const Fault& fault = watched.plan.faults[i];
    if (fault.kind != kind || fault.rank != own.rank) continue;
    if (fault.peer != Fault::any_peer && fault.peer != peer) continue;
    if (++watched.counts[i] == fault.step) due = &fault;
  }
  return due;
}

}  // namespace

namespace detail {

std::atomic<State> state{State::unread};

bool note(Kind kind) {
  Ledger& own = ledger();
  const std::lock_guard lock(own.mutex);
  read_once(own);
  return count(own, kind, Fault::any_peer) != nullptr;
}

SendFault note_send(int peer) {
  Ledger& own = ledger();
  const std::lock_guard lock(own.mutex);
  read_once(own);
  const Fault* const delay = count(own, Kind::send_delay, peer);
  const Fault* const drop = count(own, Kind::send_drop, peer);
  return {.delay = delay != nullptr ? delay->delay : std::chrono::milliseconds(0),
          .is_dropped = drop != nullptr};
}

}  // namespace detail

Plan parse(std::string_view text) {
  Plan plan;
  std::optional<std::string_view> rest = text;
  while (rest) {
    const std::string_view part = take_until(rest, ';');
    if (part == "count")
      plan.is_counting = true;
    else
      plan.faults.push_back(parse_fault(part));
  }
  return plan;
}

void set_plan(Plan plan) {
  Ledger& own = ledger();
  const std::lock_guard lock(own.mutex);
  put_in_force(own, std::move(plan));
}

void read_environment() {
  Ledger& own = ledger();
  const std::lock_guard lock(own.mutex);
  read_once(own);
}

void set_rank(int rank) noexcept {
  const std::lock_guard lock(ledger().mutex);
  ledger().rank = rank;
}

std::int64_t events(Kind kind) noexcept {
  const std::lock_guard lock(ledger().mutex);
  return ledger().watched ? ledger().watched->events[static_cast<std::size_t>(kind)] : 0;
}

std::string cause(Kind kind) {
  return "injected fault (" + std::string(name_of(kind)) + " " + std::to_string(events(kind)) +
         " of rank " + std::to_string([] {
           const std::lock_guard lock(ledger().mutex);
           return ledger().rank;
         }()) +
         ")";
}

}  // namespace serried::faults
