#pragma once

#include <memory>

#include "backend/cuda/cuda_device.hpp"
#include "serried/base/dtype.hpp"

namespace serried::cuda {

/// One function for each kernel field, each in the file of its field: the kernels for a dtype on a
/// device, as a pointer to the field's interface, or null where the field does not cover the dtype.
using MakeKernels = std::shared_ptr<const void> (*)(CudaDevice& device, DType dtype);

[[nodiscard]] std::shared_ptr<const void> make_moment_kernels(CudaDevice& device, DType dtype);
[[nodiscard]] std::shared_ptr<const void> make_sum_kernels(CudaDevice& device, DType dtype);
[[nodiscard]] std::shared_ptr<const void> make_histogram_kernels(CudaDevice& device, DType dtype);
[[nodiscard]] std::shared_ptr<const void> make_convert_kernels(CudaDevice& device, DType dtype);
[[nodiscard]] std::shared_ptr<const void> make_random_kernels(CudaDevice& device, DType dtype);
[[nodiscard]] std::shared_ptr<const void> make_kmeans_kernels(CudaDevice& device, DType dtype);
[[nodiscard]] std::shared_ptr<const void> make_dense_kernels(CudaDevice& device, DType dtype);
[[nodiscard]] std::shared_ptr<const void> make_program_kernels(CudaDevice& device, DType dtype);
[[nodiscard]] std::shared_ptr<const void> make_sort_kernels(CudaDevice& device, DType dtype);
[[nodiscard]] std::shared_ptr<const void> make_scan_kernels(CudaDevice& device, DType dtype);
[[nodiscard]] std::shared_ptr<const void> make_glm_kernels(CudaDevice& device, DType dtype);

}  // namespace serried::cuda
