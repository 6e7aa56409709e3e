#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <memory>
#include <optional>

#include "json_output.hpp"
#include "labels_xdmf.hpp"
#include "output_check.hpp"
#include "page_output.hpp"
#include "serried/base/signals.hpp"
#include "serried/io/checkpoint_file.hpp"
#include "serried/io/held_rows.hpp"
#include "serried/ml/kmeans_file.hpp"
#include "serried/ml/kmeans_memory.hpp"
#include "serried/ml/kmeans_range.hpp"
#include "serried/ml/kmeans_wide.hpp"
#include "session.hpp"
#include "text_output.hpp"

namespace serried::app {
namespace {

struct Inputs {
  Dataset data;
  std::optional<Dataset> weights;
  std::optional<Dataset> centers;  ///< that were given
  KMeansOptions options;
  std::vector<std::string> files;  ///< all of them
};

void add_files(std::vector<std::string>& files, const Dataset& dataset) {
  files.insert(files.end(), dataset.files().begin(), dataset.files().end());
}

/// Opens the given centres and checks them against data and options.
void open_centers(const Session& session, const KMeansCommand& command, Inputs& inputs) {
  inputs.centers = Dataset::open(session.ctx, *command.given_centers,
                                 {.dtype = DType::f64, .untrusted = session.common().untrusted});
  const Dataset& centers = *inputs.centers;
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
  inputs.options.clusters = centers.rows();
  add_files(inputs.files, centers);
}

/// The given centres, if there are any, in the options.
void read_centers(const Session& session, const Inputs& inputs, KMeansOptions& options) {
  if (!inputs.centers) return;
  const auto phase = session.ctx.recorder().phase("read");
  options.initial_centers = read_everywhere(session.ctx, *inputs.centers);
  for (const double value : options.initial_centers)
    if (!std::isfinite(value))
      throw DataError(
          fmt::format("--init {}: a centre has NaN or Inf", inputs.centers->describe()));
}

Inputs open_inputs(const Session& session, const KMeansCommand& command) {
  Inputs inputs{.data = open_matrix(session, command.addresses, command.samples),
                .weights = std::nullopt,
                .centers = std::nullopt,
                .options = command.options,
                .files = {}};
  add_files(inputs.files, inputs.data);
  if (inputs.data.row_elements() == 0)
    throw DataError(fmt::format("{}: its samples have no features (shape {})",
                                texts_of(command.addresses), inputs.data.shape().to_string()));
  if (command.given_centers) open_centers(session, command, inputs);
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
  read_centers(session, inputs, options);
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

void set_feature_shape(const Inputs& inputs, KMeansModel& model) {
  const Shape& shape = inputs.data.feature_shape();
  model.feature_shape.assign(shape.extents().begin(), shape.extents().end());
}

/// Labels and model into the files that were asked for.
void write_outputs(const Session& session, const KMeansCommand& command, const Inputs& inputs,
                   KMeansModel& model, const Array& labels) {
  set_feature_shape(inputs, model);
  const std::string seed = fmt::format("{}", command.options.seed);
  if (command.labels) {
    write_labels(session, *command.labels, inputs.data, labels, inputs.files, seed);
    write_labels_xdmf(session, *command.labels, inputs.data, command.addresses);
  }
  if (command.model_path.empty()) return;
  const auto phase = session.ctx.recorder().phase("write");
  save_kmeans(session.ctx, command.model_path, model, provenance_of(session, inputs.files, seed));
}

KMeansRangeOptions range_options_of(const KMeansCommand& command, const Inputs& inputs) {
  return {.lowest = command.range->lowest,
          .highest = command.range->highest,
          .step = command.range->step,
          .fit = inputs.options,
          .scores = {.silhouette_sample = command.silhouette_sample, .seed = command.options.seed}};
}

/// Nothing where no checkpoint is asked for. Reads the one to go on from.
std::unique_ptr<CheckpointFile> open_checkpoint(const Session& session,
                                                const KMeansCommand& command,
                                                const Inputs& inputs) {
  const CheckpointWishes& wishes = command.checkpoint;
  if (wishes.path.empty() && wishes.resume.empty()) return nullptr;
  constexpr double default_every_s = 15 * 60;
  const bool has_every = wishes.every_iterations > 0 || wishes.every_s > 0;
  const std::string seed = fmt::format("{}", command.options.seed);
  return std::make_unique<CheckpointFile>(
      session.ctx, CheckpointFileOptions{.path = wishes.path,
                                         .resume = wishes.resume,
                                         .untrusted = session.common().untrusted,
                                         .every_iterations = wishes.every_iterations,
                                         .every_s = has_every ? wishes.every_s : default_every_s,
                                         .should_stop = is_stop_requested,
                                         .provenance = provenance_of(session, inputs.files, seed)});
}

/// With a range, of the smallest model.
std::int64_t least_bytes_of_model(const KMeansCommand& command, const Inputs& inputs) {
  const std::int64_t clusters = command.range ? command.range->lowest : inputs.options.clusters;
  return FileWriter::least_bytes({clusters, inputs.data.row_elements()}, DType::f64);
}

/// The input files, and the checkpoint to go on from.
std::vector<std::string> read_files(const KMeansCommand& command, const Inputs& inputs) {
  std::vector<std::string> files = inputs.files;
  if (!command.checkpoint.resume.empty()) files.push_back(command.checkpoint.resume);
  return files;
}

std::vector<std::string> output_paths(const KMeansCommand& command) {
  std::vector<std::string> paths = label_paths(command.labels);
  for (const std::string& path : {command.model_path, command.checkpoint.path})
    if (!path.empty()) paths.push_back(path);
  return paths;
}

/// All outputs are tried and held before work begins; each is a file of its own. The checkpoint's
/// is only tried here: a CheckpointFile holds it.
void claim_outputs(const Session& session, const KMeansCommand& command, const Inputs& inputs) {
  struct Output {
    std::string path;
    std::int64_t least_bytes;
    bool is_held;
  };
  std::vector<Output> outputs;
  if (command.labels)
    outputs.push_back({command.labels->path, least_bytes_of_labels(inputs.data), true});
  if (!command.model_path.empty())
    outputs.push_back({command.model_path, least_bytes_of_model(command, inputs), true});
  if (!command.checkpoint.path.empty()) outputs.push_back({command.checkpoint.path, 0, false});
  for (std::size_t i = 1; i < outputs.size(); ++i)
    for (std::size_t j = 0; j < i; ++j)
      check_outputs_differ(session.ctx, outputs[j].path, outputs[i].path);
  // A checkpoint may be gone on from and replaced by the next; no other output may replace it.
  const std::vector<std::string> read = read_files(command, inputs);
  for (const Output& output : outputs) {
    OutputClaim claim = check_output(session.ctx, output.path, output.is_held ? read : inputs.files,
                                     output.least_bytes);
    if (output.is_held) session.outputs.add(std::move(claim));
  }
}

/// Whether rows and centres are to be read by pieces, because they do not fit into memory.
/// @throws InvalidArgument where even that needs more than there is.
bool is_wide(const Session& session, const Inputs& inputs, const KMeansMemory& needed) {
  const std::int64_t memory = session.ctx.options().memory_bytes;
  const std::int64_t whole = inputs.data.least_memory(needed.least);
  if (whole <= memory) return false;
  const auto least =
      least_memory_of_wide_fit(inputs.data, inputs.options, inputs.weights.has_value());
  require_memory(session.ctx, std::min(whole, least.value_or(whole)), "k-means of this data",
                 session.runtime.node_size());
  return true;
}

void run_wide(const Session& session, const KMeansCommand& command, const Inputs& inputs,
              ClusterPage& page) {
  const Context& ctx = session.ctx;
  std::optional<FileWriter> file;
  std::optional<ColumnsWriter> centers;
  TakeKMeansCenters take;
  if (!command.model_path.empty()) {
    const auto phase = ctx.recorder().phase("write");
    file.emplace(ctx, command.model_path);
    centers.emplace(
        file->open_columns("/centers", inputs.options.clusters, inputs.data.row_elements()));
    take = [&](RowRange columns, std::span<const double> values) {
      const auto writing = ctx.recorder().phase("write");
      centers->append(columns, values);
    };
  }
  KMeansFit result =
      fit_kmeans_wide(ctx, inputs.data, inputs.options, inputs.centers ? &*inputs.centers : nullptr,
                      inputs.weights ? &*inputs.weights : nullptr, take);
  set_feature_shape(inputs, result.model);
  const std::string seed = fmt::format("{}", command.options.seed);
  if (command.labels) {
    write_labels(session, *command.labels, inputs.data, result.labels, inputs.files, seed);
    write_labels_xdmf(session, *command.labels, inputs.data, command.addresses);
  }
  if (file) {
    const auto phase = ctx.recorder().phase("write");
    centers->finish();
    write_kmeans_beside_centers(*file, result.model, provenance_of(session, inputs.files, seed));
    file->commit();
  }
  const Seconds seconds = measure_seconds(session, {"read", "init", "fit", "write"});
  print_result(session, session.common().is_json ? to_json(result.model, seconds)
                                                 : summary(command, inputs, result.model, seconds));
  page.take(result.labels);
  page.fill(command, result.model, {.silhouette_note = "not computed: rows are wider than memory"});
}

void run_one(const Session& session, const KMeansCommand& command, const Inputs& inputs,
             ClusterPage& page) {
  const KMeansMemory needed = memory_of_fit(inputs.data, inputs.options, inputs.weights.has_value(),
                                            session.ctx.backend()->threads().threads());
  if (is_wide(session, inputs, needed)) return run_wide(session, command, inputs, page);
  FitFacts facts;
  KMeansFit result =
      fit(session, inputs, needed, inputs.options.n_init,
          [&](const KMeansOptions& options, const TileSource& data, const TileSource* weights) {
            KMeansFit made = fit_kmeans(session.ctx, data, options, weights);
            facts = page.measure(data, made, options);
            return made;
          });
  write_outputs(session, command, inputs, result.model, result.labels);
  const Seconds seconds = measure_seconds(session, {"read", "init", "fit", "write"});
  print_result(session, session.common().is_json ? to_json(result.model, seconds)
                                                 : summary(command, inputs, result.model, seconds));
  page.take(result.labels);
  page.fill(command, result.model, facts);
}

void run_range(const Session& session, const KMeansCommand& command, const Inputs& inputs,
               ClusterPage& page) {
  KMeansRangeOptions range_options = range_options_of(command, inputs);
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
  page.take(range.labels);
  page.fill(command, range);
}

}  // namespace

void run_kmeans(const Session& session, const KMeansCommand& command) {
  Inputs inputs = [&] {
    const auto phase = session.ctx.recorder().phase("read");
    return open_inputs(session, command);
  }();
  claim_outputs(session, command, inputs);
  if (command.labels) check_labels_xdmf(session, *command.labels, inputs.data, inputs.files);
  ClusterPage page(session, command.addresses, command.samples, inputs.data,
                   read_files(command, inputs), output_paths(command));
  const std::unique_ptr<CheckpointFile> checkpoint = open_checkpoint(session, command, inputs);
  inputs.options.checkpoint = checkpoint.get();
  if (command.range) {
    check_kmeans_checkpoint(range_options_of(command, inputs), inputs.data,
                            inputs.weights.has_value());
    return run_range(session, command, inputs, page);
  }
  check_kmeans_checkpoint(inputs.options, inputs.data, inputs.weights.has_value());
  run_one(session, command, inputs, page);
}

}  // namespace serried::app
