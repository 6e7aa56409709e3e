#pragma once

#include <bit>
#include <cstdint>
#include <utility>
#include <vector>

#include "serried/base/faults.hpp"
#include "serried/device/buffer.hpp"

namespace serried::kmeans {

/// Values by row in the memory that a device's kernels work on. On the host they are a vector that
/// can be taken out without a copy.
template <class T>
class RowValues {
 public:
  RowValues() = default;
  /// @throws DeviceError if there is no memory.
  RowValues(const std::shared_ptr<Backend>& device, std::int64_t count, T value)
      : count_(static_cast<std::size_t>(count)) {
    static_assert(sizeof(T) == sizeof(std::uint32_t));
    if (device->kind() == DeviceKind::host) {
      faults::before_allocation();
      host_.assign(count_, value);
      return;
    }
    memory_ = Buffer(device, count_ * sizeof(T));
    device->fill(memory_.data(), std::bit_cast<std::uint32_t>(value), count_);
  }
  RowValues(const std::shared_ptr<Backend>& device, std::vector<T> values)
      : count_(values.size()), host_(std::move(values)) {
    if (device->kind() == DeviceKind::host) return;
    memory_ = Buffer(device, count_ * sizeof(T));
    device->copy_from_host(memory_.data(), host_.data(), count_ * sizeof(T));
    host_ = {};
  }

  [[nodiscard]] T* data() noexcept {
    return memory_.data() == nullptr ? host_.data() : reinterpret_cast<T*>(memory_.data());
  }
  [[nodiscard]] const T* data() const noexcept { return const_cast<RowValues*>(this)->data(); }

  /// The values in host memory; afterwards there are none here.
  [[nodiscard]] std::vector<T> take() {
    if (memory_.data() == nullptr) return std::move(host_);
    std::vector<T> values(count_);
    memory_.backend()->copy_to_host(values.data(), memory_.data(), count_ * sizeof(T));
    memory_ = Buffer();
    return values;
  }

 private:
  std::size_t count_ = 0;
  std::vector<T> host_;
  Buffer memory_;
};

/// Values that kernels work on, to be read on the host: where they lie in host memory themselves,
/// else a copy of what they were.
template <class T>
class HostView {
 public:
  HostView(Backend& device, const T* values, std::int64_t count) : data_(values) {
    if (device.kind() == DeviceKind::host) return;
    copy_.resize(static_cast<std::size_t>(count));
    device.copy_to_host(copy_.data(), values, copy_.size() * sizeof(T));
    data_ = copy_.data();
  }
  HostView(const HostView&) = delete;
  HostView& operator=(const HostView&) = delete;

  [[nodiscard]] const T* data() const noexcept { return data_; }
  [[nodiscard]] const T& operator[](std::int64_t i) const noexcept { return data_[i]; }

 private:
  std::vector<T> copy_;
  const T* data_;
};

}  // namespace serried::kmeans
