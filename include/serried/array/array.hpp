#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "serried/comm/tile_source.hpp"
#include "serried/context.hpp"

namespace serried {

/// A range with a step along one axis: begin, begin + step, ... below end. Bounds are clipped as in Python;
/// negative ones count from the end.
struct Slice {
  std::int64_t begin = 0;
  std::int64_t end = INT64_MAX;
  std::int64_t step = 1;
};

/// A distributed N-d array with a runtime dtype: split along one axis, its rows (indices along the split
/// axis) lying in tiles on the ranks, or replicated. A value type that shares its memory when copied; verbs
/// return new arrays. As a TileSource it gives its rows along the split axis.
///
/// A rank's part is C-ordered with the split axis first, i.e. local shape (local rows, other extents...).
class Array : public TileSource {
 public:
  // --- creation; Collective, no communication ---
  [[nodiscard]] static Array zeros(const Context&, const Shape&, DType, int split_axis = 0);
  [[nodiscard]] static Array full(const Context&, const Shape&, DType, double value, int split_axis = 0);
  /// start, start + step, ... (below stop), as numpy.arange.
  [[nodiscard]] static Array arange(const Context&, double start, double stop, double step = 1,
                                    DType = DType::f64);
  /// `count` values from start to stop, both included, as numpy.linspace.
  [[nodiscard]] static Array linspace(const Context&, double start, double stop, std::int64_t count,
                                      DType = DType::f64);
  /// element = f(global index of all axes); f must be a pure function, called by several threads.
  [[nodiscard]] static Array from_function(const Context&, const Shape&, DType,
                                           const std::function<double(std::span<const std::int64_t>)>& f,
                                           int split_axis = 0);
  /// Wraps this rank's rows in the caller's memory, which must outlive the array: no copy where every
  /// rank's first row lies on a tile boundary of the uniform layout and the memory is contiguous, else the
  /// pieces of cut tiles are copied to their owner (and a note says so). `byte_strides` has one entry per
  /// axis of `local_shape` (empty: C order); ghost cells are what strides and pointer leave out.
  /// Collective.
  [[nodiscard]] static Array from_memory(const Context&, const void* data, DType, const Shape& local_shape,
                                         std::span<const std::int64_t> byte_strides = {},
                                         int split_axis = 0);
  /// The same array on every rank, copied from `data` (C order) which must be the same on all ranks.
  [[nodiscard]] static Array replicated(const Context&, const Shape&, DType, const void* data);

  /// Random arrays: element e (its global C-order number) depends on seed and e alone.
  [[nodiscard]] static Array random_uniform(const Context&, const Shape&, DType, std::uint64_t seed,
                                            double low = 0, double high = 1, int split_axis = 0);
  [[nodiscard]] static Array random_normal(const Context&, const Shape&, DType, std::uint64_t seed,
                                           double mean = 0, double deviation = 1, int split_axis = 0);
  /// Integers in [low, high).
  [[nodiscard]] static Array random_integers(const Context&, const Shape&, DType, std::uint64_t seed,
                                             std::int64_t low, std::int64_t high, int split_axis = 0);
  /// A permutation of 0 .. count - 1 (i64), keyed by seed; element e is a function of seed, count and e.
  [[nodiscard]] static Array random_permutation(const Context&, std::int64_t count, std::uint64_t seed);
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
  /// This rank's rows, in global row numbers.
  [[nodiscard]] RowRange local_rows() const;
  /// Typed view of this rank's part, C order, split axis first.
  /// @throws InvalidArgument if T is not the array's dtype.
  template <class T>
  [[nodiscard]] std::span<const T> local() const {
    check_dtype(dtype_of<T>);
    return {reinterpret_cast<const T*>(local_data()), static_cast<std::size_t>(local_rows().size() * row_elements())};
  }
  /// As local, for writing. @throws InvalidArgument if the memory is the caller's.
  template <class T>
  [[nodiscard]] std::span<T> local_mutable() {
    check_dtype(dtype_of<T>);
    return {reinterpret_cast<T*>(local_data_mutable()), static_cast<std::size_t>(local_rows().size() * row_elements())};
  }
  [[nodiscard]] const std::byte* local_data() const noexcept;

  // --- verbs; Collective ---
  /// One Slice per axis (fewer: the rest whole). Rows keep their owners where the split axis is sliced
  /// (tiles shrink); `balance` gives uniform tiles again.
  [[nodiscard]] Array slice(std::span<const Slice> slices) const;
  [[nodiscard]] Array with_split_axis(int axis) const;
  /// Uniform tiles of the present row count.
  [[nodiscard]] Array balance() const;
  [[nodiscard]] Array replicate() const;
  /// The whole array in C order on `root`; other ranks get an empty vector.
  template <class T>
  [[nodiscard]] std::vector<T> gather(int root = 0) const {
    check_dtype(dtype_of<T>);
    const std::vector<std::byte> bytes = gather_bytes(root);
    std::vector<T> values(bytes.size() / sizeof(T));
    copy_out(values.data(), bytes);
    return values;
  }
  /// Converts as NumPy's astype: floats to integers truncate; NaN and values out of range are an error
  /// that names the first row.
  [[nodiscard]] Array cast(DType dtype) const;

  // --- TileSource ---
  [[nodiscard]] ReadPlan plan(const Leaves& leaves, std::int64_t bytes, int rank) const override;
  [[nodiscard]] TileView read(const ReadPlan& plan, std::int64_t batch, Buffer& scratch) const override;

 private:
  struct Impl;
  explicit Array(std::shared_ptr<Impl> impl);
  void check_dtype(DType dtype) const;
  [[nodiscard]] std::byte* local_data_mutable();
  [[nodiscard]] std::vector<std::byte> gather_bytes(int root) const;
  static void copy_out(void* to, const std::vector<std::byte>& from);
  std::shared_ptr<Impl> impl_;
};

}  // namespace serried
