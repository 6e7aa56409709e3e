#include "array/order/key_places.hpp"

#include <cmath>
#include <cstring>
#include <limits>
#include <type_traits>

#include "serried/base/half.hpp"
#include "serried/base/order_key.hpp"

namespace serried {
namespace {

template <class T>
using Stored = std::conditional_t<std::is_same_v<T, bool>, std::uint8_t, T>;

template <class T>
std::uint64_t key_of(T value) {
  if constexpr (std::is_same_v<T, Half>)
    return order_key(static_cast<double>(to_float(value)) + 0.0);
  else if constexpr (std::is_floating_point_v<T>)
    return order_key(static_cast<double>(value) + 0.0);
  else if constexpr (std::is_same_v<T, std::uint64_t>)
    return value;
  else
    return order_key(static_cast<std::int64_t>(value));
}

template <class T>
bool is_negative_zero(T value) {
  if constexpr (std::is_same_v<T, Half>)
    return value.bits == 0x8000u;
  else if constexpr (std::is_floating_point_v<T>)
    return value == 0 && std::signbit(value);
  else
    return false;
}

template <class T>
T value_of(std::uint64_t key, bool is_negative_zero) {
  if constexpr (std::is_same_v<T, Half>) {
    return is_negative_zero ? Half{0x8000u} : to_half(double_from_key(key));
  } else if constexpr (std::is_floating_point_v<T>) {
    return is_negative_zero ? -T{0} : static_cast<T>(double_from_key(key));
  } else if constexpr (std::is_same_v<T, std::uint64_t>) {
    return key;
  } else {
    return static_cast<T>(int64_from_key(key));
  }
}

constexpr std::uint64_t nan_key = UINT64_MAX;

}  // namespace

void make_key_places(DType dtype, const std::byte* elements, std::int64_t stride,
                     std::int64_t first, bool is_falling, std::span<KeyPlace> pairs) {
  visit_real(dtype, [&](auto tag) {
    using T = Stored<typename decltype(tag)::type>;
    const auto* values = reinterpret_cast<const T*>(elements);
    for (std::size_t i = 0; i < pairs.size(); ++i) {
      const T value = values[static_cast<std::int64_t>(i) * stride];
      std::uint64_t key = key_of(value);
      // integers have no NaN: their highest key is a number
      if (is_falling && !(is_floating(dtype) && key == nan_key)) key = ~key;
      pairs[i] = {.place = static_cast<std::uint64_t>(first + static_cast<std::int64_t>(i)) << 1 |
                           (is_negative_zero(value) ? 1u : 0u),
                  .key = key};
    }
  });
}

void store_key_places(DType dtype, std::span<const KeyPlace> pairs, bool is_falling,
                      std::byte* elements, std::int64_t* numbers, std::int64_t stride) {
  visit_real(dtype, [&](auto tag) {
    using T = Stored<typename decltype(tag)::type>;
    auto* values = reinterpret_cast<T*>(elements);
    for (std::size_t i = 0; i < pairs.size(); ++i) {
      const std::int64_t at = static_cast<std::int64_t>(i) * stride;
      std::uint64_t key = pairs[i].key;
      if (is_falling && !(is_floating(dtype) && key == nan_key)) key = ~key;
      values[at] = value_of<T>(key, (pairs[i].place & 1u) != 0);
      if (numbers != nullptr) numbers[at] = static_cast<std::int64_t>(pairs[i].place >> 1);
    }
  });
}

}  // namespace serried
