#include "backend/cuda/cuda_device.hpp"

#include <algorithm>
#include <cstring>

#include "backend/cuda/launch.hpp"

namespace serried::cuda {

CudaDevice::CudaDevice(int ordinal, Backend& host) : ordinal_(ordinal), host_(host) {
  check(cudaSetDevice(ordinal_), "the GPU cannot be taken");
  check(cudaGetDeviceProperties(&properties_, ordinal_), "the GPU's properties cannot be read");
  if (properties_.major < 7)
    throw DeviceError(std::string(properties_.name) + " has compute capability " +
                      std::to_string(properties_.major) + '.' + std::to_string(properties_.minor) +
                      "; 7.0 is the least");
  check(cudaStreamCreateWithFlags(&stream_, cudaStreamNonBlocking), "a CUDA stream");
  check(cudaDeviceGetDefaultMemPool(&pool_, ordinal_), "the GPU's memory pool");
  // Memory that was freed stays in the pool: getting it back from the driver costs far more.
  std::uint64_t keep = ~std::uint64_t{0};
  check(cudaMemPoolSetAttribute(pool_, cudaMemPoolAttrReleaseThreshold, &keep),
        "the GPU's memory pool");
  staging_.resize(2);
  for (Staging& staging : staging_) {
    check(cudaMallocHost(&staging.memory, staging_bytes), "pinned memory");
    check(cudaEventCreateWithFlags(&staging.is_free, cudaEventDisableTiming), "a CUDA event");
  }
}

CudaDevice::~CudaDevice() {
  // At the end of a process the driver may be gone already; then these calls fail and do no harm.
  static_cast<void>(cudaStreamSynchronize(stream_));
  for (Staging& staging : staging_) {
    static_cast<void>(cudaEventDestroy(staging.is_free));
    static_cast<void>(cudaFreeHost(staging.memory));
  }
  static_cast<void>(cudaStreamDestroy(stream_));
}

void CudaDevice::make_current() const {
  check(cudaSetDevice(ordinal_), "the GPU cannot be taken");
}

CudaDevice::MemoryInfo CudaDevice::memory() const {
  make_current();
  MemoryInfo info;
  check(cudaMemGetInfo(&info.free, &info.total), "the GPU's free memory");
  std::uint64_t reserved = 0, used = 0;
  check(cudaMemPoolGetAttribute(pool_, cudaMemPoolAttrReservedMemCurrent, &reserved), "the pool");
  check(cudaMemPoolGetAttribute(pool_, cudaMemPoolAttrUsedMemCurrent, &used), "the pool");
  info.free += reserved - std::min(reserved, used);
  return info;
}

void* CudaDevice::allocate(std::size_t bytes) {
  make_current();
  void* memory = nullptr;
  const cudaError_t status = cudaMallocAsync(&memory, bytes, stream_);
  if (status != cudaSuccess) {
    static_cast<void>(cudaGetLastError());
    if (status != cudaErrorMemoryAllocation) check(status, "memory of the GPU");
    const MemoryInfo info = this->memory();
    throw DeviceError("out of memory on " + std::string(properties_.name) + ": " +
                      std::to_string(bytes) + " bytes were asked for, " +
                      std::to_string(info.free) + " of " + std::to_string(info.total) +
                      " are free, " + std::to_string(live_.load()) + " are in use by this rank");
  }
  const std::size_t live = live_ += bytes;
  std::size_t peak = peak_.load();
  while (live > peak && !peak_.compare_exchange_weak(peak, live)) {
  }
  return memory;
}

void CudaDevice::deallocate(void* memory, std::size_t bytes) noexcept {
  static_cast<void>(cudaFreeAsync(memory, stream_));
  live_ -= bytes;
}

void CudaDevice::upload(void* device, const void* host, std::size_t bytes) {
  make_current();
  const auto* from = static_cast<const std::byte*>(host);
  auto* to = static_cast<std::byte*>(device);
  while (bytes > 0) {
    Staging& staging = staging_[next_staging_];
    next_staging_ = (next_staging_ + 1) % staging_.size();
    const std::size_t piece = std::min(bytes, staging_bytes);
    check(cudaEventSynchronize(staging.is_free), "waiting for pinned memory");
    host_.copy_on_device(staging.memory, from, piece);
    check(cudaMemcpyAsync(to, staging.memory, piece, cudaMemcpyHostToDevice, stream_),
          "copying to the GPU");
    check(cudaEventRecord(staging.is_free, stream_), "copying to the GPU");
    from += piece;
    to += piece;
    bytes -= piece;
  }
}

void CudaDevice::download(void* host, const void* device, std::size_t bytes) {
  make_current();
  const auto* from = static_cast<const std::byte*>(device);
  auto* to = static_cast<std::byte*>(host);
  // One piece travels while the one before is copied out of the pinned memory.
  std::byte* pending = nullptr;
  std::size_t pending_bytes = 0;
  Staging* last = nullptr;
  const auto finish = [&] {
    if (last == nullptr) return;
    check(cudaEventSynchronize(last->is_free), "copying from the GPU");
    host_.copy_on_device(pending, last->memory, pending_bytes);
  };
  while (bytes > 0) {
    Staging& staging = staging_[next_staging_];
    next_staging_ = (next_staging_ + 1) % staging_.size();
    const std::size_t piece = std::min(bytes, staging_bytes);
    check(cudaEventSynchronize(staging.is_free), "waiting for pinned memory");
    check(cudaMemcpyAsync(staging.memory, from, piece, cudaMemcpyDeviceToHost, stream_),
          "copying from the GPU");
    check(cudaEventRecord(staging.is_free, stream_), "copying from the GPU");
    finish();
    last = &staging;
    pending = to;
    pending_bytes = piece;
    from += piece;
    to += piece;
    bytes -= piece;
  }
  finish();
}

void CudaDevice::copy(void* to, const void* from, std::size_t bytes) {
  make_current();
  if (bytes != 0)
    check(cudaMemcpyAsync(to, from, bytes, cudaMemcpyDeviceToDevice, stream_),
          "copying on the GPU");
}

void CudaDevice::fill_zero(void* memory, std::size_t bytes) {
  make_current();
  if (bytes != 0) check(cudaMemsetAsync(memory, 0, bytes, stream_), "clearing memory of the GPU");
}

void CudaDevice::synchronize(const char* what) {
  make_current();
  check(cudaStreamSynchronize(stream_), what);
}

}  // namespace serried::cuda
