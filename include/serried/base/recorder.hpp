#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "serried/base/api.hpp"

namespace SERRIED_API serried {

/// What a span of time was spent on.
enum class Activity : std::uint8_t {
  phase,
  communication,
  file,
  computation,
  file_ahead  ///< files, by the thread that reads ahead beside the others
};

/// One recorded span. Times are seconds since the recorder was made.
struct SpanRecord {
  std::string name;
  Activity activity = Activity::computation;
  double begin_s = 0;
  double end_s = 0;
  std::int64_t bytes = 0;
};

/// Totals of one phase on this rank. What happens in no phase counts for a phase "other".
struct PhaseTotals {
  double total_s = 0;          ///< wall time of the phase, less the phases inside it
  double communication_s = 0;  ///< of which inside MPI
  double file_s = 0;           ///< of which reading and writing files, and waiting for them
  double file_ahead_s = 0;     ///< reading files beside it
  std::int64_t communication_bytes = 0;
  std::int64_t file_bytes = 0;
  std::int64_t entries = 0;  ///< how often the phase was entered
};

/// How a profiler is told of spans: `begin` gives a number that `end` gets back. Ranges of
/// different threads, and those of one, may overlap in any way.
struct ProfilerRanges {
  std::uint64_t (*begin)(const char* name) = nullptr;
  void (*end)(std::uint64_t range) = nullptr;
};

/// What the message sink is told.
enum class Severity : std::uint8_t { note, warning };

/// Records where a rank's time went. `Communicator`, `Backend` and the readers are given one; the
/// run report, the trace and the progress line are read off it. All members are safe to call from
/// several threads, and are Local. Nothing is printed; messages go to the sink, if one is set. A
/// span costs two readings of the clock and two short locks, about 0.2 microseconds.
class Recorder {
 public:
  Recorder();
  ~Recorder();
  Recorder(const Recorder&) = delete;
  Recorder& operator=(const Recorder&) = delete;

  /// Ends its span when it is destroyed, which must be before its recorder is.
  class Span {
   public:
    /// `span_name` is copied (once for each name).
    Span(Recorder* recorder, std::string_view span_name, Activity activity);
    Span(Span&& other) noexcept;
    Span& operator=(Span&&) = delete;
    ~Span();
    /// Bytes that were sent, read or written in this span.
    void add_bytes(std::int64_t bytes) noexcept { bytes_ += bytes; }

   private:
    Recorder* recorder_;
    const std::string* name_;
    Activity activity_;
    double begin_s_;
    std::uint64_t range_ = 0;  ///< of the profiler
    std::int64_t bytes_ = 0;
  };

  /// Opens a phase ("read", "fit", ...). Phases nest; time and bytes, also those of other threads,
  /// count for the one that was opened last.
  [[nodiscard]] Span phase(std::string_view name);
  /// Opens a span of an activity inside the current phase.
  [[nodiscard]] Span span(std::string_view name, Activity activity);

  /// Seconds since the recorder was made.
  [[nodiscard]] double now_s() const noexcept;
  /// Totals by phase, in the order in which phases were first entered; phases that are still open
  /// count up to now.
  [[nodiscard]] std::vector<std::pair<std::string, PhaseTotals>> phases() const;
  /// The spans kept so far; at most `max_spans` are, the totals are always complete.
  [[nodiscard]] std::vector<SpanRecord> spans() const;
  /// How many have ended since `max_spans` were kept.
  [[nodiscard]] std::int64_t spans_left_out() const;
  void set_max_spans(std::size_t max_spans);

  /// Tells the sink, and keeps the text for the run report.
  void say(Severity severity, const std::string& text);
  [[nodiscard]] std::vector<std::pair<Severity, std::string>> messages() const;
  /// Where messages go; by default nowhere.
  void set_sink(std::function<void(Severity, const std::string&)> sink);

  /// Spans that begin from now on are shown to a profiler too, by the names of their phases. To be
  /// set before other threads open spans.
  void set_profiler_ranges(const ProfilerRanges& ranges);

  /// Facts for the run report ("reads of the data": "2"), in order of first mention.
  void set_fact(const std::string& key, const std::string& value);
  [[nodiscard]] std::vector<std::pair<std::string, std::string>> facts() const;

  /// Progress of the current work: done of total units; the callback is rate-limited by its owner.
  void progress(std::string_view what, std::int64_t done, std::int64_t total);
  void set_progress_callback(
      std::function<void(std::string_view, std::int64_t, std::int64_t)> callback);

 private:
  friend class Span;
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace serried
