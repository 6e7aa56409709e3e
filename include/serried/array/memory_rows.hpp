#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "serried/array/array.hpp"
#include "serried/base/api.hpp"
#include "serried/comm/tile_source.hpp"
#include "serried/context.hpp"

namespace SERRIED_API serried {

/// One field in a program's own memory: this rank's planes of a box that is cut along axis 0.
struct MemoryField {
  const void* data = nullptr;  ///< the first own cell, behind the ghost cells
  /// One for each axis, in bytes, may be negative; empty: C order without gaps. Ghost cells are
  /// what pointer and strides leave out.
  std::vector<std::int64_t> byte_strides = {};
};

/// Which leading axes of a box, flattened in C order, are the rows of a MemoryRows.
enum class MemoryRowAxes : std::uint8_t {
  flattened,  ///< as many as give 1024 rows, as `serried stats` has them
  all,        ///< each cell is a row, as `serried kmeans --sample-axes all` has them
  first       ///< axis 0 alone; a row is a plane
};

/// The rows of fields that a program holds in memory of its own, for statistics, histograms and
/// k-means while it runs. They have the tiles that the same fields have in a file: so the bits are
/// those of the analysis of the file. The memory is not copied: where one field lies in C order
/// without gaps (ghost planes before and after it are no gaps), the kernels read it where it is;
/// else a batch of half a MiB a thread is put together at a time. Several fields stand side by side
/// as the features of a row.
///
/// Where the ranks' first rows do not lie on tile boundaries, the rank that holds a tile's first
/// row is sent the others in each pass (fact of the recorder: "rows of cut tiles"): never more than
/// one tile, or leaf of a reduction, a rank. Any cut along axis 0 will do; blocks cut along more
/// axes go through Array::redistribute.
///
/// It holds pointers: the program may write to the memory between passes, not during one.
class MemoryRows : public TileSource {
 public:
  /// Collective. Communication: one allgather of the local shapes.
  /// @param fields which share shape and dtype; at least one.
  /// @param local_shape this rank's; ranks without planes are allowed.
  /// @throws InvalidArgument on all ranks if there is no field, if the number of fields, dtype or
  /// an extent but that of axis 0 differ between ranks, if strides are not one for each axis, or a
  /// pointer is null though the rank has cells.
  [[nodiscard]] static MemoryRows wrap(const Context& ctx, std::span<const MemoryField> fields,
                                       DType dtype, const Shape& local_shape,
                                       MemoryRowAxes axes = MemoryRowAxes::flattened);
  /// The rows of an array that is split along axis 0 and lies on the host. Collective.
  /// @throws InvalidArgument for other arrays.
  [[nodiscard]] static MemoryRows wrap(const Array& array,
                                       MemoryRowAxes axes = MemoryRowAxes::flattened);

  /// Of the whole box, on all ranks. Local.
  [[nodiscard]] const Shape& shape() const noexcept;
  /// The rows that lie in this rank's memory. Local.
  [[nodiscard]] RowRange held_rows() const;
  /// Rows of cut tiles that other ranks than their holders reduce, on all ranks together. Local.
  [[nodiscard]] std::int64_t moving_rows() const noexcept;
  /// Whether reads are views of this rank's memory, without a batch that is put together. Local.
  [[nodiscard]] bool is_viewed() const noexcept;
  /// The same rows, which messages call so. Local.
  [[nodiscard]] MemoryRows named(std::string title) const;
  /// What was computed for each row (e.g. KMeansFit::labels), as it lies on the rank that holds the
  /// row's cells: element i belongs to row held_rows().begin + i. Itself where no tile is cut.
  /// Collective.
  /// @throws InvalidArgument unless it has these rows.
  [[nodiscard]] Array to_holders(const Array& results) const;

  [[nodiscard]] const Layout& layout() const override;
  [[nodiscard]] DType dtype() const override;
  /// The axes that are no rows; of several fields with the number of fields in front.
  [[nodiscard]] Shape row_shape() const override;
  [[nodiscard]] std::string describe() const override;
  [[nodiscard]] ReadPlan plan(const Leaves& leaves, std::int64_t bytes, int rank) const override;
  void prepare(const ReadPlan& plan, Buffer& scratch) const override;
  [[nodiscard]] TileView read(const ReadPlan& plan, std::int64_t batch,
                              Buffer& scratch) const override;

 private:
  struct Impl;
  explicit MemoryRows(std::shared_ptr<const Impl> impl);
  std::shared_ptr<const Impl> impl_;
};

}  // namespace serried
