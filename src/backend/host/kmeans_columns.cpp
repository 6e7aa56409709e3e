// Column sums and maxima of leaves, and missing rows.
#include "backend/host/highway_targets.hpp"
#include "backend/host/kmeans_functions.hpp"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "backend/host/kmeans_columns.cpp"
#include "hwy/foreach_target.h"
#include "hwy/highway.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <vector>

HWY_BEFORE_NAMESPACE();
namespace serried::host {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

/// Rows that are taken together, so that whole vectors of 8 virtual lanes hold them and a vector's
/// lanes belong to fixed columns; wide rows stand alone and their last vector is padded.
HWY_INLINE std::int64_t rows_together(std::int64_t features) {
  if (features >= 64) return 1;
  const std::int64_t whole = 8 / std::gcd(features, std::int64_t{8});
  return whole * std::max<std::int64_t>(1, 32 / (whole * features));
}

/// f64 lanes of T elements.
template <class T, class D>
HWY_INLINE hn::Vec<D> load_f64(D d, const T* x) {
  if constexpr (sizeof(T) == sizeof(double))
    return hn::LoadU(d, x);
  else
    return hn::PromoteTo(d, hn::LoadU(hn::Rebind<float, D>(), x));
}

/// Lane sums of a leaf. Each element of a run of rows_together(features) rows has a lane of its
/// own, which adds the runs in ascending order.
template <class T>
class LeafSums {
 public:
  HWY_INLINE LeafSums(std::int64_t features, std::span<const double> shift, bool has_spreads)
      : together_(rows_together(features)),
        features_(features),
        length_(together_ * features),
        has_spreads_(has_spreads),
        shift_(static_cast<std::size_t>(length_ + 8), 0.),
        sums_(shift_.size(), 0.),
        squares_(has_spreads ? shift_.size() : 0, 0.),
        maxima_(squares_.size(), 0.),
        edge_(shift_.size(), T{0}) {
    for (std::int64_t i = 0; i < length_; ++i)
      shift_[static_cast<std::size_t>(i)] = shift[static_cast<std::size_t>(i % features)];
  }

  /// Adds rows up; returns false, having nothing of use, if there is a NaN or Inf among them, or if
  /// a sum is beyond the range of f64.
  HWY_INLINE bool add(const T* rows, std::int64_t count) {
    const hn::CappedTag<double, 8> d;
    const std::int64_t runs = count / together_;
    const std::int64_t whole = length_ / 8 * 8;
    std::int64_t lane = 0;
    for (; lane + 16 <= whole; lane += 16) add_runs<16>(d, rows, lane, runs);
    for (; lane < whole; lane += 8) add_runs<8>(d, rows, lane, runs);
    if (whole < length_) {
      clear(whole, length_ + 8);
      for (std::int64_t i = 0; i < runs; ++i) add_edge(d, rows + i * length_, whole, length_);
    }
    if (runs * together_ < count)
      add_edge(d, rows + runs * length_, 0, (count - runs * together_) * features_);
    // What is not finite stays so in a sum.
    auto check = hn::Zero(d);
    for (std::int64_t f = 0; f < length_; f += hn::MaxLanes(d))
      check = hn::MulAdd(hn::LoadU(d, sums_.data() + f), hn::Zero(d), check);
    return hn::AllTrue(d, hn::Eq(check, hn::Zero(d)));
  }

  /// The sums of the last add; maxima are raised.
  HWY_INLINE void write(double* sums, double* squares, double* maxima) const {
    fold(sums_, sums);
    if (squares != nullptr) fold(squares_, squares);
    if (maxima == nullptr) return;
    for (std::int64_t i = 0; i < length_; ++i)
      maxima[i % features_] = std::max(maxima[i % features_], maxima_[static_cast<std::size_t>(i)]);
  }

 private:
  /// `lanes` lanes from `first` on over all runs, in registers.
  template <int lanes, class D>
  HWY_INLINE void add_runs(D d, const T* rows, std::int64_t first, std::int64_t runs) {
    if (has_spreads_)
      add_runs<lanes, true>(d, rows + first, first, runs);
    else
      add_runs<lanes, false>(d, rows + first, first, runs);
  }
  template <int lanes, bool has_spreads, class D>
  HWY_INLINE void add_runs(D d, const T* x, std::int64_t first, std::int64_t runs) {
    constexpr int n = static_cast<int>(hn::MaxLanes(d));
    constexpr int vectors = lanes / n;
    hn::Vec<D> shift[vectors], sum[vectors], square[vectors], most[vectors];
#pragma GCC unroll 4
    for (int v = 0; v < vectors; ++v) {
      shift[v] = hn::LoadU(d, shift_.data() + first + v * n);
      sum[v] = square[v] = most[v] = hn::Zero(d);
    }
    for (std::int64_t i = 0; i < runs; ++i, x += length_) {
#pragma GCC unroll 4
      for (int v = 0; v < vectors; ++v) {
        const auto difference = hn::Sub(load_f64(d, x + v * n), shift[v]);
        sum[v] = hn::Add(sum[v], difference);
        if constexpr (has_spreads) {
          square[v] = hn::MulAdd(difference, difference, square[v]);
          most[v] = hn::Max(most[v], hn::Abs(difference));
        }
      }
    }
#pragma GCC unroll 4
    for (int v = 0; v < vectors; ++v) {
      hn::StoreU(sum[v], d, sums_.data() + first + v * n);
      if constexpr (has_spreads) {
        hn::StoreU(square[v], d, squares_.data() + first + v * n);
        hn::StoreU(most[v], d, maxima_.data() + first + v * n);
      }
    }
  }
  /// The elements [begin, end) of a run; the lanes behind them, up to a multiple of 8, see the
  /// shift itself and so change nothing.
  template <class D>
  HWY_INLINE void add_edge(D d, const T* x, std::int64_t begin, std::int64_t end) {
    const std::int64_t padded = (end + 7) / 8 * 8;
    for (std::int64_t f = begin; f < padded; ++f)
      edge_[static_cast<std::size_t>(f)] =
          f < end ? x[f] : static_cast<T>(shift_[static_cast<std::size_t>(f)]);
    for (std::int64_t f = begin; f < padded; f += hn::MaxLanes(d)) {
      const auto difference =
          hn::Sub(load_f64(d, edge_.data() + f), hn::LoadU(d, shift_.data() + f));
      double* const sum = sums_.data() + f;
      hn::StoreU(hn::Add(hn::LoadU(d, sum), difference), d, sum);
      if (!has_spreads_) continue;
      double* const square = squares_.data() + f;
      hn::StoreU(hn::MulAdd(difference, difference, hn::LoadU(d, square)), d, square);
      double* const most = maxima_.data() + f;
      hn::StoreU(hn::Max(hn::LoadU(d, most), hn::Abs(difference)), d, most);
    }
  }
  HWY_INLINE void clear(std::int64_t begin, std::int64_t end) {
    for (auto* lanes : {&sums_, &squares_, &maxima_})
      if (!lanes->empty()) std::fill(lanes->begin() + begin, lanes->begin() + end, 0.);
  }
  HWY_INLINE void fold(const std::vector<double>& lanes, double* out) const {
    for (std::int64_t f = 0; f < features_; ++f) {
      double sum = 0;
      for (std::int64_t i = f; i < length_; i += features_)
        sum += lanes[static_cast<std::size_t>(i)];
      out[f] = sum;
    }
  }

  std::int64_t together_, features_, length_;
  bool has_spreads_;
  std::vector<double> shift_, sums_, squares_, maxima_;  ///< by lane
  std::vector<T> edge_;
};

template <class T>
HWY_INLINE bool is_clean_row(const T* x, std::int64_t features) {
  for (std::int64_t f = 0; f < features; ++f)
    if (!std::isfinite(x[f])) return false;
  return true;
}

/// Raises maxima to |w (x - shift)| of the usable rows of a leaf, for weighted rows.
template <class T>
HWY_INLINE void raise_maxima(const T* rows, std::int64_t count, const double* weights,
                             std::int64_t features, std::span<const double> shift, double* maxima) {
  for (std::int64_t i = 0; i < count; ++i, rows += features) {
    if (std::isnan(weights[i]) || !is_clean_row(rows, features)) continue;
    for (std::int64_t f = 0; f < features; ++f) {
      const double size =
          std::abs(static_cast<double>(rows[f]) - shift[static_cast<std::size_t>(f)]);
      maxima[f] = std::max(maxima[f], weights[i] * size);
      maxima[features] = std::max(maxima[features], size);
    }
  }
}

template <class T>
HWY_INLINE void column_sums(const T* rows, const double* weights, std::int64_t features,
                            std::span<const double> shift, std::span<const std::int64_t> offsets,
                            double* sums, double* squares, double* maxima, std::int64_t* usable) {
  LeafSums<T> leaf(features, shift, squares != nullptr);
  std::vector<T> kept;
  for (std::size_t l = 0; l + 1 < offsets.size(); ++l) {
    const std::int64_t begin = offsets[l];
    const std::int64_t count = offsets[l + 1] - begin;
    const T* const x = rows + begin * features;
    bool is_clean = leaf.add(x, count);
    usable[l] = count;
    for (std::int64_t i = 0; weights != nullptr && i < count; ++i)
      is_clean = is_clean && !std::isnan(weights[begin + i]);
    if (!is_clean) {
      kept.clear();
      for (std::int64_t i = 0; i < count; ++i)
        if ((weights == nullptr || !std::isnan(weights[begin + i])) &&
            is_clean_row(x + i * features, features))
          kept.insert(kept.end(), x + i * features, x + (i + 1) * features);
      usable[l] = static_cast<std::int64_t>(kept.size()) / features;
      leaf.add(kept.data(), usable[l]);
    }
    const auto at = static_cast<std::int64_t>(l) * features;
    leaf.write(sums + at, squares == nullptr ? nullptr : squares + at,
               weights == nullptr ? maxima : nullptr);
    if (weights != nullptr && maxima != nullptr)
      raise_maxima(x, count, weights + begin, features, shift, maxima);
  }
  if (weights == nullptr && maxima != nullptr)
    maxima[features] = std::max(maxima[features], *std::max_element(maxima, maxima + features));
}

void column_sums_f32(const float* rows, const double* weights, std::int64_t features,
                     std::span<const double> shift, std::span<const std::int64_t> offsets,
                     double* sums, double* squares, double* maxima, std::int64_t* usable) {
  column_sums(rows, weights, features, shift, offsets, sums, squares, maxima, usable);
}
void column_sums_f64(const double* rows, const double* weights, std::int64_t features,
                     std::span<const double> shift, std::span<const std::int64_t> offsets,
                     double* sums, double* squares, double* maxima, std::int64_t* usable) {
  column_sums(rows, weights, features, shift, offsets, sums, squares, maxima, usable);
}

}  // namespace HWY_NAMESPACE
}  // namespace serried::host
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace serried::host {

HWY_EXPORT(column_sums_f32);
HWY_EXPORT(column_sums_f64);

template <>
void column_sums_rows<float>(const float* rows, const double* weights, std::int64_t features,
                             std::span<const double> shift, std::span<const std::int64_t> offsets,
                             double* sums, double* squares, double* maxima, std::int64_t* usable) {
  HWY_DYNAMIC_DISPATCH(column_sums_f32)
  (rows, weights, features, shift, offsets, sums, squares, maxima, usable);
}
template <>
void column_sums_rows<double>(const double* rows, const double* weights, std::int64_t features,
                              std::span<const double> shift, std::span<const std::int64_t> offsets,
                              double* sums, double* squares, double* maxima, std::int64_t* usable) {
  HWY_DYNAMIC_DISPATCH(column_sums_f64)
  (rows, weights, features, shift, offsets, sums, squares, maxima, usable);
}

}  // namespace serried::host
#endif
