#pragma once

#include <math.h>
#include <stdlib.h>
#include <x86intrin.h>

#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>

// Device functions that <cmath> lacks. Results are rounded correctly where CUDA's are; the others
// are at least as close to the true value as CUDA's.

#define SERRIED_EMULATED_EXTREMA(a_type, b_type, result)                             \
  constexpr result min(a_type a, b_type b) {                                         \
    return static_cast<result>(a) < static_cast<result>(b) ? static_cast<result>(a)  \
                                                           : static_cast<result>(b); \
  }                                                                                  \
  constexpr result max(a_type a, b_type b) {                                         \
    return static_cast<result>(a) > static_cast<result>(b) ? static_cast<result>(a)  \
                                                           : static_cast<result>(b); \
  }
SERRIED_EMULATED_EXTREMA(int, int, int)
SERRIED_EMULATED_EXTREMA(unsigned, unsigned, unsigned)
SERRIED_EMULATED_EXTREMA(int, unsigned, unsigned)
SERRIED_EMULATED_EXTREMA(unsigned, int, unsigned)
SERRIED_EMULATED_EXTREMA(long, long, long)
SERRIED_EMULATED_EXTREMA(unsigned long, unsigned long, unsigned long)
SERRIED_EMULATED_EXTREMA(long, unsigned long, unsigned long)
SERRIED_EMULATED_EXTREMA(unsigned long, long, unsigned long)
SERRIED_EMULATED_EXTREMA(long long, long long, long long)
SERRIED_EMULATED_EXTREMA(unsigned long long, unsigned long long, unsigned long long)
SERRIED_EMULATED_EXTREMA(long long, unsigned long long, unsigned long long)
SERRIED_EMULATED_EXTREMA(unsigned long long, long long, unsigned long long)
#undef SERRIED_EMULATED_EXTREMA
// A NaN loses against a number.
inline float min(float a, float b) {
  return std::fmin(a, b);
}
inline float max(float a, float b) {
  return std::fmax(a, b);
}
inline double min(double a, double b) {
  return std::fmin(a, b);
}
inline double max(double a, double b) {
  return std::fmax(a, b);
}
inline double min(float a, double b) {
  return std::fmin(static_cast<double>(a), b);
}
inline double max(float a, double b) {
  return std::fmax(static_cast<double>(a), b);
}
inline double min(double a, float b) {
  return std::fmin(a, static_cast<double>(b));
}
inline double max(double a, float b) {
  return std::fmax(a, static_cast<double>(b));
}

#define SERRIED_EMULATED_BINARY(name, type, expression) \
  inline type name(type a, type b) {                    \
    return expression;                                  \
  }
SERRIED_EMULATED_BINARY(__fadd_rn, float, a + b)
SERRIED_EMULATED_BINARY(__fsub_rn, float, a - b)
SERRIED_EMULATED_BINARY(__fmul_rn, float, a* b)
SERRIED_EMULATED_BINARY(__fdiv_rn, float, a / b)
SERRIED_EMULATED_BINARY(__fdividef, float, a / b)
SERRIED_EMULATED_BINARY(__dadd_rn, double, a + b)
SERRIED_EMULATED_BINARY(__dsub_rn, double, a - b)
SERRIED_EMULATED_BINARY(__dmul_rn, double, a* b)
SERRIED_EMULATED_BINARY(__ddiv_rn, double, a / b)
SERRIED_EMULATED_BINARY(__powf, float, std::pow(a, b))
#undef SERRIED_EMULATED_BINARY
inline float __fmaf_rn(float a, float b, float c) {
  return std::fma(a, b, c);
}
inline double __fma_rn(double a, double b, double c) {
  return std::fma(a, b, c);
}

#define SERRIED_EMULATED_UNARY(name, type, expression) \
  inline type name(type a) {                           \
    return expression;                                 \
  }
SERRIED_EMULATED_UNARY(__fsqrt_rn, float, std::sqrt(a))
SERRIED_EMULATED_UNARY(__dsqrt_rn, double, std::sqrt(a))
SERRIED_EMULATED_UNARY(__frcp_rn, float, 1.0F / a)
SERRIED_EMULATED_UNARY(__drcp_rn, double, 1.0 / a)
SERRIED_EMULATED_UNARY(__frsqrt_rn, float,
                       static_cast<float>(1.0L / std::sqrt(static_cast<long double>(a))))
SERRIED_EMULATED_UNARY(__expf, float, std::exp(a))
SERRIED_EMULATED_UNARY(__logf, float, std::log(a))
SERRIED_EMULATED_UNARY(__log2f, float, std::log2(a))
SERRIED_EMULATED_UNARY(__sinf, float, std::sin(a))
SERRIED_EMULATED_UNARY(__cosf, float, std::cos(a))
SERRIED_EMULATED_UNARY(__saturatef, float, a > 0.0F ? (a < 1.0F ? a : 1.0F) : 0.0F)
SERRIED_EMULATED_UNARY(rsqrtf, float,
                       static_cast<float>(1.0L / std::sqrt(static_cast<long double>(a))))

// sin(pi a) and cos(pi a). The argument is first brought to [-1/4, 1/4], exactly.
namespace serried_emulation {
struct SineCosine {
  long double sine, cosine;
};
inline SineCosine sine_cosine_pi(double a) {
  if (!std::isfinite(a)) return {NAN, NAN};
  const double turned = std::remainder(a, 2.0);
  const double quadrant = std::nearbyint(2.0 * turned);
  const long double rest = static_cast<long double>(turned) - 0.5L * quadrant;
  const long double angle = 3.141592653589793238462643383279502884L * rest;
  const long double sine = std::sin(angle), cosine = std::cos(angle);
  switch (static_cast<int>(quadrant) & 3) {
    case 0:
      return {sine, cosine};
    case 1:
      return {cosine, -sine};
    case 2:
      return {-sine, -cosine};
    default:
      return {-cosine, sine};
  }
}
}  // namespace serried_emulation
#if !__GLIBC_PREREQ(2, 41)
SERRIED_EMULATED_UNARY(sinpi, double,
                       static_cast<double>(serried_emulation::sine_cosine_pi(a).sine))
SERRIED_EMULATED_UNARY(cospi, double,
                       static_cast<double>(serried_emulation::sine_cosine_pi(a).cosine))
SERRIED_EMULATED_UNARY(sinpif, float, static_cast<float>(serried_emulation::sine_cosine_pi(a).sine))
SERRIED_EMULATED_UNARY(cospif, float,
                       static_cast<float>(serried_emulation::sine_cosine_pi(a).cosine))
#endif
#if !__GLIBC_PREREQ(2, 42)
SERRIED_EMULATED_UNARY(rsqrt, double,
                       static_cast<double>(1.0L / std::sqrt(static_cast<long double>(a))))
#endif
#undef SERRIED_EMULATED_UNARY
inline void sincospi(double a, double* sine, double* cosine) {
  const auto both = serried_emulation::sine_cosine_pi(a);
  *sine = static_cast<double>(both.sine);
  *cosine = static_cast<double>(both.cosine);
}
inline void sincospif(float a, float* sine, float* cosine) {
  const auto both = serried_emulation::sine_cosine_pi(static_cast<double>(a));
  *sine = static_cast<float>(both.sine);
  *cosine = static_cast<float>(both.cosine);
}

#define SERRIED_EMULATED_CAST(name, to, from) \
  inline to name(from a) {                    \
    return std::bit_cast<to>(a);              \
  }
SERRIED_EMULATED_CAST(__float_as_int, int, float)
SERRIED_EMULATED_CAST(__float_as_uint, unsigned, float)
SERRIED_EMULATED_CAST(__int_as_float, float, int)
SERRIED_EMULATED_CAST(__uint_as_float, float, unsigned)
SERRIED_EMULATED_CAST(__double_as_longlong, long long, double)
SERRIED_EMULATED_CAST(__longlong_as_double, double, long long)
#undef SERRIED_EMULATED_CAST
inline int __double2hiint(double a) {
  return static_cast<int>(std::bit_cast<std::uint64_t>(a) >> 32);
}
inline int __double2loint(double a) {
  return static_cast<int>(std::bit_cast<std::uint64_t>(a));
}
inline double __hiloint2double(int high, int low) {
  return std::bit_cast<double>(static_cast<std::uint64_t>(static_cast<unsigned>(high)) << 32 |
                               static_cast<unsigned>(low));
}

// Conversions to integers stop at the ends of the range. A NaN becomes 0, or the most negative
// number of 64 bits.
namespace serried_emulation {
template <class Integer, class Real>
Integer to_integer(Real rounded) {
  using Limits = std::numeric_limits<Integer>;
  if (std::isnan(rounded)) return sizeof(Integer) == 8 ? Integer{1} << 63 : 0;
  if (rounded < static_cast<Real>(Limits::min())) return Limits::min();
  if (rounded >= std::ldexp(Real{1}, Limits::digits)) return Limits::max();
  return static_cast<Integer>(rounded);
}
}  // namespace serried_emulation
#define SERRIED_EMULATED_TO_INTEGER(name, to, from)              \
  inline to name##_rn(from a) {                                  \
    return serried_emulation::to_integer<to>(std::nearbyint(a)); \
  }                                                              \
  inline to name##_rz(from a) {                                  \
    return serried_emulation::to_integer<to>(std::trunc(a));     \
  }                                                              \
  inline to name##_ru(from a) {                                  \
    return serried_emulation::to_integer<to>(std::ceil(a));      \
  }                                                              \
  inline to name##_rd(from a) {                                  \
    return serried_emulation::to_integer<to>(std::floor(a));     \
  }
SERRIED_EMULATED_TO_INTEGER(__float2int, int, float)
SERRIED_EMULATED_TO_INTEGER(__float2uint, unsigned, float)
SERRIED_EMULATED_TO_INTEGER(__float2ll, long long, float)
SERRIED_EMULATED_TO_INTEGER(__float2ull, unsigned long long, float)
SERRIED_EMULATED_TO_INTEGER(__double2int, int, double)
SERRIED_EMULATED_TO_INTEGER(__double2uint, unsigned, double)
SERRIED_EMULATED_TO_INTEGER(__double2ll, long long, double)
SERRIED_EMULATED_TO_INTEGER(__double2ull, unsigned long long, double)
#undef SERRIED_EMULATED_TO_INTEGER
#define SERRIED_EMULATED_CONVERT(name, to, from) \
  inline to name(from a) {                       \
    return static_cast<to>(a);                   \
  }
SERRIED_EMULATED_CONVERT(__int2float_rn, float, int)
SERRIED_EMULATED_CONVERT(__uint2float_rn, float, unsigned)
SERRIED_EMULATED_CONVERT(__ll2float_rn, float, long long)
SERRIED_EMULATED_CONVERT(__ull2float_rn, float, unsigned long long)
SERRIED_EMULATED_CONVERT(__int2double_rn, double, int)
SERRIED_EMULATED_CONVERT(__uint2double_rn, double, unsigned)
SERRIED_EMULATED_CONVERT(__ll2double_rn, double, long long)
SERRIED_EMULATED_CONVERT(__ull2double_rn, double, unsigned long long)
SERRIED_EMULATED_CONVERT(__double2float_rn, float, double)
#undef SERRIED_EMULATED_CONVERT

inline int __popc(unsigned a) {
  return std::popcount(a);
}
inline int __popcll(unsigned long long a) {
  return std::popcount(a);
}
inline int __clz(int a) {
  return std::countl_zero(static_cast<unsigned>(a));
}
inline int __clzll(long long a) {
  return std::countl_zero(static_cast<unsigned long long>(a));
}
inline int __ffs(int a) {
  return __builtin_ffs(a);
}
inline int __ffsll(long long a) {
  return __builtin_ffsll(a);
}
inline unsigned __brev(unsigned a) {
  unsigned result = 0;
  for (int bit = 0; bit < 32; ++bit) result |= (a >> bit & 1U) << (31 - bit);
  return result;
}
inline unsigned long long __brevll(unsigned long long a) {
  return static_cast<unsigned long long>(__brev(static_cast<unsigned>(a))) << 32 |
         __brev(static_cast<unsigned>(a >> 32));
}
inline unsigned __umulhi(unsigned a, unsigned b) {
  return static_cast<unsigned>(static_cast<std::uint64_t>(a) * b >> 32);
}
inline int __mulhi(int a, int b) {
  return static_cast<int>(static_cast<std::int64_t>(a) * b >> 32);
}
inline unsigned long long __umul64hi(unsigned long long a, unsigned long long b) {
  __extension__ using Wide = unsigned __int128;
  return static_cast<unsigned long long>(static_cast<Wide>(a) * b >> 64);
}
inline long long __mul64hi(long long a, long long b) {
  __extension__ using Wide = __int128;
  return static_cast<long long>(static_cast<Wide>(a) * b >> 64);
}
inline unsigned __funnelshift_l(unsigned low, unsigned high, unsigned shift) {
  const auto both = static_cast<std::uint64_t>(high) << 32 | low;
  return static_cast<unsigned>(both << (shift & 31U) >> 32);
}
inline unsigned __funnelshift_r(unsigned low, unsigned high, unsigned shift) {
  const auto both = static_cast<std::uint64_t>(high) << 32 | low;
  return static_cast<unsigned>(both >> (shift & 31U));
}
inline unsigned __byte_perm(unsigned low, unsigned high, unsigned selector) {
  const auto both = static_cast<std::uint64_t>(high) << 32 | low;
  unsigned result = 0;
  for (unsigned i = 0; i < 4; ++i) {
    const unsigned choice = selector >> (4 * i) & 15U;
    unsigned byte = static_cast<unsigned>(both >> (8 * (choice & 7U))) & 255U;
    if ((choice & 8U) != 0) byte = (byte & 128U) != 0 ? 255U : 0U;
    result |= byte << (8 * i);
  }
  return result;
}

inline long long clock64() {
  return static_cast<long long>(__rdtsc());
}
