#include "serried/device/program_kernels.hpp"

#include "backend/cuda/kernel_fields.hpp"
#include "serried/base/error.hpp"

namespace serried::cuda {
namespace {

class CudaProgramKernels final : public ProgramKernels {
 public:
  [[nodiscard]] std::shared_ptr<const CompiledProgram> compile(Program /*program*/) const override {
    throw DeviceError("programs are evaluated by the host backend; the CUDA backend has none yet");
  }
};

}  // namespace

std::shared_ptr<const void> make_program_kernels(CudaDevice& /*device*/, DType dtype) {
  if (!ProgramKernels::covers(dtype)) return nullptr;
  return std::shared_ptr<const ProgramKernels>(std::make_shared<CudaProgramKernels>());
}

}  // namespace serried::cuda
