#pragma once

#include <cstdint>
#include <vector>

#include "ml/kmeans/bounds.hpp"
#include "ml/kmeans/checkpoints.hpp"
#include "ml/kmeans/columns.hpp"
#include "ml/kmeans/fit_progress.hpp"
#include "ml/kmeans/fixed_point.hpp"
#include "ml/kmeans/shared_reads.hpp"
#include "serried/ml/kmeans.hpp"

namespace serried::kmeans {

/// What one fit from given initial centres gives.
struct LloydResult {
  std::vector<double> centers;
  std::vector<std::int64_t> sizes;
  std::vector<std::int32_t> labels;  ///< by local row; none where has_labels is not set
  bool has_labels = true;
  /// What the labels were assigned with, where checkpoints are kept.
  std::vector<double> label_centers;
  double inertia = 0;
  double weight = 0;  ///< of all usable rows
  std::int64_t iterations = 0;
  bool is_converged = false;
  /// See KMeansModel.
  std::vector<double> inertia_by_iteration;
  /// Over all assignments: rows that were compared with all centres, and all rows.
  std::int64_t examined_rows = 0;
  std::int64_t visited_rows = 0;
};

/// Lloyd's iteration (S. P. Lloyd, "Least squares quantization in PCM", 1982), with scikit-learn's
/// rules: an iteration assigns labels and moves centres; it stops when no label changed, or when
/// the centres' squared movements sum up to at most tolerance * mean variance, and then labels are
/// assigned once more. Collective.
/// @param state if given, the fit goes on from there, and keeps there what it needs to go on.
Task<LloydResult> run_lloyd(SharedReads& reads, const Columns& columns, const FixedPoint& fixed,
                            std::vector<double> centers, const KMeansOptions& options,
                            FitProgress& progress, FitState* state = nullptr);

/// The result of a fit that a checkpoint says is done; without labels. Local.
[[nodiscard]] LloydResult result_of(const FitState& state);
/// What a fit that is done leaves in a checkpoint. Local.
[[nodiscard]] FitState state_of(const LloydResult& result);
/// Gives the rows their labels where the result has none: a read.
/// Collective.
Task<> find_labels(SharedReads& reads, const Columns& columns, LloydResult& result);

/// Local. @throws DataError if the inertia, the same on all ranks, is not finite.
void require_finite_inertia(const Rows& rows, double inertia);

/// What an assignment keeps up to date besides the labels.
struct AssignmentState {
  const FixedPoint& fixed;
  std::vector<ClusterSums>& sums;  ///< one for each worker
  Bounds& bounds;
};

/// Labels and inertia of given centres; `labels`, by local row on the device, as in
/// KMeansKernels::assign, or standing where
/// `are_labels_known`. `state` may be null.
/// Collective.
/// @param first_row if given, the labels are those of a batch, and this is its first local row.
/// @return the inertia.
/// @throws DataError on all ranks if it is not finite.
Task<double> assign_and_measure(SharedReads& reads, const KMeansCenters& centers,
                                bool are_labels_known, std::int32_t* labels, AssignmentState* state,
                                const std::int64_t* first_row = nullptr);

}  // namespace serried::kmeans
