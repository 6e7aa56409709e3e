#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "serried/expr/parse.hpp"
#include "serried/io/file_info.hpp"
#include "serried/ml/kmeans_range.hpp"
#include "serried/report/plane.hpp"
#include "session.hpp"
#include "verb_results.hpp"

namespace serried::app {

// What pages and pictures show of each verb. All Collective, unless they say otherwise.

void fill_page(const Session& session, const ProgramInfo& info);
void fill_page(const Session& session, const std::vector<FileInfo>& files);

/// Claims the page, the picture and the trace of `stats`.
/// @throws InvalidArgument if a picture is wanted of a single number.
void claim_stats_extras(const Session& session, const StatsCommand& command);
/// Fields and histograms are read once more.
void fill_page(const Session& session, const StatsCommand& command,
               const std::vector<StatsResult>& results);

void fill_page(const Session& session, const HistogramCommand& command,
               const HistogramResult& result);

class Operands;
void fill_page(const Session& session, const ReduceCommand& command, const Operands& operands,
               const std::vector<ReduceResult>& results);

/// The page of the arrays that `eval` writes, and the picture of the first one, where they are
/// wanted.
class EvalPage {
 public:
  /// Claims them, and the trace.
  /// @throws InvalidArgument if a picture is wanted and there is none of such an array.
  EvalPage(const Session& session, const EvalCommand& command, const Operands& operands,
           const std::vector<ParsedExpr>& expressions);
  /// The same rows of an expression, of which what is shown is kept while they are read; of an
  /// array it is kept now. Local.
  [[nodiscard]] std::shared_ptr<const TileSource> through(std::size_t expression,
                                                          std::shared_ptr<const TileSource> rows);
  void fill(const std::vector<EvalResult>& results) const;

 private:
  [[nodiscard]] Plane plane_of(const PlanePicks& picks, const EvalResult& result) const;

  const Session& session_;
  const EvalCommand& command_;
  const Operands& operands_;
  std::optional<PlanePicks> picture_;
  std::vector<std::optional<PlanePicks>> fields_;  ///< of the page, by expression
};

void fill_page(const Session& session, const SelectResult& result);
void fill_page(const Session& session, const SortResult& result);
void fill_page(const Session& session, const UniqueResult& result);

/// What a page tells of a fit besides its model.
struct FitFacts {
  std::optional<double> silhouette;
  std::int64_t silhouette_rows = 0;
  std::string silhouette_note;  ///< why there is none
};

/// Page and picture of clusters: the map of the labels beside the field, and what there is to tell
/// of the clusters.
class ClusterPage {
 public:
  /// Opens the fields, if there is anything to make of them, and claims the outputs.
  /// @param others outputs of the verb itself.
  /// @throws InvalidArgument if a picture is wanted and the samples do not lie on a grid.
  ClusterPage(const Session& session, const std::vector<Address>& addresses,
              const SampleAxes& samples, const Dataset& dataset,
              const std::vector<std::string>& inputs, const std::vector<std::string>& others);
  ~ClusterPage();

  /// Whether there is nothing to do. Local.
  [[nodiscard]] bool is_empty() const;
  /// Keeps the labels that are shown. Local.
  void take(const Array& labels);
  /// A sink that keeps the labels that are shown, and hands all on; itself where there is nothing
  /// to keep. Local. It lives as long as this.
  [[nodiscard]] RowSink* through(RowSink* next);

  /// The silhouette on a small sample, where it costs little.
  [[nodiscard]] FitFacts measure(const TileSource& data, const KMeansFit& fit,
                                 const KMeansOptions& options) const;

  void fill(const KMeansCommand& command, const KMeansModel& model, const FitFacts& facts);
  void fill(const KMeansCommand& command, const KMeansRange& range);
  void fill(const PredictCommand& command, const KMeansModel& model,
            const KMeansPredictionSummary& prediction);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace serried::app
