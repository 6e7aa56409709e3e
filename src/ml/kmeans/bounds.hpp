#pragma once

#include <cstdint>
#include <limits>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "ml/kmeans/columns.hpp"
#include "ml/kmeans/rows.hpp"
#include "serried/device/kmeans_kernels.hpp"
#include "serried/ml/kmeans.hpp"

namespace serried::kmeans {

/// Bounds by row through a fit (see KMeansBounds): 8 bytes a row while they are kept. Before each
/// pass it is estimated, from how far the centres moved and from the rows' slack when bounds were
/// kept last, how many rows bounds would decide, with none or some of the centres as movers. They
/// are kept in the first pass, to see how the rows lie, and then where that saves time; and again
/// whenever the centres move half as far as when they were kept last. The estimates follow from
/// counts over all rows, so that they are the same at any number of ranks; and no label depends on
/// them.
class Bounds {
 public:
  /// Local.
  Bounds(const Rows& rows, const Columns& columns, std::int64_t clusters, KMeansBoundsUse use);

  /// To be called before each pass, with the centres of that pass.
  /// Collective. @throws RankError if a rank has no memory for bounds.
  void begin_pass(std::span<const double> centers);
  /// What the kernel takes for a unit of the present pass; nothing where none are kept.
  [[nodiscard]] std::optional<KMeansBounds> view(const Unit& unit,
                                                 std::span<std::int64_t> slack_counts);
  /// To be called after a pass, with the counts of all ranks. Local.
  void end_pass(std::span<const std::int64_t> slack_counts);

 private:
  /// Collective.
  void start();
  void add_moves(std::span<const double> moves);
  [[nodiscard]] std::optional<std::int64_t> best_number_of_movers(std::vector<double> moves,
                                                                  double share) const;
  void choose_movers(std::span<const double> moves, std::int64_t count,
                     std::span<const double> centers);
  void find_half_gaps(std::span<const double> centers);
  [[nodiscard]] std::vector<double> moves_to(std::span<const double> centers) const;
  [[nodiscard]] double cost_of_comparing(std::int64_t centers) const;
  [[nodiscard]] bool is_keeping_cheap() const;
  [[nodiscard]] double share_below(double slack) const;

  const Rows& rows_;
  const Columns& columns_;
  std::int64_t clusters_;
  std::int64_t features_;
  bool is_allowed_;
  bool is_kept_ = false;
  bool is_known_ = false;                                            ///< the limits hold bounds
  double last_mean_move_ = std::numeric_limits<double>::infinity();  ///< when bounds began
  std::vector<float> limits_;
  bool is_gated_;
  std::vector<KMeansGate> gates_;
  KMeansReach worst_;
  std::vector<std::int64_t> slack_counts_;  ///< of the last pass
  std::vector<double> last_centers_, own_, others_, half_gaps_;
  std::vector<KMeansReach> reaches_;
  std::vector<std::int32_t> movers_;  ///< in this pass; ascending
  std::unique_ptr<KMeansCenters> prepared_movers_;
};

}  // namespace serried::kmeans
