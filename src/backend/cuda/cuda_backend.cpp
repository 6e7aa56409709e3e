// The CUDA backend, and the one symbol of libserried_cuda.so.
#include <array>
#include <cstdio>
#include <map>
#include <string>

#include "backend/cuda/cuda_device.hpp"
#include "backend/cuda/fill.hpp"
#include "backend/cuda/kernel_fields.hpp"
#include "backend/cuda/launch.hpp"
#include "backend/cuda/nccl_collectives.hpp"
#include "backend/cuda/nvtx_ranges.hpp"
#include "backend/cuda/system.hpp"
#include "device/cuda_module.hpp"
#include "serried/base/error.hpp"

namespace serried::cuda {
namespace {

// The table of kernels: one row for each KernelField, in its order.
constexpr std::array<MakeKernels, 11> kernel_table{
    make_moment_kernels, make_sum_kernels,    make_histogram_kernels, make_convert_kernels,
    make_random_kernels, make_kmeans_kernels, make_dense_kernels,     make_program_kernels,
    make_sort_kernels,   make_scan_kernels,   make_glm_kernels,
};

class CudaBackend final : public Backend {
 public:
  CudaBackend(int ordinal, std::shared_ptr<Backend> host)
      : host_(std::move(host)), device_(ordinal, *host_) {
    for (std::size_t field = 0; field < kernel_table.size(); ++field)
      for (std::size_t dtype = 0; dtype < dtypes; ++dtype)
        kernels_[field][dtype] = kernel_table[field](device_, static_cast<DType>(dtype));
  }

  [[nodiscard]] DeviceKind kind() const noexcept override { return DeviceKind::cuda; }
  [[nodiscard]] std::string description() const override {
    return std::string("cuda (") + device_.properties().name + ", device " +
           std::to_string(device_.ordinal()) + ')';
  }
  [[nodiscard]] std::string instruction_level() const override {
    return architecture_name(device_.properties());
  }

  [[nodiscard]] void* allocate(std::size_t bytes) override { return device_.allocate(bytes); }
  void deallocate(void* memory, std::size_t bytes) noexcept override {
    device_.deallocate(memory, bytes);
  }
  void copy_from_host(void* device, const void* from, std::size_t bytes) override {
    const auto lock = device_.lock();
    device_.upload(device, from, bytes);
  }
  void copy_to_host(void* to, const void* device, std::size_t bytes) override {
    const auto lock = device_.lock();
    device_.download(to, device, bytes);
  }
  void copy_on_device(void* to, const void* from, std::size_t bytes) override {
    const auto lock = device_.lock();
    device_.copy(to, from, bytes);
  }
  void fill_zero(void* memory, std::size_t bytes) override {
    const auto lock = device_.lock();
    device_.fill_zero(memory, bytes);
  }
  void fill(void* memory, std::uint32_t word, std::size_t words) override {
    const auto lock = device_.lock();
    cuda::fill(device_, memory, word, words);
  }
  [[nodiscard]] std::size_t peak_bytes() const noexcept override { return device_.peak_bytes(); }
  [[nodiscard]] std::size_t free_bytes() const override { return device_.memory().free; }
  [[nodiscard]] std::string collectives_id() override { return make_nccl_id(device_); }
  [[nodiscard]] std::unique_ptr<DeviceCollectives> make_collectives(
      const std::string& id, int rank, int ranks,
      const DeviceCollectivesOptions& options) override {
    return make_nccl_collectives(device_, id, rank, ranks, options);
  }
  [[nodiscard]] ProfilerRanges profiler_ranges() const noexcept override { return nvtx_ranges(); }
  [[nodiscard]] const ThreadPool& threads() const noexcept override { return host_->threads(); }

 private:
  static constexpr std::size_t dtypes = static_cast<std::size_t>(DType::timestamp) + 1;

  [[nodiscard]] const void* find_kernels(KernelField field, DType dtype) const override {
    const void* const kernels =
        kernels_[static_cast<std::size_t>(field)][static_cast<std::size_t>(dtype)].get();
    if (kernels == nullptr)
      throw InvalidArgument("the CUDA backend has no kernels of this field for dtype " +
                            std::string(name(dtype)));
    return kernels;
  }

  std::shared_ptr<Backend> host_;
  CudaDevice device_;
  std::array<std::array<std::shared_ptr<const void>, dtypes>, kernel_table.size()> kernels_;
};

std::shared_ptr<Backend> make_backend(int ordinal, std::shared_ptr<Backend> host) {
  return std::make_shared<CudaBackend>(ordinal, std::move(host));
}

}  // namespace
}  // namespace serried::cuda

extern "C" __attribute__((visibility("default"))) const serried::CudaModule* serried_cuda_module() {
  static const std::string identity = serried::cuda_build_identity();
  static const serried::CudaModule module{identity.c_str(), serried::cuda::read_system,
                                          serried::cuda::make_backend, serried::cuda::nccl_version};
  return &module;
}
