#include "array/array_bytes.hpp"

namespace serried {

std::byte* memory_of(Array& array) {
  return visit_numeric(array.dtype(), [&](auto tag) {
    return reinterpret_cast<std::byte*>(array.local_mutable<typename decltype(tag)::type>().data());
  });
}

}  // namespace serried
