#pragma once

#include <cstddef>
#include <memory>
#include <vector>

#include "gtest/gtest.h"
#include "serried/base/error.hpp"
#include "serried/device/backend.hpp"
#include "serried/device/buffer.hpp"
#include "serried/device/cuda.hpp"

namespace serried::test {

/// The host backend and the first GPU's; skips the case where there is no GPU.
class CudaKernels : public testing::Test {
 protected:
  void SetUp() override {
    try {
      static_cast<void>(find_cuda());
    } catch (const DeviceError& error) {
      GTEST_SKIP() << error.what();
    }
    host_ = make_host_backend(1);
    cuda_ = make_cuda_backend(0, host_);
  }

  /// Host values in the GPU's memory, `shift` elements behind an aligned address.
  template <class T>
  class OnDevice {
   public:
    OnDevice(const std::shared_ptr<Backend>& backend, std::size_t count, std::size_t shift = 0)
        : buffer_(backend, (count + shift) * sizeof(T) + 1), count_(count), shift_(shift) {}
    OnDevice(const std::shared_ptr<Backend>& backend, const std::vector<T>& values,
             std::size_t shift = 0)
        : OnDevice(backend, values.size(), shift) {
      backend->copy_from_host(data(), values.data(), count_ * sizeof(T));
    }
    [[nodiscard]] T* data() { return reinterpret_cast<T*>(buffer_.data()) + shift_; }
    [[nodiscard]] std::vector<T> values() {
      std::vector<T> result(count_);
      buffer_.backend()->copy_to_host(result.data(), data(), count_ * sizeof(T));
      return result;
    }

   private:
    Buffer buffer_;
    std::size_t count_;
    std::size_t shift_;
  };

  std::shared_ptr<Backend> host_;
  std::shared_ptr<Backend> cuda_;
};

}  // namespace serried::test
