#pragma once

#include <cstdint>
#include <span>

#include "serried/device/glm_kernels.hpp"

namespace serried::host {

/// GlmKernels::factor_targets, combine_factors and quadratic_forms.
void factor_targets(DType dtype, const GlmPass& pass, const GlmRows& rows, std::int64_t targets,
                    std::span<const std::int64_t> offsets, double* payloads);
void combine_factors(std::int64_t width, double* left, const double* right);
void quadratic_forms(DType dtype, const GlmPass& pass, const GlmRows& rows,
                     std::span<const double> root, std::int64_t columns, std::int64_t count,
                     double* out);

}  // namespace serried::host
