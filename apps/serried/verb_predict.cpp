#include <fmt/format.h>

#include <optional>

#include "json_output.hpp"
#include "labels_xdmf.hpp"
#include "output_check.hpp"
#include "page_output.hpp"
#include "serried/base/error.hpp"
#include "serried/io/held_rows.hpp"
#include "serried/ml/kmeans_file.hpp"
#include "serried/ml/kmeans_memory.hpp"
#include "serried/ml/kmeans_wide.hpp"
#include "serried/ml/regression_file.hpp"
#include "session.hpp"
#include "text_output.hpp"

namespace serried::app {
namespace {

void check_features(const PredictCommand& command, const KMeansModel& model,
                    const Dataset& dataset) {
  if (dataset.row_elements() == model.features) return;
  throw DataError(fmt::format(
      "{}: its samples have {} features (shape {}), but the model {} was fitted to {} (shape {})",
      texts_of(command.addresses), dataset.row_elements(), dataset.feature_shape().to_string(),
      command.model_path, model.features, Shape(model.feature_shape).to_string()));
}

std::string summary(const PredictCommand& command, const KMeansModel& model, const Dataset& dataset,
                    const KMeansPredictionSummary& prediction, const Seconds& seconds) {
  std::string text =
      fmt::format("clusters of {} by {}\n  {} samples x {} features", texts_of(command.addresses),
                  command.model_path, prediction.rows, model.features);
  if (prediction.rows_used != prediction.rows)
    text += fmt::format(", {} left out", prediction.rows - prediction.rows_used);
  text += fmt::format("\n  inertia {:.10g}\n\n", prediction.inertia);
  text += clusters_text(model, prediction.sizes, prediction.rows_used) + '\n';
  if (command.labels)
    text += fmt::format("  labels: {}:{}  {} i32\n", command.labels->path, command.labels->object,
                        dataset.sample_shape().to_string());
  return text + to_text(seconds);
}

/// The centres of a model that does not fit into memory, to be read by pieces.
Dataset open_centers(const Session& session, const PredictCommand& command) {
  const Address address{.text = command.model_path + ":/centers",
                        .path = command.model_path,
                        .object = "/centers",
                        .selection = {}};
  return Dataset::open(session.ctx, address, {.dtype = DType::f64});
}

/// The model with the first features of its centres, for people to look at.
KMeansModel load_first_features(const Session& session, const PredictCommand& command,
                                KMeansModel model) {
  constexpr std::int64_t most = 16;
  const Dataset centers = open_centers(session, command);
  model.centers =
      read_everywhere(session.ctx, centers.columns({0, std::min(most, model.features)}));
  return model;
}

/// What predicting by pieces of rows and centres takes; none where that cannot be done.
std::optional<std::int64_t> needed_memory_of_pieces(const PredictCommand& command,
                                                    const KMeansModel& model,
                                                    const Dataset& dataset) {
  auto least = least_memory_of_wide_prediction(dataset, model.clusters);
  if (!least || !command.labels) return least;
  const std::int64_t rows = rows_of_prediction(dataset, 0).of_rank;
  return *least + FileWriter::memory_of_rows(dataset.rows(), {}, DType::i32, label_options(dataset),
                                             rows, rows);
}

/// What predicting takes besides reading.
std::int64_t needed_memory(const Session& session, const PredictCommand& command,
                           const KMeansModel& model, const Dataset& dataset) {
  const std::int64_t batch_bytes = session.ctx.options().batch_bytes;
  PredictedRows rows = rows_of_prediction(dataset, batch_bytes);
  // these grow with the memory that there is
  if (dataset.is_read_together())
    rows.of_batch =
        std::min(rows.of_batch, batch_bytes / std::max<std::int64_t>(1, dataset.row_bytes()));
  const std::int64_t least =
      memory_of_prediction(dataset, model.clusters, session.ctx.backend()->threads().threads(),
                           rows.of_batch)
          .least;
  if (!command.labels) return least;
  return least + FileWriter::memory_of_rows(dataset.rows(), {}, DType::i32, label_options(dataset),
                                            rows.of_rank, rows.of_batch);
}

/// Where all ranks read a batch together, it and its labels (being found, coming, being written,
/// and in HDF5) share what a batch would get.
void share_batches_with_labels(const Session& session, Dataset& dataset) {
  if (!dataset.is_read_together()) return;
  const double row_bytes = std::max(1., static_cast<double>(dataset.row_bytes()));
  const double all = static_cast<double>(session.ctx.options().memory_bytes) / 4;
  dataset.set_batch_bytes_together(
      static_cast<std::int64_t>(all * row_bytes / (row_bytes + 4 * sizeof(std::int32_t))));
}

/// Writes the labels, where they are wanted, as they are found.
/// @param is_wide rows and centres are read by pieces.
KMeansPredictionSummary predict(const Session& session, const PredictCommand& command,
                                const KMeansModel& model, const Dataset& dataset,
                                const std::vector<std::string>& files, bool is_wide,
                                ClusterPage& page) {
  Recorder& recorder = session.ctx.recorder();
  std::optional<FileWriter> file;
  std::optional<RowsWriter> labels;
  if (command.labels) {
    const auto phase = recorder.phase("write");
    file.emplace(session.ctx, command.labels->path);
    labels.emplace(file->open_rows(command.labels->object, dataset.rows(), {}, DType::i32,
                                   label_options(dataset)));
  }
  RowSink* const sink = page.through(labels ? &*labels : nullptr);
  KMeansPredictionSummary prediction = [&] {
    const auto phase = recorder.phase("compute");
    if (is_wide)
      return predict_kmeans_wide(session.ctx, open_centers(session, command), dataset, sink,
                                 command.drop_missing);
    return predict_kmeans_into(session.ctx, model, dataset, sink, command.drop_missing);
  }();
  if (command.labels) {
    const auto phase = recorder.phase("write");
    labels->finish();
    complete_labels(session, *command.labels, dataset, *file, files, "");
    write_labels_xdmf(session, *command.labels, dataset, command.addresses);
  }
  return prediction;
}

}  // namespace

void run_predict(const Session& session, const PredictCommand& command) {
  const std::string kind = [&] {
    const auto phase = session.ctx.recorder().phase("read");
    return model_kind(session.ctx, command.model_path, session.common().untrusted);
  }();
  if (kind == "glm" || kind == "linear" || kind == "softmax")
    return predict_responses(session, command, kind);
  if (!command.predictions_path.empty())
    throw InvalidArgument("--predictions is for models of glm, linear and softmax; " +
                          command.model_path + " is of kmeans, whose --labels go to a file");
  if (!command.y.empty() || command.weights)
    throw InvalidArgument("--y and --weights are for models of glm, linear and softmax");
  if (command.offset) throw InvalidArgument("--offset is for models of glm");
  Recorder& recorder = session.ctx.recorder();
  auto [model, dataset] = [&] {
    const auto phase = recorder.phase("read");
    KMeansModel loaded =
        load_kmeans_without_centers(session.ctx, command.model_path);  // checked above
    return std::pair(std::move(loaded), open_matrix(session, command.addresses, command.samples));
  }();
  check_features(command, model, dataset);
  std::vector<std::string> files = dataset.files();
  files.push_back(command.model_path);
  if (command.labels) {
    session.outputs.add(
        check_output(session.ctx, command.labels->path, files, least_bytes_of_labels(dataset)));
    check_labels_xdmf(session, *command.labels, dataset, files);
  }
  ClusterPage page(session, command.addresses, command.samples, dataset, files,
                   label_paths(command.labels));
  share_batches_with_labels(session, dataset);
  const std::int64_t whole = dataset.least_memory(needed_memory(session, command, model, dataset));
  const bool is_wide = whole > session.ctx.options().memory_bytes;
  if (is_wide) {
    const auto least = needed_memory_of_pieces(command, model, dataset);
    require_memory(session.ctx, std::min(whole, least.value_or(whole)), "predicting this data",
                   session.runtime.node_size());
  }
  const auto load = [&, &known = model](bool has_centers) {
    const auto phase = recorder.phase("read");
    return has_centers ? load_kmeans(session.ctx, command.model_path)
                       : load_first_features(session, command, known);
  };
  model = load(!is_wide);
  const KMeansPredictionSummary prediction =
      predict(session, command, model, dataset, files, is_wide, page);
  const Seconds seconds = measure_seconds(session, {"read", "compute", "write"});
  print_result(session, session.common().is_json
                            ? to_json(model, prediction, seconds)
                            : summary(command, model, dataset, prediction, seconds));
  page.fill(command, model, prediction);
}

}  // namespace serried::app
