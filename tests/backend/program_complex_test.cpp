// serial
// timeout: 300
// Functions of complex numbers against the C library's: long double where they are finite, and
// special values with their signs.
#include <algorithm>
#include <cmath>
#include <complex>
#include <vector>

#include "backend/program_support.hpp"

namespace serried::test {
namespace {

using Long = std::complex<long double>;

struct Function {
  Op op;
  Long (*exact)(const Long&);
  double bound;  // in units of the modulus' last place
};
const Function functions[] = {
    {Op::square_root, std::sqrt<long double>, 3}, {Op::exp, std::exp<long double>, 3.25},
    {Op::log, std::log<long double>, 2.5},        {Op::sin, std::sin<long double>, 4},
    {Op::cos, std::cos<long double>, 4},          {Op::tan, std::tan<long double>, 8},
    {Op::asin, std::asin<long double>, 6},        {Op::acos, std::acos<long double>, 6},
    {Op::atan, std::atan<long double>, 4},        {Op::sinh, std::sinh<long double>, 4},
    {Op::cosh, std::cosh<long double>, 4},        {Op::tanh, std::tanh<long double>, 8},
    {Op::asinh, std::asinh<long double>, 6},      {Op::acosh, std::acosh<long double>, 6},
    {Op::atanh, std::atanh<long double>, 4},
};

// Of a part: what it must have beside its size.
enum class Kind { number, zero, negative_zero, infinite, negative_infinite, nan };
Kind kind_of(long double x, double least) {
  if (std::isnan(x)) return Kind::nan;
  if (std::isinf(x)) return x > 0 ? Kind::infinite : Kind::negative_infinite;
  if (std::fabs(x) <= least) return std::signbit(x) ? Kind::negative_zero : Kind::zero;
  return Kind::number;
}

template <class T>
std::vector<std::complex<T>> arguments() {
  std::vector<std::complex<T>> z = any_numbers<std::complex<T>>(3, 30'000);
  using Limits = std::numeric_limits<T>;
  const T parts[] = {T(0),
                     T(-0.),
                     T(1),
                     T(-1),
                     T(0.5),
                     T(-0.5),
                     T(2),
                     T(-2),
                     T(3.25),
                     Limits::min(),
                     -Limits::min(),
                     Limits::max(),
                     -Limits::max(),
                     Limits::infinity(),
                     -Limits::infinity(),
                     Limits::quiet_NaN(),
                     Limits::denorm_min(),
                     Limits::epsilon(),
                     T(-1e-20),
                     T(1e20),
                     T(1) + Limits::epsilon()};
  for (const T re : parts)
    for (const T im : parts) z.emplace_back(re, im);
  for (std::uint64_t i = 0; i < 60'000; ++i) {
    const auto words = philox_words(3, 4, i);
    const double range = i % 3 == 0 ? 2 : i % 3 == 1 ? 40 : 800;
    z.emplace_back(
        static_cast<T>((to_unit_interval(words[0]) * 2 - 1) * range),
        static_cast<T>((to_unit_interval(words[1]) * 2 - 1) * (i % 2 == 0 ? range : 1e-6)));
  }
  // near the unit circle, where logarithms vanish
  for (std::uint64_t i = 0; i < 20'000; ++i) {
    const auto words = philox_words(3, 5, i);
    const double angle = to_unit_interval(words[0]) * 7;
    const double radius =
        1 + (to_unit_interval(words[1]) - 0.5) * std::pow(10, -static_cast<double>(i % 16));
    z.emplace_back(static_cast<T>(radius * std::cos(angle)),
                   static_cast<T>(radius * std::sin(angle)));
  }
  return z;
}

template <class T>
void check_functions() {
  using Z = std::complex<T>;
  const std::vector<Z> z = arguments<T>();
  const auto type = register_type(dtype_of<Z>);
  const T largest = std::numeric_limits<T>::max();
  for (const Function& function : functions) {
    const auto result = evaluate(one_instruction(function.op, {type}, type), {column(z)},
                                 static_cast<std::int64_t>(z.size()));
    double worst = 0;
    std::size_t worst_at = 0;
    int wrong = 0;
    for (std::size_t i = 0; i < z.size(); ++i) {
      const Z w = element<Z>(result.outputs[0], i);
      const Long exact = function.exact(Long(z[i].real(), z[i].imag()));
      const Z rounded(static_cast<T>(exact.real()), static_cast<T>(exact.imag()));
      const bool is_finite = std::isfinite(rounded.real()) && std::isfinite(rounded.imag());
      const long double size = std::hypot(exact.real(), exact.imag());
      if (is_finite && size < largest / 4) {
        const long double error = std::hypot(w.real() - exact.real(), w.imag() - exact.imag());
        const long double unit = std::max<long double>(size * std::numeric_limits<T>::epsilon() / 2,
                                                       std::numeric_limits<T>::denorm_min());
        const double units = std::isnan(error) ? HUGE_VAL : static_cast<double>(error / unit);
        if (units > worst) {
          worst = units;
          worst_at = i;
        }
      }
      const bool is_special = !std::isfinite(z[i].real()) || !std::isfinite(z[i].imag()) ||
                              z[i].real() == 0 || z[i].imag() == 0;
      if (!is_special) continue;
      for (const auto& [part, wanted] :
           {std::pair(w.real(), rounded.real()), std::pair(w.imag(), rounded.imag())}) {
        const Kind kind = kind_of(wanted, 0);
        // near the end of the range infinity may come early or late
        if ((std::isinf(wanted) || std::isinf(part)) && std::isfinite(z[i].real()) &&
            std::isfinite(z[i].imag()))
          continue;
        if (kind != Kind::number && kind_of(part, 0) != kind && ++wrong < 6)
          ADD_FAILURE() << info(function.op).name << z[i] << " = " << w << ", not " << rounded;
      }
    }
    EXPECT_LE(worst, sizeof(T) == 4 ? 1.01 : function.bound)
        << info(function.op).name << z[worst_at] << " = " << element<Z>(result.outputs[0], worst_at)
        << ", not " << function.exact(Long(z[worst_at].real(), z[worst_at].imag()));
    EXPECT_EQ(wrong, 0) << info(function.op).name;
    std::printf("%-12s %s %.2f\n", std::string(info(function.op).name).c_str(),
                std::string(name(dtype_of<Z>)).c_str(), worst);
  }
}

// The error of e^(b log a) grows with its exponent; whole exponents are multiplications.
template <class T>
void check_power() {
  using Z = std::complex<T>;
  std::vector<Z> a;
  std::vector<Z> b;
  for (std::uint64_t i = 0; i < 30'000; ++i) {
    const auto words = philox_words(8, 1, i);
    const auto more = philox_words(8, 2, i);
    a.emplace_back(static_cast<T>(to_unit_interval(words[0]) * 6 - 3),
                   static_cast<T>(to_unit_interval(words[1]) * 6 - 3));
    if (i % 2 == 0)
      b.emplace_back(static_cast<T>(to_unit_interval(more[0]) * 8 - 4),
                     static_cast<T>(to_unit_interval(more[1]) * 8 - 4));
    else
      b.emplace_back(static_cast<T>(more[0] % 41) - T(20), T(0));
  }
  const auto type = register_type(dtype_of<Z>);
  const auto program = one_instruction(Op::power, {type, type}, type);
  const auto result =
      evaluate(program, {column(a), column(b)}, static_cast<std::int64_t>(a.size()));
  for (std::size_t i = 0; i < a.size(); ++i) {
    const Long base(a[i].real(), a[i].imag());
    const Long exponent(b[i].real(), b[i].imag());
    const Long product = exponent * std::log(base);
    const Long exact = std::exp(product);
    const Z w = element<Z>(result.outputs[0], i);
    const long double error = std::hypot(w.real() - exact.real(), w.imag() - exact.imag());
    const long double unit =
        std::hypot(exact.real(), exact.imag()) * std::numeric_limits<T>::epsilon() / 2;
    const double bound = sizeof(T) == 4
                             ? 1.01
                             : 8 + 4 * std::max(std::hypot(static_cast<double>(product.real()),
                                                           static_cast<double>(product.imag())),
                                                std::fabs(static_cast<double>(b[i].real())));
    ASSERT_LE(error / unit, bound) << a[i] << " ^ " << b[i] << " = " << w << ", not " << exact;
  }
}

TEST(ProgramComplex, c64_power) {
  check_power<float>();
}
TEST(ProgramComplex, c128_power) {
  check_power<double>();
}

TEST(ProgramComplex, power_of_zero_and_to_the_zeroth) {
  using Z = std::complex<double>;
  const std::vector<Z> a{{3, 4}, {0, 0}, {0, 0}, {0, 0}, {2, 0}, {0, 1}};
  const std::vector<Z> b{{0, 0}, {0, 0}, {2, 0}, {2, 1}, {-3, 0}, {2, 0}};
  const auto type = RegisterType::c128;
  const auto result = evaluate(one_instruction(Op::power, {type, type}, type),
                               {column(a), column(b)}, static_cast<std::int64_t>(a.size()));
  const auto at = [&](std::size_t i) { return element<Z>(result.outputs[0], i); };
  EXPECT_EQ(at(0), Z(1, 0));
  EXPECT_EQ(at(1), Z(1, 0));
  EXPECT_EQ(at(2), Z(0, 0));
  EXPECT_TRUE(std::isnan(at(3).real()) && std::isnan(at(3).imag()));
  EXPECT_EQ(at(4), Z(0.125, 0));
  EXPECT_EQ(at(5), Z(-1, 0));
}

// Modulus and angle to 1 unit in the last place, special values as hypot and atan2.
TEST(ProgramComplex, magnitude_and_phase) {
  using Z = std::complex<double>;
  const std::vector<Z> z = arguments<double>();
  for (const Op op : {Op::magnitude, Op::phase}) {
    const auto result = evaluate(one_instruction(op, {RegisterType::c128}, RegisterType::f64),
                                 {column(z)}, static_cast<std::int64_t>(z.size()));
    for (std::size_t i = 0; i < z.size(); ++i) {
      const long double re = z[i].real();
      const long double im = z[i].imag();
      const long double exact = op == Op::magnitude ? std::hypot(re, im) : std::atan2(im, re);
      const double value = element<double>(result.outputs[0], i);
      const auto rounded = static_cast<double>(exact);
      if (std::isnan(rounded)) {
        EXPECT_TRUE(std::isnan(value)) << z[i];
      } else if (rounded == 0 || std::isinf(rounded)) {
        EXPECT_EQ(value, rounded) << z[i];
        EXPECT_EQ(std::signbit(value), std::signbit(rounded)) << z[i];
      } else {
        const double unit = std::nextafter(std::fabs(rounded), HUGE_VAL) - std::fabs(rounded);
        EXPECT_LE(std::fabs(value - exact), unit) << z[i];
      }
    }
  }
}

TEST(ProgramComplex, c64) {
  check_functions<float>();
}
TEST(ProgramComplex, c128) {
  check_functions<double>();
}

}  // namespace
}  // namespace serried::test
