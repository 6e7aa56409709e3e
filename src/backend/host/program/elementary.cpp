#include "backend/host/program/elementary.hpp"

#include <algorithm>
#include <cmath>
#include <iterator>
#include <limits>
#include <numbers>

#include "backend/host/highway_targets.hpp"
#include "backend/host/program/functions.hpp"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "backend/host/program/elementary.cpp"
#include "hwy/foreach_target.h"
// after foreach_target.h
#include "backend/host/program/lanes-inl.hpp"
#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace serried::host::program::HWY_NAMESPACE {

struct SquareRoot {
  template <class V>
  static HWY_INLINE V run(V a) {
    return hn::Sqrt(a);
  }
};

constexpr Op listed[] = {
#define SERRIED_ELEMENTARY_1(OP, NAME, ULP) Op::OP,
#define SERRIED_ELEMENTARY_2(OP, NAME, ULP) Op::OP,
#include "backend/host/program/elementary_list.hpp"
#undef SERRIED_ELEMENTARY_1
#undef SERRIED_ELEMENTARY_2
};

template <class T>
BlockFunction sleef_function(Op op) {
#if HWY_TARGET == HWY_AVX3
  const ElementaryPair* const table = elementary_avx512;
#else
  const ElementaryPair* const table = elementary_avx2;
#endif
  for (std::size_t i = 0; i < std::size(listed); ++i)
    if (listed[i] == op) return sizeof(T) == 4 ? table[i].f32 : table[i].f64;
  return nullptr;
}

// Calls a function for one granule.
template <class T>
void call(BlockFunction function, const T* from, T* to) {
  function({.out = reinterpret_cast<std::byte*>(to),
            .in = {reinterpret_cast<const std::byte*>(from)},
            .count = granule});
}

// What stands in for SLEEF's functions where they give up: they return infinity some way before a
// result leaves the range of its type, and lose the bits of subnormal gammas.
using Substitute = void (*)(const double* x, double* y);

// log(1 + x) = log x
void log1p_large(const double* x, double* y) {
  call(sleef_function<double>(Op::log), x, y);
}

// e^|x| / 2 = 2^63 e^(|x| - 64 ln 2). The logarithm is `high` + `low`, of which the first is a
// multiple of the last place of x, so that its difference is exact.
void exp_half(const double* x, double* y) {
  constexpr double high = 0x1.62e42fefa39e0p+5;
  constexpr double low = 0x1.e6af278ece601p-44;
  for (std::int64_t i = 0; i < granule; ++i) y[i] = std::fabs(x[i]) - high;
  call(sleef_function<double>(Op::exp), y, y);
  for (std::int64_t i = 0; i < granule; ++i) y[i] = y[i] * (1 - low) * 0x1p63;
}
void sinh_large(const double* x, double* y) {
  exp_half(x, y);
  for (std::int64_t i = 0; i < granule; ++i) y[i] = std::copysign(y[i], x[i]);
}

// log 2|x|
void acosh_large(const double* x, double* y) {
  for (std::int64_t i = 0; i < granule; ++i) y[i] = std::fabs(x[i]);
  call(sleef_function<double>(Op::log), y, y);
  for (std::int64_t i = 0; i < granule; ++i) y[i] += std::numbers::ln2;
}
void asinh_large(const double* x, double* y) {
  acosh_large(x, y);
  for (std::int64_t i = 0; i < granule; ++i) y[i] = std::copysign(y[i], x[i]);
}

// gamma(x) = gamma(x + 16) / (x (x + 1) ... (x + 15)), where the first is not yet too small. The
// product is kept with what its roundings have left over.
void gamma_small(const double* x, double* y) {
  for (std::int64_t i = 0; i < granule; ++i) y[i] = x[i] + 16;
  call(sleef_function<double>(Op::gamma), y, y);
  for (std::int64_t i = 0; i < granule; ++i) {
    double product = 1;
    double rest = 0;
    for (int k = 0; k < 16; ++k) {
      const double factor = x[i] + k;
      const double next = product * factor;
      rest = rest * factor + std::fma(product, factor, -next);
      product = next;
    }
    // far down only the sign is left, that of 1 / product of the whole way
    const double whole = std::floor(x[i]);
    const bool is_negative = std::floor(whole * 0.5) * 2 != whole;
    const double size = x[i] < -190 ? 0 : std::fabs(y[i] * (1 - rest / product) / product);
    y[i] = whole == x[i] ? std::numeric_limits<double>::quiet_NaN() : is_negative ? -size : size;
  }
}

// x (log x - 1)
void log_gamma_large(const double* x, double* y) {
  double kept[granule];
  std::copy_n(x, granule, kept);
  call(sleef_function<double>(Op::log), x, y);
  for (std::int64_t i = 0; i < granule; ++i) y[i] = kept[i] * (y[i] - 1);
}

// Where SLEEF's function is not taken: below `low` and above `high`. There f32 is computed as f64.
struct Range {
  double low;
  double high;
};
struct Mended {
  Op op;
  Range f32;
  Range f64;
  Substitute substitute;
};
constexpr double infinity = std::numeric_limits<double>::infinity();
constexpr Mended mended[] = {
    {Op::log1p, {-infinity, 1e37}, {-infinity, 1e300}, log1p_large},
    {Op::sinh, {-88, 88}, {-709, 709}, sinh_large},
    {Op::cosh, {-88, 88}, {-709, 709}, exp_half},
    {Op::asinh, {-1e18, 1e18}, {-1e150, 1e150}, asinh_large},
    {Op::acosh, {-infinity, 1e18}, {-infinity, 1e150}, acosh_large},
    {Op::gamma, {-30, infinity}, {-168, infinity}, gamma_small},
    {Op::log_gamma, {0, 1e36}, {-infinity, 1e300}, log_gamma_large},
};

template <class T>
HWY_INLINE auto is_outside(Vector<T> x, const Range& range) {
  const Tag<T> d;
  return hn::Or(hn::Lt(x, hn::Set(d, static_cast<T>(range.low))),
                hn::Gt(x, hn::Set(d, static_cast<T>(range.high))));
}
template <class T>
bool has_outside(const T* x, std::int64_t count, const Range& range) {
  const Tag<T> d;
  auto any = hn::Zero(d);
  for (std::int64_t i = 0; i < count; i += lanes<T>)
    any = hn::Or(any, hn::VecFromMask(d, is_outside<T>(hn::LoadU(d, x + i), range)));
  return !hn::AllFalse(d, hn::MaskFromVec(any));
}

template <class T, std::size_t kRow>
void run_mended(const Block& block);

// The granule's results outside of the range, in the places of others.
template <std::size_t kRow>
void mend(const double* x, double* y) {
  double other[granule];
  mended[kRow].substitute(x, other);
  const Range& range = mended[kRow].f64;
  for (std::int64_t i = 0; i < granule; ++i)
    if (x[i] < range.low || x[i] > range.high) y[i] = other[i];
}
template <std::size_t kRow>
void mend(const float* x, float* y) {
  double wide[granule];
  std::copy_n(x, granule, wide);
  call(&run_mended<double, kRow>, wide, wide);
  const Range& range = mended[kRow].f32;
  for (std::int64_t i = 0; i < granule; ++i)
    if (x[i] < static_cast<float>(range.low) || x[i] > static_cast<float>(range.high))
      y[i] = static_cast<float>(wide[i]);
}

template <class T, std::size_t kRow>
void run_mended(const Block& block) {
  const BlockFunction function = sleef_function<T>(mended[kRow].op);
  const Range& range = sizeof(T) == 4 ? mended[kRow].f32 : mended[kRow].f64;
  const auto* x = reinterpret_cast<const T*>(block.in[0]);
  if (!has_outside(x, block.count, range)) return function(block);
  for (std::int64_t i = 0; i < block.count; i += granule) {
    T kept[granule];
    std::copy_n(x + i, granule, kept);
    call(function, kept, result<T>(block, i));
    if (has_outside(kept, granule, range)) mend<kRow>(kept, result<T>(block, i));
  }
}

template <std::size_t kRow = 0>
BlockFunction mended_function(Op op, RegisterType type) {
  if constexpr (kRow == std::size(mended)) {
    return type == RegisterType::f32 ? sleef_function<float>(op) : sleef_function<double>(op);
  } else {
    if (mended[kRow].op != op) return mended_function<kRow + 1>(op, type);
    return type == RegisterType::f32 ? &run_mended<float, kRow> : &run_mended<double, kRow>;
  }
}

BlockFunction elementary_of(Op op, RegisterType type) {
  if (op == Op::square_root) return map1_floats<SquareRoot>(type);
  if (type != RegisterType::f32 && type != RegisterType::f64) return nullptr;
  return mended_function(op, type);
}

}  // namespace serried::host::program::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace serried::host::program {

HWY_EXPORT(elementary_of);

BlockFunction find_elementary(Op op, RegisterType type) {
  return HWY_DYNAMIC_DISPATCH(elementary_of)(op, type);
}

}  // namespace serried::host::program
#endif  // HWY_ONCE
