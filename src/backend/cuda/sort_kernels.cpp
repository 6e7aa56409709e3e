#include "serried/device/sort_kernels.hpp"

#include <memory>

#include "backend/cuda/kernel_fields.hpp"
#include "serried/base/error.hpp"

namespace serried::cuda {
namespace {

class CudaSortKernels final : public SortKernels {
 public:
  void sort(std::span<KeyPlace> /*pairs*/) const override { refuse(); }
  void sort_keys(std::span<std::uint64_t> /*keys*/) const override { refuse(); }

 private:
  [[noreturn]] static void refuse() {
    throw DeviceError("arrays are sorted by the host backend; the CUDA backend has no sort yet");
  }
};

}  // namespace

std::shared_ptr<const void> make_sort_kernels(CudaDevice& /*device*/, DType dtype) {
  if (!SortKernels::covers(dtype)) return nullptr;
  return std::shared_ptr<const SortKernels>(std::make_shared<CudaSortKernels>());
}

}  // namespace serried::cuda
