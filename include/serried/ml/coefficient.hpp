#pragma once

#include <cstdint>
#include <string>

#include "serried/base/api.hpp"

namespace SERRIED_API serried {

/// What a weight w of a row says. variance: the row is the mean of w observations, or else as good:
/// its variance is dispersion * V(mean) / w; the number of rows is what it is (R's `weights`).
/// frequency: the row stands for w rows that are alike, and so it counts.
enum class WeightsMeaning : std::uint8_t { variance, frequency };

/// A coefficient of a regression with what is inferred of it.
struct Coefficient {
  std::string name;
  /// NaN, as all that follows, for a column that depends on those before it.
  double estimate = 0;
  double std_error = 0;
  double statistic = 0;  ///< estimate / std_error: t where the dispersion is estimated, else z
  double p_value = 0;    ///< two-sided
  double low = 0;        ///< of the confidence interval
  double high = 0;
  bool is_aliased = false;
};

}  // namespace serried
