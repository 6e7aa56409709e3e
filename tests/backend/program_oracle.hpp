#pragma once

#include <array>
#include <cmath>
#include <cstring>
#include <limits>
#include <optional>

#include "backend/program_support.hpp"
#include "serried/base/half.hpp"

namespace serried::test {

/// The value of a register for one element.
using Scalar = std::array<std::byte, 16>;

template <class T>
Scalar scalar(T value) {
  Scalar bytes{};
  std::memcpy(bytes.data(), &value, sizeof value);
  return bytes;
}
template <class T>
T value_of(const Scalar& bytes) {
  T value;
  std::memcpy(&value, bytes.data(), sizeof value);
  return value;
}
inline Scalar truth(bool value) {
  return scalar<std::uint8_t>(value ? 1 : 0);
}

/// One element at a time, from the wording of the interface: what the instructions must give whose
/// result is exact, or rounded once. Nothing where the element fails.
class Oracle {
 public:
  template <class T>
  static std::optional<Scalar> integer(Op op, T a, T b) {
    using U = std::make_unsigned_t<T>;
    const auto x = static_cast<U>(a);
    const auto y = static_cast<U>(b);
    constexpr bool is_signed = std::is_signed_v<T>;
    const bool overflows = is_signed && b == static_cast<T>(-1);
    const T quotient = b == 0 ? T{0} : overflows ? static_cast<T>(U{0} - x) : static_cast<T>(a / b);
    const T rest = b == 0 || overflows ? T{0} : static_cast<T>(a % b);
    const bool is_lower = rest != 0 && (rest < 0) != (b < 0);
    const bool is_in_word = !(b < 0) && y < sizeof(T) * 8;
    switch (op) {
      case Op::add:
        return scalar(static_cast<T>(x + y));
      case Op::subtract:
        return scalar(static_cast<T>(x - y));
      case Op::multiply:
        return scalar(static_cast<T>(x * y));
      case Op::negate:
        return scalar(static_cast<T>(U{0} - x));
      case Op::absolute:
        return scalar(a < 0 ? static_cast<T>(U{0} - x) : a);
      case Op::sign:
        return scalar(static_cast<T>(a > 0 ? 1 : a < 0 ? -1 : 0));
      case Op::floor_divide:
        return scalar(static_cast<T>(is_lower ? quotient - 1 : quotient));
      case Op::remainder:
        return scalar(static_cast<T>(is_lower ? rest + b : rest));
      case Op::fmod:
        return scalar(rest);
      case Op::power: {
        if (b < 0) return std::nullopt;
        U power = 1;
        for (int bit = static_cast<int>(sizeof(T)) * 8; bit-- > 0;) {
          power *= power;
          if ((y >> bit & 1) != 0) power *= x;
        }
        return scalar(static_cast<T>(power));
      }
      case Op::bit_and:
        return scalar(static_cast<T>(x & y));
      case Op::bit_or:
        return scalar(static_cast<T>(x | y));
      case Op::bit_xor:
        return scalar(static_cast<T>(x ^ y));
      case Op::bit_not:
        return scalar(static_cast<T>(~x));
      case Op::shift_left:
        return scalar(is_in_word ? static_cast<T>(x << y) : T{0});
      case Op::shift_right:
        return scalar(is_in_word ? static_cast<T>(a >> y) : static_cast<T>(a < 0 ? -1 : 0));
      case Op::minimum:
        return scalar(b < a ? b : a);
      case Op::maximum:
        return scalar(a < b ? b : a);
      default:
        return ordered(op, a, b);
    }
  }

  template <class T>
  static std::optional<Scalar> floating(Op op, T a, T b) {
    switch (op) {
      case Op::add:
        return scalar(a + b);
      case Op::subtract:
        return scalar(a - b);
      case Op::multiply:
        return scalar(a * b);
      case Op::divide:
        return scalar(a / b);
      case Op::negate:
        return scalar(-a);
      case Op::absolute:
        return scalar(std::fabs(a));
      case Op::sign:
        return scalar(a > 0 ? T(1) : a < 0 ? T(-1) : a);
      case Op::floor_divide:
        return scalar(floor_divide(a, b));
      case Op::remainder:
        return scalar(remainder(a, b));
      case Op::fmod:
        return scalar(std::fmod(a, b));
      case Op::minimum:
        return scalar(std::isnan(a) || a <= b ? a : b);
      case Op::maximum:
        return scalar(std::isnan(a) || a >= b ? a : b);
      case Op::fmin:
        return scalar(std::isnan(b) || a <= b ? a : b);
      case Op::fmax:
        return scalar(std::isnan(b) || a >= b ? a : b);
      case Op::square_root:
        return scalar(std::sqrt(a));
      case Op::floor:
        return scalar(std::floor(a));
      case Op::ceil:
        return scalar(std::ceil(a));
      case Op::round:
        return scalar(std::nearbyint(a));
      case Op::truncate:
        return scalar(std::trunc(a));
      case Op::copy_sign:
        return scalar(std::copysign(a, b));
      case Op::next_after:
        return scalar(std::nextafter(a, b));
      case Op::is_nan:
        return truth(std::isnan(a));
      case Op::is_infinite:
        return truth(std::isinf(a));
      case Op::is_finite:
        return truth(std::isfinite(a));
      case Op::sign_bit:
        return truth(std::signbit(a));
      case Op::make_complex:
        return scalar(std::complex<T>(a, b));
      default:
        return ordered(op, a, b);
    }
  }

  template <class T>
  static std::optional<Scalar> complex(Op op, std::complex<T> a, std::complex<T> b) {
    using Z = std::complex<T>;
    const double ar = a.real();
    const double ai = a.imag();
    const double br = b.real();
    const double bi = b.imag();
    const auto of = [](double re, double im) {
      return scalar(Z(static_cast<T>(re), static_cast<T>(im)));
    };
    switch (op) {
      case Op::add:
        return of(ar + br, ai + bi);
      case Op::subtract:
        return of(ar - br, ai - bi);
      case Op::multiply:
        return of(ar * br - ai * bi, ar * bi + ai * br);
      case Op::divide: {
        if (br == 0 && bi == 0) return of(ar / std::fabs(br), ai / std::fabs(br));
        if (std::fabs(br) >= std::fabs(bi)) {
          const double ratio = bi / br;
          const double scale = 1 / (br + bi * ratio);
          return of((ar + ai * ratio) * scale, (ai - ar * ratio) * scale);
        }
        const double ratio = br / bi;
        const double scale = 1 / (bi + br * ratio);
        return of((ar * ratio + ai) * scale, (ai * ratio - ar) * scale);
      }
      case Op::negate:
        return of(-ar, -ai);
      case Op::conjugate:
        return of(ar, -ai);
      case Op::real:
        return scalar(a.real());
      case Op::imaginary:
        return scalar(a.imag());
      case Op::equal:
        return truth(ar == br && ai == bi);
      case Op::not_equal:
        return truth(ar != br || ai != bi);
      case Op::is_nan:
        return truth(std::isnan(ar) || std::isnan(ai));
      case Op::is_infinite:
        return truth(std::isinf(ar) || std::isinf(ai));
      case Op::is_finite:
        return truth(std::isfinite(ar) && std::isfinite(ai));
      default:
        return std::nullopt;
    }
  }

  static std::optional<Scalar> truths(Op op, std::uint8_t a, std::uint8_t b) {
    switch (op) {
      case Op::bit_and:
        return truth(a != 0 && b != 0);
      case Op::bit_or:
        return truth(a != 0 || b != 0);
      case Op::bit_xor:
        return truth(a != b);
      case Op::bit_not:
        return truth(a == 0);
      default:
        return ordered(op, a, b);
    }
  }

  template <class To, class From>
  static std::optional<Scalar> convert(From from) {
    constexpr bool is_complex_from = !std::is_arithmetic_v<From>;
    if constexpr (std::is_same_v<To, std::uint8_t>) {
      return truth(from != From{});
    } else if constexpr (is_complex_from) {
      if constexpr (std::is_arithmetic_v<To>)
        return std::nullopt;
      else
        return scalar(To(static_cast<typename To::value_type>(from.real()),
                         static_cast<typename To::value_type>(from.imag())));
    } else if constexpr (!std::is_arithmetic_v<To>) {
      return scalar(To(static_cast<typename To::value_type>(from), 0));
    } else if constexpr (std::is_floating_point_v<From> && std::is_integral_v<To>) {
      const auto whole = std::trunc(static_cast<long double>(from));
      const bool fits = whole >= static_cast<long double>(std::numeric_limits<To>::min()) &&
                        whole <= static_cast<long double>(std::numeric_limits<To>::max());
      if (!fits) return std::nullopt;
      return scalar(static_cast<To>(whole));
    } else {
      return scalar(static_cast<To>(from));
    }
  }

  static Scalar wrap(RegisterType type, DType dtype, const Scalar& a) {
    switch (dtype) {
      case DType::i8:
        return scalar<std::int32_t>(static_cast<std::int8_t>(value_of<std::int32_t>(a)));
      case DType::u8:
        return scalar<std::int32_t>(static_cast<std::uint8_t>(value_of<std::int32_t>(a)));
      case DType::i16:
        return scalar<std::int32_t>(static_cast<std::int16_t>(value_of<std::int32_t>(a)));
      case DType::u16:
        return scalar<std::int32_t>(static_cast<std::uint16_t>(value_of<std::int32_t>(a)));
      case DType::u32:
        return scalar<std::int64_t>(static_cast<std::uint32_t>(value_of<std::int64_t>(a)));
      default:
        if (type == RegisterType::f64)
          return scalar(static_cast<double>(to_float(to_half(value_of<double>(a)))));
        return scalar(to_float(to_half(value_of<float>(a))));
    }
  }

  /// An instruction with operands; `type` is that of the first operand (of a select: the second).
  static std::optional<Scalar> run(const Instruction& step, RegisterType type, RegisterType out,
                                   const std::array<Scalar, 3>& in) {
    if (step.op == Op::require) {
      if (value_of<std::uint8_t>(in[0]) == 0) return std::nullopt;
      return scalar<std::uint8_t>(1);
    }
    if (step.op == Op::select) return value_of<std::uint8_t>(in[0]) != 0 ? in[1] : in[2];
    if (step.op == Op::wrap) return wrap(type, static_cast<DType>(step.index), in[0]);
    return visit_register(type, [&](auto tag) -> std::optional<Scalar> {
      using T = typename decltype(tag)::type;
      const T a = value_of<T>(in[0]);
      if (step.op == Op::convert)
        return visit_register(out,
                              [&](auto to) { return convert<typename decltype(to)::type>(a); });
      const T b = value_of<T>(in[1]);
      if constexpr (std::is_same_v<T, std::uint8_t>) {
        return truths(step.op, a, b);
      } else if constexpr (std::is_integral_v<T>) {
        return integer(step.op, a, b);
      } else if constexpr (std::is_floating_point_v<T>) {
        if (step.op == Op::load_exponent)
          return scalar(std::ldexp(a, value_of<std::int32_t>(in[1])));
        return floating(step.op, a, b);
      } else {
        return complex(step.op, a, b);
      }
    });
  }

  /// The same bits, but for which NaN a NaN is.
  static bool is_same(RegisterType type, const Scalar& a, const Scalar& b) {
    return visit_register(type, [&](auto tag) {
      using T = typename decltype(tag)::type;
      if constexpr (std::is_floating_point_v<T>) {
        return is_same_float(value_of<T>(a), value_of<T>(b));
      } else if constexpr (!std::is_arithmetic_v<T>) {
        return is_same_float(value_of<T>(a).real(), value_of<T>(b).real()) &&
               is_same_float(value_of<T>(a).imag(), value_of<T>(b).imag());
      } else {
        return value_of<T>(a) == value_of<T>(b);
      }
    });
  }

 private:
  template <class T>
  static std::optional<Scalar> ordered(Op op, T a, T b) {
    switch (op) {
      case Op::equal:
        return truth(a == b);
      case Op::not_equal:
        return truth(a != b);
      case Op::less:
        return truth(a < b);
      case Op::less_equal:
        return truth(a <= b);
      default:
        return std::nullopt;
    }
  }

  // As NumPy's npy_divmod.
  template <class T>
  static T remainder(T a, T b) {
    T rest = std::fmod(a, b);
    if (b == 0) return rest;
    if (rest == 0) return std::copysign(T(0), b);
    if ((b < 0) != (rest < 0)) rest += b;
    return rest;
  }
  template <class T>
  static T floor_divide(T a, T b) {
    if (b == 0) return a / b;
    const T rest = std::fmod(a, b);
    T quotient = (a - rest) / b;
    if (rest != 0 && (b < 0) != (rest < 0)) quotient -= 1;
    if (quotient == 0) return std::copysign(T(0), a / b);
    T whole = std::floor(quotient);
    if (quotient - whole > T(0.5)) whole += 1;
    return whole;
  }

  template <class T>
  static bool is_same_float(T a, T b) {
    return std::isnan(a) ? std::isnan(b) : a == b && std::signbit(a) == std::signbit(b);
  }
};

}  // namespace serried::test
