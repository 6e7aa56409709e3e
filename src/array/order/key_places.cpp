#include "array/order/key_places.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <type_traits>

#include "array/order/order_keys.hpp"
#include "serried/base/half.hpp"
#include "serried/base/order_key.hpp"

namespace serried {
namespace {

template <class T>
using Stored = std::conditional_t<std::is_same_v<T, bool>, std::uint8_t, T>;

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

constexpr std::size_t block = 512;

/// The lowest number first, or the highest; NaN last, which integers have none of.
std::uint64_t turned(std::uint64_t key, bool is_falling, bool has_nan) {
  return is_falling && !(has_nan && key == nan_key) ? ~key : key;
}

}  // namespace

void make_key_places(DType dtype, const std::byte* elements, std::int64_t stride,
                     std::int64_t first, bool is_falling, std::span<KeyPlace> pairs) {
  visit_real(dtype, [&](auto tag) {
    using T = Stored<typename decltype(tag)::type>;
    const auto* values = reinterpret_cast<const T*>(elements);
    std::array<std::uint64_t, block> keys;
    std::array<T, block> line;
    for (std::size_t begin = 0; begin < pairs.size(); begin += block) {
      const std::size_t count = std::min(block, pairs.size() - begin);
      const T* from = values + static_cast<std::int64_t>(begin) * stride;
      if (stride != 1) {
        for (std::size_t i = 0; i < count; ++i)
          line[i] = from[static_cast<std::int64_t>(i) * stride];
        from = line.data();
      }
      make_order_keys(dtype, reinterpret_cast<const std::byte*>(from),
                      static_cast<std::int64_t>(count), keys.data());
      const auto place = static_cast<std::uint64_t>(first) + begin;
      for (std::size_t i = 0; i < count; ++i)
        pairs[begin + i] = {.place = (place + i) << 1 | (is_negative_zero(from[i]) ? 1u : 0u),
                            .key = turned(keys[i], is_falling, is_floating(dtype))};
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
      values[at] = value_of<T>(turned(pairs[i].key, is_falling, is_floating(dtype)),
                               (pairs[i].place & 1u) != 0);
      if (numbers != nullptr) numbers[at] = static_cast<std::int64_t>(pairs[i].place >> 1);
    }
  });
}

}  // namespace serried
