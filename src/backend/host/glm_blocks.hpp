#pragma once

// Included by the files that are compiled for AVX-512 as well: no inline functions here.
#include <cstdint>

namespace serried::host {

/// Values by row of a few rows, of which there are a multiple of 8; those behind the last row have
/// weight 0 and a response of 1.
struct GlmBlock {
  std::int64_t count = 0;
  const double* response = nullptr;
  const double* weight = nullptr;
  const double* trials = nullptr;
  double* predictor = nullptr;
  double* mean = nullptr;
  double* rest = nullptr;   ///< 1 - mean
  double* slope = nullptr;  ///< d mean / d predictor
  /// What a family makes of these.
  double* working_weight = nullptr;
  double* working_residual = nullptr;
  double* deviance = nullptr;
  double* invalid = nullptr;  ///< 1 for rows without a mean in range
  double* extreme = nullptr;  ///< 1 for rows with a mean at a bound
  double family_parameter = 0;
  double link_power = 1;
};

/// The same of a model of several classes: predictors of the classes 1, 2, ..., a stride apart.
struct SoftmaxBlock {
  std::int64_t count = 0;
  std::int64_t classes = 2;
  std::int64_t stride = 0;
  const double* response = nullptr;  ///< number of the class
  const double* weight = nullptr;
  double* values = nullptr;  ///< predictors, and then probabilities
  double* first = nullptr;   ///< probability of class 0
  double* log_likelihood = nullptr;
};

using GlmBlockFunction = void (*)(const GlmBlock& block);

/// The functions of families and links at one instruction level, by the number of the enumeration's
/// value: the same bits at both levels.
struct GlmBlockFunctions {
  const GlmBlockFunction* link_mean;       ///< predictor -> mean, rest, slope
  const GlmBlockFunction* link_predictor;  ///< mean, rest -> predictor
  const GlmBlockFunction* family_start;    ///< response, weight -> mean, rest
  /// response, weight, mean, rest, slope -> what a family makes of them
  const GlmBlockFunction* family_weigh;
  const GlmBlockFunction* family_likelihood;  ///< response, weight, trials -> deviance
  /// response, weight, mean -> deviance, extreme: the two derivatives by theta
  GlmBlockFunction theta;
  void (*softmax)(const SoftmaxBlock& block);
};

extern const GlmBlockFunctions glm_functions_avx2;
extern const GlmBlockFunctions glm_functions_avx512;

}  // namespace serried::host
