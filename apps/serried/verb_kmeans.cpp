#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <memory>
#include <optional>

#include "json_output.hpp"
#include "labels_xdmf.hpp"
#include "output_check.hpp"
#include "serried/io/held_rows.hpp"
#include "serried/ml/kmeans_file.hpp"
#include "serried/ml/kmeans_memory.hpp"
#include "serried/ml/kmeans_range.hpp"
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
  const Dataset centers =
      Dataset::open(session.ctx, *command.given_centers,
                    {.dtype = DType::f64, .untrusted = session.common().untrusted});
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
    inputs.weights = Dataset::open(
        session.ctx, *command.weights,
        {.samples = {.kind = SampleAxes::Kind::all}, .untrusted = session.common().untrusted});
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

/// What `fit_data(options, data, weights or null)` returns, for the memory that there is.
/// @param fits how many are to be made.
template <class F>
auto fit(const Session& session, const Inputs& inputs, const KMeansMemory& needed,
         std::int64_t fits, const F& fit_data) {
  const Context& ctx = session.ctx;
  KMeansOptions options = inputs.options;
  require_memory(ctx, inputs.data.least_memory(needed.least), "k-means of this data",
                 session.runtime.node_size());
  std::int64_t room = ctx.options().memory_bytes - needed.least;
  std::unique_ptr<TileSource> data;
  {
    const auto phase = ctx.recorder().phase("read");
    if (options.batch_rows > 0) room -= ctx.options().memory_bytes / 8;  // batches in memory
    const KMeansMemoryUse use = use_memory(needed, room, options.bounds, fits);
    options.bounds = use.bounds;
    options.fits_at_once = static_cast<int>(use.fits_at_once);
    room -= use.bytes;
    data = hold_what_fits(ctx, inputs.data, room);
  }
  const auto phase = ctx.recorder().phase("fit");
  return fit_data(options, *data, inputs.weights ? &*inputs.weights : nullptr);
}

std::string first_lines(const KMeansCommand& command, const KMeansModel& model) {
  std::string text = fmt::format("k-means of {}\n  {} samples x {} features",
                                 texts_of(command.addresses), model.rows, model.features);
  if (model.rows_used != model.rows)
    text += fmt::format(", {} left out", model.rows - model.rows_used);
  return text + '\n';
}

std::string last_lines(const KMeansCommand& command, const Inputs& inputs, const Seconds& seconds) {
  std::string text;
  if (command.labels)
    text += fmt::format("  labels: {}:{}  {} i32\n", command.labels->path, command.labels->object,
                        inputs.data.sample_shape().to_string());
  if (!command.model_path.empty()) text += fmt::format("  model: {}\n", command.model_path);
  return text + to_text(seconds);
}

std::string summary(const KMeansCommand& command, const Inputs& inputs, const KMeansModel& model,
                    const Seconds& seconds) {
  const std::string_view unit = command.options.batch_rows > 0 ? "batch" : "iteration";
  const std::string_view plural = command.options.batch_rows > 0 ? "batches" : "iterations";
  return first_lines(command, model) +
         fmt::format("  inertia {:.10g} after {} {}{}\n\n", model.inertia, model.iterations,
                     model.iterations == 1 ? unit : plural,
                     model.converged ? "" : ", not converged (--max-iterations)") +
         clusters_text(model, model.sizes, model.rows_used) + '\n' +
         last_lines(command, inputs, seconds);
}

std::string summary(const KMeansCommand& command, const Inputs& inputs, const KMeansRange& range,
                    const Seconds& seconds) {
  return first_lines(command, range.chosen().model) + '\n' + to_text(range) + '\n' +
         last_lines(command, inputs, seconds);
}

/// Labels and model into the files that were asked for.
void write_outputs(const Session& session, const KMeansCommand& command, const Inputs& inputs,
                   KMeansModel& model, const Array& labels) {
  const Shape& feature_shape = inputs.data.feature_shape();
  model.feature_shape.assign(feature_shape.extents().begin(), feature_shape.extents().end());
  const std::string seed = fmt::format("{}", command.options.seed);
  if (command.labels) {
    write_labels(session, *command.labels, inputs.data, labels, inputs.files, seed);
    write_labels_xdmf(session, *command.labels, inputs.data, command.addresses);
  }
  if (command.model_path.empty()) return;
  const auto phase = session.ctx.recorder().phase("write");
  save_kmeans(session.ctx, command.model_path, model, provenance_of(session, inputs.files, seed));
}

void run_one(const Session& session, const KMeansCommand& command, const Inputs& inputs) {
  const KMeansMemory needed = memory_of_fit(inputs.data, inputs.options, inputs.weights.has_value(),
                                            session.ctx.backend()->threads().threads());
  KMeansFit result =
      fit(session, inputs, needed, inputs.options.n_init,
          [&](const KMeansOptions& options, const TileSource& data, const TileSource* weights) {
            return fit_kmeans(session.ctx, data, options, weights);
          });
  write_outputs(session, command, inputs, result.model, result.labels);
  const Seconds seconds = measure_seconds(session, {"read", "init", "fit", "write"});
  print_result(session, session.common().is_json ? to_json(result.model, seconds)
                                                 : summary(command, inputs, result.model, seconds));
}

void run_range(const Session& session, const KMeansCommand& command, const Inputs& inputs) {
  KMeansRangeOptions range_options{
      .lowest = command.range->lowest,
      .highest = command.range->highest,
      .step = command.range->step,
      .fit = inputs.options,
      .scores = {.silhouette_sample = command.silhouette_sample, .seed = command.options.seed}};
  const KMeansMemory needed =
      memory_of_range(inputs.data, range_options, inputs.weights.has_value(),
                      session.ctx.backend()->threads().threads());
  const std::int64_t fits =
      ((range_options.highest - range_options.lowest) / range_options.step + 1) *
      inputs.options.n_init;
  KMeansRange range =
      fit(session, inputs, needed, fits,
          [&](const KMeansOptions& options, const TileSource& data, const TileSource* weights) {
            range_options.fit = options;
            return fit_kmeans_range(session.ctx, data, range_options, weights);
          });
  write_outputs(session, command, inputs, range.fits[range.best.value_or(0)].model, range.labels);
  const Seconds seconds = measure_seconds(session, {"read", "init", "fit", "score", "write"});
  print_result(session, session.common().is_json ? to_json(range, seconds)
                                                 : summary(command, inputs, range, seconds));
}

}  // namespace

void run_kmeans(const Session& session, const KMeansCommand& command) {
  const Inputs inputs = [&] {
    const auto phase = session.ctx.recorder().phase("read");
    return open_inputs(session, command);
  }();
  if (command.labels) {
    check_output(session.ctx, command.labels->path, inputs.files);
    check_labels_xdmf(session, *command.labels, inputs.data, inputs.files);
  }
  if (!command.model_path.empty()) check_output(session.ctx, command.model_path, inputs.files);
  if (command.labels && !command.model_path.empty())
    check_outputs_differ(session.ctx, command.labels->path, command.model_path);

  if (command.range) return run_range(session, command, inputs);
  run_one(session, command, inputs);
}

}  // namespace serried::app
