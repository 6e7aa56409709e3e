#include <algorithm>
#include <cmath>
#include <vector>

#include "backend/host/kernel_tables.hpp"
#include "backend/host/kmeans_functions.hpp"

namespace serried::host {
namespace {

template <class T>
class HostKMeansKernels final : public KMeansKernels {
 public:
  [[nodiscard]] std::unique_ptr<KMeansCenters> prepare(const KMeansFrame& frame,
                                                       std::span<const double> centers,
                                                       std::int64_t clusters,
                                                       KMeansUse use) const override {
    return prepare_centers(frame, centers, clusters, use, sizeof(T));
  }
  KMeansAssigned assign(const KMeansCenters& centers, KMeansRows rows, const double* weights,
                        std::int32_t* labels, const KMeansBounds* bounds,
                        const KMeansFixedPoint* fixed, const KMeansSums* sums) const override {
    return assign_rows<T>(host(centers), rows, weights, labels, bounds, fixed, sums);
  }
  void own_distances(const KMeansCenters& centers, KMeansRows rows, const std::int32_t* labels,
                     double* out) const override {
    own_distances_rows<T>(host(centers), rows, labels, out);
  }
  void all_distances(const KMeansCenters& centers, KMeansRows rows, double* out) const override {
    all_distances_rows<T>(host(centers), rows, out);
  }
  void update_nearest(const KMeansCenters& centers, KMeansRows rows, std::int32_t first,
                      float* squared, std::int32_t* nearest) const override {
    update_nearest_rows<T>(host(centers), rows, first, squared, nearest);
  }
  void candidate_distances(const KMeansCenters& centers, KMeansRows rows,
                           float* out) const override {
    candidate_distances_rows<T>(host(centers), rows, out);
  }
  [[nodiscard]] bool uses_bounds() const noexcept override { return true; }
  void leaf_inertia(const KMeansCenters& centers, KMeansRows rows, const double* weights,
                    const std::int32_t* labels, std::span<const std::int64_t> offsets,
                    double* sums) const override {
    std::vector<double> squared(static_cast<std::size_t>(rows.count));
    own_distances(centers, rows, labels, squared.data());
    add_leaf_inertia(squared, weights, offsets, sums);
  }
  void leaf_sums(const float* values, const double* weights, std::span<const std::int64_t> offsets,
                 double* sums) const override {
    for (std::size_t leaf = 0; leaf + 1 < offsets.size(); ++leaf)
      sums[leaf] = weighted_sum(values, weights, offsets[leaf], offsets[leaf + 1]);
  }
  void drop_missing(const double* weights, std::int64_t count, float* squared,
                    std::int32_t* nearest) const override {
    for (std::int64_t i = 0; i < count; ++i) {
      if (!std::isnan(weights[i])) continue;
      squared[i] = 0;
      if (nearest != nullptr) nearest[i] = -1;
    }
  }
  void lower(const float* by, std::int64_t count, float* values) const override {
    for (std::int64_t i = 0; i < count; ++i) values[i] = std::min(values[i], by[i]);
  }
  void label_weights(const std::int32_t* labels, const double* weights, std::int64_t count,
                     std::int64_t /*clusters*/, const KMeansFixedPoint& fixed, std::int64_t* high,
                     std::int64_t* low) const override {
    for (std::int64_t i = 0; i < count; ++i) {
      if (labels[i] < 0) continue;
      if (weights == nullptr) {
        ++high[labels[i]];
        continue;
      }
      const KMeansPair pair = kmeans_pair(weights[i], fixed.weight_scale, fixed.low_scale);
      high[labels[i]] += pair.high;
      low[labels[i]] += pair.low;
    }
  }
  [[nodiscard]] std::vector<std::int64_t> draw_rows(const KMeansDraw& draw, const float* squared,
                                                    const double* weights,
                                                    std::int64_t count) const override {
    std::vector<std::int64_t> drawn;
    const std::int64_t end = draw.first_row + count;
    for (std::int64_t block = draw.first_row / 4; 4 * block < end; ++block) {
      const auto words = draw.words(block);
      for (std::int64_t row = std::max(draw.first_row, 4 * block);
           row < std::min(end, 4 * block + 4); ++row) {
        const std::int64_t i = row - draw.first_row;
        if (draw.is_drawn(words, row, weights == nullptr ? 1. : weights[i], squared[i]))
          drawn.push_back(i);
      }
    }
    return drawn;
  }
  void column_sums(const void* rows, const double* weights, std::int64_t features,
                   std::span<const double> shift, std::span<const std::int64_t> offsets,
                   double* sums, double* squares, double* maxima,
                   std::int64_t* usable) const override {
    column_sums_rows(static_cast<const T*>(rows), weights, features, shift, offsets, sums, squares,
                     maxima, usable);
  }
  std::int64_t find_missing(KMeansRows rows, std::int64_t features,
                            std::uint8_t* is_missing) const override {
    const T* x = static_cast<const T*>(rows.data);
    std::int64_t missing = 0;
    for (std::int64_t i = 0; i < rows.count; ++i, x += features) {
      T zero = 0;
      for (std::int64_t f = 0; f < features; ++f) zero += x[f] * T{0};
      is_missing[i] = zero == T{0} ? 0 : 1;
      missing += is_missing[i];
    }
    return missing;
  }

 private:
  static const HostCenters& host(const KMeansCenters& centers) {
    return static_cast<const HostCenters&>(centers);
  }
};

}  // namespace

const void* find_kmeans_kernels(DType dtype) {
  static const HostKMeansKernels<float> f32;
  static const HostKMeansKernels<double> f64;
  if (dtype == DType::f32) return static_cast<const KMeansKernels*>(&f32);
  if (dtype == DType::f64) return static_cast<const KMeansKernels*>(&f64);
  return nullptr;
}

}  // namespace serried::host
