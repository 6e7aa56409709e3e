#pragma once

#include <cmath>
#include <cstdint>
#include <functional>
#include <initializer_list>
#include <limits>
#include <span>
#include <string>
#include <vector>

#include "array/device_view.hpp"
#include "ml/kmeans/row_values.hpp"
#include "serried/comm/reduction_tree.hpp"
#include "serried/comm/tile_source.hpp"
#include "serried/context.hpp"
#include "serried/device/kmeans_kernels.hpp"

namespace serried::kmeans {

/// A run of whole leaves that one thread works on, its rows in the memory of the context's device
/// in the fit's dtype. On a device, all leaves of a batch are one unit.
struct Unit {
  RowRange rows;                ///< global rows
  std::int64_t local_row = 0;   ///< rows.begin counted from the first row of this rank
  std::int64_t first_leaf = 0;  ///< the leaves [first_leaf, last_leaf)
  std::int64_t last_leaf = 0;
  const void* data = nullptr;
  const double* weights = nullptr;  ///< of these rows, on the device; null without weights
  int worker = 0;

  [[nodiscard]] KMeansRows kernel_rows() const { return {data, rows.size()}; }
};

class LeafTotals;

/// The leaves of a fit.
/// Local.
[[nodiscard]] Leaves leaves_of(const TileSource& source);

/// The rows of a fit as one rank sees them: which are its own, in which dtype they are computed on,
/// and passes over them. All state by row is indexed from first_row() on, in the partition that the
/// leaves make. One choice of leaves serves a whole fit.
class Rows {
 public:
  /// Local; with a device, Collective.
  /// @throws InvalidArgument if the source's dtype is not real, or it lies on another number of
  /// ranks.
  Rows(const Context& ctx, const TileSource& source);

  [[nodiscard]] const Context& context() const noexcept { return ctx_; }
  [[nodiscard]] const TileSource& source() const noexcept { return source_; }
  [[nodiscard]] const Leaves& leaves() const noexcept { return leaves_; }
  /// What the kernels work on.
  [[nodiscard]] const std::shared_ptr<Backend>& device() const noexcept { return ctx_.device(); }
  [[nodiscard]] const KMeansKernels& kernels() const noexcept { return kernels_; }
  /// f32 or f64.
  [[nodiscard]] DType dtype() const noexcept { return dtype_; }
  [[nodiscard]] std::int64_t features() const noexcept { return features_; }
  /// Of all ranks.
  [[nodiscard]] std::int64_t global_rows() const noexcept { return source_.rows(); }
  /// Of this rank.
  [[nodiscard]] RowRange own_rows() const noexcept { return own_; }
  [[nodiscard]] std::int64_t first_row() const noexcept { return own_.begin; }
  [[nodiscard]] std::int64_t local_rows() const noexcept { return own_.size(); }
  [[nodiscard]] int workers() const noexcept { return ctx_.backend()->threads().threads(); }
  /// First leaf of this rank, and one past the last.
  [[nodiscard]] std::int64_t first_leaf() const noexcept { return leaves_.first_leaf(ctx_.rank()); }
  [[nodiscard]] std::int64_t last_leaf() const noexcept {
    return leaves_.first_leaf(ctx_.rank() + 1);
  }

  /// The weights by local row, if there are any; a NaN marks a missing row.
  [[nodiscard]] const std::vector<double>& weights() const noexcept { return weights_; }
  void set_weights(std::vector<double> weights) {
    weights_ = std::move(weights);
    has_weights_ = true;
    place_weights();
  }
  /// Weights times 2^exponent; those of the rows for which `is_missing(local row)` become NaN.
  template <class F>
  void scale_weights(int exponent, const F& is_missing) {
    for (std::size_t i = 0; i < weights_.size(); ++i)
      weights_[i] = is_missing(static_cast<std::int64_t>(i))
                        ? std::numeric_limits<double>::quiet_NaN()
                        : std::ldexp(weights_[i], exponent);
    place_weights();
  }
  /// The weights from a local row on, on the device; null without weights.
  [[nodiscard]] const double* placed_weights(std::int64_t local_row) const noexcept {
    if (!has_weights_) return nullptr;
    return (ctx_.has_device() ? reinterpret_cast<const double*>(device_weights_.data())
                              : weights_.data()) +
           local_row;
  }
  /// The same on all ranks, also on those without rows.
  [[nodiscard]] bool has_weights() const noexcept { return has_weights_; }
  [[nodiscard]] double weight(std::int64_t local_row) const noexcept {
    return has_weights_ ? weights_[static_cast<std::size_t>(local_row)] : 1.;
  }

  /// The leaves of a unit, as kernels want them: where each begins, counted from the unit's first
  /// row, and where the last one ends.
  [[nodiscard]] std::vector<std::int64_t> offsets_of(const Unit& unit) const;

  /// One read of all rows: `work` for each unit, on the rank's threads. `totals` get a place for
  /// the sums of each leaf of a batch before it, which work must fill, and fold them after it.
  /// Collective.
  /// @throws RankError on all ranks if reading or work fails on one.
  void pass(const char* name, const std::function<void(const Unit&)>& work,
            std::span<LeafTotals* const> totals);
  void pass(const char* name, const std::function<void(const Unit&)>& work,
            std::initializer_list<LeafTotals*> totals = {}) {
    pass(name, work, std::span<LeafTotals* const>(totals.begin(), totals.size()));
  }
  /// Passes made so far, and the partial reads of fetch.
  [[nodiscard]] std::int64_t reads() const noexcept { return reads_; }

  /// Reads the leaves named (of this rank, ascending) and hands each to `work`. Batches that no
  /// rank needs are not read. Collective; ranks may name no leaf.
  void visit_leaves(std::span<const std::int64_t> wanted,
                    const std::function<void(const Unit&)>& work);
  /// The given rows (ascending, the same on every rank) in f64, on every rank.
  /// Collective.
  [[nodiscard]] std::vector<double> fetch(std::span<const std::int64_t> global_rows);

 private:
  void place_weights();
  [[nodiscard]] const void* converted(const TileView& view, RowRange rows, int worker);
  [[nodiscard]] Unit unit_of(const TileView& view, std::int64_t first_leaf, std::int64_t last_leaf,
                             int worker);

  Context ctx_;
  const TileSource& source_;
  std::int64_t features_;
  DType dtype_;
  const KMeansKernels& kernels_;
  Leaves leaves_;
  ReadPlan plan_;
  RowRange own_;
  std::vector<double> weights_;
  bool has_weights_ = false;
  Buffer device_weights_;        ///< the weights on a device; empty on the host
  std::vector<Buffer> scratch_;  ///< by worker, for dtypes that are converted
  DeviceView device_view_;
  Buffer read_buffer_;
  std::int64_t reads_ = 0;
};

/// Sums of doubles by leaf, added along the fixed tree; see Rows::pass.
class LeafTotals {
 public:
  /// @param width sums of a leaf.
  LeafTotals(const Rows& rows, std::int64_t width);

  /// Where the sums of a leaf of the present batch belong; all of them are to be written.
  [[nodiscard]] double* leaf(std::int64_t number) noexcept {
    return partials_.data() + (number - first_leaf_) * width_;
  }
  void begin_batch(std::int64_t first_leaf, std::int64_t last_leaf);
  void end_batch(std::int64_t first_leaf, std::int64_t last_leaf);
  /// The totals, on every rank.
  /// Collective.
  [[nodiscard]] std::vector<double> finish();

 private:
  const Rows& rows_;
  std::int64_t width_;
  std::int64_t first_leaf_ = 0;
  std::vector<double> partials_;
  TreeFold fold_;
};

/// Values by row, moved from one partition of the rows to another.
/// Collective.
/// @param from, to the rows that each rank has, and shall have: runs in rank order.
template <class T>
[[nodiscard]] std::vector<T> exchange_rows(const Communicator& comm, std::span<const T> values,
                                           const std::function<RowRange(int)>& from,
                                           const std::function<RowRange(int)>& to) {
  const RowRange mine = from(comm.rank());
  std::vector<std::int64_t> offsets;
  std::int64_t reached = mine.begin;
  for (int rank = 0; rank < comm.size(); ++rank) {
    offsets.push_back(reached - mine.begin);
    const RowRange piece = intersect(mine, to(rank));
    if (!piece.is_empty()) reached = piece.end;
  }
  offsets.push_back(mine.is_empty() ? 0 : mine.size());
  return comm.alltoall(values, offsets).values;
}

}  // namespace serried::kmeans
