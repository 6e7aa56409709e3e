// serial
#include "serried/base/recorder.hpp"

#include <chrono>
#include <map>
#include <optional>
#include <thread>

#include "support/spmd.hpp"

namespace serried {
namespace {

void spend(int milliseconds) {
  std::this_thread::sleep_for(std::chrono::milliseconds(milliseconds));
}

std::map<std::string, PhaseTotals> totals_of(const Recorder& recorder) {
  const auto phases = recorder.phases();
  return {phases.begin(), phases.end()};
}

TEST(Recorder, phases_come_in_order_of_first_entry) {
  Recorder recorder;
  for (const char* name : {"read", "fit", "read", "write"}) const auto phase = recorder.phase(name);
  const auto phases = recorder.phases();
  ASSERT_EQ(phases.size(), 3U);
  EXPECT_EQ(phases[0].first, "read");
  EXPECT_EQ(phases[0].second.entries, 2);
  EXPECT_EQ(phases[1].first, "fit");
  EXPECT_EQ(phases[2].first, "write");
}

TEST(Recorder, nested_time_counts_once) {
  Recorder recorder;
  const double begin = recorder.now_s();
  {
    const auto outer = recorder.phase("outer");
    spend(2);
    {
      const auto inner = recorder.phase("inner");
      spend(4);
      const auto innermost = recorder.phase("innermost");
      spend(2);
    }
    const auto again = recorder.phase("inner");
    spend(2);
  }
  const double elapsed = recorder.now_s() - begin;
  auto totals = totals_of(recorder);
  EXPECT_GE(totals["outer"].total_s, 0.002);
  EXPECT_GE(totals["inner"].total_s, 0.006);
  EXPECT_GE(totals["innermost"].total_s, 0.002);
  const double sum =
      totals["outer"].total_s + totals["inner"].total_s + totals["innermost"].total_s;
  EXPECT_LE(sum, elapsed);
  EXPECT_GE(sum, 0.010);
  EXPECT_EQ(totals["inner"].entries, 2);
}

TEST(Recorder, phase_inside_itself_counts_once) {
  Recorder recorder;
  const double begin = recorder.now_s();
  {
    const auto outer = recorder.phase("solve");
    spend(1);
    const auto inner = recorder.phase("solve");
    spend(2);
  }
  const double elapsed = recorder.now_s() - begin;
  auto totals = totals_of(recorder);
  EXPECT_GE(totals["solve"].total_s, 0.003);
  EXPECT_LE(totals["solve"].total_s, elapsed);
  EXPECT_EQ(totals["solve"].entries, 2);
}

TEST(Recorder, open_phases_count_up_to_now) {
  Recorder recorder;
  const auto outer = recorder.phase("outer");
  spend(1);
  {
    const auto inner = recorder.phase("inner");
    spend(2);
    auto totals = totals_of(recorder);
    EXPECT_GE(totals["inner"].total_s, 0.002);
    EXPECT_GE(totals["outer"].total_s, 0.001);
    EXPECT_LE(totals["outer"].total_s + totals["inner"].total_s, recorder.now_s());
    EXPECT_EQ(totals["inner"].entries, 0);
  }
  auto totals = totals_of(recorder);
  EXPECT_GE(totals["outer"].total_s, 0.001);  // and not less than nothing
  EXPECT_GE(totals["inner"].total_s, 0.002);
}

TEST(Recorder, time_and_bytes_count_for_the_innermost_phase) {
  Recorder recorder;
  {
    const auto outer = recorder.phase("outer");
    {
      const auto inner = recorder.phase("inner");
      auto sent = recorder.span("allreduce", Activity::communication);
      sent.add_bytes(100);
      sent.add_bytes(20);
      spend(2);
    }
    auto file = recorder.span("read", Activity::file);
    file.add_bytes(7);
    const auto computed = recorder.span("kernel", Activity::computation);
  }
  {
    auto sent = recorder.span("barrier", Activity::communication);
    sent.add_bytes(3);
  }
  auto totals = totals_of(recorder);
  EXPECT_EQ(totals["inner"].communication_bytes, 120);
  EXPECT_GE(totals["inner"].communication_s, 0.002);
  EXPECT_LE(totals["inner"].communication_s, totals["inner"].total_s);
  EXPECT_EQ(totals["inner"].file_bytes, 0);
  EXPECT_EQ(totals["outer"].communication_bytes, 0);
  EXPECT_EQ(totals["outer"].communication_s, 0);
  EXPECT_EQ(totals["outer"].file_bytes, 7);
  EXPECT_EQ(totals["other"].communication_bytes, 3);
}

TEST(Recorder, spans_keep_name_activity_and_times) {
  Recorder recorder;
  {
    std::string name = "a name that is longer than a short string, and does not outlive this";
    auto span = recorder.span(name, Activity::file);
    name = "changed";
    span.add_bytes(5);
    auto moved = std::move(span);
    moved.add_bytes(1);
  }
  const auto spans = recorder.spans();
  ASSERT_EQ(spans.size(), 1U);  // a span that was moved from ends nothing
  EXPECT_EQ(spans[0].name, "a name that is longer than a short string, and does not outlive this");
  EXPECT_EQ(spans[0].activity, Activity::file);
  EXPECT_EQ(spans[0].bytes, 6);
  EXPECT_LE(spans[0].begin_s, spans[0].end_s);
  EXPECT_LE(spans[0].end_s, recorder.now_s());
}

TEST(Recorder, totals_are_complete_beyond_the_spans_that_are_kept) {
  Recorder recorder;
  recorder.set_max_spans(3);
  for (int i = 0; i < 10; ++i) recorder.span("send", Activity::communication).add_bytes(2);
  EXPECT_EQ(recorder.spans().size(), 3U);
  EXPECT_EQ(recorder.spans_left_out(), 7);
  EXPECT_EQ(totals_of(recorder)["other"].communication_bytes, 20);
}

TEST(Recorder, spans_from_several_threads) {
  Recorder recorder;
  constexpr int threads = 4;
  constexpr int each = 2000;
  {
    const auto phase = recorder.phase("read");
    std::vector<std::thread> workers;
    for (int t = 0; t < threads; ++t)
      workers.emplace_back([&, t] {
        for (int i = 0; i < each; ++i) {
          auto span = recorder.span("worker " + std::to_string(i % 50),
                                    t % 2 == 0 ? Activity::file : Activity::communication);
          span.add_bytes(t + 1);
        }
      });
    for (auto& worker : workers) worker.join();
  }
  auto totals = totals_of(recorder);
  EXPECT_EQ(totals["read"].file_bytes, each * (1 + 3));
  EXPECT_EQ(totals["read"].communication_bytes, each * (2 + 4));
  EXPECT_EQ(recorder.spans().size(), threads * each + 1U);
}

TEST(Recorder, phases_that_end_out_of_order) {
  Recorder recorder;
  std::optional<Recorder::Span> first(recorder.phase("first"));
  std::optional<Recorder::Span> second(recorder.phase("second"));
  first.reset();
  recorder.span("send", Activity::communication).add_bytes(4);
  second.reset();
  auto totals = totals_of(recorder);
  EXPECT_EQ(totals["second"].communication_bytes, 4);
  EXPECT_EQ(totals["first"].entries, 1);
  EXPECT_EQ(totals["second"].entries, 1);
}

TEST(Recorder, messages_go_to_the_sink_and_are_kept) {
  Recorder recorder;
  recorder.say(Severity::note, "before");
  std::vector<std::string> heard;
  recorder.set_sink([&](Severity severity, const std::string& text) {
    heard.push_back((severity == Severity::warning ? "warning: " : "note: ") + text);
  });
  recorder.say(Severity::warning, "after");
  EXPECT_EQ(heard, std::vector<std::string>{"warning: after"});
  const auto messages = recorder.messages();
  ASSERT_EQ(messages.size(), 2U);
  EXPECT_EQ(messages[0].second, "before");
  EXPECT_EQ(messages[1].first, Severity::warning);
}

TEST(Recorder, facts_keep_their_order_and_last_value) {
  Recorder recorder;
  recorder.set_fact("reads", "1");
  recorder.set_fact("driver", "ompio");
  recorder.set_fact("reads", "2");
  const std::vector<std::pair<std::string, std::string>> expected{{"reads", "2"},
                                                                  {"driver", "ompio"}};
  EXPECT_EQ(recorder.facts(), expected);
}

TEST(Recorder, progress_reaches_the_callback) {
  Recorder recorder;
  recorder.progress("fit", 1, 2);  // nobody listens
  std::string last;
  recorder.set_progress_callback([&](std::string_view what, std::int64_t done, std::int64_t total) {
    last = std::string(what) + ' ' + std::to_string(done) + '/' + std::to_string(total);
  });
  recorder.progress("fit", 2, 3);
  EXPECT_EQ(last, "fit 2/3");
}

// What a profiler was told: names as ranges begin, and the numbers of those that ended.
std::vector<std::string> begun;
std::vector<std::uint64_t> ended;

TEST(Recorder, tells_a_profiler_of_spans) {
  Recorder recorder;
  recorder.set_profiler_ranges({.begin = [](const char* name) -> std::uint64_t {
                                  begun.emplace_back(name);
                                  return begun.size();
                                },
                                .end = [](std::uint64_t range) { ended.push_back(range); }});
  {
    auto first = recorder.phase("fit");
    const auto second = recorder.span("assign", Activity::computation);
    const auto moved = std::move(first);  // ends once, with the last of the two
  }
  EXPECT_EQ(begun, (std::vector<std::string>{"fit", "assign"}));
  EXPECT_EQ(ended, (std::vector<std::uint64_t>{1, 2}));
}

}  // namespace
}  // namespace serried
