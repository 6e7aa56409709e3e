#include "array/array_bytes.hpp"

namespace serried {

std::byte* memory_of(Array& array) {
  return visit_numeric(array.dtype(), [&](auto tag) {
    return reinterpret_cast<std::byte*>(array.local_mutable<typename decltype(tag)::type>().data());
  });
}

Array empty_like(const Array& array, DType dtype) {
  return array.is_replicated() ? Array::empty_replicated(array.context(), array.shape(), dtype)
                               : Array::empty(array.context(), array.shape(), dtype,
                                              array.split_axis(), array.layout());
}

}  // namespace serried
