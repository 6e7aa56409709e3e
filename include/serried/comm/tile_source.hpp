#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "serried/base/api.hpp"
#include "serried/base/dtype.hpp"
#include "serried/base/row_range.hpp"
#include "serried/base/shape.hpp"
#include "serried/comm/communicator.hpp"
#include "serried/comm/leaves.hpp"
#include "serried/device/buffer.hpp"

namespace SERRIED_API serried {

/// The batches in which one rank reads. Every rank has the same number of them; some may be empty.
struct ReadPlan {
  /// Of this rank, ascending, together leaves.rows_of(rank).
  std::vector<RowRange> batches;
  /// Batch i holds the leaves [first_leaves[i], first_leaves[i + 1]).
  std::vector<std::int64_t> first_leaves;
  /// Of the leaves that were planned.
  std::int64_t tiles_per_leaf = 1;
  /// What a batch was to have; with tiles_per_leaf it tells the plans of a source apart.
  std::int64_t batch_bytes = 0;
};

/// Rows that a source has read: contiguous, C order, `row_elements` elements each. Valid until the
/// next read into the same scratch buffer or the end of the source.
struct TileView {
  RowRange rows;
  std::int64_t row_elements = 1;
  DType dtype = DType::f64;
  const std::byte* data = nullptr;
  /// Where `data` lies: a device's pointer must not be followed on the host.
  DeviceKind place = DeviceKind::host;

  template <class T>
  [[nodiscard]] std::span<const T> as() const {
    return {reinterpret_cast<const T*>(data), static_cast<std::size_t>(rows.size() * row_elements)};
  }
};

/// Anything that gives rows: an Array, a frame's column, an open HDF5 dataset. Reductions,
/// expressions and estimators take it, so that memory and file are one code path.
class TileSource {
 public:
  virtual ~TileSource() = default;

  [[nodiscard]] virtual const Layout& layout() const = 0;
  [[nodiscard]] virtual DType dtype() const = 0;
  /// The extents of one row; () for a series of numbers.
  [[nodiscard]] virtual Shape row_shape() const = 0;
  /// For messages and reports: an address or a name.
  [[nodiscard]] virtual std::string describe() const = 0;

  /// Plans reading whole leaves in batches of about `bytes` (at least one leaf each) for `rank`.
  /// Local: it is a function of layout and leaves that every rank can compute for every other.
  [[nodiscard]] virtual ReadPlan plan(const Leaves& leaves, std::int64_t bytes, int rank) const;
  /// Takes the memory in `scratch` that reading the plan's batches needs, so that the ranks need
  /// not agree on it in each of them. Called before the first read with this scratch buffer;
  /// wrappers of a source pass it on. Collective. Does nothing by default.
  /// @throws RankError if a rank has no memory.
  virtual void prepare(const ReadPlan& plan, Buffer& scratch) const;
  /// Reads batch i of this rank's plan, into `scratch` where the rows do not lie in memory already.
  /// Collective: every rank calls it for each batch in order, also for its empty ones.
  /// @throws RankError if reading fails on any rank.
  [[nodiscard]] virtual TileView read(const ReadPlan& plan, std::int64_t batch,
                                      Buffer& scratch) const = 0;
  /// Begins to read the batch that the next call of read is to ask for, while the caller computes.
  /// A hint: a read of something else is right too. Collective. Sources
  /// that lie in memory do nothing.
  virtual void prefetch(const ReadPlan& plan, std::int64_t batch) const;

  [[nodiscard]] std::int64_t rows() const { return layout().rows(); }
  [[nodiscard]] std::int64_t row_elements() const { return row_shape().elements(); }
  [[nodiscard]] std::int64_t row_bytes() const {
    return row_elements() * static_cast<std::int64_t>(size_of(dtype()));
  }
};

/// The plan that TileSource::plan makes by default: each batch takes leaves while their bytes stay
/// within `bytes`, and at least one; ranks with fewer batches than others get empty ones at the
/// end. With `is_last_leaf_alone`, where on any rank a leaf reaches beyond the rank's own tiles,
/// such leaves are batches of their own, and that batch is the last one of all on every rank (empty
/// on ranks without such a leaf). Local; O(leaves + ranks), no communication.
/// @param held with is_last_leaf_alone: which rows lie on which rank, where that is not what the
/// leaves' layout says; the first row of a tile lies on the rank that owns it.
[[nodiscard]] ReadPlan plan_batches(const Leaves& leaves, std::int64_t row_bytes,
                                    std::int64_t bytes, int rank, bool is_last_leaf_alone = false,
                                    const Layout* held = nullptr);

/// Reads the batches of a plan in order, one ahead, and gives `use` those that have rows on this
/// rank. A rank whose `use` has failed takes part in the collective reads all the same, and all
/// ranks throw at the end. Collective.
/// @param wanted if given, batches with 0 are not read; the same on every rank.
/// @throws RankError on all ranks if reading or `use` fails on one.
void read_batches(const Communicator& comm, const TileSource& source, const ReadPlan& plan,
                  Buffer& scratch,
                  const std::function<void(std::size_t batch, const TileView& view)>& use,
                  std::span<const std::uint8_t> wanted = {});

}  // namespace serried
