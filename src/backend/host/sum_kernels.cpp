#include "serried/device/sum_kernels.hpp"

#include <algorithm>
#include <cstring>

#include "backend/host/fold_leaves.hpp"
#include "backend/host/highway_targets.hpp"
#include "backend/host/kernel_tables.hpp"
#include "backend/host/panel.hpp"
#include "serried/base/dtype.hpp"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "backend/host/sum_kernels.cpp"
#include "hwy/foreach_target.h"
// after foreach_target.h
#include "backend/host/widen-inl.hpp"
#include "hwy/cache_control.h"
#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace serried::host::HWY_NAMESPACE {

// Columns of a wide row that are summed together, so that their sums stay in the first cache.
constexpr std::int64_t wide_lanes = 256;
constexpr std::int64_t prefetch_bytes = 4096;
// Requests of our own pay where one stream is read, on CPUs with AVX-512: Zen 5 reads the third
// cache at 1.2 times a plain loop without them and at 1.05 times with them. They cost on Zen 3, and
// where rows are wide (Zen 5, 256 columns: 1.19 times against 1.05).
constexpr bool is_prefetching = HWY_TARGET != HWY_AVX2;

// Asks for the `kElements` elements that stand prefetch_bytes behind `from`; a leaf's own stream is
// too short for the processor to run far ahead of it.
template <std::int64_t kElements, class T>
HWY_INLINE void prefetch_ahead(const T* from) {
  const auto* bytes = reinterpret_cast<const char*>(from) + prefetch_bytes;
#pragma GCC unroll 16
  for (std::int64_t b = 0; b < kElements * static_cast<std::int64_t>(sizeof(T)); b += 64)
    hwy::Prefetch(bytes + b);
}

// The sums of the elements l of all steps, in registers.
template <int kVectors, bool kPrefetch, class T>
HWY_INLINE void sum_steps(const T* from, std::int64_t steps, DoubleVec (&sums)[kVectors]) {
#pragma GCC unroll 16
  for (int v = 0; v < kVectors; ++v) sums[v] = hn::Zero(doubles);
  constexpr std::int64_t step_elements = kVectors * vector_lanes;
  constexpr int at_once = 4;
  const T* const end = from + steps * step_elements;
  for (const T* const last = end - (at_once - 1) * step_elements; from < last;
       from += at_once * step_elements) {
    if constexpr (kPrefetch) prefetch_ahead<at_once * step_elements>(from);
#pragma GCC unroll 4
    for (int s = 0; s < at_once; ++s) {
#pragma GCC unroll 16
      for (int v = 0; v < kVectors; ++v)
        sums[v] = hn::Add(sums[v], load_wide(from + s * step_elements + v * vector_lanes));
    }
  }
  for (; from < end; from += step_elements) {
#pragma GCC unroll 16
    for (int v = 0; v < kVectors; ++v)
      sums[v] = hn::Add(sums[v], load_wide(from + v * vector_lanes));
  }
}

// lanes[l] = sum of the elements l of all steps.
template <int kVectors, class T>
HWY_INLINE void sum_steps_in_registers(const T* from, std::int64_t steps, double* lanes) {
  DoubleVec sums[kVectors];
  sum_steps<kVectors, false>(from, steps, sums);
#pragma GCC unroll 16
  for (int v = 0; v < kVectors; ++v) hn::StoreU(sums[v], doubles, lanes + v * vector_lanes);
}

// As sum_steps_in_registers and fold_lanes for one column, 32 lanes, without leaving the registers.
template <class T>
HWY_INLINE double sum_of_number_steps(const T* from, std::int64_t steps) {
  constexpr int vectors = 32 / vector_lanes;
  DoubleVec sums[vectors];
  sum_steps<vectors, is_prefetching>(from, steps, sums);
#pragma GCC unroll 4
  for (int half = vectors / 2; half > 0; half /= 2)
    for (int v = 0; v < half; ++v) sums[v] = hn::Add(sums[v], sums[v + half]);
  return fold_vector(doubles, sums[0]);
}

// With kFromZero the lanes need not be set before.
template <int kSteps, bool kFromZero = false, class T>
HWY_INLINE const T* add_step_groups(const T* from, std::int64_t stride, std::int64_t groups,
                                    std::int64_t count, double* lanes) {
  for (std::int64_t group = 0; group < groups; ++group) {
    for (std::int64_t i = 0; i < count; i += vector_lanes) {
      auto sum = kFromZero ? hn::Zero(doubles) : hn::LoadU(doubles, lanes + i);
#pragma GCC unroll 16
      for (int s = 0; s < kSteps; ++s) sum = hn::Add(sum, load_wide(from + s * stride + i));
      hn::StoreU(sum, doubles, lanes + i);
    }
    from += kSteps * stride;
  }
  return from;
}

// lanes[l] = sum of the elements l of all steps, which lie `stride` elements apart.
template <class T>
void sum_strided_steps(const T* from, std::int64_t stride, std::int64_t steps, std::int64_t count,
                       double* lanes) {
  if (steps >= 8) {
    from = add_step_groups<8, true>(from, stride, 1, count, lanes);
    from = add_step_groups<8>(from, stride, steps / 8 - 1, count, lanes);
  } else {
    std::memset(lanes, 0, static_cast<std::size_t>(count) * sizeof(double));
  }
  from = add_step_groups<4>(from, stride, steps % 8 / 4, count, lanes);
  add_step_groups<1>(from, stride, steps % 4, count, lanes);
}

// lanes[l] = sum of the elements l of all steps, which lie side by side.
template <class T>
void sum_panel_steps(const T* from, std::int64_t steps, std::int64_t count, double* lanes) {
  switch (count) {
    case 32:
      return sum_steps_in_registers<32 / vector_lanes>(from, steps, lanes);
    case 40:
      return sum_steps_in_registers<40 / vector_lanes>(from, steps, lanes);
    case 48:
      return sum_steps_in_registers<48 / vector_lanes>(from, steps, lanes);
    case 56:
      return sum_steps_in_registers<56 / vector_lanes>(from, steps, lanes);
    default:
      return sum_strided_steps(from, count, steps, count, lanes);
  }
}

// One step from a copy that is filled up with zeros, which change no sum.
template <class T>
void add_padded_step(const T* from, std::int64_t count, std::int64_t lane_count, double* lanes) {
  const PaddedStep<T> step(from, count, lane_count);
  add_step_groups<1>(step.data(), 0, 1, lane_count, lanes);
}

template <class T>
void sum_narrow_leaf(const T* rows, std::int64_t columns, const Panel& panel, std::int64_t count,
                     double* out) {
  const std::int64_t steps = count / panel.rows;
  const std::int64_t rest = count - steps * panel.rows;
  if (rest == 0 && panel.rows == 1) {
    sum_panel_steps(rows, steps, panel.lanes, out);
    return;
  }
  alignas(64) double lanes[Panel::max_lanes + 8];
  sum_panel_steps(rows, steps, panel.lanes, lanes);
  if (rest != 0) add_padded_step(rows + steps * panel.lanes, rest * columns, panel.lanes, lanes);
  fold_lanes(lanes, panel.lanes, columns, [](auto a, auto b) { return hn::Add(a, b); });
  std::memcpy(out, lanes, static_cast<std::size_t>(columns) * sizeof(double));
}

template <class T>
HWY_INLINE void sum_number_leaf(const T* numbers, std::int64_t count, double* out) {
  constexpr Panel panel = Panel::of(1);
  if (count % panel.rows != 0) return sum_narrow_leaf(numbers, 1, panel, count, out);
  *out = sum_of_number_steps(numbers, count / panel.rows);
}

template <class T>
void sum_wide_leaf(const T* rows, std::int64_t columns, std::int64_t count, double* out) {
  for (std::int64_t first = 0; first < columns; first += wide_lanes) {
    const std::int64_t width = std::min(wide_lanes, columns - first);
    if (width % 8 == 0 || count == 0) {
      sum_strided_steps(rows + first, columns, count, width, out + first);
      continue;
    }
    // the last vector of a row may reach into the next row, but not beyond the last one
    alignas(64) double lanes[wide_lanes + 8];
    sum_strided_steps(rows + first, columns, count - 1, (width + 7) / 8 * 8, lanes);
    add_padded_step(rows + (count - 1) * columns + first, width, width, lanes);
    std::memcpy(out + first, lanes, static_cast<std::size_t>(width) * sizeof(double));
  }
}

template <class T>
void sum_leaves(const void* rows, std::int64_t columns, std::span<const std::int64_t> offsets,
                double* out) {
  const auto* elements = static_cast<const T*>(rows);
  const bool is_narrow = columns < Panel::wide_columns;
  const Panel panel = is_narrow ? Panel::of(columns) : Panel();
  for (std::size_t leaf = 0; leaf + 1 < offsets.size(); ++leaf) {
    const T* from = elements + offsets[leaf] * columns;
    const std::int64_t count = offsets[leaf + 1] - offsets[leaf];
    double* to = out + static_cast<std::int64_t>(leaf) * columns;
    if (columns == 1)
      sum_number_leaf(from, count, to);
    else if (is_narrow)
      sum_narrow_leaf(from, columns, panel, count, to);
    else
      sum_wide_leaf(from, columns, count, to);
  }
}

void sum_columns_of(DType dtype, const void* rows, std::int64_t columns,
                    std::span<const std::int64_t> offsets, double* out) {
  visit_real(dtype, [&](auto tag) {
    sum_leaves<typename decltype(tag)::type>(rows, columns, offsets, out);
  });
}

void add_doubles(double* left, const double* right, std::int64_t count) {
  std::int64_t i = 0;
  for (; i + vector_lanes <= count; i += vector_lanes)
    hn::StoreU(hn::Add(hn::LoadU(doubles, left + i), hn::LoadU(doubles, right + i)), doubles,
               left + i);
  for (; i < count; ++i) left[i] += right[i];
}

}  // namespace serried::host::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace serried::host {
namespace {

HWY_EXPORT(sum_columns_of);
HWY_EXPORT(add_doubles);

class HostSumKernels final : public SumKernels {
 public:
  explicit constexpr HostSumKernels(DType dtype) : dtype_(dtype) {}

  void reduce_columns(const void* rows, std::int64_t columns, std::span<const std::int64_t> offsets,
                      std::span<double> out) const override {
    HWY_DYNAMIC_DISPATCH(sum_columns_of)(dtype_, rows, columns, offsets, out.data());
  }
  void fold_columns(const void* rows, std::int64_t columns, std::span<const std::int64_t> offsets,
                    std::int64_t first_leaf, std::span<double> out) const override {
    const auto reduce = [&](std::span<const std::int64_t> own, std::span<double> payloads) {
      reduce_columns(rows, columns, own, payloads);
    };
    const auto add_rows = [this](double* left, const double* right, std::int64_t count) {
      const auto n = static_cast<std::size_t>(count);
      add({left, n}, {right, n});
    };
    LeafFold<double, decltype(reduce), decltype(add_rows)>(columns, offsets, first_leaf, reduce,
                                                           add_rows)
        .run(out);
  }
  void add(std::span<double> left, std::span<const double> right) const override {
    HWY_DYNAMIC_DISPATCH(add_doubles)
    (left.data(), right.data(), static_cast<std::int64_t>(left.size()));
  }

 private:
  DType dtype_;
};

}  // namespace

const void* find_sum_kernels(DType dtype) {
  if (!is_real(dtype)) return nullptr;
  return visit_real(dtype, [](auto tag) -> const SumKernels* {
    static const HostSumKernels kernels(dtype_of<typename decltype(tag)::type>);
    return &kernels;
  });
}

}  // namespace serried::host
#endif  // HWY_ONCE
