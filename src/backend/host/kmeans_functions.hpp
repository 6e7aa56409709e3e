#pragma once

#include "backend/host/kmeans_centers.hpp"

namespace serried::host {

/// KMeansKernels::assign for T = float and double.
template <class T>
KMeansAssigned assign_rows(const HostCenters& centers, KMeansRows rows, const double* weights,
                           std::int32_t* labels, const KMeansBounds* bounds,
                           const KMeansFixedPoint* fixed, const KMeansSums* sums);

/// KMeansKernels::update_nearest and candidate_distances.
template <class T>
void update_nearest_rows(const HostCenters& centers, KMeansRows rows, std::int32_t first,
                         float* squared, std::int32_t* nearest);
template <class T>
void candidate_distances_rows(const HostCenters& centers, KMeansRows rows, float* out);

/// KMeansKernels::own_distances and all_distances.
template <class T>
void own_distances_rows(const HostCenters& centers, KMeansRows rows, const std::int32_t* labels,
                        double* out);
template <class T>
void all_distances_rows(const HostCenters& centers, KMeansRows rows, double* out);

/// KMeansKernels::column_sums.
template <class T>
void column_sums_rows(const T* rows, const double* weights, std::int64_t features,
                      std::span<const double> shift, std::span<const std::int64_t> offsets,
                      double* sums, double* squares, double* maxima, std::int64_t* usable);

/// KMeansKernels::leaf_inertia, from the squared distances of the rows to their own centres.
void add_leaf_inertia(std::span<const double> squared, const double* weights,
                      std::span<const std::int64_t> offsets, double* sums);
/// Sum of w * value over [begin, end), in a fixed order; weights may be null.
[[nodiscard]] double weighted_sum(const float* values, const double* weights, std::int64_t begin,
                                  std::int64_t end);

}  // namespace serried::host
