// ranks: 1 2 3 4
#include "serried/report/run_report.hpp"

#include <array>
#include <sstream>

#include "support/spmd.hpp"

namespace serried {
namespace {

Context own_context() {
  return {test::runtime().communicator(), make_host_backend(2), std::make_shared<Recorder>()};
}

TEST(RunReport, sums_phases_over_ranks_and_is_the_same_on_all) {
  const Context ctx = own_context();
  {
    const auto phase = ctx.recorder().phase("read");
    auto span = ctx.recorder().span("H5Dread", Activity::file);
    span.add_bytes(1000 + ctx.rank());
  }
  if (ctx.rank() == ctx.size() - 1) {
    const auto phase = ctx.recorder().phase("only on the last rank");
    auto span = ctx.recorder().span("send", Activity::communication);
    span.add_bytes(5);
  }
  ctx.recorder().set_fact("reads of the data", "1");
  ctx.recorder().set_fact("fact of rank " + std::to_string(ctx.rank()), "yes");
  ctx.recorder().say(Severity::warning, "same words");
  ctx.recorder().say(Severity::note, "a note is no warning");

  const RunReport report = collect_run_report(test::runtime(), ctx);
  const int n = ctx.size();
  ASSERT_EQ(report.ranks.size(), static_cast<std::size_t>(n));
  const RankReport& own = report.ranks[static_cast<std::size_t>(ctx.rank())];
  EXPECT_EQ(own.host, test::runtime().host_name());
  EXPECT_EQ(own.cores, test::runtime().cpu_list());
  EXPECT_EQ(own.threads, 2);
  EXPECT_EQ(own.instruction_level, ctx.backend()->instruction_level());
  EXPECT_EQ(own.file_bytes, 1000 + ctx.rank());
  EXPECT_GT(own.peak_memory_bytes, 100'000);

  ASSERT_GE(report.phases.size(), 2u);
  EXPECT_EQ(report.phases[0].name, "read");
  EXPECT_EQ(report.phases[0].file_bytes, 1000 * n + n * (n - 1) / 2);
  EXPECT_EQ(report.phases[0].communication_bytes, 0);
  EXPECT_EQ(report.phases[1].name, "only on the last rank");
  EXPECT_EQ(report.phases[1].communication_bytes, 5);
  EXPECT_LE(report.phases[0].mean_s, report.phases[0].max_s);

  ASSERT_EQ(report.facts.size(), static_cast<std::size_t>(n + 1));
  EXPECT_EQ(report.facts[0], (std::pair<std::string, std::string>("reads of the data", "1")));
  EXPECT_EQ(report.warnings, std::vector<std::string>{"same words"});
  EXPECT_FALSE(report.verdict.empty());

  const std::vector<std::string> texts = ctx.comm().allgather_text(to_text(report));
  for (const std::string& text : texts) EXPECT_EQ(text, texts.front());
}

TEST(RunReport, text_has_every_part_in_a_hundred_columns) {
  RunReport report;
  report.version = "1.2.3";
  report.commit = "abc";
  report.mpi_library = "Open MPI 4.1.4";
  report.started_utc = "2026-01-01T00:00:00Z";
  report.wall_s = 12.5;
  report.phases = {{.name = "fit",
                    .mean_s = 10,
                    .max_s = 11,
                    .imbalance = 0.25,
                    .communication_mean_s = 2,
                    .file_mean_s = 1,
                    .communication_bytes = 4'000'000'000,
                    .file_bytes = 999'600}};
  report.ranks.assign(3, {.host = "n1",
                          .cores = "0-1",
                          .threads = 2,
                          .threads_source = "--threads",
                          .instruction_level = "AVX2",
                          .device = "host"});
  report.facts = {{"reads of the data", "2"}};
  report.warnings = {std::string(40, 'a') + ' ' + std::string(40, 'b') + ' ' +
                     std::string(40, 'c')};
  report.verdict = "Computation bound this run.";
  const std::string text = to_text(report);
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) EXPECT_LE(line.size(), 100u) << line;
  for (const char* part :
       {"Serried 1.2.3 (abc), Open MPI 4.1.4", "3 ranks, 12.500 s", "25 %", "4 GB", "2.00", "1 MB",
        "0-2", "reads of the data: 2", "warning: aaa", "Computation bound this run."})
    EXPECT_NE(text.find(part), std::string::npos) << part << "\n" << text;
}

}  // namespace
}  // namespace serried
