// Eigen on one thread. Its bits depend on sizes, on the vector width (that of x86-64-v3
// everywhere), on the cache sizes by which it blocks, and on the alignment of memory: both are
// fixed here.
#include "serried/device/dense_kernels.hpp"

#define EIGEN_DONT_PARALLELIZE
#include <Eigen/Cholesky>
#include <Eigen/Core>
#include <Eigen/Eigenvalues>
#include <algorithm>
#include <cmath>
#include <string>

#include "backend/host/kernel_tables.hpp"
#include "serried/base/error.hpp"

namespace serried::host {
namespace {

void fix_cache_sizes() {
  static const bool is_fixed = [] {
    Eigen::setCpuCacheSizes(32 << 10, 512 << 10, 4 << 20);
    return true;
  }();
  static_cast<void>(is_fixed);
}

template <class T, int order>
using MatrixOf = Eigen::Matrix<T, Eigen::Dynamic, Eigen::Dynamic, order>;

// A copy, aligned always alike.
template <class T>
MatrixOf<T, Eigen::RowMajor> rows_of(const void* data, std::int64_t rows, std::int64_t columns) {
  return Eigen::Map<const MatrixOf<T, Eigen::RowMajor>>(static_cast<const T*>(data), rows, columns);
}

template <class T>
class HostDenseKernels final : public DenseKernels {
 public:
  HostDenseKernels() { fix_cache_sizes(); }

  void multiply(DenseOperand a, DenseOperand b, std::int64_t rows, std::int64_t inner,
                std::int64_t columns, void* out) const override {
    if (rows == 0 || columns == 0) return;
    const auto left = operand(a, rows, inner);
    const auto right = operand(b, inner, columns);
    MatrixOf<T, Eigen::RowMajor> product(rows, columns);
    if (inner == 0)
      product.setZero();
    else
      product.noalias() = left * right;
    std::copy_n(product.data(), rows * columns, static_cast<T*>(out));
  }

  void cholesky(const void* matrix, std::int64_t n, void* factor) const override {
    if (n == 0) return;
    MatrixOf<T, Eigen::ColMajor> lower = rows_of<T>(matrix, n, n);
    // What LLT calls, which keeps the number of the bad pivot to itself; -1 where there is none. It
    // goes on with NaN and infinity, which then stand on the diagonal.
    const std::int64_t bad = Eigen::internal::llt_inplace<T, Eigen::Lower>::blocked(lower);
    const std::int64_t done = bad < 0 ? n : bad;
    std::int64_t good = 0;
    while (good < done && std::isfinite(lower(good, good))) ++good;
    if (good < n)
      throw NumericError("the matrix is not positive definite: its leading minor of order " +
                         std::to_string(good + 1) + " is not a positive number");
    auto* const out = static_cast<T*>(factor);
    for (std::int64_t i = 0; i < n; ++i)
      for (std::int64_t j = 0; j < n; ++j) out[i * n + j] = j <= i ? lower(i, j) : T{0};
  }

  void eigen_symmetric(const void* matrix, std::int64_t n, std::span<double> values,
                       void* vectors) const override {
    if (n == 0) return;
    const MatrixOf<T, Eigen::ColMajor> a = rows_of<T>(matrix, n, n);
    for (std::int64_t i = 0; i < n; ++i)
      for (std::int64_t j = 0; j <= i; ++j)
        if (!std::isfinite(a(i, j)))
          throw NumericError("the matrix has no eigenvalues: it holds NaN or infinity");
    const Eigen::SelfAdjointEigenSolver<MatrixOf<T, Eigen::ColMajor>> solver(a);
    if (solver.info() != Eigen::Success)
      throw NumericError("the eigenvalues of the matrix were not found: no convergence");
    auto* const out = static_cast<T*>(vectors);
    for (std::int64_t i = 0; i < n; ++i) {
      values[static_cast<std::size_t>(i)] = static_cast<double>(solver.eigenvalues()(i));
      const T* const vector = solver.eigenvectors().data() + i * n;
      const T* const largest =
          std::max_element(vector, vector + n, [](T x, T y) { return std::abs(x) < std::abs(y); });
      const T sign = *largest < 0 ? T{-1} : T{1};
      std::transform(vector, vector + n, out + i * n, [&](T x) { return sign * x; });
    }
  }

 private:
  static MatrixOf<T, Eigen::RowMajor> operand(DenseOperand operand, std::int64_t rows,
                                              std::int64_t columns) {
    if (!operand.is_transposed) return rows_of<T>(operand.data, rows, columns);
    return rows_of<T>(operand.data, columns, rows).transpose();
  }
};

template <class T>
const void* kernels_of() {
  static const HostDenseKernels<T> kernels;
  return static_cast<const DenseKernels*>(&kernels);
}

}  // namespace

const void* find_dense_kernels(DType dtype) {
  switch (dtype) {
    case DType::f32:
      return kernels_of<float>();
    case DType::f64:
      return kernels_of<double>();
    default:
      return nullptr;
  }
}

}  // namespace serried::host
