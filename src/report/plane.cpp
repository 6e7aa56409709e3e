#include "serried/report/plane.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>

#include "report/picture/ticks.hpp"
#include "serried/comm/agree.hpp"

namespace serried {
namespace {

/// How a plane of extents rows x columns is thinned.
struct Steps {
  std::int64_t row = 1;
  std::int64_t column = 1;
};

std::int64_t thinned(std::int64_t extent, std::int64_t step) {
  return (extent + step - 1) / step;
}

/// The same step along both axes, unless that leaves one of them less than it should have.
Steps steps_for(std::int64_t rows, std::int64_t columns, const PlaneLimits& limits) {
  constexpr std::int64_t least = 128;
  const auto cells = [&](const Steps& steps) {
    return thinned(rows, steps.row) * thinned(columns, steps.column);
  };
  Steps steps{.row = std::max<std::int64_t>(1, thinned(rows, limits.side)),
              .column = std::max<std::int64_t>(1, thinned(columns, limits.side))};
  Steps same{.row = std::max(steps.row, steps.column), .column = std::max(steps.row, steps.column)};
  while (cells(same) > limits.cells) ++same.row, ++same.column;
  if (thinned(rows, same.row) >= std::min(rows, least) &&
      thinned(columns, same.column) >= std::min(columns, least))
    return same;
  while (cells(steps) > limits.cells)
    ++(thinned(rows, steps.row) > thinned(columns, steps.column) ? steps.row : steps.column);
  return steps;
}

std::string ordinal(std::int64_t n) {
  const bool is_teen = n % 100 >= 11 && n % 100 <= 13;
  return fmt::format("{}{}", n,
                     is_teen       ? "th"
                     : n % 10 == 1 ? "st"
                     : n % 10 == 2 ? "nd"
                     : n % 10 == 3 ? "rd"
                                   : "th");
}

void add_step_note(const Steps& steps, bool is_line, std::vector<std::string>& notes) {
  if (steps.row == 1 && steps.column == 1) return;
  if (is_line)
    notes.push_back(fmt::format("every {} value is shown", ordinal(steps.column)));
  else if (steps.row == steps.column)
    notes.push_back(fmt::format("every {} row and column is shown", ordinal(steps.row)));
  else
    notes.push_back(fmt::format("every {} of the {} axis and every {} of the {} axis is shown",
                                ordinal(steps.row), "vertical", ordinal(steps.column),
                                "horizontal"));
}

/// The places of every step-th index of an axis.
PlaneAxis plane_axis(const FieldAxis& axis, std::int64_t extent, std::int64_t step) {
  PlaneAxis result{.title = with_units(axis.title, axis.units), .units = axis.units};
  if (picture::are_dates(axis.units)) result.title = axis.title;
  result.extent = extent;
  result.are_indices = axis.places.empty();
  for (std::int64_t i = 0; i < extent; i += step)
    result.places.push_back(axis.places.empty() ? static_cast<double>(i)
                                                : axis.places[static_cast<std::size_t>(i)]);
  return result;
}

std::string place_note(const FieldAxis& axis, std::int64_t index, std::int64_t extent) {
  if (axis.places.empty())
    return fmt::format("{}: index {} of 0 to {}", axis.title, index, extent - 1);
  double place = axis.places[static_cast<std::size_t>(index)];
  // what is left of a difference that is none
  if (std::abs(place) < 1e-12 * std::abs(axis.places.back() - axis.places.front())) place = 0;
  const bool is_date = picture::are_dates(axis.units);
  return fmt::format("{} = {}{} (index {} of {})", axis.title,
                     picture::place_text(place, axis.units),
                     is_date || axis.units.empty() ? "" : " " + axis.units, index, extent);
}

void transpose(Plane& plane) {
  std::vector<double> values;
  values.reserve(plane.values.size());
  if (!plane.values.empty())
    for (std::int64_t column = 0; column < plane.columns; ++column)
      for (std::int64_t row = 0; row < plane.rows; ++row)
        values.push_back(plane.values[static_cast<std::size_t>(row * plane.columns + column)]);
  plane.values = std::move(values);
  std::swap(plane.rows, plane.columns);
  std::swap(plane.vertical, plane.horizontal);
}

/// Turns a plane as it lies in the file the way a picture shows it.
void turn(Plane& plane, const FieldAxis& first, const FieldAxis& second) {
  const bool is_swapped =
      first.role == FieldAxis::Role::x && second.role == FieldAxis::Role::y && !plane.is_line();
  const FieldAxis& vertical = is_swapped ? second : first;
  if (is_swapped) transpose(plane);
  const auto ascends = [](const PlaneAxis& axis) {
    return axis.places.size() < 2 || axis.places.front() < axis.places.back();
  };
  if (!plane.is_line() && ascends(plane.vertical) != vertical.is_downward) {
    std::ranges::reverse(plane.vertical.places);
    for (std::int64_t row = 0; !plane.values.empty() && row < plane.rows / 2; ++row)
      std::swap_ranges(plane.values.begin() + row * plane.columns,
                       plane.values.begin() + (row + 1) * plane.columns,
                       plane.values.begin() + (plane.rows - 1 - row) * plane.columns);
  }
  if (!ascends(plane.horizontal)) {
    std::ranges::reverse(plane.horizontal.places);
    for (std::int64_t row = 0; !plane.values.empty() && row < plane.rows; ++row)
      std::reverse(plane.values.begin() + row * plane.columns,
                   plane.values.begin() + (row + 1) * plane.columns);
  }
}

Steps steps_for(const Shape& shape, const PlaneAxes& axes, const PlaneLimits& limits) {
  return steps_for(axes.vertical < 0 ? 1 : shape[axes.vertical], shape[axes.horizontal], limits);
}

/// The values, on rank 0.
std::vector<double> gathered(const Array& read) {
  return (read.dtype() == DType::f64 ? read : read.cast(DType::f64)).gather<double>(0);
}

/// The plane of an array of this shape, whose elements `take` gathers on rank 0.
Plane make_plane(const Shape& shape, const std::vector<FieldAxis>& field_axes,
                 const PlaneAxes& axes, const PlaneLimits& limits,
                 const std::function<std::vector<double>(std::span<const Slice>)>& take) {
  const bool is_line = axes.vertical < 0;
  const std::int64_t rows = is_line ? 1 : shape[axes.vertical];
  const std::int64_t columns = shape[axes.horizontal];
  const Steps steps = steps_for(shape, axes, limits);
  Plane plane;
  std::vector<Slice> slices;
  for (int axis = 0; axis < shape.dimensions(); ++axis) {
    if (axis == axes.vertical) {
      slices.push_back({.step = steps.row});
    } else if (axis == axes.horizontal) {
      slices.push_back({.step = steps.column});
    } else {
      const std::int64_t middle = shape[axis] / 2;
      slices.push_back({.begin = middle, .end = middle + 1});
      if (shape[axis] > 1)
        plane.notes.push_back(
            place_note(field_axes[static_cast<std::size_t>(axis)], middle, shape[axis]));
    }
  }
  add_step_note(steps, is_line, plane.notes);
  plane.values = take(slices);
  plane.rows = is_line ? 1 : thinned(rows, steps.row);
  plane.columns = thinned(columns, steps.column);
  const auto axis_at = [&](int axis) { return field_axes[static_cast<std::size_t>(axis)]; };
  plane.horizontal = plane_axis(axis_at(axes.horizontal), columns, steps.column);
  const FieldAxis vertical = is_line ? FieldAxis{} : axis_at(axes.vertical);
  if (!is_line) plane.vertical = plane_axis(vertical, rows, steps.row);
  turn(plane, vertical, axis_at(axes.horizontal));
  return plane;
}

}  // namespace

std::optional<PlaneAxes> plane_axes(const Shape& shape) {
  if (shape.elements() == 0) return {};
  PlaneAxes axes;
  for (int axis = shape.dimensions() - 1; axis >= 0 && axes.vertical < 0; --axis) {
    if (shape[axis] < 2) continue;
    (axes.horizontal < 0 ? axes.horizontal : axes.vertical) = axis;
  }
  if (axes.horizontal < 0) return {};
  return axes;
}

Plane read_plane(const Context& ctx, const Field& field, const PlaneAxes& axes,
                 const PlaneLimits& limits) {
  const auto span = ctx.recorder().span("read a plane", Activity::computation);
  const int row_axis = axes.vertical < 0 ? axes.horizontal : axes.vertical;
  Plane plane =
      make_plane(field.data.shape(), field.axes, axes, limits, [&](std::span<const Slice> slices) {
        return gathered(
            field.data.sliced(slices, {.kind = SampleAxes::Kind::axes, .axes = {row_axis}})
                .to_array());
      });
  plane.title = with_units(field.title, field.units);
  return plane;
}

Plane plane_of_array(const Array& array, const std::string& title,
                     const std::vector<FieldAxis>& field_axes, const PlaneAxes& axes,
                     const PlaneLimits& limits) {
  Plane plane =
      make_plane(array.shape(), field_axes, axes, limits,
                 [&](std::span<const Slice> slices) { return gathered(array.slice(slices)); });
  plane.title = title;
  return plane;
}

PlanePicks::PlanePicks(const Shape& shape, DType dtype, const PlaneAxes& axes,
                       const PlaneLimits& limits)
    : shape_(shape), dtype_(dtype), axes_(axes), limits_(limits) {
  const Steps steps = steps_for(shape, axes, limits);
  const auto stride = [&](int axis) { return shape.elements(axis + 1, shape.dimensions()); };
  for (int axis = 0; axis < shape.dimensions(); ++axis)
    if (axis != axes.vertical && axis != axes.horizontal) first_ += shape[axis] / 2 * stride(axis);
  rows_ = axes.vertical < 0 ? 1 : thinned(shape[axes.vertical], steps.row);
  row_stride_ = axes.vertical < 0 ? 0 : steps.row * stride(axes.vertical);
  columns_ = thinned(shape[axes.horizontal], steps.column);
  column_stride_ = steps.column * stride(axes.horizontal);
  // all of them may be this rank's; `take` must not allocate
  values_.reserve(static_cast<std::size_t>(rows_ * columns_));
}

void PlanePicks::take(RowRange elements, const std::byte* data) {
  visit_real(dtype_, [&](auto tag) {
    using T = typename decltype(tag)::type;
    const T* const values = reinterpret_cast<const T*>(data);
    for (std::int64_t row = 0; row < rows_; ++row) {
      const std::int64_t begin = first_ + row * row_stride_;
      std::int64_t column =
          thinned(std::max<std::int64_t>(0, elements.begin - begin), column_stride_);
      for (; column < columns_ && begin + column * column_stride_ < elements.end; ++column) {
        const T value = values[begin + column * column_stride_ - elements.begin];
        if constexpr (std::is_same_v<T, Half>)
          values_.push_back(to_float(value));
        else
          values_.push_back(static_cast<double>(value));
      }
    }
  });
}

Plane PlanePicks::gather(const Context& ctx, const std::string& title,
                         const std::vector<FieldAxis>& field_axes) const {
  Plane plane = make_plane(shape_, field_axes, axes_, limits_, [&](std::span<const Slice>) {
    return ctx.comm().gather(std::span<const double>(values_), 0).values;
  });
  plane.title = title;
  return plane;
}

bool LabelPicks::has_plane(const Shape& grid) {
  const int axes = grid.dimensions();
  return axes >= 2 && grid[axes - 1] > 1 && grid[axes - 2] > 1 && grid.elements() > 0;
}

LabelPicks::LabelPicks(const Shape& grid, const PlaneLimits& limits) : grid_(grid) {
  const int axes = grid.dimensions();
  for (int axis = 0; axis < axes - 2; ++axis) first_ = first_ * grid[axis] + grid[axis] / 2;
  first_ *= grid[axes - 2] * grid[axes - 1];
  const Steps steps = steps_for(grid[axes - 2], grid[axes - 1], limits);
  row_step_ = steps.row;
  column_step_ = steps.column;
  // all of them may be this rank's; `take` must not allocate
  labels_.reserve(static_cast<std::size_t>(thinned(grid[axes - 2], row_step_) *
                                           thinned(grid[axes - 1], column_step_)));
}

void LabelPicks::take(RowRange rows, std::span<const std::int32_t> labels) {
  const int axes = grid_.dimensions();
  const std::int64_t columns = grid_[axes - 1];
  const std::int64_t elements = grid_[axes - 2] * columns;
  const RowRange own = intersect(rows, {first_, first_ + elements});
  for (std::int64_t row = own.is_empty() ? own.end : (own.begin - first_) / columns;
       row < grid_[axes - 2] && first_ + row * columns < own.end; ++row) {
    if (row % row_step_ != 0) continue;
    const std::int64_t begin = first_ + row * columns;
    std::int64_t column = std::max<std::int64_t>(0, own.begin - begin);
    column = thinned(column, column_step_) * column_step_;
    for (; column < columns && begin + column < own.end; column += column_step_)
      labels_.push_back(labels[static_cast<std::size_t>(begin + column - rows.begin)]);
  }
}

Plane LabelPicks::gather(const Context& ctx, const std::vector<FieldAxis>& axes,
                         std::int64_t clusters) const {
  const auto all = ctx.comm().gather(std::span<const std::int32_t>(labels_), 0);
  const int last = grid_.dimensions() - 1;
  Plane plane;
  plane.rows = thinned(grid_[last - 1], row_step_);
  plane.columns = thinned(grid_[last], column_step_);
  plane.values.assign(all.values.begin(), all.values.end());
  plane.title = "cluster";
  plane.labels = clusters;
  for (int axis = 0; axis < last - 1; ++axis)
    if (grid_[axis] > 1)
      plane.notes.push_back(
          place_note(axes[static_cast<std::size_t>(axis)], grid_[axis] / 2, grid_[axis]));
  add_step_note({.row = row_step_, .column = column_step_}, false, plane.notes);
  const FieldAxis& vertical = axes[static_cast<std::size_t>(last - 1)];
  const FieldAxis& horizontal = axes[static_cast<std::size_t>(last)];
  plane.vertical = plane_axis(vertical, grid_[last - 1], row_step_);
  plane.horizontal = plane_axis(horizontal, grid_[last], column_step_);
  turn(plane, vertical, horizontal);
  return plane;
}

void PickingSink::append(RowRange rows, std::span<const std::byte> bytes) noexcept {
  picks_.take(rows, {reinterpret_cast<const std::int32_t*>(bytes.data()),
                     bytes.size() / sizeof(std::int32_t)});
  if (next_ != nullptr) next_->append(rows, bytes);
}

Plane plane_of_row(std::span<const double> row, const Shape& shape,
                   const std::vector<FieldAxis>& axes, const PlaneLimits& limits) {
  const bool is_line = shape.dimensions() < 2;
  const std::int64_t rows = is_line ? 1 : shape[0];
  const std::int64_t columns = shape[is_line ? 0 : 1];
  const Steps steps = steps_for(rows, columns, limits);
  Plane plane;
  plane.rows = thinned(rows, steps.row);
  plane.columns = thinned(columns, steps.column);
  for (std::int64_t i = 0; i < rows; i += steps.row)
    for (std::int64_t j = 0; j < columns; j += steps.column)
      plane.values.push_back(row[static_cast<std::size_t>(i * columns + j)]);
  add_step_note(steps, is_line, plane.notes);
  const FieldAxis none;
  const FieldAxis& vertical = is_line ? none : axes[0];
  const FieldAxis& horizontal = axes[is_line ? 0 : 1];
  if (!is_line) plane.vertical = plane_axis(vertical, rows, steps.row);
  plane.horizontal = plane_axis(horizontal, columns, steps.column);
  turn(plane, vertical, horizontal);
  return plane;
}

}  // namespace serried
