#include "serried/device/sort_kernels.hpp"

#include <hwy/contrib/sort/vqsort.h>

#include <algorithm>

#include "backend/host/kernel_tables.hpp"

namespace serried::host {
namespace {

static_assert(sizeof(KeyPlace) == sizeof(hwy::uint128_t) &&
              alignof(KeyPlace) <= alignof(hwy::uint128_t));

class HostSortKernels final : public SortKernels {
 public:
  void sort(std::span<KeyPlace> pairs) const override {
    // Vectorised Quicksort (Blacher, Giesen, Sanders, Wassenberg 2022); the pairs differ, so that
    // its order is the only one.
    constexpr std::size_t few = 64;
    if (pairs.size() < few) {
      std::sort(pairs.begin(), pairs.end());
      return;
    }
    static_assert(offsetof(KeyPlace, place) == offsetof(hwy::uint128_t, lo));
    hwy::Sorter()(reinterpret_cast<hwy::uint128_t*>(pairs.data()), pairs.size(),
                  hwy::SortAscending());
  }
  void sort_keys(std::span<std::uint64_t> keys) const override {
    hwy::Sorter()(keys.data(), keys.size(), hwy::SortAscending());
  }
};

}  // namespace

const void* find_sort_kernels(DType dtype) {
  if (!SortKernels::covers(dtype)) return nullptr;
  static const HostSortKernels kernels;
  return static_cast<const SortKernels*>(&kernels);
}

}  // namespace serried::host
