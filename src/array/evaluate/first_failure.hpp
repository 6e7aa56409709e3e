#pragma once

#include <atomic>
#include <cstdint>

#include "serried/device/program_kernels.hpp"

namespace serried {

/// The first element that failed on any thread of this rank; no_element is none.
class FirstFailure {
 public:
  void take(std::int64_t element) noexcept {
    std::int64_t known = element_.load();
    while (element < known && !element_.compare_exchange_weak(known, element)) {
    }
  }
  [[nodiscard]] std::int64_t element() const noexcept { return element_.load(); }

 private:
  std::atomic<std::int64_t> element_{no_element};
};

}  // namespace serried
