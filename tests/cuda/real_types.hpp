#pragma once

#include <algorithm>
#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <vector>

#include "cuda/cuda_support.hpp"
#include "gtest/gtest.h"
#include "support/numbers.hpp"

namespace serried::test {

using RealTypes =
    testing::Types<bool, std::int8_t, std::uint8_t, std::int16_t, std::uint16_t, std::int32_t,
                   std::uint32_t, std::int64_t, std::uint64_t, Half, float, double>;

/// The same elements, made by a function of their index, in host memory and on the device.
template <class T>
class Rows {
 public:
  template <class Make>
  Rows(std::int64_t count, Make make) : size_(static_cast<std::size_t>(count)) {
    host_ = std::make_unique<T[]>(size_);
    for (std::int64_t i = 0; i < count; ++i) host_[static_cast<std::size_t>(i)] = make(i);
  }
  [[nodiscard]] const T* host() const { return host_.get(); }
  /// On the device, `offset` elements behind a boundary of vectors.
  [[nodiscard]] const T* cuda(std::int64_t offset) const {
    const auto [place, is_new] = copies_.try_emplace(offset, nullptr);
    if (is_new)
      place->second =
          std::make_unique<DeviceCopy<T>>(*backends().cuda, std::span<const T>(host_.get(), size_),
                                          static_cast<std::size_t>(offset));
    return place->second->data();
  }

 private:
  std::size_t size_;
  std::unique_ptr<T[]> host_;
  mutable std::map<std::int64_t, std::unique_ptr<DeviceCopy<T>>> copies_;
};

}  // namespace serried::test
