#pragma once

#include <cuda_runtime.h>

#include <atomic>
#include <cstddef>
#include <mutex>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "serried/device/backend.hpp"

namespace serried::cuda {

/// One GPU as this rank uses it: one stream on which everything happens in order, memory from a
/// stream-ordered pool, and pinned host memory for what travels. Calls are safe from one thread at
/// a time; a lock is taken where kernels are called.
class CudaDevice {
 public:
  /// @param host copies into and out of pinned memory.
  /// @throws DeviceError if the device cannot be used.
  CudaDevice(int ordinal, Backend& host);
  ~CudaDevice();
  CudaDevice(const CudaDevice&) = delete;
  CudaDevice& operator=(const CudaDevice&) = delete;

  [[nodiscard]] int ordinal() const noexcept { return ordinal_; }
  [[nodiscard]] cudaStream_t stream() const noexcept { return stream_; }
  [[nodiscard]] int multiprocessors() const noexcept { return properties_.multiProcessorCount; }
  [[nodiscard]] const cudaDeviceProp& properties() const noexcept { return properties_; }

  /// Memory on the device, aligned to 256 bytes, not initialised, for work on stream().
  /// @throws DeviceError naming what was asked for and what was free.
  [[nodiscard]] void* allocate(std::size_t bytes);
  void deallocate(void* memory, std::size_t bytes) noexcept;
  [[nodiscard]] std::size_t peak_bytes() const noexcept { return peak_; }
  struct MemoryInfo {
    std::size_t free = 0;
    std::size_t total = 0;
  };
  /// What is free counts what the pool keeps and does not use.
  [[nodiscard]] MemoryInfo memory() const;

  /// Copies through pinned memory where the host memory is not pinned, and returns when the source
  /// may be used again (upload) or the data has arrived (download). Ordered on stream().
  void upload(void* device, const void* host, std::size_t bytes);
  void download(void* host, const void* device, std::size_t bytes);
  /// On the device, on stream(); does not wait.
  void copy(void* to, const void* from, std::size_t bytes);
  void fill_zero(void* memory, std::size_t bytes);
  /// Waits for stream(), and throws what went wrong on it.
  void synchronize(const char* what);

  /// Makes this thread work with this device; every entry into the backend calls it.
  void make_current() const;

  /// Kernels take this lock, so that one thread at a time enqueues and uses scratch memory.
  [[nodiscard]] std::unique_lock<std::mutex> lock() { return std::unique_lock(mutex_); }

 private:
  struct Staging {
    void* memory = nullptr;
    cudaEvent_t is_free = nullptr;
  };
  static constexpr std::size_t staging_bytes = std::size_t{8} << 20;

  int ordinal_;
  Backend& host_;
  cudaDeviceProp properties_{};
  cudaStream_t stream_ = nullptr;
  cudaMemPool_t pool_ = nullptr;
  std::vector<Staging> staging_;
  std::size_t next_staging_ = 0;
  std::mutex mutex_;
  std::atomic<std::size_t> live_{0};
  std::atomic<std::size_t> peak_{0};
};

/// Device memory for the length of a call or longer, freed in the order of the stream.
class Scratch {
 public:
  Scratch() = default;
  Scratch(CudaDevice& device, std::size_t bytes)
      : device_(&device), bytes_(bytes), data_(bytes == 0 ? nullptr : device.allocate(bytes)) {}
  ~Scratch() {
    if (data_ != nullptr) device_->deallocate(data_, bytes_);
  }
  Scratch(Scratch&& other) noexcept
      : device_(other.device_), bytes_(other.bytes_), data_(std::exchange(other.data_, nullptr)) {}
  Scratch& operator=(Scratch&& other) noexcept {
    std::swap(device_, other.device_);
    std::swap(bytes_, other.bytes_);
    std::swap(data_, other.data_);
    return *this;
  }
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;

  template <class T>
  [[nodiscard]] T* as() const noexcept {
    return static_cast<T*>(data_);
  }
  [[nodiscard]] std::size_t bytes() const noexcept { return bytes_; }

 private:
  CudaDevice* device_ = nullptr;
  std::size_t bytes_ = 0;
  void* data_ = nullptr;
};

/// Host values copied into device memory for a call.
template <class T>
[[nodiscard]] Scratch uploaded(CudaDevice& device, std::span<const T> values) {
  Scratch memory(device, values.size_bytes());
  device.upload(memory.as<void>(), values.data(), values.size_bytes());
  return memory;
}

}  // namespace serried::cuda
