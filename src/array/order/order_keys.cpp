#include "array/order/order_keys.hpp"

#include <cstring>
#include <string>
#include <type_traits>

#include "serried/base/error.hpp"
#include "serried/base/half.hpp"
#include "serried/base/order_key.hpp"

namespace serried {
namespace {

using Doubles [[gnu::vector_size(32)]] = double;
using Words [[gnu::vector_size(32)]] = std::int64_t;

/// order_key() of four numbers.
Words order_keys(Doubles values) {
  const Doubles numbers = values + 0.0;  // of -0 too
  Words bits;
  std::memcpy(&bits, &numbers, sizeof bits);
  const Words is_negative = bits < 0;
  const Words keys = bits ^ (is_negative | INT64_MIN);
  return numbers == numbers ? keys : Words{} - 1;
}

std::int64_t make_keys_of_four(const double* values, std::int64_t count, std::uint64_t* keys) {
  std::int64_t i = 0;
  for (; i + 4 <= count; i += 4) {
    Doubles four;
    std::memcpy(&four, values + i, sizeof four);
    const Words made = order_keys(four);
    std::memcpy(keys + i, &made, sizeof made);
  }
  return i;
}
std::int64_t make_keys_of_four(const float* values, std::int64_t count, std::uint64_t* keys) {
  using Floats [[gnu::vector_size(16)]] = float;
  std::int64_t i = 0;
  for (; i + 4 <= count; i += 4) {
    Floats four;
    std::memcpy(&four, values + i, sizeof four);
    const Words made = order_keys(__builtin_convertvector(four, Doubles));
    std::memcpy(keys + i, &made, sizeof made);
  }
  return i;
}

template <class T>
void make_keys(const std::byte* values, std::int64_t count, std::uint64_t* keys) {
  std::int64_t first = 0;
  if constexpr (std::is_floating_point_v<T>)
    first = make_keys_of_four(reinterpret_cast<const T*>(values), count, keys);
  for (std::int64_t i = first; i < count; ++i) {
    T value;
    std::memcpy(&value, values + i * static_cast<std::int64_t>(sizeof value), sizeof value);
    if constexpr (std::is_same_v<T, Half>)
      keys[i] = order_key(static_cast<double>(to_float(value)) + 0.0);
    else if constexpr (std::is_floating_point_v<T>)
      keys[i] = order_key(static_cast<double>(value) + 0.0);
    else if constexpr (std::is_same_v<T, std::uint64_t>)
      keys[i] = value;
    else
      keys[i] = order_key(static_cast<std::int64_t>(value));
  }
}

}  // namespace

void make_order_keys(DType dtype, const std::byte* values, std::int64_t count,
                     std::uint64_t* keys) {
  visit_real(dtype, [&](auto tag) {
    using T = typename decltype(tag)::type;
    make_keys<std::conditional_t<std::is_same_v<T, bool>, std::uint8_t, T>>(values, count, keys);
  });
}

double value_of_key(RegisterType type, std::uint64_t key) noexcept {
  if (type == RegisterType::f32 || type == RegisterType::f64) return double_from_key(key);
  if (type == RegisterType::u64) return static_cast<double>(key);
  return static_cast<double>(int64_from_key(key));
}

void store_number(double value, DType dtype, std::byte* to) {
  const auto put = [&](auto rounded) { std::memcpy(to, &rounded, sizeof rounded); };
  if (dtype == DType::f16)
    put(to_half(value));
  else if (dtype == DType::f32)
    put(static_cast<float>(value));
  else if (dtype == DType::f64)
    put(value);
  else
    throw InvalidArgument("a number is stored in a floating dtype, not in " +
                          std::string(name(dtype)));
}

void store_key(RegisterType type, std::uint64_t key, DType dtype, std::byte* to) {
  visit_real(dtype, [&](auto tag) {
    using T = typename decltype(tag)::type;
    if constexpr (std::is_same_v<T, Half>) {
      const Half value = to_half(value_of_key(type, key));
      std::memcpy(to, &value, sizeof value);
    } else {
      T value;
      if constexpr (std::is_floating_point_v<T>)
        value = static_cast<T>(value_of_key(type, key));
      else if (type == RegisterType::u64)
        value = static_cast<T>(key);
      else
        value = static_cast<T>(int64_from_key(key));
      std::memcpy(to, &value, sizeof value);
    }
  });
}

}  // namespace serried
