#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <memory>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "serried/base/error.hpp"
#include "serried/base/philox.hpp"
#include "serried/device/backend.hpp"
#include "serried/device/buffer.hpp"
#include "serried/device/dense_kernels.hpp"

namespace serried::test {

/// The dense kernels of a backend on matrices in host memory, for T = float and double.
template <class T>
class Dense {
 public:
  using Matrix = std::vector<T>;
  struct Eigen {
    std::vector<double> values;
    Matrix vectors;
  };

  /// @param shift matrices lie that many elements behind an aligned address.
  explicit Dense(std::shared_ptr<Backend> backend, std::size_t shift = 0)
      : backend_(std::move(backend)), shift_(shift) {}

  [[nodiscard]] Matrix multiply(const Matrix& a, bool is_a_transposed, const Matrix& b,
                                bool is_b_transposed, std::int64_t rows, std::int64_t inner,
                                std::int64_t columns) const {
    const Buffer left = on_device(a);
    const Buffer right = on_device(b);
    Buffer out = on_device(Matrix(static_cast<std::size_t>(rows * columns), T{77}));
    kernels().multiply({.data = at(left), .is_transposed = is_a_transposed},
                       {.data = at(right), .is_transposed = is_b_transposed}, rows, inner, columns,
                       at(out));
    return on_host(out, rows * columns);
  }
  [[nodiscard]] Matrix cholesky(const Matrix& a, std::int64_t n, bool is_in_place = false) const {
    Buffer matrix = on_device(a);
    Buffer factor = on_device(Matrix(a.size(), T{77}));
    kernels().cholesky(at(matrix), n, is_in_place ? at(matrix) : at(factor));
    return on_host(is_in_place ? matrix : factor, n * n);
  }
  [[nodiscard]] Eigen eigen(const Matrix& a, std::int64_t n, bool is_in_place = false) const {
    Buffer matrix = on_device(a);
    Buffer vectors = on_device(Matrix(a.size(), T{77}));
    Eigen result;
    result.values.resize(static_cast<std::size_t>(n));
    kernels().eigen_symmetric(at(matrix), n, result.values, is_in_place ? at(matrix) : at(vectors));
    result.vectors = on_host(is_in_place ? matrix : vectors, n * n);
    return result;
  }

 private:
  [[nodiscard]] const DenseKernels& kernels() const {
    return backend_->kernels<DenseKernels>(dtype_of<T>);
  }
  [[nodiscard]] Buffer on_device(const Matrix& values) const {
    Buffer buffer(backend_, (values.size() + shift_ + 1) * sizeof(T));
    backend_->copy_from_host(at(buffer), values.data(), values.size() * sizeof(T));
    return buffer;
  }
  [[nodiscard]] Matrix on_host(const Buffer& buffer, std::int64_t count) const {
    Matrix result(static_cast<std::size_t>(count));
    backend_->copy_to_host(result.data(), at(buffer), result.size() * sizeof(T));
    return result;
  }
  [[nodiscard]] T* at(Buffer& buffer) const { return reinterpret_cast<T*>(buffer.data()) + shift_; }
  [[nodiscard]] const T* at(const Buffer& buffer) const {
    return reinterpret_cast<const T*>(buffer.data()) + shift_;
  }

  std::shared_ptr<Backend> backend_;
  std::size_t shift_;
};

/// A number in [-1, 1) for each index.
template <class T>
T dense_number(std::int64_t index) {
  return static_cast<T>(
      2 * to_unit_interval(philox_words(11, 4, static_cast<std::uint64_t>(index))[0]) - 1);
}

/// A symmetric matrix; above the diagonal, which is not to be read, it is NaN.
template <class T>
std::vector<T> symmetric_matrix(std::int64_t n) {
  std::vector<T> a(static_cast<std::size_t>(n * n), std::numeric_limits<T>::quiet_NaN());
  for (std::int64_t i = 0; i < n; ++i)
    for (std::int64_t j = 0; j <= i; ++j)
      a[static_cast<std::size_t>(i * n + j)] = dense_number<T>(i * n + j);
  return a;
}

/// A = G G^T + I, above the diagonal NaN.
template <class T>
std::vector<T> positive_matrix(std::int64_t n) {
  std::vector<T> a(static_cast<std::size_t>(n * n), std::numeric_limits<T>::quiet_NaN());
  for (std::int64_t i = 0; i < n; ++i)
    for (std::int64_t j = 0; j <= i; ++j) {
      double sum = i == j ? 1 : 0;
      for (std::int64_t k = 0; k < n; ++k)
        sum += dense_number<double>(i * n + k) * dense_number<double>(j * n + k);
      a[static_cast<std::size_t>(i * n + j)] = static_cast<T>(sum);
    }
  return a;
}

/// Element (i, j) of a symmetric matrix of which the lower triangle is given.
template <class T>
long double symmetric_at(const std::vector<T>& a, std::int64_t n, std::int64_t i, std::int64_t j) {
  return static_cast<long double>(a[static_cast<std::size_t>(std::max(i, j) * n + std::min(i, j))]);
}

/// ||A||, Frobenius.
template <class T>
long double symmetric_norm(const std::vector<T>& a, std::int64_t n) {
  long double sum = 0;
  for (std::int64_t i = 0; i < n; ++i)
    for (std::int64_t j = 0; j < n; ++j) sum += symmetric_at(a, n, i, j) * symmetric_at(a, n, i, j);
  return std::sqrt(sum);
}

/// L is lower triangular with a positive diagonal, and ||A - L L^T|| < 10 n eps ||A||.
template <class T>
void expect_cholesky(const std::vector<T>& a, std::int64_t n, const std::vector<T>& l) {
  const auto at = [&](std::int64_t i, std::int64_t j) {
    return static_cast<long double>(l[static_cast<std::size_t>(i * n + j)]);
  };
  long double sum = 0;
  for (std::int64_t i = 0; i < n; ++i) {
    EXPECT_GT(at(i, i), 0);
    for (std::int64_t j = 0; j < n; ++j) {
      if (j > i) {
        ASSERT_EQ(at(i, j), 0) << i << ' ' << j;
      }
      long double rest = symmetric_at(a, n, i, j);
      for (std::int64_t k = 0; k <= std::min(i, j); ++k) rest -= at(i, k) * at(j, k);
      sum += rest * rest;
    }
  }
  EXPECT_LE(std::sqrt(sum), 10 * static_cast<long double>(n) *
                                static_cast<long double>(std::numeric_limits<T>::epsilon()) *
                                symmetric_norm(a, n))
      << "n = " << n;
}

/// Values ascend, ||A V^T - V^T diag(values)|| < 10 n eps ||A||, ||V V^T - I|| < 10 n eps, signs.
template <class T>
void expect_eigen(const std::vector<T>& a, std::int64_t n, const typename Dense<T>::Eigen& eigen) {
  const auto at = [&](std::int64_t i, std::int64_t j) {
    return static_cast<long double>(eigen.vectors[static_cast<std::size_t>(i * n + j)]);
  };
  EXPECT_TRUE(std::ranges::is_sorted(eigen.values));
  long double residual = 0, skew = 0;
  for (std::int64_t v = 0; v < n; ++v) {
    const auto value = static_cast<long double>(eigen.values[static_cast<std::size_t>(v)]);
    std::int64_t largest = 0;
    for (std::int64_t i = 0; i < n; ++i) {
      long double rest = -value * at(v, i);
      long double dot = i == v ? -1 : 0;
      for (std::int64_t k = 0; k < n; ++k) {
        rest += symmetric_at(a, n, i, k) * at(v, k);
        dot += at(v, k) * at(i, k);
      }
      residual += rest * rest;
      skew += dot * dot;
      if (std::abs(at(v, i)) > std::abs(at(v, largest))) largest = i;
    }
    EXPECT_GT(at(v, largest), 0) << "the sign of vector " << v << ", n = " << n;
  }
  const long double unit = 10 * static_cast<long double>(n) *
                           static_cast<long double>(std::numeric_limits<T>::epsilon());
  EXPECT_LE(std::sqrt(residual), unit * symmetric_norm(a, n)) << "n = " << n;
  EXPECT_LE(std::sqrt(skew), unit) << "n = " << n;
}

/// The order of the leading minor that the NumericError of cholesky names; 0 where there is none.
template <class T>
std::int64_t bad_minor(const Dense<T>& dense, const std::vector<T>& a, std::int64_t n) {
  try {
    static_cast<void>(dense.cholesky(a, n));
  } catch (const NumericError& error) {
    const std::string text = error.what();
    return std::stoll(text.substr(text.find("order ") + 6));
  }
  return 0;
}

template <class T>
void check_cholesky(const Dense<T>& dense) {
  EXPECT_TRUE(dense.cholesky({}, 0).empty());
  EXPECT_EQ(dense.cholesky({9}, 1), std::vector<T>({3}));
  // exact in small integers
  EXPECT_EQ(dense.cholesky({4, 12, -16, 12, 37, -43, -16, -43, 98}, 3),
            std::vector<T>({2, 0, 0, 6, 1, 0, -8, 5, 3}));
  for (const std::int64_t n : {1, 2, 3, 17, 31, 32, 33, 100, 260}) {
    const auto a = positive_matrix<T>(n);
    const auto l = dense.cholesky(a, n);
    expect_cholesky(a, n, l);
    EXPECT_EQ(dense.cholesky(a, n, true), l);
  }
}

template <class T>
void check_cholesky_errors(const Dense<T>& dense) {
  EXPECT_EQ(bad_minor(dense, {0}, 1), 1);
  EXPECT_EQ(bad_minor(dense, {-1}, 1), 1);
  EXPECT_EQ(bad_minor(dense, {1, 0, 2, 3}, 2), 2);  // [1 2; 2 3]
  constexpr T infinity = std::numeric_limits<T>::infinity();
  for (const std::int64_t n : {17, 100, 260}) {
    const auto positive = positive_matrix<T>(n);
    for (const std::int64_t row : {std::int64_t{0}, std::int64_t{1}, n / 2, n - 1}) {
      const auto place = static_cast<std::size_t>(row * n + row);
      for (const T value :
           {T{-1}, T{0}, std::numeric_limits<T>::quiet_NaN(), infinity, -infinity}) {
        auto a = positive;
        a[place] = value;
        EXPECT_EQ(bad_minor(dense, a, n), row + 1) << n << ' ' << value;
      }
      if (row == 0) continue;
      auto a = positive;
      a[place - 1] = std::numeric_limits<T>::quiet_NaN();
      EXPECT_EQ(bad_minor(dense, a, n), row + 1) << n;
    }
  }
}

template <class T>
void check_eigen(const Dense<T>& dense) {
  EXPECT_TRUE(dense.eigen({}, 0).values.empty());
  const auto one = dense.eigen({-5}, 1);
  EXPECT_EQ(one.values, std::vector<double>({-5}));
  EXPECT_EQ(one.vectors, std::vector<T>({1}));
  // [2 1; 1 2] has the eigenvalues 1 and 3, and vectors with both components alike
  expect_eigen<T>({2, 0, 1, 2}, 2, dense.eigen({2, 0, 1, 2}, 2));
  const double eps = static_cast<double>(std::numeric_limits<T>::epsilon());
  for (const std::int64_t n : {2, 3, 17, 33, 100, 150}) {
    const auto count = static_cast<std::size_t>(n * n);
    const auto a = symmetric_matrix<T>(n);
    const auto result = dense.eigen(a, n);
    expect_eigen(a, n, result);
    const auto again = dense.eigen(a, n, true);
    EXPECT_EQ(again.values, result.values);
    EXPECT_EQ(again.vectors, result.vectors);

    // -1, 2, -1 on three diagonals: 2 - 2 cos(k pi / (n + 1)) = 4 sin^2(k pi / (2 (n + 1)))
    std::vector<T> laplace(count);
    std::vector<T> degenerate(count, 1);  // I + ones: 1, n - 1 times, and n + 1
    std::vector<T> identity(count);
    for (std::int64_t i = 0; i < n; ++i) {
      const auto diagonal = static_cast<std::size_t>(i * n + i);
      laplace[diagonal] = 2;
      if (i > 0) laplace[diagonal - 1] = -1;
      degenerate[diagonal] = 2;
      identity[diagonal] = 1;
    }
    const auto waves = dense.eigen(laplace, n);
    expect_eigen(laplace, n, waves);
    const auto ones = dense.eigen(degenerate, n);
    expect_eigen(degenerate, n, ones);
    const auto units = dense.eigen(identity, n);
    expect_eigen(identity, n, units);
    const auto size = static_cast<double>(n);
    for (std::int64_t k = 0; k < n; ++k) {
      const auto at = static_cast<std::size_t>(k);
      const double sine =
          std::sin(static_cast<double>(k + 1) * std::acos(-1.0) / (2 * static_cast<double>(n + 1)));
      EXPECT_NEAR(waves.values[at], 4 * sine * sine, 4 * (size + 10) * eps) << n << ' ' << k;
      EXPECT_NEAR(ones.values[at], k < n - 1 ? 1 : size + 1, 20 * size * eps) << n << ' ' << k;
      EXPECT_NEAR(units.values[at], 1, 20 * eps);
    }
    const auto zero = dense.eigen(std::vector<T>(count), n);
    expect_eigen(std::vector<T>(count), n, zero);
  }
  for (const T value : {std::numeric_limits<T>::quiet_NaN(), std::numeric_limits<T>::infinity()}) {
    auto a = symmetric_matrix<T>(17);
    a[5 * 17 + 3] = value;
    EXPECT_THROW((void)dense.eigen(a, 17), NumericError);
  }
}

template <class T>
void check_multiply(const Dense<T>& dense) {
  for (const std::int64_t rows : {0, 1, 2, 17, 100})
    for (const std::int64_t columns : {0, 1, 3, 17, 64})
      for (const std::int64_t inner : {0, 1, 5, 33, 300})
        for (const bool is_a_transposed : {false, true})
          for (const bool is_b_transposed : {false, true}) {
            std::vector<T> a(static_cast<std::size_t>(rows * inner));
            std::vector<T> b(static_cast<std::size_t>(inner * columns));
            for (std::size_t i = 0; i < a.size(); ++i)
              a[i] = dense_number<T>(static_cast<std::int64_t>(i));
            for (std::size_t i = 0; i < b.size(); ++i)
              b[i] = dense_number<T>(100'000 + static_cast<std::int64_t>(i));
            const auto c =
                dense.multiply(a, is_a_transposed, b, is_b_transposed, rows, inner, columns);
            for (std::int64_t i = 0; i < rows; ++i)
              for (std::int64_t j = 0; j < columns; ++j) {
                long double sum = 0, magnitude = 0;
                for (std::int64_t k = 0; k < inner; ++k) {
                  const long double product =
                      static_cast<long double>(a[static_cast<std::size_t>(
                          is_a_transposed ? k * rows + i : i * inner + k)]) *
                      static_cast<long double>(b[static_cast<std::size_t>(
                          is_b_transposed ? j * inner + k : k * columns + j)]);
                  sum += product;
                  magnitude += std::abs(product);
                }
                // n eps sum |a b| bounds any order of summation
                const auto bound = static_cast<double>(
                    static_cast<long double>(inner + 1) *
                    static_cast<long double>(std::numeric_limits<T>::epsilon()) * magnitude);
                ASSERT_NEAR(static_cast<double>(c[static_cast<std::size_t>(i * columns + j)]),
                            static_cast<double>(sum), bound)
                    << rows << ' ' << inner << ' ' << columns << ' ' << is_a_transposed << ' '
                    << is_b_transposed;
              }
          }
}

}  // namespace serried::test
