#pragma once

#include <cstdint>
#include <memory>
#include <new>
#include <span>
#include <vector>

#include "serried/device/kmeans_kernels.hpp"

namespace serried::host {

/// Memory aligned to cache lines, so that no vector lies across two of them.
template <class T>
struct LineAllocator {
  using value_type = T;
  LineAllocator() = default;
  template <class U>
  explicit LineAllocator(const LineAllocator<U>&) noexcept {}
  [[nodiscard]] T* allocate(std::size_t count) {
    return static_cast<T*>(::operator new (count * sizeof(T), std::align_val_t{64}));
  }
  void deallocate(T* memory, std::size_t) noexcept {
    ::operator delete (memory, std::align_val_t{64});
  }
  friend bool operator==(const LineAllocator&, const LineAllocator&) { return true; }
};
template <class T>
using LineVector = std::vector<T, LineAllocator<T>>;

/// Centres as the register-blocked kernels read them, in C = float or double: blocks of 8 centres,
/// then one of 4 where that suffices for the rest; block b holds, feature by feature, -2 c' of its
/// centres. Padding centres are infinitely far away.
template <class C>
struct CenterBlocks {
  static constexpr std::int64_t wide = 8;
  static constexpr std::int64_t narrow = 4;

  LineVector<C> coefficients;  ///< -2 c', block by block; block b begins at wide * features * b
  LineVector<C> norms;         ///< |c'|^2, padded to the blocks
  /// |computed - exact| <= relative * |x'|^2 + absolute for the difference of any two fast values,
  /// the rounding of the direct form included (see make_blocks).
  C relative = 0;
  C absolute = 0;

  [[nodiscard]] std::int64_t padded() const { return static_cast<std::int64_t>(norms.size()); }
};

/// The host's prepared centres, the same for every instruction level.
struct HostCenters final : KMeansCenters {
  std::int64_t clusters = 0;
  std::int64_t features = 0;
  double scale = 1;
  std::vector<double> negative_shift;  ///< -scale * shift, padded by 16
  std::vector<double> masters;         ///< (clusters, features)
  /// (features, stride): the direct form's lanes run over centres; padding centres are infinitely
  /// far.
  LineVector<double> transposed;
  std::int64_t stride = 0;
  CenterBlocks<float> blocks_f32;
  CenterBlocks<double> blocks_f64;

  template <class C>
  [[nodiscard]] const CenterBlocks<C>& blocks() const {
    if constexpr (sizeof(C) == 4)
      return blocks_f32;
    else
      return blocks_f64;
  }
};

/// @param data_dtype_bytes 4 or 8: decides in which precision KMeansUse::assign compares.
[[nodiscard]] std::unique_ptr<HostCenters> prepare_centers(const KMeansFrame& frame,
                                                           std::span<const double> centers,
                                                           std::int64_t clusters, KMeansUse use,
                                                           std::size_t data_dtype_bytes);

}  // namespace serried::host
