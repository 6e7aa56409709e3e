#include <sys/mman.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <string>

#include "backend/host/kernel_tables.hpp"
#include "backend/host/simd_target.hpp"
#include "serried/device/backend.hpp"
#include "serried/device/collectives.hpp"

namespace serried {
namespace host {
namespace {

// The table of kernels: one row for each KernelField, in its order.
constexpr std::array<FindKernels, 11> kernel_table{
    find_moment_kernels, find_sum_kernels,    find_histogram_kernels, find_convert_kernels,
    find_random_kernels, find_kmeans_kernels, find_dense_kernels,     find_program_kernels,
    find_sort_kernels,   find_scan_kernels,   find_glm_kernels,
};

class HostBackend final : public Backend {
 public:
  explicit HostBackend(int threads) : pool_(threads) {}

  [[nodiscard]] DeviceKind kind() const noexcept override { return DeviceKind::host; }
  [[nodiscard]] std::string description() const override {
    return "host (" + std::to_string(pool_.threads()) +
           (pool_.threads() == 1 ? " thread, " : " threads, ") + simd_target_name() + ")";
  }
  [[nodiscard]] std::string instruction_level() const override { return simd_target_name(); }

  [[nodiscard]] void* allocate(std::size_t bytes) override {
    const bool is_large = bytes >= huge_page_threshold;
    const std::size_t unit = is_large ? huge_page_bytes : alignment;
    void* memory = std::aligned_alloc(unit, round_up(bytes, unit));
    if (memory == nullptr)
      throw DeviceError("out of memory: " + std::to_string(bytes) + " bytes were asked for, " +
                        std::to_string(live_.load()) + " are in use on this rank");
    // Huge pages make the first touch of large memory several times faster, and spare the processor
    // most of its address translation. The kernel may decline.
    if (is_large) static_cast<void>(::madvise(memory, round_up(bytes, unit), MADV_HUGEPAGE));
    const std::size_t live = live_ += bytes;
    std::size_t peak = peak_.load();
    while (live > peak && !peak_.compare_exchange_weak(peak, live)) {
    }
    return memory;
  }
  void deallocate(void* memory, std::size_t bytes) noexcept override {
    std::free(memory);
    live_ -= bytes;
  }
  void copy_from_host(void* device, const void* from, std::size_t bytes) override {
    if (bytes != 0) std::memcpy(device, from, bytes);
  }
  void copy_to_host(void* to, const void* device, std::size_t bytes) override {
    if (bytes != 0) std::memcpy(to, device, bytes);
  }
  void copy_on_device(void* to, const void* from, std::size_t bytes) override {
    // One thread does not reach the bandwidth of the memory.
    constexpr std::size_t share = std::size_t{256} << 10;
    const auto shares = static_cast<std::int64_t>((bytes + share - 1) / share);
    pool_.parallel_for(shares, [&](std::int64_t i, int) {
      const std::size_t begin = static_cast<std::size_t>(i) * share;
      std::memcpy(static_cast<std::byte*>(to) + begin, static_cast<const std::byte*>(from) + begin,
                  std::min(share, bytes - begin));
    });
  }
  void fill_zero(void* memory, std::size_t bytes) override {
    if (bytes != 0) std::memset(memory, 0, bytes);
  }
  void fill(void* memory, std::uint32_t word, std::size_t words) override {
    std::fill_n(static_cast<std::uint32_t*>(memory), words, word);
  }
  [[nodiscard]] std::size_t peak_bytes() const noexcept override { return peak_; }
  [[nodiscard]] std::size_t free_bytes() const override {
    return std::numeric_limits<std::size_t>::max();
  }
  [[nodiscard]] std::string collectives_id() override { throw_no_collectives(); }
  [[nodiscard]] std::unique_ptr<DeviceCollectives> make_collectives(
      const std::string&, int, int, const DeviceCollectivesOptions&) override {
    throw_no_collectives();
  }
  [[nodiscard]] const ThreadPool& threads() const noexcept override { return pool_; }

 private:
  static constexpr std::size_t alignment = 64;
  static constexpr std::size_t huge_page_bytes = std::size_t{2} << 20;
  static constexpr std::size_t huge_page_threshold = std::size_t{16} << 20;
  static std::size_t round_up(std::size_t bytes, std::size_t unit) {
    return (bytes + unit - 1) / unit * unit;
  }

  [[noreturn]] static void throw_no_collectives() {
    throw DeviceError("the host backend has no device collectives: ranks use MPI");
  }
  [[nodiscard]] const void* find_kernels(KernelField field, DType dtype) const override {
    const void* kernels = kernel_table[static_cast<std::size_t>(field)](dtype);
    if (kernels == nullptr)
      throw InvalidArgument("the host backend has no kernels of this field for dtype " +
                            std::string(name(dtype)));
    return kernels;
  }

  ThreadPool pool_;
  std::atomic<std::size_t> live_{0};
  std::atomic<std::size_t> peak_{0};
};

}  // namespace
}  // namespace host

std::shared_ptr<Backend> make_host_backend(int threads) {
  host::choose_simd_target();
  return std::make_shared<host::HostBackend>(threads);
}

}  // namespace serried
