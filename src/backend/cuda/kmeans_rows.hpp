#pragma once

#include <cstdint>
#include <vector>

#include "backend/cuda/cuda_device.hpp"
#include "serried/device/kmeans_kernels.hpp"

namespace serried::cuda {

/// KMeansKernels::draw_rows.
[[nodiscard]] std::vector<std::int64_t> draw_rows(CudaDevice& device, const KMeansDraw& draw,
                                                  const float* squared, const double* weights,
                                                  std::int64_t count);

/// KMeansKernels::label_weights.
void add_label_weights(CudaDevice& device, const std::int32_t* labels, const double* weights,
                       std::int64_t count, std::int64_t clusters, const KMeansFixedPoint& fixed,
                       std::int64_t* high, std::int64_t* low);

}  // namespace serried::cuda
