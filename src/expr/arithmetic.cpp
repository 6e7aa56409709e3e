#include <cmath>
#include <cstdint>
#include <utility>

#include "expr/build.hpp"
#include "expr/node.hpp"
#include "expr/promotion.hpp"
#include "serried/base/error.hpp"
#include "serried/expr/functions.hpp"

namespace serried {
namespace {

using detail::make_apply;
using detail::make_convert;

[[noreturn]] void refuse(const char* what, const Expr& x) {
  throw InvalidArgument(std::string(what) + " is not defined for dtype " +
                        std::string(name(x.dtype())));
}

bool is_weak_integer(const Expr& x) {
  return x.is_weak() && x.dtype() == DType::i64;
}
std::int64_t integer_of(const Expr& x) {
  return x.node()->value.integer;
}

/// An instruction in the dtype that both meet in.
Expr apply_promoted(Op op, const Expr& a, const Expr& b) {
  const DType dtype = promote(a, b);
  return make_apply(op, dtype, {in_type(a, dtype), in_type(b, dtype)});
}

/// Weak integers have no width: what goes beyond i64 goes on as a floating number.
template <class Checked>
Expr apply_weak(Op op, const Expr& a, const Expr& b, Checked checked) {
  std::int64_t result = 0;
  if (is_weak_integer(a) && is_weak_integer(b)) {
    if (!checked(integer_of(a), integer_of(b), &result)) return {result};
    return make_apply(
        op, DType::f64,
        {Expr(static_cast<double>(integer_of(a))), Expr(static_cast<double>(integer_of(b)))});
  }
  return apply_promoted(op, a, b);
}

bool is_truth(const Expr& a, const Expr& b) {
  return promote(a, b) == DType::b8;
}

/// Bits of integers and of b8.
Expr apply_bits(Op op, const char* what, const Expr& a, const Expr& b) {
  const DType dtype = promote(a, b);
  if (dtype != DType::b8 && !is_integer(dtype)) refuse(what, is_integer(a.dtype()) ? b : a);
  return apply_promoted(op, a, b);
}

Expr shift(Op op, const char* what, const Expr& a, const Expr& b) {
  DType dtype = promote(a, b);
  if (dtype == DType::b8) dtype = DType::i8;
  if (!is_integer(dtype)) refuse(what, is_integer(a.dtype()) ? b : a);
  return make_apply(op, dtype, {in_type(a, dtype), in_type(b, dtype)});
}

/// Whether a weak integer is a value of an integer dtype or of b8's integers.
bool holds(DType dtype, std::int64_t value) {
  const int bits = static_cast<int>(8 * size_of(dtype));
  const bool is_unsigned =
      dtype == DType::u8 || dtype == DType::u16 || dtype == DType::u32 || dtype == DType::u64;
  if (is_unsigned) return value >= 0 && (bits == 64 || value >> bits == 0);
  return bits == 64 || (value >> (bits - 1) == 0 || value >> (bits - 1) == -1);
}

/// a OP b where b is i64 and a is u64: exact, as no dtype holds both.
Expr compare_mixed(Op op, const Expr& a, const Expr& b, bool is_swapped) {
  const Expr is_negative = b < Expr(std::int64_t{0});
  const Expr magnitude = make_convert(maximum(b, Expr(std::int64_t{0})), DType::u64);
  const Expr of_both = is_swapped ? make_apply(op, DType::b8, {magnitude, a})
                                  : make_apply(op, DType::b8, {a, magnitude});
  // b < 0 <= a
  const bool if_negative = op == Op::not_equal || (op != Op::equal && is_swapped);
  return make_apply(Op::select, DType::b8, {is_negative, Expr(if_negative), of_both});
}

Expr compare(Op op, const char* what, const Expr& a, const Expr& b) {
  const bool is_order = op == Op::less || op == Op::less_equal;
  if (is_order && (is_complex(a.dtype()) || is_complex(b.dtype())))
    refuse(what, is_complex(a.dtype()) ? a : b);
  for (const bool is_swapped : {false, true}) {
    const Expr& strong = is_swapped ? b : a;
    const Expr& weak = is_swapped ? a : b;
    if (is_weak_integer(weak) && !strong.is_weak() && is_integer(strong.dtype()) &&
        !holds(strong.dtype(), integer_of(weak))) {
      // no dtype narrows a number before it is compared
      const Expr wide = make_convert(weak, DType::i64, false);
      return is_swapped ? compare(op, what, wide, strong) : compare(op, what, strong, wide);
    }
    const bool is_signed_weak = is_integer(weak.dtype()) && promote(a, b) == DType::f64;
    if (strong.dtype() == DType::u64 && is_signed_weak && !a.is_weak() && !b.is_weak())
      return compare_mixed(op, strong, make_convert(weak, DType::i64), is_swapped);
  }
  const DType dtype = promote(a, b);
  return make_apply(op, DType::b8, {in_type(a, dtype), in_type(b, dtype)});
}

Expr truth_of(const Expr& x) {
  return in_type(x, DType::b8);
}

}  // namespace

Expr in_type(const Expr& x, DType dtype) {
  if (is_weak_integer(x) && is_integer(dtype) && !holds(dtype, integer_of(x)))
    throw InvalidArgument("the integer " + std::to_string(integer_of(x)) +
                          " is out of bounds for " + std::string(name(dtype)));
  return make_convert(x, dtype);
}

Expr operator+(const Expr& a, const Expr& b) {
  if (is_truth(a, b)) return a | b;
  return apply_weak(Op::add, a, b,
                    [](auto x, auto y, auto* r) { return __builtin_add_overflow(x, y, r); });
}

Expr operator-(const Expr& a, const Expr& b) {
  if (is_truth(a, b)) throw InvalidArgument("subtract is not defined for b8; use ^ or logical_xor");
  return apply_weak(Op::subtract, a, b,
                    [](auto x, auto y, auto* r) { return __builtin_sub_overflow(x, y, r); });
}

Expr operator*(const Expr& a, const Expr& b) {
  if (is_truth(a, b)) return a & b;
  return apply_weak(Op::multiply, a, b,
                    [](auto x, auto y, auto* r) { return __builtin_mul_overflow(x, y, r); });
}

Expr operator/(const Expr& a, const Expr& b) {
  const DType both = promote(a, b);
  // numpy.true_divide has no f16 or f32 form for integers
  const DType dtype = is_integer(both) || both == DType::b8 ? DType::f64 : both;
  return make_apply(Op::divide, dtype, {in_type(a, dtype), in_type(b, dtype)});
}

Expr operator%(const Expr& a, const Expr& b) {
  return remainder(a, b);
}

Expr operator-(const Expr& a) {
  if (a.dtype() == DType::b8) throw InvalidArgument("negative is not defined for b8; use !");
  if (is_weak_integer(a) && integer_of(a) != INT64_MIN) return {-integer_of(a)};
  return make_apply(Op::negate, a.dtype(), {a});
}

Expr operator==(const Expr& a, const Expr& b) {
  return compare(Op::equal, "equal", a, b);
}
Expr operator!=(const Expr& a, const Expr& b) {
  return compare(Op::not_equal, "not_equal", a, b);
}
Expr operator<(const Expr& a, const Expr& b) {
  return compare(Op::less, "less", a, b);
}
Expr operator<=(const Expr& a, const Expr& b) {
  return compare(Op::less_equal, "less_equal", a, b);
}
Expr operator>(const Expr& a, const Expr& b) {
  return compare(Op::less, "greater", b, a);
}
Expr operator>=(const Expr& a, const Expr& b) {
  return compare(Op::less_equal, "greater_equal", b, a);
}

Expr operator&(const Expr& a, const Expr& b) {
  return apply_bits(Op::bit_and, "&", a, b);
}
Expr operator|(const Expr& a, const Expr& b) {
  return apply_bits(Op::bit_or, "|", a, b);
}
Expr operator^(const Expr& a, const Expr& b) {
  return apply_bits(Op::bit_xor, "xor", a, b);
}
Expr operator~(const Expr& a) {
  if (a.dtype() != DType::b8 && !is_integer(a.dtype())) refuse("~", a);
  return make_apply(Op::bit_not, a.dtype(), {a});
}
Expr operator<<(const Expr& a, const Expr& b) {
  return shift(Op::shift_left, "<<", a, b);
}
Expr operator>>(const Expr& a, const Expr& b) {
  return shift(Op::shift_right, ">>", a, b);
}
Expr operator&&(const Expr& a, const Expr& b) {
  return truth_of(a) & truth_of(b);
}
Expr operator||(const Expr& a, const Expr& b) {
  return truth_of(a) | truth_of(b);
}
Expr operator!(const Expr& a) {
  return ~truth_of(a);
}
Expr logical_xor(const Expr& a, const Expr& b) {
  return truth_of(a) ^ truth_of(b);
}

Expr floor_divide(const Expr& a, const Expr& b) {
  DType dtype = promote(a, b);
  if (is_complex(dtype)) refuse("floor_divide", is_complex(a.dtype()) ? a : b);
  if (dtype == DType::b8) dtype = DType::i8;
  return make_apply(Op::floor_divide, dtype, {in_type(a, dtype), in_type(b, dtype)});
}

Expr remainder(const Expr& a, const Expr& b) {
  DType dtype = promote(a, b);
  if (is_complex(dtype)) refuse("remainder", is_complex(a.dtype()) ? a : b);
  if (dtype == DType::b8) dtype = DType::i8;
  return make_apply(Op::remainder, dtype, {in_type(a, dtype), in_type(b, dtype)});
}

Expr fmod(const Expr& a, const Expr& b) {
  DType dtype = promote(a, b);
  if (is_complex(dtype)) refuse("fmod", is_complex(a.dtype()) ? a : b);
  if (dtype == DType::b8) dtype = DType::i8;
  return make_apply(Op::fmod, dtype, {in_type(a, dtype), in_type(b, dtype)});
}

Expr pow(const Expr& x, const Expr& y) {
  DType dtype = promote(x, y);
  if (dtype == DType::b8) dtype = DType::i8;
  const detail::ExprNode& exponent = *y.node();
  if (is_weak_integer(x) && is_weak_integer(y)) {
    // as in Python: 2^-1 is 0.5, and a power has no width
    const std::int64_t base = integer_of(x);
    const std::int64_t by = integer_of(y);
    std::int64_t power = 1;
    bool is_inside = by >= 0;
    if (base >= -1 && base <= 1) {
      power = by == 0 || base == 1 || (base == -1 && by % 2 == 0) ? 1 : base;
    } else {
      for (std::int64_t i = 0; i < by && is_inside; ++i)
        is_inside = !__builtin_mul_overflow(power, base, &power);
    }
    if (is_inside) return {power};
    return {std::pow(static_cast<double>(base), static_cast<double>(by))};
  }
  if (exponent.kind == detail::ExprNode::Kind::constant && exponent.shape.dimensions() == 0) {
    // exact, and what NumPy does with these scalars
    const double by =
        is_integer(y.dtype()) ? static_cast<double>(exponent.value.integer) : exponent.value.real;
    if (exponent.value.imaginary == 0 && y.dtype() != DType::b8) {
      const Expr base = in_type(x, dtype);
      if (by == 1) return base;
      if (by == 2) return make_apply(Op::multiply, dtype, {base, base});
      if (!is_integer(dtype) && by == 0.5) return sqrt(base);
      if (!is_integer(dtype) && by == -1) return reciprocal(base);
    }
  }
  return make_apply(Op::power, dtype, {in_type(x, dtype), in_type(y, dtype)});
}

}  // namespace serried
