#include "serried/base/quantile_method.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <utility>

namespace serried {
namespace {

constexpr std::array<std::pair<std::string_view, QuantileMethod>, 13> names{{
    {"inverted_cdf", QuantileMethod::inverted_cdf},
    {"averaged_inverted_cdf", QuantileMethod::averaged_inverted_cdf},
    {"closest_observation", QuantileMethod::closest_observation},
    {"interpolated_inverted_cdf", QuantileMethod::interpolated_inverted_cdf},
    {"hazen", QuantileMethod::hazen},
    {"weibull", QuantileMethod::weibull},
    {"linear", QuantileMethod::linear},
    {"median_unbiased", QuantileMethod::median_unbiased},
    {"normal_unbiased", QuantileMethod::normal_unbiased},
    {"lower", QuantileMethod::lower},
    {"higher", QuantileMethod::higher},
    {"midpoint", QuantileMethod::midpoint},
    {"nearest", QuantileMethod::nearest},
}};

/// n q + (alpha + q (1 - alpha - beta)) - 1.
double virtual_index(double n, double q, double alpha, double beta) {
  return n * q + (alpha + q * (1 - alpha - beta)) - 1;
}

QuantilePlace at(double index, std::int64_t count) {
  const auto place = std::clamp<std::int64_t>(static_cast<std::int64_t>(index), 0, count - 1);
  return {place, place, 0};
}

/// The observation below an index if the condition holds, else the one above.
QuantilePlace boundary(double index, bool takes_lower, std::int64_t count) {
  return at(std::floor(index) + (takes_lower ? 0 : 1), count);
}

}  // namespace

std::string_view name(QuantileMethod method) noexcept {
  return names[static_cast<std::size_t>(method)].first;
}

std::vector<std::string_view> quantile_method_names() {
  std::vector<std::string_view> all;
  for (const auto& [its, method] : names) all.push_back(its);
  return all;
}

std::optional<QuantileMethod> parse_quantile_method(std::string_view text) noexcept {
  for (const auto& [its, method] : names)
    if (its == text) return method;
  return std::nullopt;
}

bool is_discrete(QuantileMethod method) noexcept {
  switch (method) {
    case QuantileMethod::inverted_cdf:
    case QuantileMethod::closest_observation:
    case QuantileMethod::lower:
    case QuantileMethod::higher:
    case QuantileMethod::nearest:
      return true;
    default:
      return false;
  }
}

QuantilePlace quantile_place(QuantileMethod method, std::int64_t count, double q) noexcept {
  const auto n = static_cast<double>(count);
  double index = (n - 1) * q;
  switch (method) {
    case QuantileMethod::inverted_cdf:
      index = n * q - 1;
      return boundary(index, index == std::floor(index), count);
    case QuantileMethod::closest_observation: {
      index = n * q - 1.5;
      const double below = std::floor(index);
      // the nearest even order statistic, counted from 1; NumPy's remainder has the divisor's sign
      const double parity = below - 2 * std::floor(below / 2);
      return boundary(index, index == below && parity == 1, count);
    }
    case QuantileMethod::lower:
      return at(std::floor(index), count);
    case QuantileMethod::higher:
      return at(std::ceil(index), count);
    case QuantileMethod::nearest:
      return at(std::nearbyint(index), count);
    case QuantileMethod::averaged_inverted_cdf:
      index = n * q - 1;
      break;
    case QuantileMethod::interpolated_inverted_cdf:
      index = virtual_index(n, q, 0, 1);
      break;
    case QuantileMethod::hazen:
      index = virtual_index(n, q, 0.5, 0.5);
      break;
    case QuantileMethod::weibull:
      index = virtual_index(n, q, 0, 0);
      break;
    case QuantileMethod::median_unbiased:
      index = virtual_index(n, q, 1 / 3.0, 1 / 3.0);
      break;
    case QuantileMethod::normal_unbiased:
      index = virtual_index(n, q, 3 / 8.0, 3 / 8.0);
      break;
    case QuantileMethod::midpoint:
      index = 0.5 * (std::floor(index) + std::ceil(index));
      break;
    case QuantileMethod::linear:
      break;
  }
  if (index >= n - 1) return {count - 1, count - 1, 0};
  if (index < 0) return {0, 0, 0};
  const double below = std::floor(index);
  double share = index - below;
  if (method == QuantileMethod::averaged_inverted_cdf) share = share == 0 ? 0.5 : 1;
  if (method == QuantileMethod::midpoint) share = share == 0 ? 0 : 0.5;
  const auto first = static_cast<std::int64_t>(below);
  return {first, first + 1, share};
}

double interpolate(double a, double b, double share) noexcept {
  const double difference = b - a;
  return share >= 0.5 ? b - difference * (1 - share) : a + difference * share;
}

}  // namespace serried
