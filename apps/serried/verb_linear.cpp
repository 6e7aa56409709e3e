#include "output_check.hpp"
#include "regression_inputs.hpp"
#include "regression_output.hpp"

namespace serried::app {
namespace {

std::vector<std::string> target_names(const LinearCommand& command, const Dataset& y) {
  if (static_cast<std::size_t>(y.row_elements()) != command.y.size()) return {};
  std::vector<std::string> names;
  for (const Address& address : command.y) names.push_back(own_name(address, "y"));
  return names;
}

}  // namespace

void run_linear(const Session& session, const LinearCommand& command) {
  const Context& ctx = session.ctx;
  RegressionInputs inputs = [&] {
    const auto phase = ctx.recorder().phase("read");
    return open_columns(session, command.x, command.samples);
  }();
  const Dataset y = open_responses(session, inputs, command.y, command.samples);
  const auto weights = open_beside(session, inputs, "--weights", command.weights);
  std::vector<std::string> outputs;
  if (!command.model_path.empty()) {
    session.outputs.add(check_output(ctx, command.model_path, inputs.files, 0));
    outputs.push_back(command.model_path);
  }
  session.extras.claim(ctx, inputs.files, outputs);
  LinearOptions options = command.options;
  options.column_names = inputs.column_names;
  options.target_names = target_names(command, y);
  if (weights) options.weights = &*weights;
  const std::int64_t width = inputs.x.row_elements() + y.row_elements() + 1;
  const std::int64_t beside =
      bytes_by_row(session, inputs.x, y.row_elements() + (weights ? 1 : 0)) +
      16 * 8 * width * width + (std::int64_t{8} << 20);
  // one read is enough, which a fit makes itself
  require_memory(ctx, inputs.x.least_memory(beside), "fitting this data",
                 session.runtime.node_size());
  const LinearModel model = fit_linear(ctx, inputs.x, y, options);
  finish_fit(session, command, model, inputs.files);
}

}  // namespace serried::app
