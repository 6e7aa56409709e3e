#include "array/evaluate/domain.hpp"

#include <algorithm>

#include "serried/base/error.hpp"

namespace serried {
namespace {

/// The axis of the domain along which a split operand's rows lie.
int axis_in(const Shape& shape, const Operand& operand) {
  return shape.dimensions() - operand.shape.dimensions() + operand.split_axis;
}

}  // namespace

Shape Domain::of_rows(std::int64_t rows) const {
  if (split_axis < 0) return shape;
  return shape.without(split_axis).with_inserted(0, rows);
}

std::int64_t Domain::rows() const {
  if (split_axis >= 0) return shape[split_axis];
  return shape.dimensions() == 0 ? 1 : shape[0];
}

std::int64_t Domain::row_elements() const {
  if (split_axis >= 0) return shape.without(split_axis).elements();
  return shape.dimensions() == 0 ? 1 : shape.elements(1, shape.dimensions());
}

Domain domain_of(const Shape& shape, std::span<const std::shared_ptr<const Operand>> operands) {
  Domain domain{.shape = shape, .split_axis = -1, .layout = std::nullopt};
  std::int64_t most = -1;
  for (const auto& operand : operands) {
    if (operand->split_axis < 0) continue;
    const int axis = axis_in(shape, *operand);
    const std::int64_t elements = operand->shape.elements();
    // an operand that is broadcast along its own split axis says nothing about the rows
    if (operand->shape[operand->split_axis] != shape[axis] || elements <= most) continue;
    most = elements;
    domain.split_axis = axis;
    domain.layout = operand->source->layout();
  }
  return domain;
}

bool is_along(const Domain& domain, const Operand& operand) {
  return operand.split_axis >= 0 && axis_in(domain.shape, operand) == domain.split_axis &&
         operand.shape[operand.split_axis] == domain.shape[domain.split_axis];
}

PlacedProgram::PlacedProgram(const Context& ctx, const Domain& domain, detail::Lowering& lowering,
                             std::vector<const TileSource*>& reads) {
  const int dimensions = domain.shape.dimensions();
  for (const detail::LoweredInput& input : lowering.inputs()) {
    const Operand& operand = *input.operand;
    Place place;
    place.elements = operand.elements;
    const bool is_split = operand.split_axis >= 0;
    if (is_split) {
      if (!is_along(domain, operand))
        throw InvalidArgument(operand.name + " is not split as the other operands are");
      const auto found = std::find(reads.begin(), reads.end(), operand.source.get());
      place.read = static_cast<int>(found - reads.begin());
      if (found == reads.end()) reads.push_back(operand.source.get());
    }
    // strides in the order of memory: of split operands the split axis comes first
    std::vector<int> order;
    if (is_split) order.push_back(operand.split_axis);
    for (int axis = 0; axis < operand.shape.dimensions(); ++axis)
      if (axis != operand.split_axis || !is_split) order.push_back(axis);
    auto stride = static_cast<std::int64_t>(size_of(operand.dtype));
    for (auto axis = order.rbegin(); axis != order.rend(); ++axis) {
      const int shape_axis = dimensions - operand.shape.dimensions() + *axis;
      const bool is_broadcast = operand.shape[*axis] == 1 && domain.shape[shape_axis] != 1;
      if (!is_broadcast)
        place.source.strides[static_cast<std::size_t>(lowering.domain_axis(shape_axis))] = stride;
      stride *= operand.shape[*axis];
    }
    places_.push_back(std::move(place));
  }
  compiled_ = ctx.backend()->kernels<ProgramKernels>(DType::f64).compile(lowering.take_program());
}

std::vector<ProgramSource> PlacedProgram::sources(std::span<const std::byte* const> data,
                                                  std::int64_t first_row) const {
  std::vector<ProgramSource> sources;
  sources.reserve(places_.size());
  for (const Place& place : places_) {
    ProgramSource source = place.source;
    source.data = place.read >= 0 ? data[static_cast<std::size_t>(place.read)]
                                  : place.elements.get() + first_row * source.strides[0];
    sources.push_back(source);
  }
  return sources;
}

}  // namespace serried
