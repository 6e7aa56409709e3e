#include "serried/device/scan_kernels.hpp"

#include <memory>

#include "backend/cuda/kernel_fields.hpp"
#include "serried/base/error.hpp"

namespace serried::cuda {
namespace {

[[noreturn]] void throw_no_scan() {
  throw DeviceError("arrays are scanned by the host backend; the CUDA backend has no scan yet");
}

class CudaScanKernels final : public ScanKernels {
 public:
  [[nodiscard]] std::int64_t state_bytes(ScanOp /*op*/) const noexcept override { return 32; }
  void clear(ScanOp /*op*/, std::byte* /*states*/, std::int64_t /*columns*/) const override {
    throw_no_scan();
  }
  bool scan(const ScanRows& /*rows*/, std::byte* /*states*/, std::byte* /*out*/) const override {
    throw_no_scan();
  }
  void append(ScanOp /*op*/, std::byte* /*states*/, const std::byte* /*block*/,
              std::int64_t /*columns*/) const override {
    throw_no_scan();
  }
};

}  // namespace

std::shared_ptr<const void> make_scan_kernels(CudaDevice& /*device*/, DType dtype) {
  if (!ScanKernels::covers(dtype)) return nullptr;
  return std::shared_ptr<const ScanKernels>(std::make_shared<CudaScanKernels>());
}

}  // namespace serried::cuda
