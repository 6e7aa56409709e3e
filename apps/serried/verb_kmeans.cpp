#include <fmt/format.h>

#include <cmath>
#include <optional>

#include "json_output.hpp"
#include "output_check.hpp"
#include "serried/ml/kmeans_file.hpp"
#include "session.hpp"
#include "text_output.hpp"

namespace serried::app {
namespace {

struct Inputs {
  Dataset data;
  std::optional<Dataset> weights;
  KMeansOptions options;           ///< with the given centres
  std::vector<std::string> files;  ///< all of them
};

void add_files(std::vector<std::string>& files, const Dataset& dataset) {
  files.insert(files.end(), dataset.files().begin(), dataset.files().end());
}

/// Reads the given centres and checks them against data and options.
void read_centers(const Session& session, const KMeansCommand& command, Inputs& inputs) {
  const Dataset centers = Dataset::open(session.ctx, *command.given_centers, {.dtype = DType::f64});
  const std::int64_t features = inputs.data.row_elements();
  if (centers.rows() == 0)
    throw DataError(fmt::format("--init {}: there are no centres in shape {}",
                                command.given_centers->text, centers.shape().to_string()));
  if (centers.row_elements() != features)
    throw DataError(
        fmt::format("--init {}: centres of shape {} have {} features, but the data has {}",
                    command.given_centers->text, centers.shape().to_string(),
                    centers.row_elements(), features));
  if (command.has_clusters && centers.rows() != command.options.clusters)
    throw InvalidArgument(fmt::format("--init {} holds {} centres, but --clusters says {}",
                                      command.given_centers->text, centers.rows(),
                                      command.options.clusters));
  inputs.options.initial_centers = read_everywhere(session.ctx, centers);
  for (const double value : inputs.options.initial_centers)
    if (!std::isfinite(value))
      throw DataError(
          fmt::format("--init {}: a centre has NaN or Inf", command.given_centers->text));
  inputs.options.clusters = centers.rows();
  add_files(inputs.files, centers);
}

Inputs open_inputs(const Session& session, const KMeansCommand& command) {
  Inputs inputs{.data = open_matrix(session, command.addresses, command.samples),
                .weights = std::nullopt,
                .options = command.options,
                .files = {}};
  add_files(inputs.files, inputs.data);
  if (inputs.data.row_elements() == 0)
    throw DataError(fmt::format("{}: its samples have no features (shape {})",
                                texts_of(command.addresses), inputs.data.shape().to_string()));
  if (command.given_centers) read_centers(session, command, inputs);
  if (command.weights) {
    inputs.weights =
        Dataset::open(session.ctx, *command.weights, {.samples = {.kind = SampleAxes::Kind::all}});
    if (inputs.weights->shape() != inputs.data.sample_shape())
      throw DataError(
          fmt::format("--weights {}: one weight for each sample is needed, in the shape "
                      "of the sample axes {}, but its shape is {}",
                      command.weights->text, inputs.data.sample_shape().to_string(),
                      inputs.weights->shape().to_string()));
    add_files(inputs.files, *inputs.weights);
  }
  return inputs;
}

KMeansFit fit(const Session& session, const Inputs& inputs) {
  std::optional<Array> data;
  std::optional<Array> weights;
  {
    const auto phase = session.ctx.recorder().phase("read");
    data = inputs.data.to_array();
    if (inputs.weights) weights = inputs.weights->to_array();
  }
  const auto phase = session.ctx.recorder().phase("fit");
  return fit_kmeans(session.ctx, *data, inputs.options, weights ? &*weights : nullptr);
}

std::string summary(const KMeansCommand& command, const Inputs& inputs, const KMeansModel& model,
                    const Seconds& seconds) {
  std::string text = fmt::format("k-means of {}\n  {} samples x {} features",
                                 texts_of(command.addresses), model.rows, model.features);
  if (model.rows_used != model.rows)
    text += fmt::format(", {} left out", model.rows - model.rows_used);
  const std::string_view unit = command.options.batch_rows > 0 ? "batch" : "iteration";
  const std::string_view plural = command.options.batch_rows > 0 ? "batches" : "iterations";
  text += fmt::format("\n  inertia {:.10g} after {} {}{}\n\n", model.inertia, model.iterations,
                      model.iterations == 1 ? unit : plural,
                      model.converged ? "" : ", not converged (--max-iterations)");
  text += clusters_text(model, model.sizes, model.rows_used) + '\n';
  if (command.labels)
    text += fmt::format("  labels: {}:{}  {} i32\n", command.labels->path, command.labels->object,
                        inputs.data.sample_shape().to_string());
  if (!command.model_path.empty()) text += fmt::format("  model: {}\n", command.model_path);
  return text + to_text(seconds);
}

}  // namespace

void run_kmeans(const Session& session, const KMeansCommand& command) {
  const Inputs inputs = [&] {
    const auto phase = session.ctx.recorder().phase("read");
    return open_inputs(session, command);
  }();
  if (command.labels) check_output(session.ctx, command.labels->path, inputs.files);
  if (!command.model_path.empty()) check_output(session.ctx, command.model_path, inputs.files);
  if (command.labels && !command.model_path.empty())
    check_outputs_differ(session.ctx, command.labels->path, command.model_path);

  KMeansFit result = fit(session, inputs);
  const Shape& feature_shape = inputs.data.feature_shape();
  result.model.feature_shape.assign(feature_shape.extents().begin(), feature_shape.extents().end());

  const std::string seed = fmt::format("{}", command.options.seed);
  if (command.labels)
    write_labels(session, *command.labels, inputs.data, result.labels, inputs.files, seed);
  if (!command.model_path.empty()) {
    const auto phase = session.ctx.recorder().phase("write");
    save_kmeans(session.ctx, command.model_path, result.model,
                provenance_of(session, inputs.files, seed));
  }
  const Seconds seconds = measure_seconds(session, {"read", "init", "fit", "write"});
  print_result(session, session.common().is_json ? to_json(result.model, seconds)
                                                 : summary(command, inputs, result.model, seconds));
}

}  // namespace serried::app
