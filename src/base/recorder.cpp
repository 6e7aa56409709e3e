#include "serried/base/recorder.hpp"

#include <algorithm>
#include <chrono>

namespace serried {

struct Recorder::Impl {
  using Clock = std::chrono::steady_clock;
  Clock::time_point start = Clock::now();
  mutable std::mutex mutex;
  std::vector<std::pair<std::string, PhaseTotals>> totals;
  std::vector<std::size_t> open_phases;  // indices into totals, innermost last
  std::vector<SpanRecord> spans;
  std::size_t max_spans = 100000;
  std::vector<std::pair<Severity, std::string>> messages;
  std::vector<std::pair<std::string, std::string>> facts;
  std::function<void(Severity, const std::string&)> sink;
  std::function<void(std::string_view, std::int64_t, std::int64_t)> progress_callback;

  std::size_t phase_index(std::string_view name) {
    for (std::size_t i = 0; i < totals.size(); ++i)
      if (totals[i].first == name) return i;
    totals.emplace_back(std::string(name), PhaseTotals{});
    return totals.size() - 1;
  }

  PhaseTotals& innermost() {
    const std::size_t index = open_phases.empty() ? phase_index("other") : open_phases.back();
    return totals[index].second;
  }

  void close(SpanRecord record) {
    const std::lock_guard lock(mutex);
    const double seconds = record.end_s - record.begin_s;
    switch (record.activity) {
      case Activity::phase: {
        const std::size_t index = phase_index(record.name);
        PhaseTotals& phase = totals[index].second;
        phase.total_s += seconds;
        ++phase.entries;
        const auto open = std::find(open_phases.rbegin(), open_phases.rend(), index);
        if (open != open_phases.rend()) open_phases.erase(std::next(open).base());
        // time of a nested phase is not counted twice
        if (!open_phases.empty()) totals[open_phases.back()].second.total_s -= seconds;
        break;
      }
      case Activity::communication: {
        PhaseTotals& phase = innermost();
        phase.communication_s += seconds;
        phase.communication_bytes += record.bytes;
        break;
      }
      case Activity::file: {
        PhaseTotals& phase = innermost();
        phase.file_s += seconds;
        phase.file_bytes += record.bytes;
        break;
      }
      case Activity::computation: break;
    }
    if (spans.size() < max_spans) spans.push_back(std::move(record));
  }
};

Recorder::Recorder() : impl_(std::make_unique<Impl>()) {}
Recorder::~Recorder() = default;

Recorder::Span::Span(Recorder* recorder, std::string_view span_name, Activity activity)
    : recorder_(recorder), name_(span_name), activity_(activity), begin_s_(recorder->now_s()) {
  if (activity == Activity::phase) {
    const std::lock_guard lock(recorder->impl_->mutex);
    recorder->impl_->open_phases.push_back(recorder->impl_->phase_index(span_name));
  }
}

Recorder::Span::Span(Span&& other) noexcept
    : recorder_(std::exchange(other.recorder_, nullptr)),
      name_(std::move(other.name_)),
      activity_(other.activity_),
      begin_s_(other.begin_s_),
      bytes_(other.bytes_) {}

Recorder::Span::~Span() {
  if (recorder_ != nullptr)
    recorder_->impl_->close({std::move(name_), activity_, begin_s_, recorder_->now_s(), bytes_});
}

Recorder::Span Recorder::phase(std::string_view name) { return {this, name, Activity::phase}; }

Recorder::Span Recorder::span(std::string_view name, Activity activity) { return {this, name, activity}; }

double Recorder::now_s() const noexcept {
  return std::chrono::duration<double>(Impl::Clock::now() - impl_->start).count();
}

std::vector<std::pair<std::string, PhaseTotals>> Recorder::phases() const {
  const std::lock_guard lock(impl_->mutex);
  return impl_->totals;
}

std::vector<SpanRecord> Recorder::spans() const {
  const std::lock_guard lock(impl_->mutex);
  return impl_->spans;
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
