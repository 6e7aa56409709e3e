#pragma once

#include <algorithm>
#include <cstdint>
#include <span>

#include "backend/cuda/cuda_device.hpp"
#include "backend/cuda/kmeans_centers.hpp"

namespace serried::cuda {

/// Rows that are decided by one launch, of `rows` in all; lists of some of them have this many
/// places. An eighth, so that the launches that work off the lists do not count, and lists are
/// small beside the rows themselves.
[[nodiscard]] inline std::int64_t batch_rows(std::int64_t rows) {
  constexpr std::int64_t least = std::int64_t{1} << 22;
  constexpr std::int64_t most = std::int64_t{1} << 26;
  return std::min(rows, std::clamp((rows + 7) / 8, least, most));
}

/// What a launch leaves for those that follow it; one for each batch.
struct BatchCounts {
  unsigned undecided = 0;
  unsigned changed = 0;
};

/// A row of a batch whose label changed.
struct MovedRow {
  std::int32_t row = 0;
  std::int32_t from = 0;
};

/// What the kernels of assign share; all pointers are to device memory, those to rows begin with
/// the batch's first.
struct AssignBatch {
  const void* rows = nullptr;
  int row_count = 0;  ///< batch_rows() at most
  const double* weights = nullptr;
  std::int32_t* labels = nullptr;
  std::int32_t* undecided = nullptr;
  MovedRow* moved = nullptr;  ///< null where nobody asks
  BatchCounts* counts = nullptr;
};

/// Decides the rows of a batch by the fast form, and lists those that it cannot decide.
template <class T>
void assign_batch(CudaDevice& device, const CudaCenters& centers, const AssignBatch& batch);
/// Decides the undecided rows of a batch by the direct form.
template <class T>
void assign_undecided(CudaDevice& device, const CudaCenters& centers, const AssignBatch& batch);

/// The fixed-point sums of all clusters in device memory: high, low (clusters, features), counts,
/// weight_high, weight_low (clusters).
struct DeviceSums {
  std::int64_t clusters = 0;
  int features = 0;
  unsigned long long* values = nullptr;
  const double* shift = nullptr;
  const double* high_scale = nullptr;
  double low_scale = 1;
  double weight_scale = 1;

  [[nodiscard]] constexpr std::int64_t size() const {
    return clusters * (2 * std::int64_t{features} + 3);
  }
};
/// Moves the rows that are listed from their old cluster's sums to those of the new one.
template <class T>
void move_rows(CudaDevice& device, const AssignBatch& batch, const DeviceSums& sums);

template <class T>
void own_distances_rows(CudaDevice& device, const CudaCenters& centers, KMeansRows rows,
                        const std::int32_t* labels, double* out);
template <class T>
void all_distances_rows(CudaDevice& device, const CudaCenters& centers, KMeansRows rows,
                        double* out);
template <class T>
void leaf_inertia_rows(CudaDevice& device, const CudaCenters& centers, KMeansRows rows,
                       const double* weights, const std::int32_t* labels,
                       std::span<const std::int64_t> offsets, double* sums);
template <class T>
std::int64_t find_missing_rows(CudaDevice& device, KMeansRows rows, std::int64_t features,
                               std::uint8_t* is_missing);

template <class T>
void update_nearest_rows(CudaDevice& device, const CudaCenters& centers, KMeansRows rows,
                         std::int32_t first, float* squared, std::int32_t* nearest);
template <class T>
void candidate_distances_rows(CudaDevice& device, const CudaCenters& centers, KMeansRows rows,
                              float* out);

template <class T>
void column_sums_rows(CudaDevice& device, const T* rows, const double* weights,
                      std::int64_t features, std::span<const double> shift,
                      std::span<const std::int64_t> offsets, double* sums, double* squares,
                      double* maxima, std::int64_t* usable);

void leaf_sums_of(CudaDevice& device, const float* values, const double* weights,
                  std::span<const std::int64_t> offsets, double* sums);
void drop_missing_rows(CudaDevice& device, const double* weights, std::int64_t count,
                       float* squared, std::int32_t* nearest);
void lower_values(CudaDevice& device, const float* by, std::int64_t count, float* values);

/// Blocks for `count` pieces of work, `per_block` at a time: a few for each multiprocessor at most.
[[nodiscard]] inline unsigned blocks_for(const CudaDevice& device, std::int64_t count,
                                         std::int64_t per_block, int blocks_each) {
  const std::int64_t wanted = (count + per_block - 1) / per_block;
  const std::int64_t most = std::int64_t{device.multiprocessors()} * blocks_each;
  return static_cast<unsigned>(std::max<std::int64_t>(1, std::min(wanted, most)));
}

}  // namespace serried::cuda
