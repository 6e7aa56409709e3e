#pragma once

#include <string>
#include <utility>
#include <vector>

#include "command_line.hpp"
#include "console.hpp"
#include "extra_outputs.hpp"
#include "serried/comm/runtime.hpp"
#include "serried/context.hpp"
#include "serried/io/dataset.hpp"
#include "serried/io/file_writer.hpp"
#include "serried/io/output_set.hpp"
#include "verb_results.hpp"

namespace serried::app {

/// What every verb works with.
struct Session {
  const Runtime& runtime;
  Context ctx;
  const CommandLine& line;
  Console& console;
  ExtraOutputs& extras;
  OutputSet& outputs;  ///< of the verb; the program gives them their names at its end

  [[nodiscard]] const CommonOptions& common() const { return line.common; }
};

/// The time of phases so far: for each name the time of the slowest rank, and the total since the
/// start. File time of phase "compute" counts as "read", for data that is read while it is computed
/// with. Collective.
[[nodiscard]] Seconds measure_seconds(const Session& session,
                                      const std::vector<std::string>& phases);

/// Writes text to standard output, from rank 0.
/// Collective. @throws RankError (kind io) if it cannot be written.
void print_result(const Session& session, const std::string& text);

/// Opens a dataset whose rows lie along axis 0; one without axes is one row. Collective.
[[nodiscard]] Dataset open_by_rows(const Session& session, const Address& address);

/// Opens what the addresses name as one matrix.
/// Collective.
[[nodiscard]] Dataset open_matrix(const Session& session, const std::vector<Address>& addresses,
                                  const SampleAxes& samples);

/// A small data set on every rank, as f64 in C order.
/// Collective.
[[nodiscard]] std::vector<double> read_everywhere(const Context& ctx, const Dataset& dataset);

/// How the labels of a data set's samples are stored.
[[nodiscard]] WriteOptions label_options(const Dataset& dataset);
/// What their file takes for certain, whatever the labels are.
[[nodiscard]] std::int64_t least_bytes_of_labels(const Dataset& dataset);

/// The distributed labels into a file of their own, with coordinates and provenance, in the phase
/// "write". Collective.
void write_labels(const Session& session, const OutputAddress& output, const Dataset& dataset,
                  const Array& labels, const std::vector<std::string>& inputs,
                  const std::string& seed);
/// What else belongs into a file whose labels have been written; commits it.
/// Collective.
void complete_labels(const Session& session, const OutputAddress& output, const Dataset& dataset,
                     FileWriter& writer, const std::vector<std::string>& inputs,
                     const std::string& seed);

/// Where this run's outputs come from.
[[nodiscard]] Provenance provenance_of(const Session& session,
                                       const std::vector<std::string>& inputs,
                                       const std::string& seed);

/// The text of addresses, separated by blanks.
[[nodiscard]] std::string texts_of(const std::vector<Address>& addresses);

// The verbs. All Collective.
void run_info(const Session& session, const InfoCommand& command);
void run_stats(const Session& session, const StatsCommand& command);
void run_histogram(const Session& session, const HistogramCommand& command);
void run_reduce(const Session& session, const ReduceCommand& command);
void run_eval(const Session& session, const EvalCommand& command);
void run_slice(const Session& session, const SliceCommand& command);
void run_take(const Session& session, const TakeCommand& command);
void run_sort(const Session& session, const SortCommand& command);
void run_unique(const Session& session, const UniqueCommand& command);
void run_kmeans(const Session& session, const KMeansCommand& command);
void run_glm(const Session& session, const GlmCommand& command);
void run_linear(const Session& session, const LinearCommand& command);
void run_softmax(const Session& session, const SoftmaxCommand& command);
void run_predict(const Session& session, const PredictCommand& command);
/// `predict` with a model of "glm", "linear" or "softmax".
void predict_responses(const Session& session, const PredictCommand& command,
                       const std::string& kind);

}  // namespace serried::app
