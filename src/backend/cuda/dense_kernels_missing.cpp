// Under emulation there is no cuBLAS and no cuSOLVER: this stands in for dense_kernels.cpp.
#ifdef SERRIED_CUDA_EMULATION

#include "backend/cuda/kernel_fields.hpp"
#include "serried/base/error.hpp"
#include "serried/device/dense_kernels.hpp"

namespace serried::cuda {
namespace {

class MissingDenseKernels final : public DenseKernels {
 public:
  void multiply(DenseOperand /*a*/, DenseOperand /*b*/, std::int64_t /*rows*/,
                std::int64_t /*inner*/, std::int64_t /*columns*/, void* /*out*/) const override {
    refuse();
  }
  void cholesky(const void* /*matrix*/, std::int64_t /*n*/, void* /*factor*/) const override {
    refuse();
  }
  void eigen_symmetric(const void* /*matrix*/, std::int64_t /*n*/, std::span<double> /*values*/,
                       void* /*vectors*/) const override {
    refuse();
  }

 private:
  [[noreturn]] static void refuse() {
    throw DeviceError("cuBLAS and cuSOLVER cannot be opened: the GPU is emulated");
  }
};

}  // namespace

std::shared_ptr<const void> make_dense_kernels(CudaDevice& /*device*/, DType dtype) {
  if (!DenseKernels::covers(dtype)) return nullptr;
  return std::shared_ptr<const DenseKernels>(std::make_shared<MissingDenseKernels>());
}

}  // namespace serried::cuda

#endif
