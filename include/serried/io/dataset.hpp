#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "serried/comm/tile_source.hpp"
#include "serried/context.hpp"
#include "serried/io/address.hpp"

namespace serried {

/// Which axes of a dataset are the samples (rows); all other axes, flattened, are the features.
struct SampleAxes {
  enum class Kind : std::uint8_t {
    axes,      ///< the listed axes, in C order of the listing
    all,       ///< each element is a row
    flattened  ///< leading axes until there are at least 1024 rows: for verbs that do not mind the
               ///< order
  };
  Kind kind = Kind::axes;
  std::vector<int> axes = {0};
};

struct DatasetOptions {
  SampleAxes samples;
  /// NetCDF-4 attributes: _FillValue and missing_value become NaN, scale_factor, add_offset and
  /// _Unsigned are applied. Data with any of them is f32 or f64.
  bool is_decoding = true;
  /// openPMD: multiply by unitSI.
  bool is_si = false;
  /// Convert to this dtype while reading.
  std::optional<DType> dtype;
};

/// A coordinate variable of one axis (NetCDF-4 dimension scale).
struct Coordinate {
  std::string name;
  int axis = 0;  ///< of the selected shape
  DType dtype = DType::f64;
  std::vector<double> values;
  std::vector<std::pair<std::string, std::string>> text_attributes;  ///< units, long_name, ...
};

/// An open HDF5 dataset, or a series of them stacked along a new leading axis, as rows of tiles.
/// Reading goes to the file each time; `to_array` holds it.
class Dataset : public TileSource {
 public:
  /// Opens what an address names: metadata is read on rank 0 and broadcast; a glob is expanded
  /// there, in natural order. Collective.
  /// @throws RankError (kind io) for missing files, missing datasets (naming those there are) and
  /// files that are damaged or no HDF5; (kind data) for element types that are not numbers.
  [[nodiscard]] static Dataset open(const Context& ctx, const Address& address,
                                    const DatasetOptions& options = {});
  /// Opens several addresses of equal sample shape as one matrix whose features are theirs, side by
  /// side. Collective.
  [[nodiscard]] static Dataset open(const Context& ctx, const std::vector<Address>& addresses,
                                    const DatasetOptions& options = {});

  /// Shape after selection and stacking.
  [[nodiscard]] const Shape& shape() const noexcept;
  /// Extents of the sample axes and of the feature axes.
  [[nodiscard]] const Shape& sample_shape() const noexcept;
  [[nodiscard]] const Shape& feature_shape() const noexcept;
  /// The coordinate variables of the sample axes.
  [[nodiscard]] const std::vector<Coordinate>& sample_coordinates() const noexcept;
  [[nodiscard]] const std::vector<std::string>& files() const noexcept;
  /// The element type in the file, e.g. "f32 big-endian".
  [[nodiscard]] const std::string& file_type() const noexcept;

  [[nodiscard]] const Layout& layout() const override;
  [[nodiscard]] DType dtype() const override;
  [[nodiscard]] Shape row_shape() const override;
  [[nodiscard]] std::string describe() const override;
  [[nodiscard]] TileView read(const ReadPlan& plan, std::int64_t batch,
                              Buffer& scratch) const override;

  /// Reads everything into memory; each rank its own rows.
  /// Collective.
  [[nodiscard]] Array to_array() const;

 private:
  struct Impl;
  explicit Dataset(std::shared_ptr<Impl> impl);
  std::shared_ptr<Impl> impl_;
};

}  // namespace serried
