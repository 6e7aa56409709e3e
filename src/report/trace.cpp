// Chrome's trace format, which Perfetto and chrome://tracing open: a list of events, of which these
// are used: "X", a span with begin and duration, and "M", names of processes and threads.
#include "serried/report/trace.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <limits>
#include <nlohmann/json.hpp>
#include <span>
#include <vector>

#include "serried/comm/agree.hpp"

namespace serried {
namespace {

/// A span on its way to rank 0.
struct WireSpan {
  double begin_s = 0;
  double end_s = 0;
  std::int64_t bytes = 0;
  std::int32_t name = 0;  ///< its number among the rank's names
  Activity activity = Activity::computation;
  [[nodiscard]] double seconds() const { return end_s - begin_s; }
};

/// What a rank sends of itself besides its spans.
struct Track {
  std::string title;
  std::vector<std::string> names;
  std::int64_t left_out = 0;
  double now_s = 0;  ///< of its recorder, at one moment for all ranks
};

/// The rank's part; `spans` gets at most `most`.
Track this_rank(const Runtime& runtime, const Context& ctx, std::int64_t most,
                std::vector<WireSpan>& spans) {
  Track track;
  track.title =
      fmt::format("rank {} on {}, cores {}", ctx.rank(), runtime.host_name(), runtime.cpu_list());
  track.left_out = ctx.recorder().spans_left_out();
  for (const SpanRecord& record : ctx.recorder().spans()) {
    auto at = std::ranges::find(track.names, record.name);
    if (at == track.names.end()) at = track.names.insert(at, record.name);
    spans.push_back({record.begin_s, record.end_s, record.bytes,
                     static_cast<std::int32_t>(at - track.names.begin()), record.activity});
  }
  const auto count = static_cast<std::int64_t>(spans.size());
  if (count > most) {
    std::ranges::stable_sort(spans, [](const WireSpan& a, const WireSpan& b) {
      const bool is_a = a.activity == Activity::phase;
      const bool is_b = b.activity == Activity::phase;
      return is_a != is_b ? is_a : a.seconds() > b.seconds();
    });
    spans.resize(static_cast<std::size_t>(most));
    track.left_out += count - most;
  }
  // An outer span before those inside it.
  std::ranges::stable_sort(spans, [](const WireSpan& a, const WireSpan& b) {
    return a.begin_s != b.begin_s ? a.begin_s < b.begin_s : a.end_s > b.end_s;
  });
  return track;
}

std::string to_text(const Track& track) {
  nlohmann::json json = {{"title", track.title},
                         {"names", track.names},
                         {"left_out", track.left_out},
                         {"now_s", track.now_s}};
  return json.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

Track track_of(const std::string& text) {
  const nlohmann::json json = nlohmann::json::parse(text);
  return {.title = json["title"],
          .names = json["names"],
          .left_out = json["left_out"],
          .now_s = json["now_s"]};
}

std::string quoted(const std::string& text) {
  return nlohmann::json(text).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

const char* category(Activity activity) {
  switch (activity) {
    case Activity::phase:
      return "phase";
    case Activity::communication:
      return "communication";
    case Activity::file:
      return "files";
    case Activity::file_ahead:
      return "files, read ahead";
    case Activity::computation:
      break;
  }
  return "computation";
}

/// Rows of spans that nest, as viewers want them: a span goes to the first row in which it lies
/// inside the innermost open one, or after it.
class Rows {
 public:
  std::size_t place(const WireSpan& span) {
    for (std::size_t row = 0; row < open_ends_.size(); ++row) {
      std::vector<double>& ends = open_ends_[row];
      while (!ends.empty() && ends.back() <= span.begin_s) ends.pop_back();
      if (!ends.empty() && span.end_s > ends.back()) continue;
      ends.push_back(span.end_s);
      return row;
    }
    open_ends_.push_back({span.end_s});
    return open_ends_.size() - 1;
  }
  [[nodiscard]] std::size_t count() const { return open_ends_.size(); }

 private:
  std::vector<std::vector<double>> open_ends_;
};

class Writer {
 public:
  explicit Writer(double shift_s) : shift_s_(shift_s) {}

  /// @param lag_s by how much the rank's clock is ahead of rank 0's.
  void add_rank(int rank, const Track& track, double lag_s, std::span<const WireSpan> spans) {
    name("process_name", rank, 0, quoted(track.title));
    event(
        "{{\"name\":\"process_sort_index\",\"ph\":\"M\",\"pid\":{},\"tid\":0,"
        "\"args\":{{\"sort_index\":{}}}}}",
        rank, rank);
    constexpr std::size_t first_ahead = 100;
    Rows work, ahead;
    for (const WireSpan& span : spans) {
      const bool is_ahead = span.activity == Activity::file_ahead;
      const std::size_t row = is_ahead ? first_ahead + ahead.place(span) : work.place(span);
      event(
          "{{\"name\":{},\"cat\":\"{}\",\"ph\":\"X\",\"pid\":{},\"tid\":{},\"ts\":{:.3f},"
          "\"dur\":{:.3f},\"args\":{{\"bytes\":{}}}}}",
          quoted(track.names[static_cast<std::size_t>(span.name)]), category(span.activity), rank,
          row, 1e6 * (span.begin_s - lag_s + shift_s_), 1e6 * span.seconds(), span.bytes);
    }
    for (std::size_t row = 0; row < std::max<std::size_t>(1, work.count()); ++row)
      name("thread_name", rank, row, row == 0 ? "\"work\"" : "\"work beside it\"");
    for (std::size_t row = 0; row < ahead.count(); ++row)
      name("thread_name", rank, first_ahead + row, "\"reading ahead\"");
  }

  [[nodiscard]] std::string finish(std::int64_t left_out, int ranks) && {
    return fmt::format(
        "{{\"displayTimeUnit\":\"ms\",\"otherData\":{{\"ranks\":{},\"spans_left_out\":{}}},"
        "\"traceEvents\":[\n{}\n]}}\n",
        ranks, left_out, text_);
  }

 private:
  template <class... Args>
  void event(fmt::format_string<Args...> format, Args&&... args) {
    if (!text_.empty()) text_ += ",\n";
    fmt::format_to(std::back_inserter(text_), format, std::forward<Args>(args)...);
  }
  void name(const char* kind, int rank, std::size_t row, const std::string& value) {
    event("{{\"name\":\"{}\",\"ph\":\"M\",\"pid\":{},\"tid\":{},\"args\":{{\"name\":{}}}}}", kind,
          rank, row, value);
  }

  double shift_s_;
  std::string text_;
};

}  // namespace

std::string collect_trace(const Runtime& runtime, const Context& ctx, const TraceOptions& options) {
  constexpr std::int64_t least = 16;
  const Communicator& comm = ctx.comm();
  std::vector<WireSpan> own;
  Track track;
  agree(comm, [&] {
    track = this_rank(runtime, ctx, std::max(least, options.max_spans / comm.size()), own);
  });
  comm.barrier();
  track.now_s = ctx.recorder().now_s();
  const std::vector<std::string> texts = comm.allgather_text(to_text(track));
  const auto spans = comm.gather(std::span<const WireSpan>(own), 0);
  std::string text;
  agree_on_root(comm, 0, [&] {
    std::vector<Track> tracks;
    for (const std::string& of_rank : texts) tracks.push_back(track_of(of_rank));
    const auto lag_s = [&](int rank) {
      return tracks[static_cast<std::size_t>(rank)].now_s - tracks.front().now_s;
    };
    double first_s = 0;
    std::int64_t left_out = 0;
    for (int rank = 0; rank < comm.size(); ++rank) {
      left_out += tracks[static_cast<std::size_t>(rank)].left_out;
      if (!spans.piece(rank).empty())
        first_s = std::min(first_s, spans.piece(rank).front().begin_s - lag_s(rank));
    }
    Writer writer(-first_s);
    for (int rank = 0; rank < comm.size(); ++rank)
      writer.add_rank(rank, tracks[static_cast<std::size_t>(rank)], lag_s(rank), spans.piece(rank));
    text = std::move(writer).finish(left_out, comm.size());
  });
  return text;
}

}  // namespace serried
