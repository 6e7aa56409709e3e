// Arrays from memory that is there already.
#include <cstring>
#include <string>

#include "array/array_impl.hpp"

namespace serried {

Array Array::from_buffer(const Context& ctx, const Shape& shape, DType dtype, Layout layout,
                         Buffer local) {
  auto impl = std::make_shared<Impl>(ctx, shape, dtype, 0, std::move(layout), false);
  const auto bytes = static_cast<std::size_t>(impl->local_elements() * impl->item_bytes);
  if (local.bytes() < bytes)
    throw InvalidArgument("a buffer of " + std::to_string(local.bytes()) +
                          " bytes does not hold this rank's rows of an array of shape " +
                          shape.to_string() + ", " + std::to_string(bytes) + " bytes");
  impl->memory = std::make_shared<Buffer>(std::move(local));
  impl->data = impl->memory->data();
  return Impl::wrap(std::move(impl));
}

}  // namespace serried
