// What the run report says of how files were read and written.
#include "io/file_access.hpp"

#include <algorithm>

#include "h5_files.hpp"
#include "serried/io/dataset.hpp"
#include "serried/io/file_writer.hpp"
#include "serried/report/run_report.hpp"

namespace serried::test {
namespace {

using Facts = std::vector<std::pair<std::string, std::string>>;

/// With a recorder of its own.
Context fresh_context(IoMode mode) {
  return {runtime().communicator(),
          make_host_backend(1),
          std::make_shared<Recorder>(),
          {.io_mode = mode}};
}

/// Writes and reads one file; the facts of the report, which are the same on all ranks.
Facts facts_of(const Context& ctx, const std::string& path) {
  {
    FileWriter writer(ctx, path);
    writer.write("/x", Array::zeros(ctx, {20}, DType::f64));
    writer.commit();
  }
  static_cast<void>(Dataset::open(ctx, parse_address(path + ":/x")).to_array());
  const RunReport report = collect_run_report(runtime(), ctx);
  const std::string text = to_text(report);
  for (const auto& [key, value] : report.facts)
    EXPECT_NE(text.find(key + ": " + value), std::string::npos) << text;
  return report.facts;
}

TEST(FileAccess, note_file_access_tells_each_way_once) {
  Recorder recorder;
  for (const char* how : {"one way", "one way", "another", "one way"})
    note_file_access(recorder, "reading files", how);
  note_file_access(recorder, "writing files", "one way");
  EXPECT_EQ(recorder.facts(),
            (Facts{{"reading files", "one way; another"}, {"writing files", "one way"}}));
}

TEST(FileAccess, report_names_mode_and_driver) {
  const Folder folder;
  const Facts independent = facts_of(fresh_context(IoMode::independent), folder / "i.h5");
  ASSERT_EQ(independent.size(), 2u);
  EXPECT_EQ(independent[0].first, "writing files");
  const std::string parallel = independent[0].second;
  const std::string alone = "independent, each rank without MPI-IO";
  EXPECT_EQ(independent[1], (std::pair<std::string, std::string>("reading files", alone)));

  // On one rank there is nothing collective about reading.
  const Facts collective = facts_of(fresh_context(IoMode::collective), folder / "c.h5");
  ASSERT_EQ(collective.size(), 2u);
  EXPECT_EQ(collective[0].second, parallel);
  EXPECT_EQ(collective[1].second, runtime().communicator().size() > 1 ? parallel : alone);

  // Open MPI and MPICH both let their drivers be known.
  const std::string begin = "collective, MPI-IO driver ";
  ASSERT_TRUE(parallel.starts_with(begin)) << parallel;
  const std::string& library = runtime().mpi_library();
  if (library.starts_with("Open MPI") || library.starts_with("MPICH")) {
    EXPECT_TRUE(parallel == begin + "ompio" || parallel.starts_with(begin + "romio")) << parallel;
  }
}

}  // namespace
}  // namespace serried::test
