// The nearest centre of each row, and the sums of the rows that moved.
#include "backend/host/highway_targets.hpp"
#include "backend/host/kmeans_functions.hpp"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "backend/host/kmeans_assign.cpp"
#include "hwy/foreach_target.h"
#include "hwy/highway.h"
// After highway.h, because these are compiled once for each target.
#include "backend/host/kmeans_blocks-inl.hpp"
#include "backend/host/kmeans_bounds-inl.hpp"
#include "backend/host/kmeans_direct-inl.hpp"
#include "backend/host/kmeans_sums-inl.hpp"

HWY_BEFORE_NAMESPACE();
namespace serried::host {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

/// Writes the index found for each row of a block; -1 for rows that the fast form cannot decide:
/// the best two lie within the bound, or a number is not finite. Returns whether there are such
/// rows.
template <class C>
HWY_INLINE bool write_indices(const CenterBlocks<C>& blocks, const BlockScratch<C>& scratch,
                              std::int64_t row_count, std::int32_t* labels) {
  const hn::ScalableTag<C> d;
  const hn::RebindToSigned<decltype(d)> di;
  const hn::Rebind<std::int32_t, decltype(d)> d32;
  constexpr std::int64_t n = lane_count<decltype(d)>;
  const auto relative = hn::Set(d, blocks.relative);
  const auto absolute = hn::Set(d, blocks.absolute);
  const auto undecided = hn::Set(di, -1);
  bool is_any_undecided = false;
  for (std::int64_t r = 0; r < row_count; r += n) {
    const auto gap =
        hn::Sub(hn::LoadU(d, scratch.second.data() + r), hn::LoadU(d, scratch.best.data() + r));
    const auto bound = hn::MulAdd(hn::LoadU(d, scratch.norms.data() + r), relative, absolute);
    const auto is_decided = hn::Gt(gap, bound);
    auto index = hn::LoadU(di, scratch.index.data() + r);
    if (!hn::AllTrue(d, is_decided)) {
      is_any_undecided = true;
      index = hn::IfThenElse(hn::RebindMask(di, is_decided), index, undecided);
    }
    if constexpr (sizeof(C) == sizeof(std::int32_t))
      hn::StoreU(index, d32, labels + r);
    else
      hn::StoreU(hn::BitCast(
                     d32, hn::TruncateTo(hn::RebindToUnsigned<decltype(d32)>(),
                                         hn::BitCast(hn::RebindToUnsigned<decltype(di)>(), index))),
                 d32, labels + r);
  }
  return is_any_undecided;
}

/// Index of the first entry that differs; count if there is none.
HWY_INLINE std::int64_t first_difference(const std::int32_t* a, const std::int32_t* b,
                                         std::int64_t count) {
  const hn::ScalableTag<std::int32_t> d;
  constexpr std::int64_t n = lane_count<decltype(d)>;
  std::int64_t i = 0;
  while (i + n <= count && hn::AllTrue(d, hn::Eq(hn::LoadU(d, a + i), hn::LoadU(d, b + i)))) i += n;
  while (i < count && a[i] == b[i]) ++i;
  return i;
}

/// Bounds of the distances of a block's rows to the nearest of the centres they were compared with,
/// and a lower one to any other of these.
struct BlockDistances {
  explicit BlockDistances(std::size_t rows) : upper(rows), lower(rows), others(rows) {}
  std::vector<float> upper, lower, others;
};

/// `lower` only where it is wanted.
template <bool has_lower, class C>
HWY_INLINE void write_distances(const CenterBlocks<C>& blocks, const BlockScratch<C>& scratch,
                                std::int64_t row_count, BlockDistances& out) {
  const hn::ScalableTag<C> d;
  const hn::Rebind<float, decltype(d)> d32;
  constexpr std::int64_t n = lane_count<decltype(d)>;
  const auto relative = hn::Set(d, blocks.relative);
  const auto absolute = hn::Set(d, blocks.absolute);
  const auto most = hn::Set(d, C{0x1.0p120});  // stands for infinity, and keeps sums finite
  const auto store = [&](hn::Vec<decltype(d)> squared, float widening, float* to) {
    const auto root = hn::Sqrt(hn::Max(squared, hn::Zero(d)));
    const auto distance = hn::Mul(hn::Min(root, most), hn::Set(d, static_cast<C>(widening)));
    if constexpr (sizeof(C) == sizeof(float))
      hn::StoreU(distance, d32, to);
    else
      hn::StoreU(hn::DemoteTo(d32, distance), d32, to);
  };
  for (std::int64_t r = 0; r < row_count; r += n) {
    const auto norm = hn::LoadU(d, scratch.norms.data() + r);
    const auto error = hn::MulAdd(norm, relative, absolute);
    const auto best = hn::Add(norm, hn::LoadU(d, scratch.best.data() + r));
    const auto second = hn::Add(norm, hn::LoadU(d, scratch.second.data() + r));
    store(hn::Add(best, error), 1 + bound_widening, out.upper.data() + r);
    if constexpr (has_lower) store(hn::Sub(best, error), 1 - bound_widening, out.lower.data() + r);
    store(hn::Sub(second, error), 1 - bound_widening, out.others.data() + r);
  }
}

/// Compares all rows with the movers, and returns those whose label is not certain then.
template <class T>
HWY_INLINE RowList compare_with_movers(const HostCenters& movers, KMeansRows rows,
                                       const std::int32_t* labels, const KMeansBounds& bounds) {
  forget_gates(bounds, rows.count);
  BlockWalk<Outcome::two_least, T, T> walk(movers, rows);
  const BlockScratch<T>& scratch = walk.scratch();
  BlockDistances found(static_cast<std::size_t>(scratch.rows));
  std::vector<std::int32_t> index(static_cast<std::size_t>(scratch.rows));
  RowList open(rows.count);
  for (std::int64_t begin = 0; begin < rows.count; begin += scratch.rows) {
    const std::int64_t count = walk.run(begin);
    write_distances<true>(walk.blocks(), scratch, count, found);
    std::copy_n(scratch.index.begin(), count, index.begin());
    settle_with_movers(bounds, begin, count, labels,
                       {index.data(), found.upper.data(), found.lower.data(), found.others.data()},
                       open);
  }
  return open;
}

/// One call of assign.
template <class T>
class Assignment {
 public:
  HWY_INLINE Assignment(const HostCenters& centers, KMeansRows rows, const double* weights,
                        std::int32_t* labels, const KMeansBounds* bounds,
                        const KMeansFixedPoint* fixed, const KMeansSums* sums)
      : centers_(centers),
        rows_(rows),
        weights_(weights),
        labels_(labels),
        bounds_(bounds),
        fixed_(fixed),
        sums_(sums),
        walk_(centers, rows),
        found_(static_cast<std::size_t>(walk_.scratch().rows)),
        distances_(bounds != nullptr ? found_.size() : 0) {}

  HWY_INLINE KMeansAssigned run_all() {
    for (std::int64_t begin = 0; begin < rows_.count; begin += walk_.scratch().rows) {
      const std::int64_t count = walk_.run(begin);
      const bool has_missing = decide(count, [&](std::int64_t i) { return begin + i; });
      if (weights_ == nullptr && !has_missing) {
        if (bounds_ != nullptr)
          keep_block_bounds(*bounds_, begin, count, found_.data(), distances_.upper.data(),
                            distances_.others.data());
        for (std::int64_t i = 0; i < count; ++i) {
          i += first_difference(found_.data() + i, labels_ + begin + i, count - i);
          if (i < count) change(begin + i, found_[static_cast<std::size_t>(i)]);
        }
      } else {
        settle(count, [&](std::int64_t i) { return begin + i; });
      }
    }
    return {changed_, rows_.count};
  }

  /// Only the rows with these numbers, ascending.
  HWY_INLINE KMeansAssigned run_chosen(const std::int32_t* numbers, std::int64_t count) {
    for (std::int64_t begin = 0; begin < count; begin += walk_.scratch().rows) {
      const std::int64_t part = std::min(walk_.scratch().rows, count - begin);
      const std::int32_t* const own = numbers + begin;
      walk_.run_chosen(own, part);
      decide(part, [&](std::int64_t i) { return std::int64_t{own[i]}; });
      settle(part, [&](std::int64_t i) { return std::int64_t{own[i]}; });
    }
    return {changed_, count};
  }

 private:
  [[nodiscard]] HWY_INLINE const T* row(std::int64_t number) const {
    return static_cast<const T*>(rows_.data) + number * centers_.features;
  }
  /// The block's labels, and distances where bounds are kept. Returns whether there are missing
  /// rows.
  template <class RowOf>
  HWY_INLINE bool decide(std::int64_t count, RowOf row_of) {
    const bool has_undecided = write_indices(walk_.blocks(), walk_.scratch(), count, found_.data());
    if (bounds_ != nullptr)
      write_distances<false>(walk_.blocks(), walk_.scratch(), count, distances_);
    bool has_missing = false;
    if (!has_undecided) return has_missing;
    for (std::int64_t i = 0; i < count; ++i) {
      const auto at = static_cast<std::size_t>(i);
      if (found_[at] >= 0) continue;
      found_[at] = direct_nearest(centers_, row(row_of(i))).index;
      has_missing = has_missing || found_[at] < 0;
      // The best two are about equal: such a row is looked at every time.
      if (bounds_ != nullptr) distances_.upper[at] = 0x1.0p120F;
    }
    return has_missing;
  }
  /// Puts the block's labels and bounds in their places.
  template <class RowOf>
  HWY_INLINE void settle(std::int64_t count, RowOf row_of) {
    for (std::int64_t i = 0; i < count; ++i) {
      const auto at = static_cast<std::size_t>(i);
      const std::int64_t number = row_of(i);
      std::int32_t label = found_[at];
      if (weights_ != nullptr && weights_[number] != weights_[number]) label = -1;
      if (bounds_ != nullptr)
        keep_bounds(*bounds_, number, label, distances_.upper[at], distances_.others[at]);
      change(number, label);
    }
  }
  HWY_INLINE void change(std::int64_t number, std::int32_t label) {
    const std::int32_t old = labels_[number];
    if (label == old) return;
    ++changed_;
    labels_[number] = label;
    if (sums_ != nullptr)
      move_row(row(number), centers_.features, weights_ != nullptr ? weights_[number] : 1.,
               weights_ != nullptr, old, label, *fixed_, *sums_);
  }

  const HostCenters& centers_;
  KMeansRows rows_;
  const double* weights_;
  std::int32_t* labels_;
  const KMeansBounds* bounds_;
  const KMeansFixedPoint* fixed_;
  const KMeansSums* sums_;
  BlockWalk<Outcome::two_least, T, T> walk_;
  // Of the present block.
  std::vector<std::int32_t> found_;
  BlockDistances distances_;
  std::int64_t changed_ = 0;
};

template <class T>
HWY_INLINE KMeansAssigned assign(const HostCenters& centers, KMeansRows rows, const double* weights,
                                 std::int32_t* labels, const KMeansBounds* bounds,
                                 const KMeansFixedPoint* fixed, const KMeansSums* sums) {
  if (bounds == nullptr || !bounds->is_known)
    return Assignment<T>(centers, rows, weights, labels, bounds, fixed, sums).run_all();
  const RowList open =
      bounds->movers == nullptr
          ? open_rows(*bounds, labels, rows.count)
          : compare_with_movers<T>(static_cast<const HostCenters&>(*bounds->movers), rows, labels,
                                   *bounds);
  if (open.size() == 0) return {};
  return Assignment<T>(centers, rows, weights, labels, bounds, fixed, sums)
      .run_chosen(open.data(), open.size());
}

KMeansAssigned assign_f32(const HostCenters& centers, KMeansRows rows, const double* weights,
                          std::int32_t* labels, const KMeansBounds* bounds,
                          const KMeansFixedPoint* fixed, const KMeansSums* sums) {
  return assign<float>(centers, rows, weights, labels, bounds, fixed, sums);
}
KMeansAssigned assign_f64(const HostCenters& centers, KMeansRows rows, const double* weights,
                          std::int32_t* labels, const KMeansBounds* bounds,
                          const KMeansFixedPoint* fixed, const KMeansSums* sums) {
  return assign<double>(centers, rows, weights, labels, bounds, fixed, sums);
}

}  // namespace HWY_NAMESPACE
}  // namespace serried::host
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace serried::host {

HWY_EXPORT(assign_f32);
HWY_EXPORT(assign_f64);

template <>
KMeansAssigned assign_rows<float>(const HostCenters& centers, KMeansRows rows,
                                  const double* weights, std::int32_t* labels,
                                  const KMeansBounds* bounds, const KMeansFixedPoint* fixed,
                                  const KMeansSums* sums) {
  return HWY_DYNAMIC_DISPATCH(assign_f32)(centers, rows, weights, labels, bounds, fixed, sums);
}
template <>
KMeansAssigned assign_rows<double>(const HostCenters& centers, KMeansRows rows,
                                   const double* weights, std::int32_t* labels,
                                   const KMeansBounds* bounds, const KMeansFixedPoint* fixed,
                                   const KMeansSums* sums) {
  return HWY_DYNAMIC_DISPATCH(assign_f64)(centers, rows, weights, labels, bounds, fixed, sums);
}

}  // namespace serried::host
#endif
