#pragma once

#include <cstdint>
#include <span>

#include "serried/device/glm_kernels.hpp"

namespace serried::host {

/// GlmKernels::softmax and softmax_probabilities.
void sum_softmax(DType dtype, const SoftmaxPass& pass, const GlmRows& rows, bool has_information,
                 std::span<const std::int64_t> offsets, double* payloads);
void predict_softmax(DType dtype, const SoftmaxPass& pass, const GlmRows& rows, std::int64_t count,
                     double* out);

}  // namespace serried::host
