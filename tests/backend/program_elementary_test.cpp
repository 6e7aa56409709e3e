// serial
// timeout: 300
// Functions of real numbers against the C library's long double, and their special values.
#include <cmath>
#include <cstdio>
#include <vector>

#include "backend/program_support.hpp"

namespace serried::test {
namespace {

using Long = long double;

// Distance of a result from the exact one, in units of the last place of the result's type.
template <class T>
double ulps(T result, Long exact) {
  if (std::isnan(exact)) return std::isnan(result) ? 0 : HUGE_VAL;
  if (std::isnan(result)) return HUGE_VAL;
  // beyond the largest number by less than half a unit there is no infinity yet
  const auto nearest = static_cast<T>(exact);
  if (result == nearest) return 0;
  const auto largest = static_cast<Long>(std::numeric_limits<T>::max());
  int exponent = 0;
  const Long size = std::min(std::fabs(exact), largest);
  std::frexp(size, &exponent);
  const int digits = std::numeric_limits<T>::digits;
  const Long unit =
      std::ldexp(Long{1}, std::max(exponent, std::numeric_limits<T>::min_exponent) - digits);
  Long value = static_cast<Long>(result);
  if (std::isinf(result))
    value = std::copysign(std::ldexp(Long{1}, std::numeric_limits<T>::max_exponent), result);
  Long wanted = exact;
  if (std::fabs(wanted) > 2 * largest) wanted = std::copysign(2 * largest, exact);
  return static_cast<double>(std::fabs(value - wanted) / unit);
}

struct Function {
  Op op;
  Long (*exact)(Long);
  double f32_bound;
  double f64_bound;
};

// glibc's powl takes -2^63 for an odd number.
Long power_of(Long x, Long y) {
  return y == -0x1p63L ? 1 / std::pow(x, -y) : std::pow(x, y);
}
Long gamma_of(Long x) {
  return std::tgamma(x);
}
Long log_gamma_of(Long x) {
  return std::lgamma(x);
}

const Function functions[] = {
    {Op::square_root, std::sqrt, 0.5, 0.5},
    {Op::cube_root, std::cbrt, 1, 1},
    {Op::exp, std::exp, 1, 1},
    {Op::exp2, std::exp2, 1, 1},
    {Op::expm1, std::expm1, 1, 1},
    {Op::log, std::log, 1, 1},
    {Op::log2, std::log2, 1, 1},
    {Op::log10, std::log10, 1, 1},
    {Op::log1p, std::log1p, 1, 1},
    {Op::sin, std::sin, 1, 1},
    {Op::cos, std::cos, 1, 1},
    {Op::tan, std::tan, 1, 1},
    {Op::asin, std::asin, 1, 1},
    {Op::acos, std::acos, 1, 1},
    {Op::atan, std::atan, 1, 1},
    {Op::sinh, std::sinh, 1, 1.25},
    {Op::cosh, std::cosh, 1, 1.25},
    {Op::tanh, std::tanh, 1, 1},
    {Op::asinh, std::asinh, 1, 1},
    {Op::acosh, std::acosh, 1, 1},
    {Op::atanh, std::atanh, 1, 1},
    {Op::erf, std::erf, 1.1, 1},
    {Op::erfc, std::erfc, 1.5, 1.5},
    {Op::gamma, gamma_of, 1, 2.25},
    {Op::log_gamma, log_gamma_of, 1, 1.25},
};

// Arguments: special ones and random bits, and many in each of the ranges where functions change.
template <class T>
std::vector<T> arguments() {
  std::vector<T> values = any_numbers<T>(1, 200'000);
  const double ranges[] = {1e-3, 1, 2, 10, 30, 100, 200, 720, 760, 1100, 1e5, 1e9, 1e15, 1e18};
  std::uint64_t stream = 2;
  for (const double range : ranges)
    for (std::uint64_t i = 0; i < 20'000; ++i)
      values.push_back(
          static_cast<T>((2 * to_unit_interval(philox_words(3, stream++, i)[0]) - 1) * range));
  return values;
}

template <class T>
void check_functions() {
  const std::vector<T> x = arguments<T>();
  for (const Function& function : functions) {
    const auto type = register_type(dtype_of<T>);
    const auto result = evaluate(one_instruction(function.op, {type}, type), {column(x)},
                                 static_cast<std::int64_t>(x.size()));
    double worst = 0;
    std::size_t at = 0;
    std::size_t over = 0;
    const double bound = sizeof(T) == 4 ? function.f32_bound : function.f64_bound;
    for (std::size_t i = 0; i < x.size(); ++i) {
      const Long exact = function.exact(static_cast<Long>(x[i]));
      const T value = element<T>(result.outputs[0], i);
      double error = ulps(value, exact);
      if (value == 0 && exact == 0 && std::signbit(value) != std::signbit(exact)) error = HUGE_VAL;
      // of log_gamma near its zeros below 0 the error is bounded as it is
      if (function.op == Op::log_gamma && x[i] < 0 &&
          std::fabs(static_cast<Long>(value) - exact) < std::numeric_limits<T>::epsilon() * 4)
        continue;
      if (error > bound + 0.001) ++over;
      if (error > worst) {
        worst = error;
        at = i;
      }
    }
    EXPECT_LE(worst, bound + 0.001)
        << info(function.op).name << '(' << x[at] << ") = " << element<T>(result.outputs[0], at)
        << ", exactly " << static_cast<double>(function.exact(static_cast<Long>(x[at]))) << "; "
        << over << " of " << x.size();
    std::printf("%-12s %s %.3f\n", std::string(info(function.op).name).c_str(),
                std::string(name(dtype_of<T>)).c_str(), worst);
  }
}

struct Function2 {
  Op op;
  Long (*exact)(Long, Long);
  double f32_bound;
  double f64_bound;
};
const Function2 functions2[] = {
    {Op::power, power_of, 1, 1},
    {Op::hypot, std::hypot, 0.75, 0.75},
    {Op::atan2, std::atan2, 1, 1},
};

template <class T>
void check_functions2() {
  std::vector<T> x = any_numbers<T>(5, 300'000);
  std::vector<T> y = any_numbers<T>(6, 300'000);
  // and near each other, and powers near the ends of the range
  for (std::uint64_t i = 0; i < 100'000; ++i) {
    const auto words = philox_words(7, 7, i);
    x.push_back(static_cast<T>(to_unit_interval(words[0]) * 3));
    y.push_back(static_cast<T>((to_unit_interval(words[1]) - 0.5) * (i % 2 == 0 ? 6 : 2000)));
  }
  for (const Function2& function : functions2) {
    const auto type = register_type(dtype_of<T>);
    const auto result = evaluate(one_instruction(function.op, {type, type}, type),
                                 {column(x), column(y)}, static_cast<std::int64_t>(x.size()));
    double worst = 0;
    std::size_t at = 0;
    std::size_t over = 0;
    const double bound = sizeof(T) == 4 ? function.f32_bound : function.f64_bound;
    for (std::size_t i = 0; i < x.size(); ++i) {
      const Long exact = function.exact(static_cast<Long>(x[i]), static_cast<Long>(y[i]));
      const T value = element<T>(result.outputs[0], i);
      double error = ulps(value, exact);
      if (exact == 0 && value == 0 && std::signbit(exact) != std::signbit(value)) error = HUGE_VAL;
      if (error > bound + 0.001) ++over;
      if (error > worst) {
        worst = error;
        at = i;
      }
    }
    EXPECT_LE(worst, bound + 0.001)
        << info(function.op).name << '(' << x[at] << ", " << y[at]
        << ") = " << element<T>(result.outputs[0], at) << "; " << over << " of " << x.size();
    std::printf("%-12s %s %.3f\n", std::string(info(function.op).name).c_str(),
                std::string(name(dtype_of<T>)).c_str(), worst);
  }
}

TEST(ProgramElementary, f32_pairs) {
  check_functions2<float>();
}
TEST(ProgramElementary, f64_pairs) {
  check_functions2<double>();
}
TEST(ProgramElementary, f32) {
  check_functions<float>();
}
TEST(ProgramElementary, f64) {
  check_functions<double>();
}

}  // namespace
}  // namespace serried::test
