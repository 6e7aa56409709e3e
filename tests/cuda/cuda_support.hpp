#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "gtest/gtest.h"
#include "serried/base/error.hpp"
#include "serried/device/backend.hpp"
#include "serried/device/cuda.hpp"

namespace serried::test {

/// The reference and what is compared with it.
struct Backends {
  std::shared_ptr<Backend> host;
  std::shared_ptr<Backend> cuda;  ///< null where there is no CUDA device
  std::string why_not;
};

/// The host backend with two threads, and the backend of device 0; made once.
inline const Backends& backends() {
  static const Backends result = [] {
    Backends b{.host = make_host_backend(2), .cuda = nullptr, .why_not = ""};
    try {
      static_cast<void>(find_cuda());
    } catch (const DeviceError& error) {
      b.why_not = error.what();
      return b;
    }
    b.cuda = make_cuda_backend(0, b.host);
    return b;
  }();
  return result;
}

/// Skips the test where there is no CUDA device.
#define SERRIED_REQUIRE_CUDA()                     \
  if (::serried::test::backends().cuda == nullptr) \
  GTEST_SKIP() << ::serried::test::backends().why_not

/// Values in the memory of a device. `offset` leaves that many elements free before the first, so
/// that rows begin where only their own alignment is kept.
template <class T>
class DeviceCopy {
 public:
  DeviceCopy(Backend& backend, std::span<const T> values, std::size_t offset = 0)
      : DeviceCopy(backend, values.size(), offset) {
    if (size_ != 0) backend_->copy_from_host(data(), values.data(), size_ * sizeof(T));
  }
  DeviceCopy(Backend& backend, const std::vector<T>& values,
             std::size_t offset = 0) requires(!std::is_same_v<T, bool>)
      : DeviceCopy(backend, std::span<const T>(values), offset) {}
  /// Not initialised.
  DeviceCopy(Backend& backend, std::size_t size, std::size_t offset = 0)
      : backend_(&backend), size_(size), offset_(offset) {
    if (bytes() != 0) memory_ = backend_->allocate(bytes());
  }
  ~DeviceCopy() {
    if (memory_ != nullptr) backend_->deallocate(memory_, bytes());
  }
  DeviceCopy(DeviceCopy&& other) noexcept
      : backend_(other.backend_),
        size_(other.size_),
        offset_(other.offset_),
        memory_(std::exchange(other.memory_, nullptr)) {}
  DeviceCopy(const DeviceCopy&) = delete;
  DeviceCopy& operator=(const DeviceCopy&) = delete;
  DeviceCopy& operator=(DeviceCopy&&) = delete;

  /// Not to be read or written by the host.
  [[nodiscard]] T* data() const { return static_cast<T*>(memory_) + offset_; }
  [[nodiscard]] std::size_t size() const { return size_; }

  /// What is there now.
  [[nodiscard]] std::vector<T> values() const requires(!std::is_same_v<T, bool>) {
    std::vector<T> result(size_);
    if (size_ != 0) backend_->copy_to_host(result.data(), data(), size_ * sizeof(T));
    return result;
  }

 private:
  [[nodiscard]] std::size_t bytes() const { return size_ == 0 ? 0 : (size_ + offset_) * sizeof(T); }

  Backend* backend_;
  std::size_t size_;
  std::size_t offset_;
  void* memory_ = nullptr;
};

}  // namespace serried::test
