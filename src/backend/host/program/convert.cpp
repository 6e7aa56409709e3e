#include <algorithm>
#include <cmath>
#include <complex>
#include <limits>
#include <type_traits>

#include "backend/host/highway_targets.hpp"
#include "backend/host/program/functions.hpp"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "backend/host/program/convert.cpp"
#include "hwy/foreach_target.h"
// after foreach_target.h
#include "backend/host/program/lanes-inl.hpp"
#include "backend/host/widen-inl.hpp"
#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace serried::host::program::HWY_NAMESPACE {

template <class T>
constexpr bool is_complex_type = is_complex(dtype_of<T>);

// What is exact or rounded once in every instruction set is left to the compiler.
template <class From, class To>
void convert_plain(const Block& block) {
  const auto* from = reinterpret_cast<const From*>(block.in[0]);
  auto* to = reinterpret_cast<To*>(block.out);
  for (std::int64_t i = 0; i < block.count; ++i) {
    if constexpr (is_complex_type<To>)
      to[i] = {static_cast<typename To::value_type>(from[i]), 0};
    else
      to[i] = static_cast<To>(from[i]);
  }
}

// A float whose whole part an integer type cannot hold; both bounds are powers of two or 0.
template <class From, class To>
void convert_checked(const Block& block) {
  const auto* from = reinterpret_cast<const From*>(block.in[0]);
  auto* to = reinterpret_cast<To*>(block.out);
  const From above = std::ldexp(From{1}, std::numeric_limits<To>::digits);
  const From least = static_cast<From>(std::numeric_limits<To>::min());
  for (std::int64_t i = 0; i < block.count; ++i) {
    const From whole = std::trunc(from[i]);
    if (whole >= least && whole < above) {
      to[i] = static_cast<To>(whole);
    } else {
      to[i] = 0;
      *block.failed = std::min(*block.failed, i);
    }
  }
}

template <class From, class To>
void convert_checked_vector(const Block& block) {
  const hn::Rebind<To, Tag<double>> d;
  constexpr std::int64_t step = lanes<double>;
  const auto above = hn::Set(Tag<double>(), std::ldexp(1.0, std::numeric_limits<To>::digits));
  const auto least = hn::Set(Tag<double>(), static_cast<double>(std::numeric_limits<To>::min()));
  const auto* from = reinterpret_cast<const From*>(block.in[0]);
  for (std::int64_t i = 0; i < block.count; i += step) {
    const auto whole = hn::Trunc(host::HWY_NAMESPACE::load_wide(from + i));
    const auto is_in = hn::And(hn::Ge(whole, least), hn::Lt(whole, above));
    const auto value = hn::IfThenElseZero(is_in, whole);
    if constexpr (sizeof(To) == 8)
      hn::StoreU(hn::ConvertTo(d, value), d, result<To>(block, i));
    else
      hn::StoreU(hn::DemoteTo(d, value), d, result<To>(block, i));
    if (HWY_UNLIKELY(!hn::AllTrue(Tag<double>(), is_in)))
      *block.failed = std::min(*block.failed, i + hn::FindFirstTrue(Tag<double>(), hn::Not(is_in)));
  }
}

template <class From>
void convert_to_f64(const Block& block) {
  const auto* from = reinterpret_cast<const From*>(block.in[0]);
  for (std::int64_t i = 0; i < block.count; i += lanes<double>)
    hn::StoreU(host::HWY_NAMESPACE::load_wide(from + i), Tag<double>(), result<double>(block, i));
}
// Of f64 and of the parts of c128.
template <std::int64_t kParts>
void convert_f64_to_f32(const Block& block) {
  const hn::Rebind<float, Tag<double>> d;
  const auto* from = reinterpret_cast<const double*>(block.in[0]);
  for (std::int64_t i = 0; i < kParts * block.count; i += lanes<double>)
    hn::StoreU(hn::DemoteTo(d, hn::LoadU(Tag<double>(), from + i)), d, result<float>(block, i));
}
void convert_c64_to_c128(const Block& block) {
  Block parts = block;
  parts.count *= 2;
  convert_to_f64<float>(parts);
}
template <class To>
void convert_i32(const Block& block) {
  const Tag<To> d;
  const hn::Rebind<std::int32_t, Tag<To>> narrow;
  const auto* from = reinterpret_cast<const std::int32_t*>(block.in[0]);
  for (std::int64_t i = 0; i < block.count; i += lanes<To>) {
    const auto value = hn::LoadU(narrow, from + i);
    if constexpr (std::is_same_v<To, float>)
      hn::StoreU(hn::ConvertTo(d, value), d, result<To>(block, i));
    else
      hn::StoreU(hn::PromoteTo(d, value), d, result<To>(block, i));
  }
}

// Copies registers of kBytes for each element.
template <std::size_t kBytes>
void copy(const Block& block) {
  const auto bytes = static_cast<std::size_t>(block.count) * kBytes;
  for (std::size_t i = 0; i < bytes; i += HWY_MAX_BYTES)
    hn::StoreU(
        hn::LoadU(Tag<std::uint8_t>(), reinterpret_cast<const std::uint8_t*>(block.in[0] + i)),
        Tag<std::uint8_t>(), reinterpret_cast<std::uint8_t*>(block.out + i));
}

struct IsNotZero {
  template <class V>
  static HWY_INLINE auto run(V a) {
    return hn::Not(hn::Eq(a, hn::Zero(hn::DFromV<V>())));  // of NaN too
  }
};
template <class T>
void complex_to_truth(const Block& block) {
  const auto* from = reinterpret_cast<const T*>(block.in[0]);
  for (std::int64_t i = 0; i < block.count; ++i)
    *result<std::uint8_t>(block, i) = from[2 * i] != 0 || from[2 * i + 1] != 0;
}

template <class From>
BlockFunction convert_real(RegisterType to) {
  constexpr bool is_float = std::is_floating_point_v<From>;
  switch (to) {
    case RegisterType::b8:
      return &test1<From, IsNotZero>;
    case RegisterType::i32:
      if constexpr (is_float) return &convert_checked_vector<From, std::int32_t>;
      return &convert_plain<From, std::int32_t>;
    case RegisterType::i64:
      if constexpr (is_float) return &convert_checked_vector<From, std::int64_t>;
      if constexpr (std::is_same_v<From, std::int32_t>) return &convert_i32<std::int64_t>;
      return &convert_plain<From, std::int64_t>;
    case RegisterType::u64:
      if constexpr (is_float) return &convert_checked<From, std::uint64_t>;
      if constexpr (std::is_same_v<From, std::int32_t>) return &convert_i32<std::int64_t>;
      return &convert_plain<From, std::uint64_t>;
    case RegisterType::f32:
      if constexpr (std::is_same_v<From, double>) return &convert_f64_to_f32<1>;
      if constexpr (std::is_same_v<From, std::int32_t>) return &convert_i32<float>;
      return &convert_plain<From, float>;
    case RegisterType::f64:
      return &convert_to_f64<From>;
    case RegisterType::c64:
      return &convert_plain<From, std::complex<float>>;
    case RegisterType::c128:
      return &convert_plain<From, std::complex<double>>;
  }
  return nullptr;
}

BlockFunction convert_truth(RegisterType to) {
  switch (to) {
    case RegisterType::b8:
      return &copy<1>;
    case RegisterType::i32:
      return &convert_plain<std::uint8_t, std::int32_t>;
    case RegisterType::i64:
    case RegisterType::u64:
      return &convert_plain<std::uint8_t, std::int64_t>;
    case RegisterType::f32:
      return &convert_plain<std::uint8_t, float>;
    case RegisterType::f64:
      return &convert_plain<std::uint8_t, double>;
    case RegisterType::c64:
      return &convert_plain<std::uint8_t, std::complex<float>>;
    case RegisterType::c128:
      return &convert_plain<std::uint8_t, std::complex<double>>;
  }
  return nullptr;
}

BlockFunction convert_of(RegisterType from, RegisterType to) {
  if (from == to) {
    switch (size_of(from)) {
      case 1:
        return &copy<1>;
      case 4:
        return &copy<4>;
      case 8:
        return &copy<8>;
      default:
        return &copy<16>;
    }
  }
  switch (from) {
    case RegisterType::b8:
      return convert_truth(to);
    case RegisterType::i32:
      return convert_real<std::int32_t>(to);
    case RegisterType::i64:
      return convert_real<std::int64_t>(to);
    case RegisterType::u64:
      return convert_real<std::uint64_t>(to);
    case RegisterType::f32:
      return convert_real<float>(to);
    case RegisterType::f64:
      return convert_real<double>(to);
    case RegisterType::c64:
      if (to == RegisterType::b8) return &complex_to_truth<float>;
      return to == RegisterType::c128 ? &convert_c64_to_c128 : nullptr;
    case RegisterType::c128:
      if (to == RegisterType::b8) return &complex_to_truth<double>;
      return to == RegisterType::c64 ? &convert_f64_to_f32<2> : nullptr;
  }
  return nullptr;
}

// Narrow integers: the bits above are replaced by the sign, or by 0.
template <int kBits, bool kIsSigned>
struct WrapInteger {
  template <class V>
  static HWY_INLINE V run(V a) {
    constexpr int shift = static_cast<int>(sizeof(hn::TFromV<V>)) * 8 - kBits;
    const hn::DFromV<V> d;
    const auto shifted = hn::ShiftLeft<shift>(a);
    if constexpr (kIsSigned) return hn::ShiftRight<shift>(shifted);
    const hn::RebindToUnsigned<decltype(d)> words;
    return hn::BitCast(d, hn::ShiftRight<shift>(hn::BitCast(words, shifted)));
  }
};
struct WrapHalf {
  template <class V>
  static HWY_INLINE V run(V a) {
    const hn::Rebind<hwy::float16_t, hn::DFromV<V>> d;
    return hn::PromoteTo(hn::DFromV<V>(), hn::DemoteTo(d, a));
  }
};

// A number of f64 goes by way of f32, rounded to odd there: then the second rounding is that of the
// number itself. (Boldo, Melquiond, "Emulation of FMA and correctly rounded sums: proved algorithms
// using rounding to odd", IEEE Transactions on Computers 57, 2008.)
struct WrapDoubleToHalf {
  template <class V>
  static HWY_INLINE V run(V a) {
    const hn::DFromV<V> d;
    const hn::RebindToUnsigned<decltype(d)> words;
    const hn::Rebind<float, decltype(d)> d32;
    const hn::Rebind<hwy::float16_t, decltype(d)> d16;
    constexpr int dropped = 52 - 23;
    const auto bits = hn::BitCast(words, a);
    const auto low = hn::And(bits, hn::Set(words, (std::uint64_t{1} << dropped) - 1));
    const auto odd = hn::IfThenZeroElse(hn::Eq(low, hn::Zero(words)),
                                        hn::Set(words, std::uint64_t{1} << dropped));
    const auto rounded = hn::BitCast(d, hn::Or(hn::Xor(bits, low), odd));
    const auto half = hn::DemoteTo(d16, hn::DemoteTo(d32, rounded));
    return hn::PromoteTo(d, hn::PromoteTo(d32, half));
  }
};

BlockFunction wrap_of(RegisterType type, DType dtype) {
  switch (dtype) {
    case DType::i8:
      return &map1<std::int32_t, WrapInteger<8, true>>;
    case DType::u8:
      return &map1<std::int32_t, WrapInteger<8, false>>;
    case DType::i16:
      return &map1<std::int32_t, WrapInteger<16, true>>;
    case DType::u16:
      return &map1<std::int32_t, WrapInteger<16, false>>;
    case DType::u32:
      return &map1<std::int64_t, WrapInteger<32, false>>;
    case DType::f16:
      if (type == RegisterType::f64) return &map1<double, WrapDoubleToHalf>;
      return &map1<float, WrapHalf>;
    default:
      return nullptr;
  }
}

// Stored elements may begin at any multiple of their own size.
template <class Stored, class T>
void widen(const Block& block) {
  const Tag<T> d;
  const hn::Rebind<Stored, Tag<T>> narrow;
  const auto* from = reinterpret_cast<const Stored*>(block.in[0]);
  for (std::int64_t i = 0; i < block.count; i += lanes<T>)
    hn::StoreU(hn::PromoteTo(d, hn::LoadU(narrow, from + i)), d, result<T>(block, i));
}
template <class T, class Stored>
void narrow(const Block& block) {
  const Tag<T> d;
  const hn::Rebind<Stored, Tag<T>> small;
  const auto* from = reinterpret_cast<const T*>(block.in[0]);
  for (std::int64_t i = 0; i < block.count; i += lanes<T>) {
    const auto value = hn::LoadU(d, from + i);
    if constexpr (std::is_same_v<T, float>)
      hn::StoreU(hn::DemoteTo(small, value), small, result<Stored>(block, i));
    else
      hn::StoreU(hn::TruncateTo(small, value), small, result<Stored>(block, i));
  }
}

BlockFunction widen_of(DType dtype) {
  switch (dtype) {
    case DType::b8:
      return &test1<std::uint8_t, IsNotZero>;
    case DType::i8:
      return &widen<std::int8_t, std::int32_t>;
    case DType::u8:
      return &widen<std::uint8_t, std::int32_t>;
    case DType::i16:
      return &widen<std::int16_t, std::int32_t>;
    case DType::u16:
      return &widen<std::uint16_t, std::int32_t>;
    case DType::u32:
      return &widen<std::uint32_t, std::uint64_t>;
    case DType::f16:
      return &widen<hwy::float16_t, float>;
    default:
      return nullptr;
  }
}
BlockFunction narrow_of(DType dtype) {
  switch (dtype) {
    case DType::i8:
    case DType::u8:
      return &narrow<std::uint32_t, std::uint8_t>;
    case DType::i16:
    case DType::u16:
      return &narrow<std::uint32_t, std::uint16_t>;
    case DType::u32:
      return &narrow<std::uint64_t, std::uint32_t>;
    case DType::f16:
      return &narrow<float, hwy::float16_t>;
    default:
      return nullptr;
  }
}

}  // namespace serried::host::program::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace serried::host::program {

HWY_EXPORT(convert_of);
HWY_EXPORT(wrap_of);
HWY_EXPORT(widen_of);
HWY_EXPORT(narrow_of);

BlockFunction find_convert(RegisterType from, RegisterType to) {
  return HWY_DYNAMIC_DISPATCH(convert_of)(from, to);
}
BlockFunction find_wrap(RegisterType type, DType dtype) {
  return HWY_DYNAMIC_DISPATCH(wrap_of)(type, dtype);
}
BlockFunction find_widen(DType dtype) {
  return HWY_DYNAMIC_DISPATCH(widen_of)(dtype);
}
BlockFunction find_narrow(DType dtype) {
  return HWY_DYNAMIC_DISPATCH(narrow_of)(dtype);
}

}  // namespace serried::host::program
#endif  // HWY_ONCE
