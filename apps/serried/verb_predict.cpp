#include <fmt/format.h>

#include "json_output.hpp"
#include "output_check.hpp"
#include "serried/io/held_rows.hpp"
#include "serried/ml/kmeans_file.hpp"
#include "serried/ml/kmeans_memory.hpp"
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
                    const KMeansPrediction& prediction, const Seconds& seconds) {
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

}  // namespace

void run_predict(const Session& session, const PredictCommand& command) {
  Recorder& recorder = session.ctx.recorder();
  const auto [model, dataset] = [&] {
    const auto phase = recorder.phase("read");
    KMeansModel loaded = load_kmeans(session.ctx, command.model_path);
    return std::pair(std::move(loaded), open_matrix(session, command.addresses, command.samples));
  }();
  check_features(command, model, dataset);
  std::vector<std::string> files = dataset.files();
  files.push_back(command.model_path);
  if (command.labels) check_output(session.ctx, command.labels->path, files);
  const KMeansMemory needed =
      memory_of_prediction(dataset, model.clusters, session.ctx.backend()->threads().threads());
  require_memory(session.ctx, dataset.least_memory(needed.least), "predicting this data",
                 session.runtime.node_size());

  const KMeansPrediction prediction = [&] {
    const auto phase = recorder.phase("compute");
    return predict_kmeans(session.ctx, model, dataset, command.drop_missing);
  }();
  if (command.labels) write_labels(session, *command.labels, dataset, prediction.labels, files, "");
  const Seconds seconds = measure_seconds(session, {"read", "compute", "write"});
  print_result(session, session.common().is_json
                            ? to_json(model, prediction, seconds)
                            : summary(command, model, dataset, prediction, seconds));
}

}  // namespace serried::app
