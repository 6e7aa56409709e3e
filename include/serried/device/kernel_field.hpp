#pragma once

#include <cstdint>

#include "serried/base/api.hpp"

namespace SERRIED_API serried {

/// The fields of kernels; one abstract interface and one file per backend each. Every backend's
/// table is tested for completeness over all fields and the dtypes that the field lists.
enum class KernelField : std::uint8_t {
  moments,
  sums,
  histogram,
  convert,
  random,
  kmeans,
  dense,
  programs,
  sort,
  scans,
  glm
};

}  // namespace serried
