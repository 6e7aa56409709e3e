#include "serried/base/recorder.hpp"

#include <algorithm>
#include <chrono>
#include <iterator>
#include <unordered_set>

namespace serried {

struct Recorder::Impl {
  using Clock = std::chrono::steady_clock;

  struct OpenPhase {
    std::size_t index;  // in totals
    double begin_s;
    double inner_s;  // spent in phases inside this one
  };
  struct Record {
    const std::string* name;
    Activity activity;
    double begin_s;
    double end_s;
    std::int64_t bytes;
  };
  struct HashText {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const noexcept {
      return std::hash<std::string_view>{}(text);
    }
  };

  Clock::time_point start = Clock::now();
  mutable std::mutex mutex;
  std::unordered_set<std::string, HashText, std::equal_to<>> names;  // its elements never move
  std::vector<std::pair<std::string, PhaseTotals>> totals;
  std::vector<OpenPhase> open_phases;  // innermost last
  std::vector<Record> records;
  std::size_t max_spans = 100000;
  std::int64_t spans_left_out = 0;
  std::vector<std::pair<Severity, std::string>> messages;
  std::vector<std::pair<std::string, std::string>> facts;
  std::function<void(Severity, const std::string&)> sink;
  ProfilerRanges ranges;
  std::function<void(std::string_view, std::int64_t, std::int64_t)> progress_callback;

  const std::string* name(std::string_view text) {
    const auto known = names.find(text);
    return known != names.end() ? &*known : &*names.emplace(text).first;
  }

  std::size_t phase_index(std::string_view phase_name) {
    for (std::size_t i = 0; i < totals.size(); ++i)
      if (totals[i].first == phase_name) return i;
    totals.emplace_back(std::string(phase_name), PhaseTotals{});
    return totals.size() - 1;
  }

  PhaseTotals& innermost() {
    return totals[open_phases.empty() ? phase_index("other") : open_phases.back().index].second;
  }

  const std::string* open(std::string_view text, Activity activity, double now_s) {
    const std::lock_guard lock(mutex);
    if (activity == Activity::phase) open_phases.push_back({phase_index(text), now_s, 0});
    return name(text);
  }

  void close_phase(const Record& record) {
    const std::size_t index = phase_index(*record.name);
    const auto last =
        std::find_if(open_phases.rbegin(), open_phases.rend(), [&](const OpenPhase& open_phase) {
          return open_phase.index == index && open_phase.begin_s == record.begin_s;
        });
    if (last == open_phases.rend()) return;
    const double seconds = record.end_s - record.begin_s;
    PhaseTotals& phase = totals[index].second;
    phase.total_s += seconds - last->inner_s;
    ++phase.entries;
    const auto place = std::prev(last.base());
    if (place != open_phases.begin()) std::prev(place)->inner_s += seconds;
    open_phases.erase(place);
  }

  void close(const Record& record) {
    const std::lock_guard lock(mutex);
    const double seconds = record.end_s - record.begin_s;
    if (record.activity == Activity::phase) {
      close_phase(record);
    } else if (record.activity == Activity::communication) {
      PhaseTotals& phase = innermost();
      phase.communication_s += seconds;
      phase.communication_bytes += record.bytes;
    } else if (record.activity == Activity::file) {
      PhaseTotals& phase = innermost();
      phase.file_s += seconds;
      phase.file_bytes += record.bytes;
    } else if (record.activity == Activity::file_ahead) {
      PhaseTotals& phase = innermost();
      phase.file_ahead_s += seconds;
      phase.file_bytes += record.bytes;
    }
    if (records.size() < max_spans)
      records.push_back(record);
    else
      ++spans_left_out;
  }
};

Recorder::Recorder() : impl_(std::make_unique<Impl>()) {}
Recorder::~Recorder() = default;

Recorder::Span::Span(Recorder* recorder, std::string_view span_name, Activity activity)
    : recorder_(recorder), name_(nullptr), activity_(activity), begin_s_(recorder->now_s()) {
  name_ = recorder->impl_->open(span_name, activity, begin_s_);
  const ProfilerRanges& ranges = recorder->impl_->ranges;
  if (ranges.begin != nullptr) range_ = ranges.begin(name_->c_str());
}

Recorder::Span::Span(Span&& other) noexcept
    : recorder_(std::exchange(other.recorder_, nullptr)),
      name_(other.name_),
      activity_(other.activity_),
      begin_s_(other.begin_s_),
      range_(other.range_),
      bytes_(other.bytes_) {}

Recorder::Span::~Span() {
  if (recorder_ == nullptr) return;
  if (range_ != 0) recorder_->impl_->ranges.end(range_);
  recorder_->impl_->close({name_, activity_, begin_s_, recorder_->now_s(), bytes_});
}

Recorder::Span Recorder::phase(std::string_view name) {
  return {this, name, Activity::phase};
}

Recorder::Span Recorder::span(std::string_view name, Activity activity) {
  return {this, name, activity};
}

void Recorder::set_profiler_ranges(const ProfilerRanges& ranges) {
  impl_->ranges = ranges;
}

double Recorder::now_s() const noexcept {
  return std::chrono::duration<double>(Impl::Clock::now() - impl_->start).count();
}

std::vector<std::pair<std::string, PhaseTotals>> Recorder::phases() const {
  const double now = now_s();
  const std::lock_guard lock(impl_->mutex);
  auto totals = impl_->totals;
  double inside_s = 0;  // of the open phase inside, up to now
  for (auto phase = impl_->open_phases.rbegin(); phase != impl_->open_phases.rend(); ++phase) {
    totals[phase->index].second.total_s += now - phase->begin_s - phase->inner_s - inside_s;
    inside_s = now - phase->begin_s;
  }
  return totals;
}

std::vector<SpanRecord> Recorder::spans() const {
  const std::lock_guard lock(impl_->mutex);
  std::vector<SpanRecord> spans;
  spans.reserve(impl_->records.size());
  for (const Impl::Record& record : impl_->records)
    spans.push_back({*record.name, record.activity, record.begin_s, record.end_s, record.bytes});
  return spans;
}

std::int64_t Recorder::spans_left_out() const {
  const std::lock_guard lock(impl_->mutex);
  return impl_->spans_left_out;
}

void Recorder::set_max_spans(std::size_t max_spans) {
  const std::lock_guard lock(impl_->mutex);
  impl_->max_spans = max_spans;
}

void Recorder::say(Severity severity, const std::string& text) {
  std::function<void(Severity, const std::string&)> sink;
  {
    const std::lock_guard lock(impl_->mutex);
    impl_->messages.emplace_back(severity, text);
    sink = impl_->sink;
  }
  if (sink) sink(severity, text);
}

std::vector<std::pair<Severity, std::string>> Recorder::messages() const {
  const std::lock_guard lock(impl_->mutex);
  return impl_->messages;
}

void Recorder::set_sink(std::function<void(Severity, const std::string&)> sink) {
  const std::lock_guard lock(impl_->mutex);
  impl_->sink = std::move(sink);
}

void Recorder::set_fact(const std::string& key, const std::string& value) {
  const std::lock_guard lock(impl_->mutex);
  for (auto& [known, text] : impl_->facts)
    if (known == key) {
      text = value;
      return;
    }
  impl_->facts.emplace_back(key, value);
}

std::vector<std::pair<std::string, std::string>> Recorder::facts() const {
  const std::lock_guard lock(impl_->mutex);
  return impl_->facts;
}

void Recorder::progress(std::string_view what, std::int64_t done, std::int64_t total) {
  std::function<void(std::string_view, std::int64_t, std::int64_t)> callback;
  {
    const std::lock_guard lock(impl_->mutex);
    callback = impl_->progress_callback;
  }
  if (callback) callback(what, done, total);
}

void Recorder::set_progress_callback(
    std::function<void(std::string_view, std::int64_t, std::int64_t)> callback) {
  const std::lock_guard lock(impl_->mutex);
  impl_->progress_callback = std::move(callback);
}

}  // namespace serried
