#include "serried/array/array.hpp"

#include <algorithm>
#include <cstring>
#include <string>

#include "array/array_impl.hpp"
#include "array/strided_copy.hpp"
#include "serried/comm/agree.hpp"

namespace serried {
namespace {

int checked_axis(const Shape& shape, int split_axis) {
  if (shape.dimensions() == 0 && split_axis == 0) return 0;
  if (split_axis < 0 || split_axis >= shape.dimensions())
    throw InvalidArgument("an array of shape " + shape.to_string() + " has no axis " +
                          std::to_string(split_axis) + " to be split along");
  return split_axis;
}

std::int64_t rows_along(const Shape& shape, int axis) {
  return shape.dimensions() == 0 ? 1 : shape[axis];
}

void check_dtype_is_fixed(DType dtype) {
  if (!is_real(dtype) && !is_complex(dtype))
    throw InvalidArgument("an array holds numbers, not " + std::string(name(dtype)));
}

}  // namespace

Array::Impl::Impl(const Context& context, const Shape& array_shape, DType array_dtype, int axis,
                  Layout tiles, bool is_on_every_rank)
    : ctx(context),
      shape(array_shape),
      dtype(array_dtype),
      split_axis(checked_axis(array_shape, axis)),
      is_replicated(is_on_every_rank),
      layout(std::move(tiles)),
      item_bytes(static_cast<std::int64_t>(size_of(array_dtype))),
      row_elements(shape.dimensions() == 0 ? 1 : shape.without(split_axis).elements()) {
  check_dtype_is_fixed(dtype);
  if (shape.dimensions() == 0 && !is_replicated)
    throw InvalidArgument("a 0-d array cannot be split over ranks");
  std::int64_t bytes = 0;
  if (__builtin_mul_overflow(shape.elements(), item_bytes, &bytes))
    throw InvalidArgument("an array of shape " + shape.to_string() + " and dtype " +
                          std::string(name(dtype)) + " has more than 2^63 - 1 bytes");
  if (layout.ranks() != ctx.size() || layout.rows() != rows_along(shape, split_axis))
    throw InvalidArgument("a layout of " + std::to_string(layout.rows()) + " rows on " +
                          std::to_string(layout.ranks()) +
                          " ranks does not fit an array of shape " + shape.to_string() +
                          " split along axis " + std::to_string(split_axis) + " on " +
                          std::to_string(ctx.size()) + " ranks");
}

std::shared_ptr<Array::Impl> Array::Impl::make(const Context& ctx, const Shape& shape, DType dtype,
                                               int split_axis) {
  if (shape.dimensions() == 0 && split_axis == 0) return make_replicated(ctx, shape, dtype);
  const std::int64_t rows = rows_along(shape, checked_axis(shape, split_axis));
  return make(ctx, shape, dtype, split_axis,
              Layout::uniform(rows, ctx.size(), ctx.options().max_tiles));
}

std::shared_ptr<Array::Impl> Array::Impl::make(const Context& ctx, const Shape& shape, DType dtype,
                                               int split_axis, Layout layout) {
  auto impl = std::make_shared<Impl>(ctx, shape, dtype, split_axis, std::move(layout), false);
  agree(ctx.comm(), [&] { impl->allocate(); });
  return impl;
}

std::shared_ptr<Array::Impl> Array::Impl::make_replicated(const Context& ctx, const Shape& shape,
                                                          DType dtype) {
  auto impl = std::make_shared<Impl>(
      ctx, shape, dtype, 0,
      Layout::uniform(rows_along(shape, 0), ctx.size(), ctx.options().max_tiles), true);
  agree(ctx.comm(), [&] { impl->allocate(); });
  return impl;
}

void Array::Impl::allocate() {
  memory = std::make_shared<Buffer>(ctx.backend(),
                                    static_cast<std::size_t>(local_elements() * item_bytes));
  data = memory->data();
}

void Array::Impl::require_host() const {
  if (is_on_device())
    throw InvalidArgument("this array lies on the device; to_host() copies it to host memory");
}

RowRange Array::Impl::local_rows() const {
  return is_replicated ? RowRange{0, layout.rows()} : layout.rows_of(ctx.rank());
}

std::vector<std::int64_t> Array::Impl::strides() const {
  if (shape.dimensions() == 0) return {};
  std::vector<std::int64_t> by_axis = c_strides(shape.without(split_axis), item_bytes);
  by_axis.insert(by_axis.begin() + split_axis, row_bytes());
  return by_axis;
}

void Array::Impl::number_elements(std::int64_t first, std::span<std::uint64_t> numbers) const {
  // local element (row r, outer o, inner i) is the global one (o, first row + r, i)
  const int dimensions = shape.dimensions();
  const std::int64_t inner = dimensions == 0 ? 1 : shape.elements(split_axis + 1, dimensions);
  const std::int64_t outer = shape.elements(0, split_axis);
  const std::int64_t rows = layout.rows();
  std::size_t at = 0;
  std::int64_t i = first % inner;
  std::int64_t o = first / inner % outer;
  std::int64_t row = local_rows().begin + first / inner / outer;
  while (at < numbers.size()) {
    const auto run = std::min(numbers.size() - at, static_cast<std::size_t>(inner - i));
    const auto number = static_cast<std::uint64_t>((o * rows + row) * inner + i);
    for (std::size_t k = 0; k < run; ++k) numbers[at + k] = number + k;
    at += run;
    i = 0;
    if (++o == outer) {
      o = 0;
      ++row;
    }
  }
}

void for_each_block(const Context& ctx, std::int64_t elements,
                    const std::function<void(std::int64_t first, std::int64_t count)>& task) {
  constexpr std::int64_t blocks_per_task = 64;
  constexpr std::int64_t task_elements = blocks_per_task * block_elements;
  ctx.backend()->threads().parallel_for(
      (elements + task_elements - 1) / task_elements, [&](std::int64_t index, int) {
        const std::int64_t end = std::min(elements, (index + 1) * task_elements);
        for (std::int64_t first = index * task_elements; first < end; first += block_elements)
          task(first, std::min(block_elements, end - first));
      });
}

Array::Array(std::shared_ptr<Impl> impl) : impl_(std::move(impl)) {}

const Shape& Array::shape() const noexcept {
  return impl_->shape;
}
int Array::split_axis() const noexcept {
  return impl_->split_axis;
}
bool Array::is_replicated() const noexcept {
  return impl_->is_replicated;
}
const Context& Array::context() const noexcept {
  return impl_->ctx;
}
const Layout& Array::layout() const {
  return impl_->layout;
}
DType Array::dtype() const {
  return impl_->dtype;
}
bool Array::is_on_device() const noexcept {
  return impl_->is_on_device();
}
const std::byte* Array::local_data() const {
  impl_->require_host();
  return impl_->data;
}
RowRange Array::local_rows() const {
  return impl_->local_rows();
}

Shape Array::row_shape() const {
  return impl_->shape.dimensions() == 0 ? Shape() : impl_->shape.without(impl_->split_axis);
}

std::string Array::describe() const {
  if (!impl_->title.empty()) return impl_->title;
  return std::string(name(impl_->dtype)) + " array of shape " + impl_->shape.to_string();
}

Array Array::named(std::string title) const {
  auto impl = std::make_shared<Impl>(*impl_);
  impl->title = std::move(title);
  return Array(std::move(impl));
}

std::byte* Array::local_data_mutable() {
  impl_->require_host();
  if (!impl_->memory)
    throw InvalidArgument("this array wraps memory of the caller's, which it does not write to");
  return impl_->memory->data();
}

void Array::check_dtype(DType dtype) const {
  if (dtype != impl_->dtype)
    throw InvalidArgument("an array of " + std::string(name(impl_->dtype)) +
                          " cannot be viewed as " + std::string(name(dtype)) + "; cast it first");
}

void Array::copy_out(void* to, const std::vector<std::byte>& from) {
  if (!from.empty()) std::memcpy(to, from.data(), from.size());
}

}  // namespace serried
