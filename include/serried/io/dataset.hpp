#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "serried/array/array.hpp"
#include "serried/base/api.hpp"
#include "serried/comm/tile_source.hpp"
#include "serried/context.hpp"
#include "serried/io/address.hpp"
#include "serried/io/file_check.hpp"

namespace SERRIED_API serried {

/// Which axes of a dataset are the samples (rows); all other axes, flattened, are the features.
/// Axes count after selection and stacking: the new axis of a series is axis 0.
struct SampleAxes {
  enum class Kind : std::uint8_t {
    axes,      ///< the listed axes, in C order of the listing; negative ones count from the end
    all,       ///< each element is a row
    flattened  ///< leading axes until there are at least 1024 rows, of at most 64 MiB each: for
               ///< verbs that do not mind the order
  };
  Kind kind = Kind::axes;
  std::vector<int> axes = {0};
};

struct DatasetOptions {
  SampleAxes samples;
  /// CF and NetCDF-4 attributes: `_Unsigned` is applied, `_FillValue` and `missing_value` (compared
  /// with raw values) become NaN, then `scale_factor` and `add_offset`. `valid_min`, `valid_max`
  /// and `valid_range` are left aside, as xarray does. What is computed so is f32 where the raw
  /// type is f16, f32 or has at most 16 bits and scale_factor and add_offset are f32 or absent,
  /// else f64; other data keeps its type.
  bool is_decoding = true;
  /// openPMD: multiply by unitSI; the result is f64.
  bool is_si = false;
  /// Convert to this dtype while reading, as NumPy's astype; NaN and values out of range of an
  /// integer type are an error that names the first one.
  std::optional<DType> dtype;
  /// The files come from elsewhere: before any rank opens one, a process of its own reads their
  /// metadata, which the ranks then take from it, and samples of the values or all of them.
  std::optional<FileCheck> untrusted{};
};

/// A coordinate variable of one axis (NetCDF-4 dimension scale).
struct Coordinate {
  std::string name;
  int axis = 0;  ///< of Dataset::sample_shape; of the dataset that it is attached to
  DType dtype = DType::f64;
  /// Integers beyond 2^53 are rounded here, and exact in `bytes`.
  std::vector<double> values;
  std::vector<std::pair<std::string, std::string>> text_attributes;  ///< units, long_name, ...
  std::vector<std::byte> bytes{};  ///< the values in their dtype; empty: `values` has them
};

/// An open HDF5 dataset, or a series of them stacked along a new leading axis, as rows of tiles.
/// Reading goes to the file each time; `to_array` holds it. One thread uses a Dataset at a time.
///
/// With IoMode::independent (the default) each rank opens the files that it needs for itself,
/// without MPI-IO: the fastest way for runs of rows (src/io/README.md has figures). With
/// IoMode::collective all ranks enter every H5Dread together, with an empty selection where they
/// have nothing to read; files are then open from a plan's first batch to its last.
class Dataset : public TileSource {
 public:
  /// Opens what an address names: metadata is read on rank 0 and broadcast; a glob is expanded
  /// there, in natural order. The datasets of a series have one shape after selection; different
  /// dtypes are promoted as NumPy does. A constant component of openPMD (a group with the
  /// attributes `value` and `shape`) is a dataset like others. Collective.
  /// @throws RankError (kind io) for missing files, missing datasets (naming those there are),
  /// files that are damaged or no HDF5, and those with which the check of DatasetOptions::untrusted
  /// crashes, takes too long or too much memory; (kind data) for element types that are not
  /// numbers, and for a series whose shapes differ; (kind invalid_argument) for a selection that
  /// does not fit the shape.
  /// @throws InvalidArgument for sample axes that do not exist.
  [[nodiscard]] static Dataset open(const Context& ctx, const Address& address,
                                    const DatasetOptions& options = {});
  /// Opens several addresses of equal sample shape as one matrix whose features are theirs, side by
  /// side.
  /// Collective.
  /// @throws InvalidArgument for no addresses, and for sample shapes that differ.
  [[nodiscard]] static Dataset open(const Context& ctx, const std::vector<Address>& addresses,
                                    const DatasetOptions& options = {});

  /// Shape after selection and stacking; of several addresses, sample_shape and feature_shape one
  /// after the other.
  [[nodiscard]] const Shape& shape() const noexcept;
  /// Extents of the sample axes and of the feature axes. Of several addresses with equal features
  /// the feature shape is (addresses, features...), else (sum of features,).
  [[nodiscard]] const Shape& sample_shape() const noexcept;
  [[nodiscard]] const Shape& feature_shape() const noexcept;
  /// The coordinate variables of the sample axes, of the first dataset, with the selection applied.
  [[nodiscard]] const std::vector<Coordinate>& sample_coordinates() const noexcept;
  /// The attributes of the first dataset that are texts (units, long_name, ...), without HDF5's and
  /// NetCDF's own.
  [[nodiscard]] const std::vector<std::pair<std::string, std::string>>& text_attributes()
      const noexcept;
  [[nodiscard]] const std::vector<std::string>& files() const noexcept;
  /// The element type in the (first) file, e.g. "f32 big-endian".
  [[nodiscard]] const std::string& file_type() const noexcept;

  [[nodiscard]] const Layout& layout() const override;
  [[nodiscard]] DType dtype() const override;
  [[nodiscard]] Shape row_shape() const override;
  [[nodiscard]] std::string describe() const override;
  [[nodiscard]] ReadPlan plan(const Leaves& leaves, std::int64_t bytes, int rank) const override;
  /// Failures are agreed on in the first batches, every 64 batches and in the plan's last one:
  /// until then a rank whose read failed gets zeros. So results count only once the last batch is
  /// read.
  [[nodiscard]] TileView read(const ReadPlan& plan, std::int64_t batch,
                              Buffer& scratch) const override;

  /// Reads the next batch on a thread beside the caller's, where files are slow enough for that to
  /// pay. In collective mode MPI_THREAD_MULTIPLE is needed, else nothing is done. Collective.
  void prefetch(const ReadPlan& plan, std::int64_t batch) const override;

  /// The least ContextOptions::memory_bytes with which the dataset can be read beside
  /// `other_bytes` of something else. Local.
  [[nodiscard]] std::int64_t least_memory(std::int64_t other_bytes) const;

  /// Whether chunks that are compressed hold rows of most ranks, as where samples lie across the
  /// chunks: then each batch is read by all ranks together, each chunk by one of them, and every
  /// batch decompresses all chunks; the fewest batches are best. Local.
  [[nodiscard]] bool is_read_together() const;
  /// The least size of such batches; a quarter of ContextOptions::memory_bytes unless set. The same
  /// on every rank. Local.
  void set_batch_bytes_together(std::int64_t bytes);

  /// Reads this rank's first rows, as many as `bytes` hold, and keeps them: batches inside them are
  /// not read from the file any more. 0 lets them go. The same on every rank. Collective.
  /// @throws RankError if reading fails on any rank.
  void hold(std::int64_t bytes);

  /// What reading in batches of ContextOptions::batch_bytes allocates at most, chunk caches
  /// included; at least a decompressed chunk. Local.
  [[nodiscard]] std::int64_t reading_bytes() const;

  /// The same rows with only some of their elements: those numbered [begin, end) of a row, for rows
  /// that are too wide to be read whole. Layout and name are this Dataset's; each rank reads for
  /// itself in either IoMode. While this Dataset lives, the file stays open. Local; reading
  /// is as Collective as it is here.
  /// @throws InvalidArgument for no elements, and for such that a row does not have.
  [[nodiscard]] Dataset columns(RowRange range) const;

  /// The same data with only some indices along the axes of `shape()`, and other axes as its rows.
  /// No axis is dropped: one index is an axis of extent 1. Each rank reads for itself in either
  /// IoMode. While this Dataset lives, the file stays open. Local; reading is as Collective as it
  /// is here.
  /// @param slices one for each axis (fewer: the rest whole).
  /// @throws InvalidArgument for a Dataset of several addresses, for more slices than axes, steps
  /// of 0, sample axes that do not exist, and a series of which no dataset is left.
  [[nodiscard]] Dataset sliced(std::span<const Slice> slices, const SampleAxes& samples) const;

  /// What a selection leaves of the axes of `shape()`, the one of a series among them, as numpy's
  /// basic indexing: files are read where something of them is left. It has those coordinates that
  /// this Dataset has, and is read as this one. Collective.
  /// @throws InvalidArgument as sliced, and for an index beyond its axis.
  [[nodiscard]] Dataset selected(std::span<const AxisSelection> selection,
                                 const SampleAxes& samples) const;

  /// Reads everything into memory; each rank its own rows: shape (rows, feature_shape...).
  /// Collective.
  /// @throws RankError if reading fails on any rank.
  [[nodiscard]] Array to_array() const;

 private:
  struct Impl;
  explicit Dataset(std::shared_ptr<Impl> impl);
  [[nodiscard]] Dataset selected(std::span<const AxisSelection> selection,
                                 const SampleAxes& samples, const Context& ctx) const;
  std::shared_ptr<Impl> impl_;
};

}  // namespace serried
