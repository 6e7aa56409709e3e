// The register-blocked heart: |c'|^2 - 2 x'.c' for blocks of rows and centres, each value one chain
// of fused multiply-adds over ascending features. For Highway's foreach_target; included once for
// each target.
#if defined(SERRIED_KMEANS_BLOCKS_INL) == defined(HWY_TARGET_TOGGLE)
#ifdef SERRIED_KMEANS_BLOCKS_INL
#undef SERRIED_KMEANS_BLOCKS_INL
#else
#define SERRIED_KMEANS_BLOCKS_INL
#endif

#include <algorithm>
#include <cstdint>
#include <limits>
#include <vector>

#include "backend/host/kmeans_centers.hpp"
#include "hwy/cache_control.h"
#include "hwy/highway.h"
// After highway.h, because it has its own toggle.
#include "backend/host/kmeans_pack-inl.hpp"

HWY_BEFORE_NAMESPACE();
namespace serried::host {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

/// What becomes of the values of a block.
enum class Outcome { two_least, least, values };

/// The memory of one block of rows: packed features, and for each row what was found so far.
template <class C>
struct BlockScratch {
  using Index = hwy::MakeSigned<C>;
  static constexpr std::int64_t lanes = lane_count<hn::ScalableTag<C>>;
  static constexpr std::int64_t sub = row_vectors * lanes;  ///< rows of a sub-block
  /// Features that are packed at a time, and centres that are visited with unfinished chains.
  static constexpr std::int64_t max_width = 512 / static_cast<std::int64_t>(sizeof(C));
  static constexpr std::int64_t max_group = 512;

  BlockScratch(std::int64_t features, std::int64_t padded_centers, Outcome outcome) {
    constexpr std::int64_t packed_bytes = 16 << 10;
    width = features <= 2 * max_width ? features : max_width;
    const std::int64_t fitting = packed_bytes / (width * static_cast<std::int64_t>(sizeof(C)));
    rows = (width < features ? 4 : std::clamp<std::int64_t>(fitting / sub, 1, 8)) * sub;
    const auto size = static_cast<std::size_t>(rows);
    group = width == features && outcome != Outcome::values ? padded_centers
                                                            : std::min(padded_centers, max_group);
    packed.resize(size * static_cast<std::size_t>(width));
    norms.resize(size);
    best.resize(size);
    second.resize(size);
    index.resize(size);
    if (width < features || outcome == Outcome::values)
      chains.resize(size * static_cast<std::size_t>(group));
  }

  std::int64_t width;  ///< features packed at a time
  std::int64_t rows;   ///< of a block, a multiple of `sub`
  std::int64_t group;  ///< centres whose chains are kept at a time
  LineVector<C> packed, norms, best, second, chains;
  LineVector<Index> index;
};

/// The rows of a block: beside each other, or those with these numbers.
template <class T>
struct BlockRows {
  const T* data;                ///< the first of them, or that with number 0
  const std::int32_t* numbers;  ///< null: beside each other
  std::int64_t count;
  /// Whether whole sub-blocks, and a vector beyond the last row's end, can be read where they are;
  /// else the features that are packed at a time are copied before.
  bool is_readable;
};

/// The features [first, last) of a block's rows, one row behind the other, filled up with zeros to
/// `padded` rows and a vector more.
template <class T>
HWY_INLINE const T* copy_rows(const BlockRows<T>& rows, std::int64_t padded, std::int64_t features,
                              std::int64_t first, std::int64_t last, std::vector<T>& edge) {
  constexpr std::int64_t most_lanes = 16;
  const std::int64_t width = last - first;
  edge.resize(static_cast<std::size_t>(padded * width + most_lanes));
  T* to = edge.data();
  for (std::int64_t i = 0; i < rows.count; ++i, to += width) {
    const std::int64_t number = rows.numbers != nullptr ? std::int64_t{rows.numbers[i]} : i;
    std::copy_n(rows.data + number * features + first, width, to);
  }
  std::fill(to, edge.data() + padded * width + most_lanes, T{0});
  return edge.data();
}

/// Asks for the lines of the next block while this one is computed on: some at each step, since
/// memory has few requests in flight at a time and a burst would stall.
struct Prefetcher {
  const char* next = nullptr;
  const char* end = nullptr;
  std::int64_t lines_per_step = 0;  ///< 1 to 4
  std::int64_t packed_rows = 0;     ///< of the next block, asked for while packing
};

/// One feature of a register block.
template <int columns, class D, class V>
HWY_INLINE void step_chains(D d, const hn::TFromD<D>* x, const hn::TFromD<D>* c,
                            V (&chain)[row_vectors][columns]) {
  constexpr int n = lane_count<D>;
  const V x0 = hn::Load(d, x);
  const V x1 = hn::Load(d, x + n);
  const V x2 = hn::Load(d, x + 2 * n);
#pragma GCC unroll 8
  for (int j = 0; j < columns; ++j) {
    const V center = hn::Set(d, c[j]);
    chain[0][j] = hn::MulAdd(x0, center, chain[0][j]);
    chain[1][j] = hn::MulAdd(x1, center, chain[1][j]);
    chain[2][j] = hn::MulAdd(x2, center, chain[2][j]);
  }
}

/// One register block: continues the chains of `columns` centres and row_vectors vectors of rows.
template <int columns, class D, class V>
HWY_INLINE void run_chains(D d, const hn::TFromD<D>* x, const hn::TFromD<D>* c, std::int64_t stride,
                           std::int64_t width, V (&chain)[row_vectors][columns],
                           Prefetcher& prefetcher) {
  constexpr int m = row_vectors * lane_count<D>;
  std::int64_t f = 0;
  if (prefetcher.next < prefetcher.end) {
    const char* next = prefetcher.next;
    const std::int64_t second = 64 * (prefetcher.lines_per_step - 1);
    for (; f < width; ++f, x += m, c += stride, next += second + 64) {
      hwy::Prefetch(next);
      hwy::Prefetch(next + second);
      step_chains(d, x, c, chain);
    }
    prefetcher.next = next;
  }
  for (; f < width; ++f, x += m, c += stride) step_chains(d, x, c, chain);
}

/// Puts the values of `columns` centres into the least (and second least) so far; strictly smaller
/// values win, so that ties go to the lowest index.
template <int columns, bool has_second, class C, class V>
HWY_INLINE void keep_least(const V (&chain)[row_vectors][columns], std::int64_t first_center,
                           C* best, C* second, hwy::MakeSigned<C>* index) {
  const hn::ScalableTag<C> d;
  const hn::RebindToSigned<decltype(d)> di;
  constexpr int n = lane_count<decltype(d)>;
#pragma GCC unroll 3
  for (int r = 0; r < row_vectors; ++r) {
    V least = hn::Set(d, std::numeric_limits<C>::infinity());
    V next = least;
    V where = hn::Zero(d);
    if (first_center > 0) {
      least = hn::Load(d, best + r * n);
      if constexpr (has_second) next = hn::Load(d, second + r * n);
      where = hn::BitCast(d, hn::Load(di, index + r * n));
    }
    const auto one = hn::Set(di, 1);
    auto number = hn::Set(di, static_cast<hwy::MakeSigned<C>>(first_center));
#pragma GCC unroll 8
    for (int j = 0; j < columns; ++j) {
      const V value = chain[r][j];
      const auto is_less = hn::Lt(value, least);
      if constexpr (has_second) next = hn::Min(next, hn::Max(value, least));
      where = hn::IfThenElse(is_less, hn::BitCast(d, number), where);
      least = hn::Min(value, least);
      number = hn::Add(number, one);
    }
    hn::Store(least, d, best + r * n);
    if constexpr (has_second) hn::Store(next, d, second + r * n);
    hn::Store(hn::BitCast(di, where), di, index + r * n);
  }
}

/// All sub-blocks of a packed chunk of features against one register block of centres.
template <int columns, Outcome outcome, class C>
HWY_INLINE void visit_centers(const CenterBlocks<C>& blocks, BlockScratch<C>& scratch,
                              std::int64_t sub_blocks, const C* coefficients, std::int64_t stride,
                              std::int64_t width, std::int64_t center, std::int64_t center_in_group,
                              bool is_first, bool is_last, Prefetcher& prefetcher) {
  const hn::ScalableTag<C> d;
  using V = hn::Vec<decltype(d)>;
  constexpr int n = lane_count<decltype(d)>;
  constexpr std::int64_t sub = BlockScratch<C>::sub;
  for (std::int64_t s = 0; s < sub_blocks; ++s) {
    V chain[row_vectors][columns];
    C* const kept = scratch.chains.data() + center_in_group * scratch.rows + s * sub;
    if (is_first) {
#pragma GCC unroll 8
      for (int j = 0; j < columns; ++j)
        chain[0][j] = chain[1][j] = chain[2][j] =
            hn::Set(d, blocks.norms[static_cast<std::size_t>(center + j)]);
    } else {
#pragma GCC unroll 8
      for (int j = 0; j < columns; ++j)
        for (int r = 0; r < row_vectors; ++r)
          chain[r][j] = hn::LoadU(d, kept + j * scratch.rows + r * n);
    }
    run_chains<columns>(d, scratch.packed.data() + s * width * sub, coefficients, stride, width,
                        chain, prefetcher);
    if (is_last && outcome != Outcome::values) {
      keep_least<columns, outcome == Outcome::two_least>(
          chain, center, scratch.best.data() + s * sub, scratch.second.data() + s * sub,
          scratch.index.data() + s * sub);
    } else {
#pragma GCC unroll 8
      for (int j = 0; j < columns; ++j)
        for (int r = 0; r < row_vectors; ++r)
          hn::StoreU(chain[r][j], d, kept + j * scratch.rows + r * n);
    }
  }
}

/// Runs a block of at most scratch.rows rows against the centres [group_begin, group_end) (padded):
/// their least values go to scratch.best, second and index, or all values to scratch.chains. The
/// rows' |x'|^2 go to scratch.norms.
template <Outcome outcome, class C, class T>
HWY_NOINLINE void run_block(const CenterBlocks<C>& blocks, const PackFrame<C>& frame,
                            const BlockRows<T>& rows, std::int64_t features,
                            std::int64_t group_begin, std::int64_t group_end,
                            BlockScratch<C>& scratch, std::vector<T>& edge,
                            Prefetcher& prefetcher) {
  constexpr bool is_wide = lane_count<hn::ScalableTag<C>> * sizeof(C) == 64;
  constexpr std::int64_t wide = CenterBlocks<C>::wide;
  const std::int64_t sub_blocks = (rows.count + scratch.sub - 1) / scratch.sub;
  const std::int64_t padded = sub_blocks * scratch.sub;
  for (std::int64_t f = 0; f < features; f += scratch.width) {
    const std::int64_t end = std::min(features, f + scratch.width);
    const T* const x =
        rows.is_readable ? rows.data + f : copy_rows(rows, padded, features, f, end, edge);
    const std::int64_t stride = rows.is_readable ? features : end - f;
    bool is_packed = false;
    if constexpr (sizeof(T) == sizeof(C)) {
      if (features == 1) {
        pack_numbers<C>(x, padded, frame, scratch.packed.data(), scratch.norms.data());
        is_packed = true;
      }
    }
    if (!is_packed)
      pack_rows<C, T>(x, padded, stride, f, end, frame, scratch.packed.data(), scratch.norms.data(),
                      prefetcher.packed_rows);
    const bool is_first = f == 0;
    const bool is_last = end == features;
    for (std::int64_t center = group_begin; center < group_end; center += wide) {
      const std::int64_t columns = std::min(wide, blocks.padded() - center);
      const C* c = blocks.coefficients.data() + center * features + f * columns;
      const std::int64_t in_group = center - group_begin;
      if constexpr (is_wide) {
        if (columns == wide)
          visit_centers<8, outcome>(blocks, scratch, sub_blocks, c, columns, end - f, center,
                                    in_group, is_first, is_last, prefetcher);
        else
          visit_centers<4, outcome>(blocks, scratch, sub_blocks, c, columns, end - f, center,
                                    in_group, is_first, is_last, prefetcher);
      } else {
        for (std::int64_t half = 0; half < columns; half += 4)
          visit_centers<4, outcome>(blocks, scratch, sub_blocks, c + half, columns, end - f,
                                    center + half, in_group + half, is_first, is_last, prefetcher);
      }
    }
  }
}

/// A walk over a run of rows, block by block, against all centres.
template <Outcome outcome, class C, class T>
class BlockWalk {
 public:
  HWY_INLINE BlockWalk(const HostCenters& centers, KMeansRows rows)
      : blocks_(centers.blocks<C>()),
        features_(centers.features),
        rows_(rows),
        scratch_(features_, blocks_.padded(), outcome),
        shift_(centers.negative_shift.begin(), centers.negative_shift.end()),
        frame_{shift_.data(), centers.negative_shift.data(), centers.scale} {}

  [[nodiscard]] HWY_INLINE BlockScratch<C>& scratch() { return scratch_; }
  [[nodiscard]] HWY_INLINE const CenterBlocks<C>& blocks() const { return blocks_; }

  /// Runs the block of rows that begins at `begin` against all centres; returns its number of rows.
  HWY_INLINE std::int64_t run(std::int64_t begin) {
    for (std::int64_t group = 0; group < blocks_.padded(); group += scratch_.group)
      run_group(begin, group);
    return std::min(scratch_.rows, rows_.count - begin);
  }
  /// As run, for the rows with these numbers: one block of at most scratch.rows, not necessarily
  /// beside each other.
  HWY_INLINE void run_chosen(const std::int32_t* numbers, std::int64_t count) {
    const T* const data = static_cast<const T*>(rows_.data);
    const bool is_run = numbers[count - 1] - numbers[0] == count - 1;
    const BlockRows<T> rows =
        is_run ? block_of(numbers[0], count) : BlockRows<T>{data, numbers, count, false};
    Prefetcher prefetcher;
    for (std::int64_t group = 0; group < blocks_.padded(); group += scratch_.group)
      run_rows(rows, group, prefetcher);
  }
  /// As run, for the scratch.group centres from `group` on alone.
  HWY_INLINE std::int64_t run_group(std::int64_t begin, std::int64_t group) {
    const std::int64_t count = std::min(scratch_.rows, rows_.count - begin);
    const T* const data = static_cast<const T*>(rows_.data) + begin * features_;
    Prefetcher prefetcher;
    if (scratch_.width == features_ && group == 0) plan_prefetch(prefetcher, data, begin, count);
    run_rows(block_of(begin, count), group, prefetcher);
    return count;
  }

 private:
  [[nodiscard]] HWY_INLINE BlockRows<T> block_of(std::int64_t begin, std::int64_t count) const {
    const std::int64_t padded = (count + scratch_.sub - 1) / scratch_.sub * scratch_.sub;
    const std::int64_t beyond = features_ % scratch_.lanes == 0 ? 0 : scratch_.lanes;
    const std::int64_t left = (rows_.count - begin) * features_;
    return {static_cast<const T*>(rows_.data) + begin * features_, nullptr, count,
            padded * features_ + beyond <= left};
  }

  HWY_INLINE void run_rows(const BlockRows<T>& rows, std::int64_t group, Prefetcher& prefetcher) {
    run_block<outcome>(blocks_, frame_, rows, features_, group,
                       std::min(blocks_.padded(), group + scratch_.group), scratch_, edge_,
                       prefetcher);
  }

  /// A third of the next block is asked for while this one is packed, the rest while it is computed
  /// on.
  HWY_INLINE void plan_prefetch(Prefetcher& prefetcher, const T* data, std::int64_t begin,
                                std::int64_t count) const {
    const std::int64_t bytes = features_ * static_cast<std::int64_t>(sizeof(T));
    const std::int64_t next_rows = std::min(scratch_.rows, rows_.count - begin - count);
    prefetcher.packed_rows = next_rows / 3 / scratch_.lanes * scratch_.lanes;
    const char* const next = reinterpret_cast<const char*>(data) + count * bytes;
    prefetcher.next = next + prefetcher.packed_rows * bytes;
    prefetcher.end = next + next_rows * bytes;
    const std::int64_t steps = (std::min(scratch_.group, blocks_.padded()) + 7) / 8 *
                               (scratch_.rows / scratch_.sub) * features_;
    const std::int64_t lines = (prefetcher.end - prefetcher.next) / 64;
    prefetcher.lines_per_step = std::clamp<std::int64_t>((lines + steps - 1) / steps, 1, 4);
  }

  const CenterBlocks<C>& blocks_;
  std::int64_t features_;
  KMeansRows rows_;
  BlockScratch<C> scratch_;
  std::vector<C> shift_;
  PackFrame<C> frame_;
  std::vector<T> edge_;
};

}  // namespace HWY_NAMESPACE
}  // namespace serried::host
HWY_AFTER_NAMESPACE();
#endif
