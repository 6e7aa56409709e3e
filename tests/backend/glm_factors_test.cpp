// serial
// Triangles of least squares problems: R^T R against products in long double, problems whose Gram
// matrix has lost what R keeps, and the same bits on every instruction level.
#include <algorithm>
#include <cmath>
#include <cstring>
#include <vector>

#include "backend/targets.hpp"
#include "gtest/gtest.h"
#include "serried/base/philox.hpp"
#include "serried/device/backend.hpp"
#include "serried/device/glm_kernels.hpp"
#include "support/numbers.hpp"

namespace serried::test {
namespace {

using Real = long double;

double noise(std::uint64_t stream, std::int64_t i) {
  return to_unit_interval(philox_words(11, stream, static_cast<std::uint64_t>(i))[0]) - 0.5;
}

/// R^T R, whole, of a packed triangle.
std::vector<Real> squared(const std::vector<double>& packed, std::size_t width) {
  std::vector<Real> result(width * width, 0);
  const double* row = packed.data();
  for (std::size_t k = 0; k < width; row += width - k++)
    for (std::size_t i = k; i < width; ++i)
      for (std::size_t j = k; j < width; ++j)
        result[i * width + j] += Real(row[i - k]) * row[j - k];
  return result;
}

/// A regression with weights and two targets.
template <class T>
struct Regression {
  Regression(std::int64_t rows, std::int64_t columns) : count(rows), width(columns + 3) {
    for (std::int64_t i = 0; i < rows * columns; ++i) x.push_back(number<T>(i));
    for (std::int64_t i = 0; i < 2 * rows; ++i) y.push_back(3 * noise(1, i));
    for (std::int64_t i = 0; i < rows; ++i) weights.push_back(i % 7 == 3 ? 0 : 1 + noise(2, i));
    for (std::int64_t j = 0; j < columns; ++j) {
      shift.push_back(20 * noise(3, j));
      scale.push_back(std::ldexp(1., static_cast<int>(j % 3) - 4));
    }
    pass.coefficients = shift;  // for their number
    pass.shift = shift;
    pass.scale = scale;
  }
  [[nodiscard]] std::size_t size() const {
    return static_cast<std::size_t>(width * (width + 1) / 2);
  }
  [[nodiscard]] GlmRows rows() const {
    return {x.data(), y.data(), weights.data(), nullptr, nullptr};
  }
  /// Of the rows [begin, end), times the root of the weight.
  [[nodiscard]] std::vector<Real> products(std::int64_t begin, std::int64_t end) const {
    const auto n = static_cast<std::size_t>(width);
    std::vector<Real> result(n * n, 0);
    for (std::int64_t i = begin; i < end; ++i) {
      const auto row = static_cast<std::size_t>(i);
      std::vector<Real> z{1};
      for (std::size_t j = 0; j < shift.size(); ++j)
        z.push_back((to_double(x[row * shift.size() + j]) - shift[j]) * scale[j]);
      z.push_back(y[2 * row]);
      z.push_back(y[2 * row + 1]);
      for (std::size_t a = 0; a < n; ++a)
        for (std::size_t b = 0; b < n; ++b) result[a * n + b] += weights[row] * z[a] * z[b];
    }
    return result;
  }

  std::int64_t count;
  std::int64_t width;
  std::vector<T> x;
  std::vector<double> y, weights, shift, scale;
  GlmPass pass;
};

void expect_products(const std::vector<double>& packed, const std::vector<Real>& want,
                     std::size_t width, const std::string& what) {
  const std::vector<Real> found = squared(packed, width);
  for (std::size_t i = 0; i < width; ++i)
    for (std::size_t j = 0; j < width; ++j) {
      const Real unit = std::sqrt(want[i * width + i] * want[j * width + j]);
      EXPECT_LE(std::abs(found[i * width + j] - want[i * width + j]), 1e-13L * unit)
          << what << ' ' << i << ' ' << j;
    }
}

template <class T>
class GlmFactorsOf : public testing::Test {};
using Types = testing::Types<std::int16_t, std::uint64_t, Half, float, double>;
TYPED_TEST_SUITE(GlmFactorsOf, Types);

TYPED_TEST(GlmFactorsOf, triangles_of_leaves_and_of_all_have_the_products_of_their_rows) {
  for (const std::int64_t columns : {1, 2, 5, 6, 13, 31, 50, 70})
    for (const std::int64_t count : {0, 1, 7, 300}) {
      const Regression<TypeParam> problem(count, columns);
      const auto width = static_cast<std::size_t>(problem.width);
      const std::vector<std::int64_t> offsets{0, count / 3, count};
      std::vector<double> first;
      for (const std::string& level : available_targets()) {
        const TargetScope scope(level);
        const auto backend = make_host_backend(1);
        const auto& kernels = backend->kernels<GlmKernels>(dtype_of<TypeParam>);
        std::vector<double> payloads(2 * problem.size(), -1.);
        kernels.factor_targets(problem.pass, problem.rows(), 2, offsets, payloads.data());
        const auto half = payloads.begin() + static_cast<std::ptrdiff_t>(problem.size());
        std::vector<double> left(payloads.begin(), half);
        const std::vector<double> right(half, payloads.end());
        const std::string what =
            level + ' ' + std::to_string(columns) + ' ' + std::to_string(count);
        expect_products(left, problem.products(0, count / 3), width, what + " left");
        expect_products(right, problem.products(count / 3, count), width, what + " right");
        kernels.combine_factors(problem.width, left.data(), right.data());
        expect_products(left, problem.products(0, count), width, what + " both");
        left.insert(left.end(), right.begin(), right.end());
        if (first.empty()) first = left;
        EXPECT_EQ(std::memcmp(left.data(), first.data(), left.size() * sizeof(double)), 0) << what;
      }
    }
}

// The working rows of a pass: what accumulate has, but for the products.
TEST(GlmFactors, a_pass_factors_what_it_accumulates) {
  const std::int64_t count = 500;
  const std::int64_t columns = 9;
  std::vector<double> x, y, weights, offset;
  for (std::int64_t i = 0; i < count * columns; ++i) x.push_back(noise(5, i));
  for (std::int64_t i = 0; i < count; ++i) {
    y.push_back(noise(6, i) > 0.1 ? 1 : 0);
    weights.push_back(1 + noise(7, i));
    offset.push_back(noise(8, i));
  }
  std::vector<double> coefficients, shift(columns, 0.125), scale(columns, 2.);
  for (std::int64_t j = 0; j < columns; ++j) coefficients.push_back(noise(9, j));
  const GlmSums sums{columns + 1};
  const auto width = static_cast<std::size_t>(columns + 2);
  const std::vector<std::int64_t> offsets{0, count};
  for (const std::string& level : available_targets()) {
    const TargetScope scope(level);
    const auto backend = make_host_backend(1);
    const auto& kernels = backend->kernels<GlmKernels>(DType::f64);
    for (const bool is_start : {true, false}) {
      GlmPass pass;
      pass.distribution = {GlmFamily::binomial, GlmLink::probit, 0, 1};
      pass.is_start = is_start;
      pass.intercept = 0.25;
      pass.coefficients = coefficients;
      pass.shift = shift;
      pass.scale = scale;
      const GlmRows rows{x.data(), y.data(), weights.data(), offset.data(), nullptr};
      std::vector<double> gram(static_cast<std::size_t>(sums.size())), factor(gram.size());
      kernels.accumulate(pass, rows, offsets, gram.data());
      kernels.factor(pass, rows, offsets, factor.data());
      std::vector<Real> want(width * width);
      const double* from = gram.data();
      for (std::size_t i = 0; i < width; ++i)
        for (std::size_t j = i; j < width; ++j) want[i * width + j] = want[j * width + i] = *from++;
      expect_products(factor, want, width, level);
      for (std::int64_t i = sums.products(); i < sums.size(); ++i)
        EXPECT_EQ(factor[static_cast<std::size_t>(i)], gram[static_cast<std::size_t>(i)]);
    }
  }
}

// P. Läuchli's matrix: what the columns do not share is lost when they are squared.
TEST(GlmFactors, small_differences_of_columns_are_kept) {
  const auto backend = make_host_backend(1);
  const auto& kernels = backend->kernels<GlmKernels>(DType::f64);
  const double e = 1e-9;
  const std::vector<double> x{1, 1, e, 0, 0, e};
  const std::vector<double> y{2, e, e};
  const std::vector<double> zeros(2, 0.), ones(2, 1.);
  GlmPass pass;
  pass.has_intercept = false;
  pass.coefficients = zeros;
  pass.shift = zeros;
  pass.scale = ones;
  for (const std::vector<std::int64_t>& offsets :
       {std::vector<std::int64_t>{0, 3}, std::vector<std::int64_t>{0, 1, 2, 3}}) {
    const std::size_t leaves = offsets.size() - 1;
    std::vector<double> payloads(6 * leaves);
    kernels.factor_targets(pass, {x.data(), y.data(), nullptr, nullptr, nullptr}, 1, offsets,
                           payloads.data());
    for (std::size_t leaf = 1; leaf < leaves; ++leaf)
      kernels.combine_factors(3, payloads.data(), payloads.data() + 6 * leaf);
    EXPECT_NEAR(std::abs(payloads[0]), 1, 1e-15);
    EXPECT_NEAR(std::abs(payloads[3]), std::sqrt(2.) * e, 1e-15);
    // the coefficients are 1 and 1, by what R has of the response
    const double second = payloads[4] / payloads[3];
    EXPECT_NEAR(second, 1, 1e-6);
    EXPECT_NEAR((payloads[2] - payloads[1] * second) / payloads[0], 1, 1e-6);
    EXPECT_LE(std::abs(payloads[5]), 1e-15);
  }
}

}  // namespace
}  // namespace serried::test
