#pragma once

#include <cstdint>
#include <span>

#include "serried/base/api.hpp"
#include "serried/base/dtype.hpp"
#include "serried/device/kernel_field.hpp"

namespace SERRIED_API serried {

/// A key and where it comes from: what is sorted. Pairs that differ have one order only.
struct KeyPlace {
  std::uint64_t place = 0;
  std::uint64_t key = 0;  ///< decides before `place`

  friend bool operator==(const KeyPlace&, const KeyPlace&) = default;
  friend bool operator<(const KeyPlace& a, const KeyPlace& b) noexcept {
    return a.key < b.key || (a.key == b.key && a.place < b.place);
  }
};

/// Sorts. The keys stand for any real dtype, so that all dtypes have the same kernels.
class SortKernels {
 public:
  static constexpr KernelField field = KernelField::sort;
  static constexpr bool covers(DType dtype) noexcept { return is_real(dtype); }
  virtual ~SortKernels() = default;

  /// Sorts pairs, ascending, in place.
  virtual void sort(std::span<KeyPlace> pairs) const = 0;
  /// Sorts keys, ascending, in place.
  virtual void sort_keys(std::span<std::uint64_t> keys) const = 0;
};

}  // namespace serried
