#include "expr/promotion.hpp"

#include <algorithm>
#include <string>
#include <utility>

#include "expr/build.hpp"
#include "expr/node.hpp"
#include "serried/base/error.hpp"

namespace serried {
namespace {

// b8 < integers < floating < complex
int kind_of(DType dtype) noexcept {
  if (dtype == DType::b8) return 0;
  if (is_integer(dtype)) return 1;
  return is_complex(dtype) ? 3 : 2;
}

bool is_signed(DType dtype) noexcept {
  return dtype == DType::i8 || dtype == DType::i16 || dtype == DType::i32 || dtype == DType::i64;
}

DType promote_integers(DType a, DType b) noexcept {
  if (is_signed(a) == is_signed(b)) return size_of(a) >= size_of(b) ? a : b;
  const DType with_sign = is_signed(a) ? a : b;
  const DType without = is_signed(a) ? b : a;
  if (size_of(with_sign) > size_of(without)) return with_sign;
  switch (without) {
    case DType::u8:
      return DType::i16;
    case DType::u16:
      return DType::i32;
    case DType::u32:
      return DType::i64;
    default:
      return DType::f64;
  }
}

// The smallest floating dtype that NumPy takes for the numbers of a dtype.
DType floating_for(DType dtype) noexcept {
  return is_integer(dtype) || dtype == DType::b8 ? floating_type(dtype) : dtype;
}

}  // namespace

DType floating_type(DType dtype) noexcept {
  if (is_floating(dtype) || is_complex(dtype)) return dtype;
  switch (size_of(dtype)) {
    case 1:
      return DType::f16;
    case 2:
      return DType::f32;
    default:
      return DType::f64;
  }
}

DType part_type(DType dtype) noexcept {
  if (dtype == DType::c64) return DType::f32;
  return dtype == DType::c128 ? DType::f64 : dtype;
}

DType complex_type_of(DType part) noexcept {
  return part == DType::f64 || (is_integer(part) && size_of(part) > 2) ? DType::c128 : DType::c64;
}

DType promote(DType a, DType b) noexcept {
  if (a == b) return a;
  if (kind_of(a) > kind_of(b)) std::swap(a, b);
  if (a == DType::b8) return b;
  if (is_integer(b)) return promote_integers(a, b);
  const DType small = part_type(floating_for(a));
  const DType part = part_type(b);
  const DType wide = size_of(small) > size_of(part) ? small : part;
  return is_complex(b) ? complex_type_of(wide) : wide;
}

DType promote(const Expr& a, const Expr& b) {
  if (a.is_weak() == b.is_weak()) return promote(a.dtype(), b.dtype());
  const DType weak = a.is_weak() ? a.dtype() : b.dtype();
  const DType strong = a.is_weak() ? b.dtype() : a.dtype();
  if (kind_of(weak) <= kind_of(strong)) return strong;
  // only a weak complex number meets a floating dtype here
  return kind_of(strong) == 2 ? complex_type_of(strong) : weak;
}

}  // namespace serried
