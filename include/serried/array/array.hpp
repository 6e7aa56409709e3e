#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "serried/base/api.hpp"
#include "serried/comm/tile_source.hpp"
#include "serried/context.hpp"

namespace SERRIED_API serried {

/// A range with a step along one axis, as in Python: begin, begin + step, ... before end. Negative
/// bounds count from the end, what lies outside is clipped; a negative step goes backwards, and a
/// bound that is not given is the end of the axis where the step begins or ends: {.step = -1} is
/// Python's [::-1], {10, 2, -3} its [10:2:-3].
struct Slice {
  std::optional<std::int64_t> begin = std::nullopt;
  std::optional<std::int64_t> end = std::nullopt;
  std::int64_t step = 1;
};

/// A distributed N-d array with a runtime dtype: split along one axis, its rows (indices along the
/// split axis) lying in tiles on the ranks, or replicated. A value type that shares its memory when
/// copied; verbs return new arrays. As a TileSource it gives its rows along the split axis.
///
/// A rank's part is C-ordered with the split axis first, i.e. local shape (local rows, other
/// extents...). A replicated array lies on every rank, whole and in C order; its rows are axis 0 (a
/// 0-d array is one row, and always replicated), and its layout, by which ranks share work on it,
/// has uniform tiles.
class Array : public TileSource {
 public:
  // --- creation; Collective. Ranks compute their own elements and communicate only to agree on
  // having the memory. @throws InvalidArgument for a dtype that is no number, an axis that is not
  // there, values that the dtype cannot hold; RankError if a rank is out of memory. ---
  [[nodiscard]] static Array zeros(const Context&, const Shape&, DType, int split_axis = 0);
  /// Memory that is not initialised, to be written by local_mutable(): in tiles of another array's
  /// layout, or the same on every rank.
  [[nodiscard]] static Array empty(const Context&, const Shape&, DType, int split_axis,
                                   const Layout&);
  [[nodiscard]] static Array empty_replicated(const Context&, const Shape&, DType);
  [[nodiscard]] static Array full(const Context&, const Shape&, DType, double value,
                                  int split_axis = 0);
  /// start, start + step, ... (below stop), as numpy.arange: element i is start + i ((start + step)
  /// - start), computed in f64.
  [[nodiscard]] static Array arange(const Context&, double start, double stop, double step = 1,
                                    DType = DType::f64);
  /// `count` values from start to stop, both included, as numpy.linspace.
  [[nodiscard]] static Array linspace(const Context&, double start, double stop, std::int64_t count,
                                      DType = DType::f64);
  /// element = f(global index of all axes); f must be a pure function, called by several threads.
  /// What f throws on one rank, all ranks throw as RankError.
  [[nodiscard]] static Array from_function(
      const Context&, const Shape&, DType,
      const std::function<double(std::span<const std::int64_t>)>& f, int split_axis = 0);
  /// Wraps this rank's rows in the caller's memory, which must outlive the array and all its
  /// copies. No copy is made where every rank's first row lies on a tile boundary of the uniform
  /// layout of all rows and the memory is aligned and contiguous (split axis first). Strided memory
  /// is copied by each rank for itself; where tiles are cut, all rows are copied, and a cut tile's
  /// pieces go to the rank that holds its first row (a note to the recorder of rank 0 says so).
  /// `byte_strides` has one entry per axis of `local_shape` (empty: C order) and may be negative;
  /// ghost cells are what strides and pointer leave out. (MemoryRows reads strided memory, and cuts
  /// off tile boundaries, without such copies.) Collective. Communication: one allgather of the
  /// local shapes, and the pieces.
  /// @throws InvalidArgument on all ranks if dtype, axis, or an extent but the split axis's differ
  /// between ranks, if a rank's strides are not one for each axis, or its pointer is null though it
  /// has elements.
  [[nodiscard]] static Array from_memory(const Context&, const void* data, DType,
                                         const Shape& local_shape,
                                         std::span<const std::int64_t> byte_strides = {},
                                         int split_axis = 0);
  /// An array split along axis 0, with uniform tiles, copied from the ranks' blocks of it, which
  /// may be cut along every axis: this rank's begins at the global index `origin` and has the
  /// extents `block_shape`; blocks cover the array, each element once. `byte_strides` as for
  /// from_memory. Ranks without elements (an extent of 0) are allowed. Collective: each element
  /// moves at most once. Memory beside the result: 4 MiB.
  /// @throws InvalidArgument on all ranks if dtype or number of axes differ between ranks, if
  /// blocks overlap or leave elements out, if origin or strides are not one for each axis, or a
  /// pointer is null though the rank has elements.
  [[nodiscard]] static Array redistribute(const Context&, const void* data, DType,
                                          std::span<const std::int64_t> origin,
                                          const Shape& block_shape,
                                          std::span<const std::int64_t> byte_strides = {});
  /// The same array on every rank, copied from `data` (C order) which must be the same on all
  /// ranks.
  [[nodiscard]] static Array replicated(const Context&, const Shape&, DType, const void* data);

  /// Random arrays: element e (its global C-order number) depends on seed and e alone, whatever the
  /// split axis; see RandomKernels for the generators. Uniform and normal numbers come as f16, f32
  /// or f64, uniform ones in [low, high).
  [[nodiscard]] static Array random_uniform(const Context&, const Shape&, DType, std::uint64_t seed,
                                            double low = 0, double high = 1, int split_axis = 0);
  [[nodiscard]] static Array random_normal(const Context&, const Shape&, DType, std::uint64_t seed,
                                           double mean = 0, double deviation = 1,
                                           int split_axis = 0);
  /// Integers in [low, high), for integer dtypes that can hold them.
  [[nodiscard]] static Array random_integers(const Context&, const Shape&, DType,
                                             std::uint64_t seed, std::int64_t low,
                                             std::int64_t high, int split_axis = 0);
  /// A permutation of 0 .. count - 1 (i64), keyed by seed; element e is a function of seed, count
  /// and e.
  [[nodiscard]] static Array random_permutation(const Context&, std::int64_t count,
                                                std::uint64_t seed);
  /// Takes ownership of a buffer that holds this rank's rows of `layout` (axis 0 split).
  [[nodiscard]] static Array from_buffer(const Context&, const Shape&, DType, Layout, Buffer local);

  // --- what it is; Local ---
  [[nodiscard]] const Shape& shape() const noexcept;
  [[nodiscard]] int split_axis() const noexcept;
  [[nodiscard]] bool is_replicated() const noexcept;
  [[nodiscard]] const Context& context() const noexcept;
  [[nodiscard]] const Layout& layout() const override;
  [[nodiscard]] DType dtype() const override;
  [[nodiscard]] Shape row_shape() const override;
  [[nodiscard]] std::string describe() const override;
  /// The same array, which messages call so, e.g. by the address that it was read from. Local.
  [[nodiscard]] Array named(std::string title) const;
  /// This rank's rows, in global row numbers; all rows of a replicated array.
  [[nodiscard]] RowRange local_rows() const;
  /// Typed view of this rank's part, C order, split axis first.
  /// @throws InvalidArgument if T is not the array's dtype.
  template <class T>
  [[nodiscard]] std::span<const T> local() const {
    check_dtype(dtype_of<T>);
    return {reinterpret_cast<const T*>(local_data()),
            static_cast<std::size_t>(local_rows().size() * row_elements())};
  }
  /// As local, for writing; copies of the array see what is written.
  /// @throws InvalidArgument if T is not the array's dtype, or if the memory is the caller's.
  template <class T>
  [[nodiscard]] std::span<T> local_mutable() {
    check_dtype(dtype_of<T>);
    return {reinterpret_cast<T*>(local_data_mutable()),
            static_cast<std::size_t>(local_rows().size() * row_elements())};
  }
  /// First byte of this rank's part; may be null where the rank has no rows.
  /// @throws InvalidArgument if the array lies on a device.
  [[nodiscard]] const std::byte* local_data() const;
  [[nodiscard]] bool is_on_device() const noexcept;

  // --- verbs; Collective. Those that need the elements in host memory throw InvalidArgument for an
  // array on a device. ---
  /// The same array in the memory of the context's device, where statistics, sums and k-means read
  /// it without a copy; itself if it lies there already, or if the device is the host.
  /// @throws RankError if a rank's device is out of memory.
  [[nodiscard]] Array to_device() const;
  /// The same array in host memory; itself if it lies there already.
  [[nodiscard]] Array to_host() const;
  /// One Slice per axis (fewer: the rest whole), copied. Rows keep their owners where the split
  /// axis is sliced with a positive step (tiles shrink; `balance` gives uniform tiles again), and
  /// no elements move between ranks. A negative step along the split axis reverses the rows: they
  /// move to the ranks of uniform tiles, each element once.
  /// @throws InvalidArgument for more slices than axes, or a step of 0.
  [[nodiscard]] Array slice(std::span<const Slice> slices) const;
  /// The same array split along another axis, with uniform tiles: each element moves at most once.
  /// Of a replicated array each rank keeps its part. Memory beside input and result: 4 MiB.
  /// @throws InvalidArgument if there is no such axis.
  [[nodiscard]] Array with_split_axis(int axis) const;
  /// Uniform tiles of the present row count: the rows that change their owner move. Without a
  /// change, and for a replicated array, the array itself. Memory beside input and result: 4 MiB.
  [[nodiscard]] Array balance() const;
  /// The whole array in C order on every rank (allgather).
  [[nodiscard]] Array replicate() const;
  /// The whole array in C order on `root`; other ranks get an empty vector.
  /// @throws InvalidArgument if T is not the array's dtype or there is no such rank.
  template <class T>
  [[nodiscard]] std::vector<T> gather(int root = 0) const {
    check_dtype(dtype_of<T>);
    const std::vector<std::byte> bytes = gather_bytes(root);
    std::vector<T> values(bytes.size() / sizeof(T));
    copy_out(values.data(), bytes);
    return values;
  }
  /// Converts as NumPy's astype where that is exact or rounds: floats to integers truncate, between
  /// floats values are rounded to nearest, numbers other than 0 are true. Where NumPy would wrap
  /// around or answer anything (NaN, infinity and values out of range to an integer dtype), it is
  /// an error.
  /// @throws DataError, the same on all ranks, that names the first such row, the element and its
  /// value; InvalidArgument from complex to real dtypes.
  [[nodiscard]] Array cast(DType dtype) const;

  // --- TileSource: views of this rank's memory; what a rank's last leaf has on other ranks is
  // received in each pass, as the last batch, because memory may be written between passes. ---
  [[nodiscard]] ReadPlan plan(const Leaves& leaves, std::int64_t bytes, int rank) const override;
  [[nodiscard]] TileView read(const ReadPlan& plan, std::int64_t batch,
                              Buffer& scratch) const override;

 private:
  struct Impl;
  explicit Array(std::shared_ptr<Impl> impl);
  void check_dtype(DType dtype) const;
  [[nodiscard]] std::byte* local_data_mutable();
  [[nodiscard]] std::vector<std::byte> gather_bytes(int root) const;
  static void copy_out(void* to, const std::vector<std::byte>& from);
  std::shared_ptr<Impl> impl_;
  friend Array copy_to_device(const Context&, const TileSource&);
  friend Array relabelled(const Array&, const Shape&, int);
};

/// The rows of any source as an array in the memory of the context's device, read in batches: host
/// memory is needed for one batch alone. Collective.
/// @throws RankError if reading fails or a device is out of memory.
[[nodiscard]] Array copy_to_device(const Context& ctx, const TileSource& source);

}  // namespace serried
