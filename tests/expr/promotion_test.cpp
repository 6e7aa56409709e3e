// serial
#include "expr/promotion.hpp"

#include <complex>

#include "expr/expr_support.hpp"

namespace serried::test {
namespace {

/// Binary digits of an integer dtype without its sign, or of a significand.
int digits(DType dtype) {
  switch (dtype) {
    case DType::b8:
      return 1;
    case DType::f16:
      return 11;
    case DType::f32:
    case DType::c64:
      return 24;
    case DType::f64:
    case DType::c128:
      return 53;
    default:
      return static_cast<int>(8 * size_of(dtype)) - (dtype == DType::i8 || dtype == DType::i16 ||
                                                             dtype == DType::i32 ||
                                                             dtype == DType::i64
                                                         ? 1
                                                         : 0);
  }
}
bool has_sign(DType dtype) {
  return dtype != DType::b8 && digits(dtype) % 8 != 0;
}
bool has_fractions(DType dtype) {
  return is_floating(dtype) || is_complex(dtype);
}

/// numpy.can_cast(from, to): every value has its place; integers of 64 bits count as f64's.
bool holds_all(DType to, DType from) {
  if (to == from || from == DType::b8) return true;
  if (to == DType::b8 || (is_complex(from) && !is_complex(to))) return false;
  if (has_fractions(from)) return has_fractions(to) && digits(to) >= digits(from);
  if (!has_fractions(to)) return digits(to) >= digits(from) && (has_sign(to) || !has_sign(from));
  return digits(to) == 53 || digits(to) >= digits(from) + (has_sign(from) ? 1 : 0);
}

// numpy.result_type: the first of the dtypes, in this order, that holds the values of both.
DType first_that_holds(DType a, DType b) {
  for (const DType dtype :
       {DType::b8, DType::u8, DType::i8, DType::u16, DType::i16, DType::u32, DType::i32, DType::u64,
        DType::i64, DType::f16, DType::f32, DType::f64, DType::c64, DType::c128})
    if (holds_all(dtype, a) && holds_all(dtype, b)) return dtype;
  return DType::string;
}

TEST(Promotion, dtypes) {
  for (const DType a : number_dtypes)
    for (const DType b : number_dtypes)
      EXPECT_EQ(promote(a, b), first_that_holds(a, b)) << name(a) << " and " << name(b);
}

TEST(Promotion, known_ones) {
  EXPECT_EQ(promote(DType::i8, DType::u8), DType::i16);
  EXPECT_EQ(promote(DType::u32, DType::i32), DType::i64);
  EXPECT_EQ(promote(DType::u64, DType::i64), DType::f64);
  EXPECT_EQ(promote(DType::f32, DType::i16), DType::f32);
  EXPECT_EQ(promote(DType::f32, DType::i32), DType::f64);
  EXPECT_EQ(promote(DType::f16, DType::i16), DType::f32);
  EXPECT_EQ(promote(DType::c64, DType::f64), DType::c128);
}

// NEP 50: a weak scalar takes the dtype of what it meets, unless its kind is above it.
TEST(Promotion, weak_scalars) {
  for (const DType dtype : number_dtypes) {
    const Expr x = zeros("x", dtype);
    const bool is_real_kind = is_floating(dtype) || is_complex(dtype);
    EXPECT_EQ((x + 1).dtype(), dtype == DType::b8 ? DType::i64 : dtype) << name(dtype);
    EXPECT_EQ((x * 0.5).dtype(), is_real_kind ? dtype : DType::f64) << name(dtype);
    const DType complex_dtype = is_complex(dtype)                           ? dtype
                                : is_floating(dtype) && dtype != DType::f64 ? DType::c64
                                                                            : DType::c128;
    EXPECT_EQ((x * std::complex<double>(0, 1)).dtype(), complex_dtype) << name(dtype);
    EXPECT_FALSE((x + 1).is_weak());
  }
}

TEST(Promotion, weak_scalars_among_themselves) {
  EXPECT_EQ((Expr(1) + 2).dtype(), DType::i64);
  EXPECT_TRUE((Expr(1) + 2).is_weak());
  EXPECT_EQ((Expr(1) + 2.0).dtype(), DType::f64);
  // no width: what i64 does not hold goes on as f64
  EXPECT_EQ((Expr(INT64_MAX) + 1).dtype(), DType::f64);
  EXPECT_EQ((Expr(INT64_MAX) * 2).dtype(), DType::f64);
  EXPECT_EQ(pow(Expr(2), Expr(62)).dtype(), DType::i64);
  EXPECT_EQ(pow(Expr(2), Expr(64)).dtype(), DType::f64);
  EXPECT_EQ(pow(Expr(2), Expr(-1)).dtype(), DType::f64);
  EXPECT_EQ((Expr(7) / 2).dtype(), DType::f64);
  EXPECT_EQ((zeros("x", DType::f32) * (Expr(1) + 2.5)).dtype(), DType::f32);
}

TEST(Promotion, integers_out_of_bounds) {
  const Expr x = zeros("x", DType::i8);
  EXPECT_EQ((x + 127).dtype(), DType::i8);
  EXPECT_EQ((x + -128).dtype(), DType::i8);
  EXPECT_NE(refusal([&] { return x + 128; }).find("out of bounds for i8"), std::string::npos);
  EXPECT_NE(refusal([&] { return zeros("u", DType::u64) * -1; }), "");
  // but comparisons are those of the numbers
  for (const DType dtype : number_dtypes)
    for (const std::int64_t number : {std::int64_t{-1}, std::int64_t{300}, INT64_MIN, INT64_MAX}) {
      const Expr y = zeros("y", dtype);
      EXPECT_EQ((y == Expr(number)).dtype(), DType::b8);
      EXPECT_EQ((Expr(number) != y).dtype(), DType::b8);
      if (is_complex(dtype)) continue;
      EXPECT_EQ((Expr(number) <= y).dtype(), DType::b8);
    }
}

TEST(Promotion, functions_of_integers) {
  const auto floating = [](DType dtype) { return sqrt(zeros("x", dtype)).dtype(); };
  for (const DType dtype : {DType::b8, DType::i8, DType::u8})
    EXPECT_EQ(floating(dtype), DType::f16);
  for (const DType dtype : {DType::i16, DType::u16}) EXPECT_EQ(floating(dtype), DType::f32);
  for (const DType dtype : {DType::i32, DType::u32, DType::i64, DType::u64})
    EXPECT_EQ(floating(dtype), DType::f64);
  // each of two integers in its own floating dtype
  EXPECT_EQ(atan2(zeros("x", DType::i8), zeros("y", DType::u8)).dtype(), DType::f16);
  EXPECT_EQ(hypot(zeros("x", DType::i16), zeros("y", DType::u16)).dtype(), DType::f32);
  EXPECT_EQ((zeros("x", DType::i8) / zeros("y", DType::i8)).dtype(), DType::f64);
  EXPECT_EQ(mean(zeros("x", DType::i8)).dtype(), DType::f64);
  EXPECT_EQ(sum(zeros("x", DType::u8)).dtype(), DType::u64);
  EXPECT_EQ(sum(zeros("x", DType::b8)).dtype(), DType::i64);
}

}  // namespace
}  // namespace serried::test
