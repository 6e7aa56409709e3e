#include <fmt/format.h>

#include <numeric>

#include "json_output.hpp"
#include "page_output.hpp"
#include "serried/base/error.hpp"
#include "serried/io/held_rows.hpp"
#include "session.hpp"
#include "text_output.hpp"

namespace serried::app {
namespace {

/// Tables of all threads, of which weights take most, and what is made of them.
std::int64_t table_bytes(const Session& session, const HistogramCommand& command) {
  std::int64_t places = 1;
  for (const BinAxis& axis : command.axes) places *= axis.bins;
  const int threads = session.ctx.backend()->threads().threads();
  return places * ((command.weights ? 16 : 8) * (threads + 1) + 24);
}

void claim_extras(const Session& session, const Dataset& data, const Dataset* weights) {
  std::vector<std::string> inputs = data.files();
  if (weights != nullptr)
    inputs.insert(inputs.end(), weights->files().begin(), weights->files().end());
  session.extras.claim(session.ctx, inputs, {});
}

}  // namespace

void run_histogram(const Session& session, const HistogramCommand& command) {
  const Context& ctx = session.ctx;
  // each element is a row, which has a number of each dataset
  const DatasetOptions opening{.samples = {.kind = SampleAxes::Kind::all, .axes = {}},
                               .untrusted = session.common().untrusted};
  std::optional<Dataset> weights;
  const Dataset data = [&] {
    const auto phase = ctx.recorder().phase("read");
    if (command.weights) weights.emplace(Dataset::open(ctx, *command.weights, opening));
    return Dataset::open(ctx, command.addresses, opening);
  }();
  if (!is_real(data.dtype()))
    throw DataError("histograms need real numbers, but " + data.describe() + " has dtype " +
                    std::string(name(data.dtype())));
  if (weights && weights->sample_shape() != data.sample_shape())
    throw InvalidArgument(fmt::format("the weights {} have shape {}, but the data {}",
                                      command.weights->text, weights->sample_shape().to_string(),
                                      data.sample_shape().to_string()));
  claim_extras(session, data, weights ? &*weights : nullptr);
  const std::int64_t bytes = table_bytes(session, command);
  require_memory(ctx, data.least_memory(weights ? weights->least_memory(bytes) : bytes),
                 "a histogram of this data", session.runtime.node_size());
  const HistogramResult result = [&] {
    const auto phase = ctx.recorder().phase("compute");
    if (ctx.has_device()) ctx.recorder().set_fact("histogram", "counted on the host");
    HistogramTable table =
        histogram(ctx, data, {.axes = command.axes, .weights = weights ? &*weights : nullptr});
    const std::int64_t elements = data.sample_shape().elements();
    const std::int64_t inside =
        std::accumulate(table.counts.begin(), table.counts.end(), std::int64_t{0});
    return HistogramResult{.addresses = command.addresses,
                           .weights = command.weights,
                           .shape = data.sample_shape(),
                           .dtype = data.dtype(),
                           .is_logarithmic = command.axes.front().is_logarithmic,
                           .table = std::move(table),
                           .outside = weights ? -1 : elements - inside};
  }();
  const Seconds seconds = measure_seconds(session, {"read", "compute"});
  print_result(session, session.common().is_json ? to_json(result, seconds)
                                                 : to_text(result) + to_text(seconds));
  fill_page(session, command, result);
}

}  // namespace serried::app
