#include "serried/device/moment_kernels.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <optional>

#include "backend/host/fold_leaves.hpp"
#include "backend/host/highway_targets.hpp"
#include "backend/host/kernel_tables.hpp"
#include "backend/host/panel.hpp"
#include "serried/base/dtype.hpp"
#include "serried/base/order_key.hpp"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "backend/host/moment_kernels.cpp"
#include "hwy/foreach_target.h"
// after foreach_target.h
#include "backend/host/moment_passes-inl.hpp"
#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace serried::host::HWY_NAMESPACE {

constexpr std::int64_t wide_lanes = 256;
// Elements of a block: both passes over it find it in the second cache.
constexpr std::int64_t block_elements = 65536;

// A function of the number of columns alone; a multiple of the panel's rows.
constexpr std::int64_t rows_of_block(std::int64_t columns) {
  const auto rows = static_cast<std::uint64_t>(block_elements / std::min(columns, wide_lanes));
  return static_cast<std::int64_t>(std::bit_floor(rows));
}

template <class T>
std::uint64_t key_of(Extreme<T> value) {
  if constexpr (is_wide_integer<T>)
    return order_key(value);
  else if constexpr (std::is_same_v<T, bool> || (std::is_integral_v<T> && std::is_signed_v<T>))
    return order_key(static_cast<std::int64_t>(value));
  else
    return order_key(value + 0.0);
}

template <class T, bool kNan>
Moments finish_lane(const LaneSums<T>& a, std::int64_t lane, std::int64_t rows) {
  const std::int64_t count = kNan ? static_cast<std::int64_t>(a.count[lane]) : rows;
  Moments result;
  if (count != 0) {
    double s1 = 0;
    if constexpr (is_narrow<T>)
      s1 = std::fma(-static_cast<double>(count), a.shift[lane], a.sum[lane]);
    else
      s1 = a.s1[lane];
    result = moments_about(a.shift[lane], count, s1, a.s2[lane], a.s3[lane], a.s4[lane]);
    result.min_key = key_of<T>(a.min[lane]);
    result.max_key = key_of<T>(a.max[lane]);
  }
  result.nan_count = rows - count;
  return result;
}

// Where all numbers are equal, they are the shift, so that their moments are exactly 0. The short
// sums of f32 may leave the range of the numbers, and then of f32; an infinite number still shows
// in the shift.
template <class T, bool kNan>
void set_shifts(LaneSums<T>& a, std::int64_t lanes, std::int64_t columns, std::int64_t rows) {
  for (std::int64_t j = 0; j < columns; ++j) {
    const auto low = static_cast<double>(a.min[j]);
    const auto high = static_cast<double>(a.max[j]);
    double shift = a.sum[j] / (kNan ? a.count[j] : static_cast<double>(rows));
    if (low == high || (std::is_same_v<T, float> && shift < low)) shift = low + 0.0;
    if (std::is_same_v<T, float> && shift > high) shift = high;
    a.shift[j] = shift;
  }
  for (std::int64_t l = columns; l < lanes; ++l) a.shift[l] = a.shift[l - columns];
  std::fill_n(a.shift + lanes, 8, 0.0);
}

template <class T>
void fold_extremes(LaneSums<T>& a, std::int64_t lanes, std::int64_t columns) {
  while (lanes > columns) {
    lanes /= 2;
    for (std::int64_t l = 0; l < lanes; ++l) {
      a.min[l] = std::min(a.min[l], a.min[l + lanes]);
      a.max[l] = std::max(a.max[l], a.max[l + lanes]);
    }
  }
}

// The moments of the first `columns` lanes' numbers; false if there is a NaN that the caller did
// not expect.
template <class T, bool kNan>
bool reduce_steps(const Steps<T>& steps, std::int64_t columns, std::int64_t rows, bool is_first,
                  LaneSums<T>& a, Moments* out) {
  first_pass<T, kNan>(steps, a);
  fold_lanes(a.sum, steps.lanes, columns, add);
  fold_extremes<T>(a, steps.lanes, columns);
  if constexpr (kNan)
    fold_lanes(a.count, steps.lanes, columns, add);
  else if constexpr (can_be_nan<T>)
    for (std::int64_t j = 0; j < columns; ++j)
      if (std::isnan(a.sum[j])) return false;
  set_shifts<T, kNan>(a, steps.lanes, columns, rows);
  second_pass<T, kNan>(steps, a);
  if constexpr (!is_narrow<T>) fold_lanes(a.s1, steps.lanes, columns, add);
  fold_lanes(a.s2, steps.lanes, columns, add);
  fold_lanes(a.s3, steps.lanes, columns, add);
  fold_lanes(a.s4, steps.lanes, columns, add);
  for (std::int64_t j = 0; j < columns; ++j) {
    const Moments block = finish_lane<T, kNan>(a, j, rows);
    if (is_first)
      out[j] = block;
    else
      combine(out[j], block);
  }
  return true;
}

// Adds the moments of the columns [first, first + width) of a block of rows.
template <class T>
void add_block(const T* rows, std::int64_t columns, std::int64_t first, std::int64_t width,
               std::int64_t count, bool is_first, LaneSums<T>& a, Moments* out) {
  const Panel panel = Panel::of(columns);
  const bool is_wide = panel.rows == 1;
  Steps<T> steps{.from = rows + first,
                 .stride = panel.lanes,
                 .count = count / panel.rows,
                 .lanes = is_wide ? width : panel.lanes};
  std::optional<PaddedStep<T>> tail;
  // the last vector of a wide row may reach into the next row, but not beyond the last one
  if (is_wide && width % 8 != 0) --steps.count;
  if (const std::int64_t rest = count - steps.count * panel.rows; rest != 0) {
    steps.tail_valid = is_wide ? width : rest * columns;
    tail.emplace(steps.from + steps.count * panel.lanes, steps.tail_valid, steps.lanes);
    steps.tail_from = tail->data();
  }
  if (reduce_steps<T, false>(steps, width, count, is_first, a, out)) return;
  if constexpr (can_be_nan<T>) reduce_steps<T, true>(steps, width, count, is_first, a, out);
}

template <class T>
void reduce_leaf(const T* rows, std::int64_t columns, std::int64_t count, LaneSums<T>& a,
                 Moments* out) {
  std::fill_n(out, columns, Moments{});
  const std::int64_t block_rows = rows_of_block(columns);
  const std::int64_t lanes = columns < Panel::wide_columns ? columns : wide_lanes;
  for (std::int64_t begin = 0; begin < count; begin += block_rows) {
    const std::int64_t block = std::min(block_rows, count - begin);
    for (std::int64_t first = 0; first < columns; first += lanes)
      add_block(rows + begin * columns, columns, first, std::min(lanes, columns - first), block,
                begin == 0, a, out + first);
  }
}

void reduce_leaves(DType dtype, const void* rows, std::int64_t columns,
                   std::span<const std::int64_t> offsets, Moments* out) {
  visit_real(dtype, [&](auto tag) {
    using T = typename decltype(tag)::type;
    const auto* elements = static_cast<const T*>(rows);
    LaneSums<T> sums;
    for (std::size_t leaf = 0; leaf + 1 < offsets.size(); ++leaf)
      reduce_leaf<T>(elements + offsets[leaf] * columns, columns, offsets[leaf + 1] - offsets[leaf],
                     sums, out + static_cast<std::int64_t>(leaf) * columns);
  });
}

}  // namespace serried::host::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace serried::host {
namespace {

HWY_EXPORT(reduce_leaves);

class HostMomentKernels final : public MomentKernels {
 public:
  explicit constexpr HostMomentKernels(DType dtype) : dtype_(dtype) {}

  void reduce_elements(const void* elements, std::span<const std::int64_t> offsets,
                       std::span<Moments> out) const override {
    reduce_columns(elements, 1, offsets, out);
  }
  void reduce_columns(const void* rows, std::int64_t columns, std::span<const std::int64_t> offsets,
                      std::span<Moments> out) const override {
    HWY_DYNAMIC_DISPATCH(reduce_leaves)(dtype_, rows, columns, offsets, out.data());
  }
  void fold_columns(const void* rows, std::int64_t columns, std::span<const std::int64_t> offsets,
                    std::int64_t first_leaf, std::span<Moments> out) const override {
    const auto reduce = [&](std::span<const std::int64_t> own, std::span<Moments> payloads) {
      reduce_columns(rows, columns, own, payloads);
    };
    const auto combine_rows = [](Moments* left, const Moments* right, std::int64_t count) {
      for (std::int64_t j = 0; j < count; ++j) combine(left[j], right[j]);
    };
    LeafFold<Moments, decltype(reduce), decltype(combine_rows)>(columns, offsets, first_leaf,
                                                                reduce, combine_rows)
        .run(out);
  }

 private:
  DType dtype_;
};

}  // namespace

const void* find_moment_kernels(DType dtype) {
  if (!is_real(dtype)) return nullptr;
  return visit_real(dtype, [](auto tag) -> const MomentKernels* {
    static const HostMomentKernels kernels(dtype_of<typename decltype(tag)::type>);
    return &kernels;
  });
}

}  // namespace serried::host
#endif  // HWY_ONCE
