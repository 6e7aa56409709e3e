#include "json_output.hpp"
#include "page_output.hpp"
#include "serried/io/held_rows.hpp"
#include "session.hpp"
#include "text_output.hpp"

namespace serried::app {
namespace {

StatsResult stats_of(const Session& session, const Address& address,
                     const StatisticsOptions& options) {
  // The order of elements does not matter to statistics of the whole: any split of the rows will
  // do.
  const SampleAxes samples{
      .kind = options.by_column ? SampleAxes::Kind::axes : SampleAxes::Kind::flattened,
      .axes = {0}};
  const Dataset dataset = [&] {
    const auto phase = session.ctx.recorder().phase("read");
    return Dataset::open(session.ctx, address,
                         {.samples = samples, .untrusted = session.common().untrusted});
  }();
  require_memory(session.ctx,
                 dataset.least_memory(memory_of_statistics(
                     dataset, options, session.ctx.backend()->threads().threads())),
                 "statistics of this data", session.runtime.node_size());
  const auto phase = session.ctx.recorder().phase("compute");
  return {.address = address.text,
          .shape = dataset.shape(),
          .dtype = dataset.dtype(),
          .file_type = dataset.file_type(),
          .column_shape = dataset.row_shape(),
          .is_by_column = options.by_column,
          .statistics = compute_statistics(session.ctx, dataset, options)};
}

}  // namespace

void run_stats(const Session& session, const StatsCommand& command) {
  claim_stats_extras(session, command);
  std::vector<StatsResult> results;
  for (const Address& address : command.addresses)
    results.push_back(stats_of(session, address, command.options));
  const Seconds seconds = measure_seconds(session, {"read", "compute"});
  std::string text;
  for (const StatsResult& result : results) text += to_text(result) + '\n';
  print_result(session,
               session.common().is_json ? to_json(results, seconds) : text + to_text(seconds));
  fill_page(session, command, results);
}

}  // namespace serried::app
