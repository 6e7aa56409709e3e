#include <algorithm>
#include <atomic>
#include <cstdint>
#include <cstdio>
#include <string>
#include <vector>

#include "array/array_impl.hpp"
#include "serried/device/convert_kernels.hpp"

namespace serried {
namespace {

// The value of a real element as text.
std::string text_of(const Backend& backend, DType dtype, const std::byte* element) {
  double value = 0;
  std::int64_t whole = 0;
  std::uint64_t large = 0;
  const auto& kernels = backend.kernels<ConvertKernels>(dtype);
  if (!is_floating(dtype) && kernels.convert(element, 1, DType::i64, &whole) == 1)
    return std::to_string(whole);
  if (dtype == DType::u64 && kernels.convert(element, 1, DType::u64, &large) == 1)
    return std::to_string(large);
  (void)kernels.convert(element, 1, DType::f64, &value);
  if (value != value) return "NaN";
  char text[40];
  std::snprintf(text, sizeof text, "%.17g", value);
  return text;
}

// "(3, 0, 7)" for the element's index of all axes.
std::string index_text(const Shape& shape, std::uint64_t number) {
  std::vector<std::int64_t> index(static_cast<std::size_t>(shape.dimensions()));
  auto rest = static_cast<std::int64_t>(number);
  for (int axis = shape.dimensions() - 1; axis >= 0; --axis) {
    index[static_cast<std::size_t>(axis)] = rest % shape[axis];
    rest /= shape[axis];
  }
  return Shape(std::span<const std::int64_t>(index)).to_string();
}

void lower(std::atomic<std::int64_t>& least, std::int64_t value) {
  std::int64_t seen = least.load();
  while (value < seen && !least.compare_exchange_weak(seen, value)) {
  }
}

}  // namespace

Array Array::cast(DType dtype) const {
  const Impl& from = *impl_;
  if (dtype == from.dtype) return *this;
  from.require_host();
  if (!ConvertKernels::covers(dtype))
    throw InvalidArgument("an array holds numbers, not " + std::string(name(dtype)));
  if (is_complex(from.dtype) && !is_complex(dtype) && dtype != DType::b8)
    throw InvalidArgument("complex numbers cannot be cast to " + std::string(name(dtype)) +
                          "; take their real part, imaginary part or magnitude");
  auto to = from.is_replicated
                ? Impl::make_replicated(from.ctx, from.shape, dtype)
                : Impl::make(from.ctx, from.shape, dtype, from.split_axis, from.layout);
  const auto& kernels = from.ctx.backend()->kernels<ConvertKernels>(from.dtype);
  const std::int64_t elements = from.local_elements();
  std::atomic<std::int64_t> first_bad{elements};
  for_each_block(from.ctx, elements, [&](std::int64_t first, std::int64_t count) {
    const std::int64_t bad = kernels.convert(from.data + first * from.item_bytes, count, dtype,
                                             to->mutable_data() + first * to->item_bytes);
    if (bad < count) lower(first_bad, first + bad);
  });
  // Ranks hold ascending rows, so that the lowest rank with such an element has the first row of
  // all.
  const Communicator& comm = from.ctx.comm();
  const std::int64_t bad = first_bad;
  const int first_owner = comm.allreduce(bad < elements ? comm.rank() : comm.size(), ReduceOp::min);
  if (first_owner == comm.size()) return Impl::wrap(std::move(to));
  std::string text;
  if (comm.rank() == first_owner) {
    std::uint64_t number = 0;
    from.number_elements(bad, {&number, 1});
    text = "row " + std::to_string(from.local_rows().begin + bad / from.row_elements) + " of the " +
           describe() + ": element " + index_text(from.shape, number) + " is " +
           text_of(*from.ctx.backend(), from.dtype, from.data + bad * from.item_bytes) +
           ", which " + std::string(name(dtype)) + " cannot hold";
  }
  throw DataError(comm.broadcast_text(text, first_owner));
}

}  // namespace serried
