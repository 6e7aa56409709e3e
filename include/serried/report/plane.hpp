#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "serried/array/array.hpp"
#include "serried/base/api.hpp"
#include "serried/comm/row_sink.hpp"
#include "serried/context.hpp"
#include "serried/io/address.hpp"
#include "serried/io/dataset.hpp"

namespace SERRIED_API serried {

/// An axis of a field, in the file's own words.
struct FieldAxis {
  std::string name;            ///< "lat"; "axis 1" where the file has none
  std::string title;           ///< "Latitude", from long_name or standard_name; else the name
  std::string units;           ///< "degrees_north"; empty: none
  std::vector<double> places;  ///< coordinates, strictly monotone; empty: indices
  bool is_downward = false;    ///< CF's `positive` is "down": larger values lie lower
  enum class Role : std::uint8_t { other, x, y } role = Role::other;  ///< longitude or latitude
};

/// A dataset as pictures show it: with names and units from the file's attributes (CF's long_name,
/// standard_name, units, axis and positive; dimension scales; openPMD's axisLabels, gridSpacing,
/// gridGlobalOffset and gridUnitSI).
struct Field {
  Dataset data;                 ///< every element a row
  std::string title;            ///< "Sea surface temperature"
  std::string units;            ///< "degC"
  std::vector<FieldAxis> axes;  ///< one for each axis of data.shape()
};

/// Opens the dataset, or series, of an address as a field. Rank 0 reads the attributes.
/// Collective. Where the file's listing cannot be read a warning says so, and the field has no
/// names.
/// @throws what Dataset::open throws.
[[nodiscard]] Field open_field(const Context& ctx, const Address& address,
                               const std::optional<FileCheck>& untrusted = {});

/// An axis of a plane: what is left of a FieldAxis.
struct PlaneAxis {
  std::string title;           ///< with units: "Latitude (degrees_north)"
  std::string units;           ///< of the places; also CF's "days since ..."
  std::vector<double> places;  ///< one for each row or column
  std::int64_t extent = 0;     ///< of the field's axis, of which the plane may be thinned
  bool are_indices = false;    ///< places are whole numbers
};

/// Numbers on a plane, the way a picture shows them: row 0 is on top, column 0 on the left. Larger
/// coordinates (or indices) are above and to the right; latitude is upward whatever the file's
/// order.
struct Plane {
  std::int64_t rows = 0;  ///< 1 for a line
  std::int64_t columns = 0;
  std::vector<double> values;  ///< (rows, columns) on rank 0, NaN where there is none; else empty
  PlaneAxis vertical;
  PlaneAxis horizontal;
  std::string title;               ///< with units
  std::vector<std::string> notes;  ///< which slice it is, and what was left out
  std::int64_t labels = 0;         ///< above 0: the values are that many clusters, -1 left out

  [[nodiscard]] bool is_line() const { return rows <= 1; }
};

struct PlaneLimits {
  /// Above these every n-th row and column is shown.
  std::int64_t cells = std::int64_t{1} << 20;
  std::int64_t side = 2048;
};

/// Which two axes of a shape a picture shows, or which one; all others at their middle index.
struct PlaneAxes {
  int vertical = -1;  ///< -1: a line
  int horizontal = -1;
};

/// The last two axes longer than 1, or the only one; none where there is none. Local.
[[nodiscard]] std::optional<PlaneAxes> plane_axes(const Shape& shape);

/// Reads the plane of a field that two of its axes span. Collective. Each rank reads some rows of
/// the plane and sends them to rank 0: at most limits.cells numbers, whatever the field's size. The
/// same values at any number of ranks.
/// @throws RankError if reading fails on any rank.
[[nodiscard]] Plane read_plane(const Context& ctx, const Field& field, const PlaneAxes& axes,
                               const PlaneLimits& limits = {});

/// The same of an array in memory. Collective. Ranks slice their own parts, and send them to rank
/// 0.
/// @param field_axes one for each axis of the array.
/// @throws InvalidArgument for complex numbers.
[[nodiscard]] Plane plane_of_array(const Array& array, const std::string& title,
                                   const std::vector<FieldAxis>& field_axes, const PlaneAxes& axes,
                                   const PlaneLimits& limits = {});

/// The plane of an array whose elements come in C order, piece by piece, and are kept nowhere.
class PlanePicks {
 public:
  PlanePicks(const Shape& shape, DType dtype, const PlaneAxes& axes,
             const PlaneLimits& limits = {});
  /// Takes those of a run of elements (numbered in C order) that are shown. Runs of a rank ascend,
  /// and begin where those of the rank before it end. Local.
  void take(RowRange elements, const std::byte* data);
  /// The plane. Collective. @param field_axes one for each axis of the array.
  [[nodiscard]] Plane gather(const Context& ctx, const std::string& title,
                             const std::vector<FieldAxis>& field_axes) const;

 private:
  Shape shape_;
  DType dtype_;
  PlaneAxes axes_;
  PlaneLimits limits_;
  std::int64_t first_ = 0;  ///< number of the plane's first element
  std::int64_t rows_ = 1;
  std::int64_t row_stride_ = 0;
  std::int64_t columns_ = 0;
  std::int64_t column_stride_ = 1;
  std::vector<double> values_;
};

/// Which labels of samples a picture shows: those of one plane of their grid, thinned.
class LabelPicks {
 public:
  /// @param grid extents of the sample axes; at least 2, the last two of them longer than 1.
  LabelPicks(const Shape& grid, const PlaneLimits& limits = {});
  /// Whether a grid has such a picture. Local.
  [[nodiscard]] static bool has_plane(const Shape& grid);
  /// Takes those of a run of labels that are shown. Runs of a rank ascend. Local.
  void take(RowRange rows, std::span<const std::int32_t> labels);
  /// The plane. `axes` has one entry for each axis of the grid.
  /// Collective.
  [[nodiscard]] Plane gather(const Context& ctx, const std::vector<FieldAxis>& axes,
                             std::int64_t clusters) const;

 private:
  Shape grid_;
  std::int64_t first_ = 0;  ///< row of the plane's first element
  std::int64_t row_step_ = 1;
  std::int64_t column_step_ = 1;
  std::vector<std::int32_t> labels_;
};

/// Hands rows of i32 labels on, and keeps those that a picture shows.
class PickingSink : public RowSink {
 public:
  /// @param next null: nowhere. Both must outlive the sink.
  PickingSink(LabelPicks& picks, RowSink* next) : picks_(picks), next_(next) {}
  void append(RowRange rows, std::span<const std::byte> bytes) noexcept override;
  void advance() override {
    if (next_ != nullptr) next_->advance();
  }
  void rest() noexcept override {
    if (next_ != nullptr) next_->rest();
  }
  [[nodiscard]] std::int64_t rows_between() const noexcept override {
    return next_ != nullptr ? next_->rows_between() : std::int64_t{1} << 20;
  }

 private:
  LabelPicks& picks_;
  RowSink* next_;
};

/// A row of numbers over one or two axes, such as the centre of a cluster, as a plane. Local.
/// @param axes one entry for each axis of the row's shape.
[[nodiscard]] Plane plane_of_row(std::span<const double> row, const Shape& shape,
                                 const std::vector<FieldAxis>& axes, const PlaneLimits& limits);

/// "Latitude (degrees_north)".
[[nodiscard]] std::string with_units(const std::string& title, const std::string& units);

}  // namespace serried
