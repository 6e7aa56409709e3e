#pragma once

#include <complex>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <type_traits>

#include "serried/base/api.hpp"
#include "serried/base/error.hpp"
#include "serried/base/half.hpp"

namespace SERRIED_API serried {

/// Element types. b8, i32, i64, f32, f64, c64 and c128 are computed with; u8, i8, u16, i16, u32,
/// u64 and f16 keep a file's width in memory and are widened in registers; string, categorical and
/// timestamp belong to frames.
enum class DType : std::uint8_t {
  b8,
  i8,
  u8,
  i16,
  u16,
  i32,
  u32,
  i64,
  u64,
  f16,
  f32,
  f64,
  c64,
  c128,
  string,
  categorical,
  timestamp
};

/// The name, e.g. "f32".
/// Local.
[[nodiscard]] std::string_view name(DType dtype) noexcept;

/// The dtype of that name ("f32", "float32", "int16", "bool", ...).
/// Local.
/// @throws InvalidArgument if there is none.
[[nodiscard]] DType parse_dtype(std::string_view text);

/// Bytes of one element; 0 for string, whose elements have no fixed size.
/// Local.
[[nodiscard]] std::size_t size_of(DType dtype) noexcept;

[[nodiscard]] constexpr bool is_floating(DType d) noexcept {
  return d == DType::f16 || d == DType::f32 || d == DType::f64;
}
[[nodiscard]] constexpr bool is_complex(DType d) noexcept {
  return d == DType::c64 || d == DType::c128;
}
[[nodiscard]] constexpr bool is_integer(DType d) noexcept {
  return d >= DType::i8 && d <= DType::u64;
}
/// b8, an integer or a real floating-point type.
[[nodiscard]] constexpr bool is_real(DType d) noexcept {
  return d <= DType::f64;
}

namespace detail {
template <class T>
struct DTypeOf;
template <>
struct DTypeOf<bool> {
  static constexpr DType value = DType::b8;
};
template <>
struct DTypeOf<std::int8_t> {
  static constexpr DType value = DType::i8;
};
template <>
struct DTypeOf<std::uint8_t> {
  static constexpr DType value = DType::u8;
};
template <>
struct DTypeOf<std::int16_t> {
  static constexpr DType value = DType::i16;
};
template <>
struct DTypeOf<std::uint16_t> {
  static constexpr DType value = DType::u16;
};
template <>
struct DTypeOf<std::int32_t> {
  static constexpr DType value = DType::i32;
};
template <>
struct DTypeOf<std::uint32_t> {
  static constexpr DType value = DType::u32;
};
template <>
struct DTypeOf<std::int64_t> {
  static constexpr DType value = DType::i64;
};
template <>
struct DTypeOf<std::uint64_t> {
  static constexpr DType value = DType::u64;
};
template <>
struct DTypeOf<Half> {
  static constexpr DType value = DType::f16;
};
template <>
struct DTypeOf<float> {
  static constexpr DType value = DType::f32;
};
template <>
struct DTypeOf<double> {
  static constexpr DType value = DType::f64;
};
template <>
struct DTypeOf<std::complex<float>> {
  static constexpr DType value = DType::c64;
};
template <>
struct DTypeOf<std::complex<double>> {
  static constexpr DType value = DType::c128;
};
}  // namespace detail

/// The dtype of the C++ type T.
template <class T>
inline constexpr DType dtype_of = detail::DTypeOf<std::remove_cv_t<T>>::value;

/// Tag that carries a C++ type into a generic lambda.
template <class T>
struct TypeTag {
  using type = T;
};

/// Calls `f(TypeTag<T>{})` with the C++ type of a real dtype (b8, integers, f16, f32, f64).
/// Local.
/// @throws InvalidArgument for complex, string, categorical and timestamp.
template <class F>
decltype(auto) visit_real(DType dtype, F&& f) {
  switch (dtype) {
    case DType::b8:
      return f(TypeTag<bool>{});
    case DType::i8:
      return f(TypeTag<std::int8_t>{});
    case DType::u8:
      return f(TypeTag<std::uint8_t>{});
    case DType::i16:
      return f(TypeTag<std::int16_t>{});
    case DType::u16:
      return f(TypeTag<std::uint16_t>{});
    case DType::i32:
      return f(TypeTag<std::int32_t>{});
    case DType::u32:
      return f(TypeTag<std::uint32_t>{});
    case DType::i64:
      return f(TypeTag<std::int64_t>{});
    case DType::u64:
      return f(TypeTag<std::uint64_t>{});
    case DType::f16:
      return f(TypeTag<Half>{});
    case DType::f32:
      return f(TypeTag<float>{});
    case DType::f64:
      return f(TypeTag<double>{});
    default:
      throw InvalidArgument("a real number type is needed, not " + std::string(name(dtype)));
  }
}

/// As visit_real, and also complex<float> and complex<double>.
/// Local.
/// @throws InvalidArgument for string, categorical and timestamp.
template <class F>
decltype(auto) visit_numeric(DType dtype, F&& f) {
  if (dtype == DType::c64) return f(TypeTag<std::complex<float>>{});
  if (dtype == DType::c128) return f(TypeTag<std::complex<double>>{});
  return visit_real(dtype, static_cast<F&&>(f));
}

}  // namespace serried
