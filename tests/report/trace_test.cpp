// ranks: 1 3
#include "serried/report/trace.hpp"

#include <map>
#include <nlohmann/json.hpp>
#include <thread>

#include "support/spmd.hpp"

namespace serried {
namespace {

using Json = nlohmann::json;

Context own_context() {
  return {test::runtime().communicator(), make_host_backend(1), std::make_shared<Recorder>()};
}

void spend(Recorder& recorder, const std::string& name, Activity activity, int ms) {
  auto span = recorder.span(name, activity);
  span.add_bytes(8);
  std::this_thread::sleep_for(std::chrono::milliseconds(ms));
}

TEST(Trace, each_rank_has_its_spans_in_microseconds) {
  const Context ctx = own_context();
  // clocks that begin at other times
  std::this_thread::sleep_for(std::chrono::milliseconds(20 * ctx.rank()));
  {
    const auto phase = ctx.recorder().phase("fit \"x\"");
    spend(ctx.recorder(), "H5Dread", Activity::file, 3);
    spend(ctx.recorder(), "ahead", Activity::file_ahead, 1);
  }
  const std::string text = collect_trace(test::runtime(), ctx);
  if (ctx.rank() != 0) {
    EXPECT_TRUE(text.empty());
    return;
  }
  const Json json = Json::parse(text);
  EXPECT_EQ(json["otherData"]["ranks"], ctx.size());
  EXPECT_EQ(json["otherData"]["spans_left_out"], 0);
  std::map<int, std::map<std::string, Json>> spans;
  std::map<int, std::string> names;
  for (const Json& event : json["traceEvents"]) {
    if (event["ph"] == "X") spans[event["pid"]][event["name"]] = event;
    if (event["name"] == "process_name") names[event["pid"]] = event["args"]["name"];
  }
  ASSERT_EQ(spans.size(), static_cast<std::size_t>(ctx.size()));
  for (int rank = 0; rank < ctx.size(); ++rank) {
    EXPECT_EQ(names[rank].find("rank " + std::to_string(rank) + " on "), 0u);
    const Json& phase = spans[rank]["fit \"x\""];
    const Json& read = spans[rank]["H5Dread"];
    EXPECT_GE(read["dur"].get<double>(), 3000);
    EXPECT_LT(read["dur"].get<double>(), 3e6);
    EXPECT_GE(read["ts"].get<double>(), phase["ts"].get<double>());
    EXPECT_LE(read["ts"].get<double>() + read["dur"].get<double>(),
              phase["ts"].get<double>() + phase["dur"].get<double>() + 0.01);
    EXPECT_EQ(read["tid"], phase["tid"]);
    EXPECT_NE(spans[rank]["ahead"]["tid"], phase["tid"]);
    EXPECT_EQ(read["args"]["bytes"], 8);
    EXPECT_GE(phase["ts"].get<double>(), 0);
  }
}

TEST(Trace, rows_hold_spans_that_nest) {
  const Context ctx = own_context();
  {
    // two that overlap without nesting, as coroutines leave them
    auto first = std::make_unique<Recorder::Span>(&ctx.recorder(), "a", Activity::computation);
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
    const Recorder::Span second(&ctx.recorder(), "b", Activity::computation);
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
    first.reset();
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
  const std::string text = collect_trace(test::runtime(), ctx);
  if (ctx.rank() != 0) return;
  std::map<std::pair<int, int>, std::vector<std::string>> rows;
  const Json json = Json::parse(text);
  for (const Json& event : json["traceEvents"])
    if (event["ph"] == "X") rows[{event["pid"], event["tid"]}].push_back(event["name"]);
  for (const auto& [row, names] : rows)
    EXPECT_LE(
        std::count(names.begin(), names.end(), "a") + std::count(names.begin(), names.end(), "b"),
        1);
}

TEST(Trace, what_is_too_much_is_left_out_and_counted) {
  const Context ctx = own_context();
  {
    const auto phase = ctx.recorder().phase("phase");
    for (int i = 0; i < 200; ++i)
      spend(ctx.recorder(), i == 100 ? "longest" : "short", Activity::computation,
            i == 100 ? 5 : 0);
  }
  const std::string text = collect_trace(test::runtime(), ctx, {.max_spans = 16 * ctx.size()});
  if (ctx.rank() != 0) return;
  const Json json = Json::parse(text);
  std::map<std::string, int> counts;
  for (const Json& event : json["traceEvents"])
    if (event["ph"] == "X") ++counts[event["name"]];
  EXPECT_EQ(counts["phase"], ctx.size());
  EXPECT_EQ(counts["longest"], ctx.size());
  EXPECT_LE(counts["short"], 14 * ctx.size());
  EXPECT_GE(json["otherData"]["spans_left_out"].get<int>(), 185 * ctx.size());
}

}  // namespace
}  // namespace serried
