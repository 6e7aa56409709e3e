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
/// own.
template <class T>
class LeafSums {
 public:
  HWY_INLINE LeafSums(std::int64_t features, std::span<const double> shift, bool has_squares)
      : together_(rows_together(features)),
        features_(features),
        length_(together_ * features),
        shift_(static_cast<std::size_t>(length_ + 8), 0.),
        sums_(shift_.size(), 0.),
        squares_(has_squares ? shift_.size() : 0, 0.),
        edge_(shift_.size(), T{0}) {
    for (std::int64_t i = 0; i < length_; ++i)
      shift_[static_cast<std::size_t>(i)] = shift[static_cast<std::size_t>(i % features)];
  }

  /// Adds rows; returns false, having added nothing of use, if there is a NaN or Inf among them.
  HWY_INLINE bool add(const T* rows, std::int64_t count) {
    std::fill(sums_.begin(), sums_.end(), 0.);
    std::fill(squares_.begin(), squares_.end(), 0.);
    const hn::CappedTag<double, 8> d;
    auto check = hn::Zero(d);
    std::int64_t i = 0;
    const std::int64_t whole = length_ / 8 * 8;
    for (; i + together_ <= count; i += together_) {
      const T* x = rows + i * features_;
      add_vectors(d, x, 0, whole, check);
      if (whole < length_) add_edge(d, x, whole, length_, check);
    }
    if (i < count) add_edge(d, rows + i * features_, 0, (count - i) * features_, check);
    return hn::AllTrue(d, hn::Eq(check, hn::Zero(d)));
  }

  /// The sums of the last add.
  HWY_INLINE void write(double* sums, double* squares) const {
    fold(sums_, sums);
    if (squares != nullptr) fold(squares_, squares);
  }

 private:
  template <class D>
  HWY_INLINE void add_vectors(D d, const T* x, std::int64_t begin, std::int64_t end,
                              hn::Vec<D>& check) {
    constexpr std::int64_t n = hn::MaxLanes(d);
    for (std::int64_t f = begin; f < end; f += n) {
      const auto value = load_f64(d, x + f);
      const auto difference = hn::Sub(value, hn::LoadU(d, shift_.data() + f));
      check = hn::MulAdd(value, hn::Zero(d), check);
      double* const sum = sums_.data() + f;
      hn::StoreU(hn::Add(hn::LoadU(d, sum), difference), d, sum);
      if (squares_.empty()) continue;
      double* const square = squares_.data() + f;
      hn::StoreU(hn::MulAdd(difference, difference, hn::LoadU(d, square)), d, square);
    }
  }
  /// The elements [begin, end) of a run; the lanes behind them, up to a multiple of 8, see the
  /// shift itself and so change nothing.
  template <class D>
  HWY_INLINE void add_edge(D d, const T* x, std::int64_t begin, std::int64_t end,
                           hn::Vec<D>& check) {
    const std::int64_t padded = (end + 7) / 8 * 8;
    for (std::int64_t f = begin; f < padded; ++f)
      edge_[static_cast<std::size_t>(f)] =
          f < end ? x[f] : static_cast<T>(shift_[static_cast<std::size_t>(f)]);
    add_vectors(d, edge_.data(), begin, padded, check);
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
  std::vector<double> shift_, sums_, squares_;
  std::vector<T> edge_;
};

template <class T>
HWY_INLINE bool is_clean_row(const T* x, std::int64_t features) {
  for (std::int64_t f = 0; f < features; ++f)
    if (!std::isfinite(x[f])) return false;
  return true;
}

template <class T>
HWY_INLINE void column_sums(const T* rows, const double* weights, std::int64_t features,
                            std::span<const double> shift, std::span<const std::int64_t> offsets,
                            double* sums, double* squares, std::int64_t* usable) {
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
    leaf.write(sums + at, squares == nullptr ? nullptr : squares + at);
  }
}

/// Maxima are exact in any order, so the blocking is free.
template <class T>
HWY_INLINE void column_maxima(const T* rows, std::int64_t count, const double* weights,
                              std::int64_t features, std::span<const double> shift,
                              double* maxima) {
  const hn::CappedTag<double, 8> d;
  constexpr std::int64_t n = hn::MaxLanes(d);
  const std::int64_t together = weights == nullptr ? rows_together(features) : 1;
  const std::int64_t length = together * features;
  std::vector<double> lanes(static_cast<std::size_t>(length + 8), 0.);
  std::vector<double> shifts(lanes.size(), 0.);
  std::vector<T> edge(lanes.size());
  for (std::int64_t i = 0; i < length; ++i)
    shifts[static_cast<std::size_t>(i)] = shift[static_cast<std::size_t>(i % features)];
  auto most = hn::Zero(d);
  for (std::int64_t i = 0; i < count; i += together) {
    const std::int64_t taken = std::min(together, count - i);
    const T* x = rows + i * features;
    double weight = 1;
    if (weights != nullptr) {
      weight = weights[i];
      if (std::isnan(weight)) continue;
    }
    auto check = hn::Zero(d);
    for (std::int64_t f = 0; f + n <= taken * features; f += n)
      check = hn::MulAdd(load_f64(d, x + f), hn::Zero(d), check);
    const bool is_short = taken * features < length || length % 8 != 0;
    if (is_short || !hn::AllTrue(d, hn::Eq(check, hn::Zero(d)))) {
      // Missing rows, and lanes without an element, see the shift and so raise nothing.
      for (std::int64_t f = 0; f < length + 8; ++f)
        edge[static_cast<std::size_t>(f)] = static_cast<T>(shifts[static_cast<std::size_t>(f)]);
      for (std::int64_t r = 0; r < taken; ++r)
        if (is_clean_row(x + r * features, features))
          std::copy(x + r * features, x + (r + 1) * features, edge.data() + r * features);
      x = edge.data();
    }
    const auto w = hn::Set(d, weight);
    for (std::int64_t f = 0; f < length; f += n) {
      const auto size = hn::Abs(hn::Sub(load_f64(d, x + f), hn::LoadU(d, shifts.data() + f)));
      most = hn::Max(most, size);
      double* const lane = lanes.data() + f;
      hn::StoreU(hn::Max(hn::LoadU(d, lane), hn::Mul(w, size)), d, lane);
    }
  }
  for (std::int64_t i = 0; i < length; ++i)
    maxima[i % features] = std::max(maxima[i % features], lanes[static_cast<std::size_t>(i)]);
  alignas(64) double all[8];
  hn::Store(most, d, all);
  for (std::int64_t i = 0; i < n; ++i) maxima[features] = std::max(maxima[features], all[i]);
}

void column_sums_f32(const float* rows, const double* weights, std::int64_t features,
                     std::span<const double> shift, std::span<const std::int64_t> offsets,
                     double* sums, double* squares, std::int64_t* usable) {
  column_sums(rows, weights, features, shift, offsets, sums, squares, usable);
}
void column_sums_f64(const double* rows, const double* weights, std::int64_t features,
                     std::span<const double> shift, std::span<const std::int64_t> offsets,
                     double* sums, double* squares, std::int64_t* usable) {
  column_sums(rows, weights, features, shift, offsets, sums, squares, usable);
}
void column_maxima_f32(const float* rows, std::int64_t count, const double* weights,
                       std::int64_t features, std::span<const double> shift, double* maxima) {
  column_maxima(rows, count, weights, features, shift, maxima);
}
void column_maxima_f64(const double* rows, std::int64_t count, const double* weights,
                       std::int64_t features, std::span<const double> shift, double* maxima) {
  column_maxima(rows, count, weights, features, shift, maxima);
}

}  // namespace HWY_NAMESPACE
}  // namespace serried::host
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace serried::host {

HWY_EXPORT(column_sums_f32);
HWY_EXPORT(column_sums_f64);
HWY_EXPORT(column_maxima_f32);
HWY_EXPORT(column_maxima_f64);

template <>
void column_sums_rows<float>(const float* rows, const double* weights, std::int64_t features,
                             std::span<const double> shift, std::span<const std::int64_t> offsets,
                             double* sums, double* squares, std::int64_t* usable) {
  HWY_DYNAMIC_DISPATCH(column_sums_f32)
  (rows, weights, features, shift, offsets, sums, squares, usable);
}
template <>
void column_sums_rows<double>(const double* rows, const double* weights, std::int64_t features,
                              std::span<const double> shift, std::span<const std::int64_t> offsets,
                              double* sums, double* squares, std::int64_t* usable) {
  HWY_DYNAMIC_DISPATCH(column_sums_f64)
  (rows, weights, features, shift, offsets, sums, squares, usable);
}
template <>
void column_maxima_rows<float>(const float* rows, std::int64_t count, const double* weights,
                               std::int64_t features, std::span<const double> shift,
                               double* maxima) {
  HWY_DYNAMIC_DISPATCH(column_maxima_f32)(rows, count, weights, features, shift, maxima);
}
template <>
void column_maxima_rows<double>(const double* rows, std::int64_t count, const double* weights,
                                std::int64_t features, std::span<const double> shift,
                                double* maxima) {
  HWY_DYNAMIC_DISPATCH(column_maxima_f64)(rows, count, weights, features, shift, maxima);
}

}  // namespace serried::host
#endif
