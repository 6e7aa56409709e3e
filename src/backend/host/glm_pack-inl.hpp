// Rows of x packed for linear models: widened to f64, shifted and scaled. Included once for each
// instruction level.
#if defined(SERRIED_HOST_GLM_PACK_INL_HPP) == defined(HWY_TARGET_TOGGLE)
#ifdef SERRIED_HOST_GLM_PACK_INL_HPP
#undef SERRIED_HOST_GLM_PACK_INL_HPP
#else
#define SERRIED_HOST_GLM_PACK_INL_HPP
#endif

#include <algorithm>
#include <cstdint>
#include <type_traits>

#include "backend/host/triangle-inl.hpp"
#include "serried/base/half.hpp"
#include "serried/device/glm_kernels.hpp"

HWY_BEFORE_NAMESPACE();
namespace serried::host::HWY_NAMESPACE {

template <class T>
double widened(T value) {
  if constexpr (std::is_same_v<T, Half>)
    return static_cast<double>(to_float(value));
  else
    return static_cast<double>(value);
}

// Blocks of packed rows ([1,] (x - shift) * scale, `more` places that are 0 at first), a multiple
// of 8 numbers apart.
template <class T>
class PackedRows {
 public:
  PackedRows(const GlmPass& pass, const void* x, std::int64_t more)
      : x_(static_cast<const T*>(x)),
        shift_(pass.shift.data()),
        scale_(pass.scale.data()),
        columns_(static_cast<std::int64_t>(pass.coefficients.size())),
        first_(pass.has_intercept ? 1 : 0),
        width_(first_ + columns_ + more),
        stride_((width_ + 7) / 8 * 8),
        block_rows_(
            std::clamp(block_bytes / (2 * stride_ * 8) / 8 * 8, least_block_rows, most_block_rows)),
        plain_(block_rows_ * stride_) {
    if (pass.has_intercept)
      for (std::int64_t row = 0; row < block_rows_; ++row) plain_.data()[row * stride_] = 1;
  }

  // Rows of a block: what is packed of them, twice, stays in the second cache; a multiple of 8, so
  // that the lanes of the sums by row do not depend on it.
  static constexpr std::int64_t block_bytes = 96 << 10;
  static constexpr std::int64_t least_block_rows = 32;
  static constexpr std::int64_t most_block_rows = 256;

  [[nodiscard]] std::int64_t columns() const { return columns_; }
  [[nodiscard]] std::int64_t first() const { return first_; }  // 1 with an intercept
  [[nodiscard]] std::int64_t width() const { return width_; }
  [[nodiscard]] std::int64_t stride() const { return stride_; }
  [[nodiscard]] std::int64_t block_rows() const { return block_rows_; }
  [[nodiscard]] double* row(std::int64_t i) const { return plain_.data() + i * stride_; }

  // The rows [begin, begin + count) of x.
  HWY_INLINE void pack(std::int64_t begin, std::int64_t count) {
    const T* x = x_ + begin * columns_;
    for (std::int64_t i = 0; i < count; ++i, x += columns_) {
      double* const to = row(i) + first_;
      std::int64_t j = 0;
      for (; j + vector_lanes <= columns_; j += vector_lanes)
        hn::StoreU(hn::Mul(hn::Sub(load_wide(x + j), hn::LoadU(doubles, shift_ + j)),
                           hn::LoadU(doubles, scale_ + j)),
                   doubles, to + j);
      for (; j < columns_; ++j) to[j] = (widened(x[j]) - shift_[j]) * scale_[j];
      std::fill(to + columns_, to + width_ - first_, 0.);
    }
  }

  // scaled[i] = factors[i] * packed row i for `count` rows, and 0 up to a multiple of 8 of them.
  HWY_INLINE void scale_rows(const double* factors, std::int64_t count, double* scaled) const {
    for (std::int64_t i = 0; i < count; ++i, scaled += stride_) {
      const double* const plain = row(i);
      const auto factor = hn::Set(doubles, factors[i]);
      for (std::int64_t j = 0; j < stride_; j += vector_lanes)
        hn::Store(hn::Mul(factor, hn::Load(doubles, plain + j)), doubles, scaled + j);
    }
    std::fill_n(scaled, ((count + 7) / 8 * 8 - count) * stride_, 0.);
  }

 private:
  const T* x_;
  const double* shift_;
  const double* scale_;
  std::int64_t columns_;
  std::int64_t first_;
  std::int64_t width_;
  std::int64_t stride_;
  std::int64_t block_rows_;
  Lines plain_;
};

}  // namespace serried::host::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // per-target include guard
