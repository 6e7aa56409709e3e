#include "serried/device/glm_kernels.hpp"

#include <memory>

#include "backend/cuda/kernel_fields.hpp"
#include "serried/base/error.hpp"

namespace serried::cuda {
namespace {

class CudaGlmKernels final : public GlmKernels {
 public:
  void accumulate(const GlmPass& /*pass*/, const GlmRows& /*rows*/,
                  std::span<const std::int64_t> /*offsets*/, double* /*payloads*/) const override {
    refuse();
  }
  void slope(const GlmPass& /*pass*/, const GlmRows& /*rows*/,
             std::span<const std::int64_t> /*offsets*/, double* /*payloads*/) const override {
    refuse();
  }
  void factor(const GlmPass& /*pass*/, const GlmRows& /*rows*/,
              std::span<const std::int64_t> /*offsets*/, double* /*payloads*/) const override {
    refuse();
  }
  void factor_targets(const GlmPass& /*pass*/, const GlmRows& /*rows*/, std::int64_t /*targets*/,
                      std::span<const std::int64_t> /*offsets*/,
                      double* /*payloads*/) const override {
    refuse();
  }
  void combine_factors(std::int64_t /*width*/, double* /*left*/,
                       const double* /*right*/) const override {
    refuse();
  }
  void softmax(const SoftmaxPass& /*pass*/, const GlmRows& /*rows*/, bool /*has_information*/,
               std::span<const std::int64_t> /*offsets*/, double* /*payloads*/) const override {
    refuse();
  }
  void softmax_probabilities(const SoftmaxPass& /*pass*/, const GlmRows& /*rows*/,
                             std::int64_t /*count*/, double* /*out*/) const override {
    refuse();
  }
  void predict(const GlmPass& /*pass*/, const GlmRows& /*rows*/, std::int64_t /*count*/,
               double* /*out*/) const override {
    refuse();
  }
  void row_values(const GlmDistribution& /*distribution*/, const GlmRows& /*rows*/,
                  const double* /*predictors*/, std::int64_t /*count*/,
                  const GlmRowValues& /*values*/) const override {
    refuse();
  }
  void quadratic_forms(const GlmPass& /*pass*/, const GlmRows& /*rows*/,
                       std::span<const double> /*root*/, std::int64_t /*columns*/,
                       std::int64_t /*count*/, double* /*out*/) const override {
    refuse();
  }
  void likelihood_terms(const GlmDistribution& /*distribution*/, const GlmRows& /*rows*/,
                        std::span<const std::int64_t> /*offsets*/,
                        double* /*sums*/) const override {
    refuse();
  }
  void theta_terms(const GlmDistribution& /*distribution*/, const GlmRows& /*rows*/,
                   const double* /*predictors*/, std::span<const std::int64_t> /*offsets*/,
                   double* /*sums*/) const override {
    refuse();
  }

 private:
  [[noreturn]] static void refuse() {
    throw DeviceError("the host backend fits linear models; the CUDA backend has none yet");
  }
};

}  // namespace

std::shared_ptr<const void> make_glm_kernels(CudaDevice& /*device*/, DType dtype) {
  if (!GlmKernels::covers(dtype)) return nullptr;
  return std::shared_ptr<const GlmKernels>(std::make_shared<CudaGlmKernels>());
}

}  // namespace serried::cuda
