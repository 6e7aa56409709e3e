// Small replicated matrices with cuBLAS and cuSOLVER. Both read matrices by columns: what is C
// order here is the transpose there.
#include "serried/device/dense_kernels.hpp"

#include <algorithm>
#include <memory>
#include <string>
#include <type_traits>
#include <vector>

#include "backend/cuda/dense_libraries.hpp"
#include "backend/cuda/dense_steps.hpp"
#include "backend/cuda/kernel_fields.hpp"
#include "backend/cuda/launch.hpp"
#include "serried/base/error.hpp"

namespace serried::cuda {
namespace {

// The lower triangle in C order.
constexpr cublasFillMode_t lower_triangle = CUBLAS_FILL_MODE_UPPER;
// What NVIDIA recommends for its newer cards; fixed, because algorithms are chosen by it.
constexpr std::size_t cublas_workspace_bytes = std::size_t{32} << 20;

// cuBLAS on the device's stream.
class CublasHandle {
 public:
  explicit CublasHandle(CudaDevice& device) : libraries_(dense_libraries()) {
    check(libraries_.cublas_create(&handle_), "cublasCreate");
    try {
      check(libraries_.cublas_set_stream(handle_, device.stream()), "cublasSetStream");
      // Neither TF32 nor emulated arithmetic, whatever the environment says; the same bits each
      // time.
      check(libraries_.cublas_set_math_mode(handle_, CUBLAS_PEDANTIC_MATH), "cublasSetMathMode");
      check(libraries_.cublas_set_atomics_mode(handle_, CUBLAS_ATOMICS_NOT_ALLOWED),
            "cublasSetAtomicsMode");
    } catch (...) {
      static_cast<void>(libraries_.cublas_destroy(handle_));
      throw;
    }
  }
  ~CublasHandle() { static_cast<void>(libraries_.cublas_destroy(handle_)); }
  CublasHandle(const CublasHandle&) = delete;
  CublasHandle& operator=(const CublasHandle&) = delete;

  [[nodiscard]] cublasHandle_t get() const noexcept { return handle_; }

 private:
  const DenseLibraries& libraries_;
  cublasHandle_t handle_ = nullptr;
};

// cuSOLVER on the device's stream.
class CusolverHandle {
 public:
  explicit CusolverHandle(CudaDevice& device) : libraries_(dense_libraries()) {
    check(libraries_.cusolver_create(&handle_), "cusolverDnCreate");
    try {
      check(libraries_.cusolver_set_stream(handle_, device.stream()), "cusolverDnSetStream");
      check(libraries_.cusolver_create_params(&params_), "cusolverDnCreateParams");
    } catch (...) {
      static_cast<void>(libraries_.cusolver_destroy(handle_));
      throw;
    }
  }
  ~CusolverHandle() {
    static_cast<void>(libraries_.cusolver_destroy_params(params_));
    static_cast<void>(libraries_.cusolver_destroy(handle_));
  }
  CusolverHandle(const CusolverHandle&) = delete;
  CusolverHandle& operator=(const CusolverHandle&) = delete;

  [[nodiscard]] cusolverDnHandle_t get() const noexcept { return handle_; }
  [[nodiscard]] cusolverDnParams_t params() const noexcept { return params_; }

 private:
  const DenseLibraries& libraries_;
  cusolverDnHandle_t handle_ = nullptr;
  cusolverDnParams_t params_ = nullptr;
};

// What a call of cuSOLVER works in, and its result.
struct Workspace {
  std::size_t device_bytes = 0;
  std::size_t host_bytes = 0;
  Scratch device;
  std::vector<std::byte> host;
  Scratch info;

  void allocate(CudaDevice& on) {
    device = Scratch(on, device_bytes);
    host.resize(host_bytes);
    info = Scratch(on, sizeof(int));
  }
  // Waits for the call.
  [[nodiscard]] int read_info(CudaDevice& on, const char* call) const {
    int result = 0;
    on.download(&result, info.as<void>(), sizeof result);
    if (result < 0)
      throw DeviceError(std::string(call) + ": its parameter " + std::to_string(-result) +
                        " is wrong");
    return result;
  }
};

template <class T>
class CudaDenseKernels final : public DenseKernels {
 public:
  explicit CudaDenseKernels(CudaDevice& device) : device_(device) {}

  void multiply(DenseOperand a, DenseOperand b, std::int64_t rows, std::int64_t inner,
                std::int64_t columns, void* out) const override {
    if (rows == 0 || columns == 0) return;
    const auto lock = device_.lock();
    device_.make_current();
    if (inner == 0) {
      device_.fill_zero(out, static_cast<std::size_t>(rows * columns) * sizeof(T));
      return;
    }
    const DenseLibraries& libraries = dense_libraries();
    if (cublas_ == nullptr) cublas_ = std::make_unique<CublasHandle>(device_);
    const Scratch workspace(device_, cublas_workspace_bytes);
    check(libraries.cublas_set_workspace(cublas_->get(), workspace.as<void>(), workspace.bytes()),
          "cublasSetWorkspace");
    // C^T = B^T A^T
    const T one = 1, zero = 0;
    const auto gemm = [&](auto function, const char* call) {
      check(function(cublas_->get(), b.is_transposed ? CUBLAS_OP_T : CUBLAS_OP_N,
                     a.is_transposed ? CUBLAS_OP_T : CUBLAS_OP_N, columns, rows, inner, &one,
                     static_cast<const T*>(b.data), b.is_transposed ? inner : columns,
                     static_cast<const T*>(a.data), a.is_transposed ? rows : inner, &zero,
                     static_cast<T*>(out), columns),
            call);
    };
    if constexpr (std::is_same_v<T, float>)
      gemm(libraries.cublas_sgemm, "cublasSgemm");
    else
      gemm(libraries.cublas_dgemm, "cublasDgemm");
  }

  void cholesky(const void* matrix, std::int64_t n, void* factor) const override {
    if (n == 0) return;
    const auto lock = device_.lock();
    device_.make_current();
    const DenseLibraries& libraries = dense_libraries();
    open_cusolver();
    copy_matrix(matrix, n, factor);
    Workspace workspace;
    check(libraries.cusolver_potrf_bytes(cusolver_->get(), cusolver_->params(), lower_triangle, n,
                                         type, factor, n, type, &workspace.device_bytes,
                                         &workspace.host_bytes),
          "cusolverDnXpotrf_bufferSize");
    workspace.allocate(device_);
    check(libraries.cusolver_potrf(cusolver_->get(), cusolver_->params(), lower_triangle, n, type,
                                   factor, n, type, workspace.device.as<void>(),
                                   workspace.device_bytes, workspace.host.data(),
                                   workspace.host_bytes, workspace.info.as<int>()),
          "cusolverDnXpotrf");
    const int info = workspace.read_info(device_, "cusolverDnXpotrf");
    // It goes on with NaN, which then stands on the diagonal.
    auto* const lower = static_cast<T*>(factor);
    const std::int64_t done = info > 0 ? info - 1 : n;
    const std::int64_t good = std::min(done, positive_diagonal(device_, lower, n));
    if (good < n)
      throw NumericError("the matrix is not positive definite: its leading minor of order " +
                         std::to_string(good + 1) + " is not a positive number");
    clear_above_diagonal(device_, lower, n);
  }

  void eigen_symmetric(const void* matrix, std::int64_t n, std::span<double> values,
                       void* vectors) const override {
    if (n == 0) return;
    const auto lock = device_.lock();
    device_.make_current();
    const DenseLibraries& libraries = dense_libraries();
    open_cusolver();
    if (!is_lower_finite(device_, static_cast<const T*>(matrix), n))
      throw NumericError("the matrix has no eigenvalues: it holds NaN or infinity");
    copy_matrix(matrix, n, vectors);
    const Scratch found(device_, static_cast<std::size_t>(n) * sizeof(T));
    Workspace workspace;
    check(libraries.cusolver_syevd_bytes(cusolver_->get(), cusolver_->params(),
                                         CUSOLVER_EIG_MODE_VECTOR, lower_triangle, n, type, vectors,
                                         n, type, found.as<void>(), type, &workspace.device_bytes,
                                         &workspace.host_bytes),
          "cusolverDnXsyevd_bufferSize");
    workspace.allocate(device_);
    check(libraries.cusolver_syevd(cusolver_->get(), cusolver_->params(), CUSOLVER_EIG_MODE_VECTOR,
                                   lower_triangle, n, type, vectors, n, type, found.as<void>(),
                                   type, workspace.device.as<void>(), workspace.device_bytes,
                                   workspace.host.data(), workspace.host_bytes,
                                   workspace.info.as<int>()),
          "cusolverDnXsyevd");
    if (workspace.read_info(device_, "cusolverDnXsyevd") > 0)
      throw NumericError("the eigenvalues of the matrix were not found: no convergence");
    fix_signs(device_, static_cast<T*>(vectors), n);
    std::vector<T> host_values(static_cast<std::size_t>(n));
    device_.download(host_values.data(), found.as<void>(), found.bytes());
    std::ranges::copy(host_values, values.begin());
  }

 private:
  static constexpr cudaDataType type = std::is_same_v<T, float> ? CUDA_R_32F : CUDA_R_64F;

  void open_cusolver() const {
    if (cusolver_ == nullptr) cusolver_ = std::make_unique<CusolverHandle>(device_);
  }

  void copy_matrix(const void* matrix, std::int64_t n, void* to) const {
    if (matrix != to) device_.copy(to, matrix, static_cast<std::size_t>(n * n) * sizeof(T));
  }

  CudaDevice& device_;
  // Made at the first call, under the device's lock.
  mutable std::unique_ptr<CublasHandle> cublas_;
  mutable std::unique_ptr<CusolverHandle> cusolver_;
};

template <class T>
std::shared_ptr<const DenseKernels> kernels_of(CudaDevice& device) {
  return std::make_shared<CudaDenseKernels<T>>(device);
}

}  // namespace

std::shared_ptr<const void> make_dense_kernels(CudaDevice& device, DType dtype) {
  switch (dtype) {
    case DType::f32:
      return kernels_of<float>(device);
    case DType::f64:
      return kernels_of<double>(device);
    default:
      return nullptr;
  }
}

}  // namespace serried::cuda
