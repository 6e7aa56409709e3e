#pragma once

#include <cstddef>
#include <memory>
#include <span>

#include "serried/base/api.hpp"
#include "serried/base/error.hpp"
#include "serried/device/backend.hpp"

namespace SERRIED_API serried {

/// Owned, uninitialised memory on a backend. Moves, does not copy; frees its memory when destroyed.
class Buffer {
 public:
  Buffer() = default;
  /// @throws DeviceError if the memory cannot be had.
  Buffer(std::shared_ptr<Backend> backend, std::size_t bytes);
  ~Buffer();
  Buffer(Buffer&& other) noexcept;
  Buffer& operator=(Buffer&& other) noexcept;
  Buffer(const Buffer&) = delete;
  Buffer& operator=(const Buffer&) = delete;

  [[nodiscard]] std::size_t bytes() const noexcept { return bytes_; }
  [[nodiscard]] std::byte* data() noexcept { return data_; }
  [[nodiscard]] const std::byte* data() const noexcept { return data_; }
  [[nodiscard]] const std::shared_ptr<Backend>& backend() const noexcept { return backend_; }

  /// Makes room for at least `bytes`; keeps nothing of the old content when it grows.
  void reserve(const std::shared_ptr<Backend>& backend, std::size_t bytes);

  /// A typed view of the first `count` elements of host memory.
  template <class T>
  [[nodiscard]] std::span<T> as(std::size_t count) {
    check_view(count * sizeof(T));
    return {reinterpret_cast<T*>(data_), count};
  }
  template <class T>
  [[nodiscard]] std::span<const T> as(std::size_t count) const {
    check_view(count * sizeof(T));
    return {reinterpret_cast<const T*>(data_), count};
  }

 private:
  void check_view(std::size_t bytes) const;
  std::shared_ptr<Backend> backend_;
  std::byte* data_ = nullptr;
  std::size_t bytes_ = 0;
};

}  // namespace serried
