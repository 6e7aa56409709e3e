#pragma once

#include <cstdint>
#include <span>

#include "serried/base/api.hpp"
#include "serried/base/dtype.hpp"
#include "serried/device/kernel_field.hpp"

namespace SERRIED_API serried {

/// A matrix in a product; it lies on the device.
struct DenseOperand {
  const void* data = nullptr;
  bool is_transposed = false;  ///< data holds the transpose, in C order
};

/// Dense linear algebra of small replicated matrices, for f32 and f64, computed in their dtype.
/// Matrices lie on the device, in C order without gaps, like row data; eigenvalues lie in host
/// memory. The bits of a result depend on the matrices and their sizes alone: neither on the number
/// of threads nor on what a call before did. Tall products (one side grows with the rows) have
/// kernels of their own.
class DenseKernels {
 public:
  static constexpr KernelField field = KernelField::dense;
  static constexpr bool covers(DType dtype) noexcept {
    return dtype == DType::f32 || dtype == DType::f64;
  }
  virtual ~DenseKernels() = default;

  /// C = A B, with A (rows, inner), B (inner, columns) and C (rows, columns). A product with inner
  /// = 0 is zero. `out` must not overlap the operands.
  /// @throws DeviceError if the device's library fails.
  virtual void multiply(DenseOperand a, DenseOperand b, std::int64_t rows, std::int64_t inner,
                        std::int64_t columns, void* out) const = 0;

  /// The lower triangular L (n, n) with A = L L^T and a positive diagonal, of a symmetric positive
  /// definite A (n, n). Above its diagonal A is not read, and L is zero. `factor` may be the
  /// matrix's own memory, else the two must not overlap; where this throws its content is lost.
  /// @throws NumericError naming the order of the first leading minor that is not positive, or not
  /// finite. DeviceError if the device's library fails.
  virtual void cholesky(const void* matrix, std::int64_t n, void* factor) const = 0;

  /// A = V^T diag(values) V for a symmetric A (n, n): values (n) ascend, in host memory, and row i
  /// of V (n, n), `vectors`, is the unit eigenvector of values[i]. The sign of each vector is such
  /// that its component of the largest magnitude (the first one of those) is positive; eigenvectors
  /// of equal eigenvalues are any orthonormal basis. Above its diagonal A is not read. `vectors`
  /// may be the matrix's own memory, else the two must not overlap.
  /// @throws NumericError if A holds NaN or infinity, or the iteration does not converge.
  /// DeviceError if the device's library fails.
  virtual void eigen_symmetric(const void* matrix, std::int64_t n, std::span<double> values,
                               void* vectors) const = 0;
};

}  // namespace serried
