#pragma once

#include "serried/base/dtype.hpp"

namespace serried::host {

/// One function for each kernel field, each in the file of its field: the kernels for a dtype, or
/// null where the field does not cover it.
using FindKernels = const void* (*)(DType dtype);

[[nodiscard]] const void* find_convert_kernels(DType dtype);
[[nodiscard]] const void* find_random_kernels(DType dtype);
[[nodiscard]] const void* find_kmeans_kernels(DType dtype);
[[nodiscard]] const void* find_moment_kernels(DType dtype);
[[nodiscard]] const void* find_sum_kernels(DType dtype);
[[nodiscard]] const void* find_histogram_kernels(DType dtype);
[[nodiscard]] const void* find_dense_kernels(DType dtype);
[[nodiscard]] const void* find_sort_kernels(DType dtype);
[[nodiscard]] const void* find_scan_kernels(DType dtype);
[[nodiscard]] const void* find_glm_kernels(DType dtype);
[[nodiscard]] const void* find_program_kernels(DType dtype);

}  // namespace serried::host
