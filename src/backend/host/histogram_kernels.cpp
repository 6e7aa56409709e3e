#include "serried/device/histogram_kernels.hpp"

#include <algorithm>
#include <bit>
#include <cstring>
#include <limits>
#include <vector>

#include "backend/host/highway_targets.hpp"
#include "backend/host/kernel_tables.hpp"
#include "serried/base/dtype.hpp"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "backend/host/histogram_kernels.cpp"
#include "hwy/foreach_target.h"
// after foreach_target.h
#include "backend/host/widen-inl.hpp"
#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace serried::host::HWY_NAMESPACE {

// The bins of one column. A first guess (x - first) * scale is at most a few ulp off; the edges
// decide, so that no rounding of the guess can show.
struct Bins {
  const double* edges;
  std::int64_t count;
  double scale;

  Bins(const double* column_edges, std::int64_t bins) : edges(column_edges), count(bins) {
    const auto n = static_cast<double>(count);
    scale = 1 / (edges[count] / n - edges[0] / n);
  }

  [[nodiscard]] bool holds(double x) const { return x >= edges[0] && x <= edges[count]; }
  [[nodiscard]] bool is_bin_of(double x, std::int64_t bin) const {
    return x >= edges[bin] && (x < edges[bin + 1] || bin == count - 1);
  }
  // The bin whose edges hold x; first <= x <= last.
  [[nodiscard]] std::int64_t settle(double x, std::int64_t guess) const {
    if (is_bin_of(x, guess)) return guess;
    if (guess > 0 && is_bin_of(x, guess - 1)) return guess - 1;
    if (guess < count - 1 && is_bin_of(x, guess + 1)) return guess + 1;
    return std::min(count, std::upper_bound(edges, edges + count + 1, x) - edges) - 1;
  }
  // A NaN (of a scale that overflowed) becomes the last bin.
  [[nodiscard]] std::int64_t guess(double x) const {
    const auto top = static_cast<double>(count - 1);
    const double position = (x - edges[0]) * scale;
    return static_cast<std::int64_t>(position < top ? position : top);
  }
};

inline constexpr std::int64_t block_size = 512;

// bin numbers of up to block_size elements; -1 for NaN and what lies outside. Guesses that the
// edges contradict are settled one by one.
void find_bins(const double* values, std::int64_t size, const Bins& bins, std::int64_t* found) {
  const hn::RebindToSigned<Doubles> integers;
  const auto first = hn::Set(doubles, bins.edges[0]);
  const auto last = hn::Set(doubles, bins.edges[bins.count]);
  const auto scale = hn::Set(doubles, bins.scale);
  const auto top = hn::Set(doubles, static_cast<double>(bins.count - 1));
  const auto top_bin = hn::Set(integers, bins.count - 1);
  for (std::int64_t i = 0; i < size; i += vector_lanes) {
    const auto x = hn::LoadU(doubles, values + i);
    const auto inside = hn::And(hn::Ge(x, first), hn::Le(x, last));
    const auto guess = hn::IfThenElseZero(inside, hn::Min(hn::Mul(hn::Sub(x, first), scale), top));
    const auto bin = hn::ConvertTo(integers, guess);
    const auto left = hn::GatherIndex(doubles, bins.edges, bin);
    const auto right = hn::GatherIndex(doubles, bins.edges + 1, bin);
    const auto is_last = hn::RebindMask(doubles, hn::Eq(bin, top_bin));
    const auto right_of_bin = hn::AndNot(is_last, hn::Ge(x, right));
    const auto wrong = hn::And(inside, hn::Or(hn::Lt(x, left), right_of_bin));
    const auto outside = hn::RebindMask(integers, hn::Not(inside));
    hn::StoreU(hn::IfThenElse(outside, hn::Set(integers, std::int64_t{-1}), bin), integers,
               found + i);
    if (!hn::AllFalse(doubles, wrong))
      for (std::int64_t l = i; l < i + vector_lanes; ++l)
        if (found[l] >= 0) found[l] = bins.settle(values[l], found[l]);
  }
}

// The cells of numbers that lie inside, as BinSearch::cell_of has them.
template <bool has_keys, class X>
HWY_INLINE auto cells_of(const BinSearch& search, X x) {
  const hn::RebindToSigned<Doubles> integers;
  if constexpr (has_keys) {
    const hn::RebindToUnsigned<Doubles> keys;
    const auto number = hn::Add(x, hn::Zero(doubles));  // -0 becomes 0
    const auto sign = hn::BitCast(keys, hn::BroadcastSignBit(hn::BitCast(integers, number)));
    const auto flipped = hn::Or(sign, hn::Set(keys, std::uint64_t{1} << 63));
    const auto key = hn::Xor(hn::BitCast(keys, number), flipped);
    return hn::BitCast(
        integers, hn::ShiftRightSame(hn::Sub(key, hn::Set(keys, search.first_key)), search.shift));
  } else {
    const auto last = static_cast<double>(search.edge_before.size() - 1);
    const auto place =
        hn::Mul(hn::Sub(x, hn::Set(doubles, search.edges.front())), hn::Set(doubles, search.scale));
    return hn::ConvertTo(integers, hn::Min(place, hn::Set(doubles, last)));
  }
}

// The same for edges of any widths: the last edge that is not above x, of all lanes together. It is
// the one before x's cell, or in the cell.
template <bool has_keys>
void search_bins(const double* values, std::int64_t size, const BinSearch& search,
                 std::int64_t* found) {
  const hn::RebindToSigned<Doubles> integers;
  const double* const edges = search.edges.data();
  const auto bins = static_cast<std::int64_t>(search.edges.size()) - 1;
  const auto first = hn::Set(doubles, edges[0]);
  const auto last = hn::Set(doubles, edges[bins]);
  const auto end = hn::Set(integers, bins);
  const auto top_bin = hn::Set(integers, bins - 1);
  const auto highest =
      static_cast<std::int64_t>(std::bit_floor(static_cast<std::uint64_t>(search.most_in_cell)));
  for (std::int64_t i = 0; i < size; i += vector_lanes) {
    const auto x = hn::LoadU(doubles, values + i);
    const auto inside = hn::And(hn::Ge(x, first), hn::Le(x, last));
    const auto cell = cells_of<has_keys>(search, hn::IfThenElse(inside, x, first));
    auto edge = hn::GatherIndex(integers, search.edge_before.data(), cell);
    for (std::int64_t step = highest; step > 0; step /= 2) {
      const auto next = hn::Min(hn::Add(edge, hn::Set(integers, step)), end);
      const auto is_below =
          hn::RebindMask(integers, hn::Ge(x, hn::GatherIndex(doubles, edges, next)));
      edge = hn::IfThenElse(is_below, next, edge);
    }
    const auto outside = hn::RebindMask(integers, hn::Not(inside));
    hn::StoreU(hn::IfThenElse(outside, hn::Set(integers, std::int64_t{-1}), hn::Min(edge, top_bin)),
               integers, found + i);
  }
}

// From here on tables of a thread's own would leave the first cache.
constexpr std::int64_t many_bins = 1024;

// Four tables take turns, so that equal neighbours do not wait for each other's store.
class Tables {
 public:
  explicit Tables(std::int64_t bins)
      : stride_(bins + 1), tables_(static_cast<std::size_t>(4 * stride_)) {}

  void count(const std::int64_t* found, std::int64_t size) {
    std::int64_t* table = tables_.data() + 1;  // bin -1 is not counted
    std::int64_t i = 0;
    for (; i + 4 <= size; i += 4) {
      ++table[found[i]];
      ++table[stride_ + found[i + 1]];
      ++table[2 * stride_ + found[i + 2]];
      ++table[3 * stride_ + found[i + 3]];
    }
    for (; i < size; ++i) ++table[found[i]];
  }
  void add_to(std::span<std::int64_t> counts) const {
    for (std::int64_t t = 0; t < 4; ++t)
      for (std::size_t b = 0; b < counts.size(); ++b)
        counts[b] += tables_[static_cast<std::size_t>(t * stride_ + 1) + b];
  }

 private:
  std::int64_t stride_;
  std::vector<std::int64_t> tables_;
};

template <class T>
HWY_INLINE void widen_block(const T* from, std::int64_t size, double* to) {
  std::int64_t i = 0;
  for (; i + vector_lanes <= size; i += vector_lanes)
    hn::StoreU(load_wide(from + i), doubles, to + i);
  if (i == size) return;
  alignas(64) unsigned char padded[8 * sizeof(T)] = {};
  std::memcpy(padded, from + i, static_cast<std::size_t>(size - i) * sizeof(T));
  hn::StoreU(load_wide(reinterpret_cast<const T*>(padded)), doubles, to + i);
}

// Calls use(bin numbers, how many) for each block of the elements.
template <class T, class Use>
void for_each_block(const T* elements, std::int64_t size, const Bins& bins, Use use) {
  alignas(64) double values[block_size];
  alignas(64) std::int64_t found[block_size];
  for (std::int64_t i = 0; i < size; i += block_size) {
    const std::int64_t block = std::min(block_size, size - i);
    widen_block(elements + i, block, values);
    find_bins(values, block, bins, found);
    use(found, block);
  }
}

template <class T>
void count_elements(const T* elements, std::int64_t size, const Bins& bins,
                    std::span<std::int64_t> counts) {
  if (bins.count > many_bins) {
    for_each_block(elements, size, bins, [&](const std::int64_t* found, std::int64_t block) {
      for (std::int64_t i = 0; i < block; ++i)
        if (found[i] >= 0) ++counts[static_cast<std::size_t>(found[i])];
    });
    return;
  }
  Tables tables(bins.count);
  for_each_block(elements, size, bins, [&](const std::int64_t* found, std::int64_t block) {
    tables.count(found, block);
  });
  tables.add_to(counts);
}

// Elements `stride` apart, side by side; what lies behind them is NaN.
template <class T>
void widen_strided(const T* from, std::int64_t stride, std::int64_t size, double* to) {
  if (stride == 1) {
    widen_block(from, size, to);
  } else {
    alignas(64) T near[block_size] = {};
    for (std::int64_t i = 0; i < size; ++i) near[i] = from[i * stride];
    widen_block(near, size, to);
  }
  for (std::int64_t i = size; i % vector_lanes != 0; ++i)
    to[i] = std::numeric_limits<double>::quiet_NaN();
}

void find_places(DType dtype, const void* elements, std::int64_t stride,
                 std::span<const double> edges, const BinSearch* search,
                 std::span<std::int64_t> places) {
  const auto bins = static_cast<std::int64_t>(edges.size()) - 1;
  const Bins equal(edges.data(), bins);
  const auto count = static_cast<std::int64_t>(places.size());
  visit_real(dtype, [&](auto tag) {
    using T = typename decltype(tag)::type;
    const auto* from = static_cast<const T*>(elements);
    alignas(64) double values[block_size];
    alignas(64) std::int64_t found[block_size];
    for (std::int64_t first = 0; first < count; first += block_size) {
      const std::int64_t size = std::min(block_size, count - first);
      widen_strided(from + first * stride, stride, size, values);
      if (search == nullptr)
        find_bins(values, size, equal, found);
      else if (search->has_keys)
        search_bins<true>(values, size, *search, found);
      else
        search_bins<false>(values, size, *search, found);
      std::int64_t* const to = places.data() + first;
      for (std::int64_t i = 0; i < size; ++i)
        to[i] = (to[i] | found[i]) < 0 ? -1 : to[i] * bins + found[i];
    }
  });
}

void find_extent(DType dtype, const void* elements, std::int64_t count, std::int64_t stride,
                 double bound, NumberExtent& extent) {
  const auto lowest = hn::Set(doubles, bound);
  const auto infinity = hn::Set(doubles, std::numeric_limits<double>::infinity());
  auto low = infinity;
  auto high = hn::Neg(infinity);
  const bool takes_all = bound == -std::numeric_limits<double>::infinity();
  std::int64_t numbers = 0;
  visit_real(dtype, [&](auto tag) {
    using T = typename decltype(tag)::type;
    const auto* from = static_cast<const T*>(elements);
    alignas(64) double values[block_size];
    for (std::int64_t first = 0; first < count; first += block_size) {
      const std::int64_t size = std::min(block_size, count - first);
      widen_strided(from + first * stride, stride, size, values);
      for (std::int64_t i = 0; i < size; i += vector_lanes) {
        const auto x = hn::LoadU(doubles, values + i);
        numbers += static_cast<std::int64_t>(hn::CountTrue(doubles, hn::Eq(x, x)));
        const auto taken = takes_all ? hn::Eq(x, x) : hn::Gt(x, lowest);
        low = hn::IfThenElse(hn::And(taken, hn::Lt(x, low)), x, low);
        high = hn::IfThenElse(hn::And(taken, hn::Gt(x, high)), x, high);
      }
    }
  });
  extent.nan_count += count - numbers;
  alignas(64) double lows[vector_lanes];
  alignas(64) double highs[vector_lanes];
  hn::Store(low, doubles, lows);
  hn::Store(high, doubles, highs);
  for (std::int64_t l = 0; l < vector_lanes; ++l) {
    extent.low = std::min(extent.low, lows[l]);
    extent.high = std::max(extent.high, highs[l]);
  }
}

// By column: each with its own edges. Counts are integers, so the order of work cannot show.
template <class T>
void count_columns(const T* rows, std::int64_t row_count, std::int64_t columns,
                   const std::vector<Bins>& bins, std::span<std::int64_t> counts) {
  alignas(64) double values[block_size];
  for (std::int64_t row = 0; row < row_count; ++row)
    for (std::int64_t first = 0; first < columns; first += block_size) {
      const std::int64_t block = std::min(block_size, columns - first);
      widen_block(rows + row * columns + first, block, values);
      for (std::int64_t j = 0; j < block; ++j) {
        const Bins& own = bins[static_cast<std::size_t>(first + j)];
        if (!own.holds(values[j])) continue;
        const std::int64_t bin = own.settle(values[j], own.guess(values[j]));
        ++counts[static_cast<std::size_t>((first + j) * own.count + bin)];
      }
    }
}

void count_bins(DType dtype, const void* rows, std::int64_t row_count, std::int64_t columns,
                std::int64_t bins, std::span<const double> edges, std::span<std::int64_t> counts) {
  std::vector<Bins> bins_of;
  bins_of.reserve(static_cast<std::size_t>(columns));
  for (std::int64_t j = 0; j < columns; ++j)
    bins_of.emplace_back(edges.data() + j * (bins + 1), bins);
  visit_real(dtype, [&](auto tag) {
    using T = typename decltype(tag)::type;
    const auto* elements = static_cast<const T*>(rows);
    if (columns == 1)
      count_elements(elements, row_count, bins_of[0], counts);
    else
      count_columns(elements, row_count, columns, bins_of, counts);
  });
}

}  // namespace serried::host::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace serried::host {
namespace {

HWY_EXPORT(count_bins);
HWY_EXPORT(find_places);
HWY_EXPORT(find_extent);

class HostHistogramKernels final : public HistogramKernels {
 public:
  explicit constexpr HostHistogramKernels(DType dtype) : dtype_(dtype) {}

  void add(const void* rows, std::int64_t row_count, std::int64_t columns, std::int64_t bins,
           std::span<const double> edges, std::span<std::int64_t> counts) const override {
    HWY_DYNAMIC_DISPATCH(count_bins)(dtype_, rows, row_count, columns, bins, edges, counts);
  }
  void find(const void* elements, std::int64_t stride, std::span<const double> edges,
            const BinSearch* search, std::span<std::int64_t> places) const override {
    HWY_DYNAMIC_DISPATCH(find_places)(dtype_, elements, stride, edges, search, places);
  }
  [[nodiscard]] NumberExtent extent(const void* elements, std::int64_t count, std::int64_t stride,
                                    double bound) const override {
    NumberExtent found;
    HWY_DYNAMIC_DISPATCH(find_extent)(dtype_, elements, count, stride, bound, found);
    return found;
  }

 private:
  DType dtype_;
};

}  // namespace

const void* find_histogram_kernels(DType dtype) {
  if (!is_real(dtype)) return nullptr;
  return visit_real(dtype, [](auto tag) -> const HistogramKernels* {
    static const HostHistogramKernels kernels(dtype_of<typename decltype(tag)::type>);
    return &kernels;
  });
}

}  // namespace serried::host
#endif  // HWY_ONCE
