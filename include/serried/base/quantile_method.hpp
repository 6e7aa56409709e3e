#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "serried/base/api.hpp"

namespace SERRIED_API serried {

/// How a quantile between two order statistics is made: the nine definitions of Hyndman and Fan
/// (1996), and NumPy's five.
enum class QuantileMethod : std::uint8_t {
  inverted_cdf,
  averaged_inverted_cdf,
  closest_observation,
  interpolated_inverted_cdf,
  hazen,
  weibull,
  linear,
  median_unbiased,
  normal_unbiased,
  lower,
  higher,
  midpoint,
  nearest
};

/// NumPy's name. Local.
[[nodiscard]] std::string_view name(QuantileMethod method) noexcept;
/// The names of all methods. Local.
[[nodiscard]] std::vector<std::string_view> quantile_method_names();
/// The method of that name. Local.
[[nodiscard]] std::optional<QuantileMethod> parse_quantile_method(std::string_view text) noexcept;
/// Whether a quantile is one of the values itself. Local.
[[nodiscard]] bool is_discrete(QuantileMethod method) noexcept;

/// Which order statistics a quantile lies between, counted from 0, and how far it is from the first
/// one to the second.
struct QuantilePlace {
  std::int64_t first = 0;
  std::int64_t second = 0;
  double share = 0;
};
/// Of `count` >= 1 values; q in [0, 1]. Computed in f64, as numpy.quantile of f64 data. Local.
///
/// Example: linear, 4 values, q = 0.5: between 1 and 2, share 0.5.
[[nodiscard]] QuantilePlace quantile_place(QuantileMethod method, std::int64_t count,
                                           double q) noexcept;
/// From a to b, as NumPy interpolates: exact at both ends. Local.
[[nodiscard]] double interpolate(double a, double b, double share) noexcept;

}  // namespace serried
