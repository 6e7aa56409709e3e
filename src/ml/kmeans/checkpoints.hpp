#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "ml/kmeans/columns.hpp"
#include "serried/io/checkpoint_hook.hpp"
#include "serried/ml/kmeans.hpp"

namespace serried::kmeans {

/// What one fit (a run of one number of clusters) needs to go on after an iteration: a few numbers
/// and centres. Labels are not among them: they are those that `label_centers` give the rows.
struct FitState {
  enum class Stage : std::uint8_t { untouched, running, done };
  Stage stage = Stage::untouched;
  std::int64_t iterations = 0;
  bool is_converged = false;
  bool are_labels_final = false;
  std::int64_t examined_rows = 0;
  std::int64_t visited_rows = 0;
  std::vector<double> centers;        ///< empty for a fit that is done and not the best
  std::vector<double> label_centers;  ///< that the labels were assigned with; empty: no labels yet
  // Of a fit that is done.
  std::vector<std::int64_t> sizes;
  double inertia = 0;
  double weight = 0;
  // What else the algorithm keeps (mini-batches).
  std::vector<double> numbers;
  std::vector<std::int64_t> counts;
};

/// The states of all fits of one call, when they are saved, and the end of the call where that is
/// wanted. Wishes to stop or to save travel with a sum over all ranks that is made anyway; where a
/// read of the data follows without one (in seedings), they get one of their own. Without a hook
/// nothing is kept and nothing is communicated.
class Checkpoints {
 public:
  /// @param options facts on which the answer depends and which are known before the data is read.
  /// Local.
  /// @throws InvalidArgument if the hook's former checkpoint does not belong to them.
  Checkpoints(const Context& ctx, CheckpointHook* hook, std::string kind,
              Checkpoint::Facts options);

  /// Facts on which the answer depends: what the fits run on, and what the data is.
  /// Collective.
  /// @throws InvalidArgument as the constructor.
  void add_data(const Rows& rows, const Columns& columns, const TileSource& data,
                const TileSource* weights);
  /// The fits and their numbers of clusters. Takes over what the former checkpoint has of them.
  /// Local. @throws DataError if that makes no sense.
  void set_fits(const std::vector<std::int64_t>& clusters, std::int64_t features);

  [[nodiscard]] bool is_on() const noexcept { return hook_ != nullptr; }
  /// Of the fit with that number; without a hook one that nothing is kept in.
  [[nodiscard]] FitState& fit(std::int64_t number) {
    return states_[static_cast<std::size_t>(number)];
  }
  /// A fit has completed an iteration and written its state.
  void count_iteration() noexcept { has_iterated_ = true; }

  static constexpr std::size_t votes_count = 2;
  using Votes = std::array<std::int64_t, votes_count>;
  /// This rank's wishes, to be added up over all ranks. Local.
  [[nodiscard]] Votes votes();
  /// The sums of the wishes, the same on all ranks. Local.
  void take_votes(std::span<const std::int64_t> sums);
  /// Between two reads of the data, where every fit waits for one: saves where that is wanted.
  /// Collective.
  /// @throws Stopped on all ranks where one wants to stop.
  void between_reads();

 private:
  void save(bool is_last);
  void restore(const Checkpoint& former, std::span<const std::int64_t> clusters,
               std::int64_t features);

  Context ctx_;
  CheckpointHook* hook_;
  std::string kind_;
  Checkpoint::Facts facts_;
  std::vector<FitState> states_;
  bool has_voted_ = false;
  bool is_stop_wanted_ = false;
  bool is_save_wanted_ = false;
  bool has_iterated_ = false;
  std::int64_t iterations_ = 0;  ///< since the last save; fits side by side count together
};

/// The facts of a fit that its options and the outside of its data tell. Local.
/// @param clusters the number, or the range.
[[nodiscard]] Checkpoint::Facts option_facts(const KMeansOptions& options,
                                             const std::string& clusters, const TileSource& data,
                                             bool has_weights);

/// @throws InvalidArgument if a checkpoint does not belong to a computation of that kind with these
/// facts. Local.
void require_options(const Checkpoint& checkpoint, const std::string& kind,
                     const Checkpoint::Facts& facts);

inline constexpr const char* fit_kind = "k-means";
inline constexpr const char* range_kind = "k-means over a range of clusters";

}  // namespace serried::kmeans
