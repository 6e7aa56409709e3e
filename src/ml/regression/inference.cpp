#include "ml/regression/inference.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "base/distributions.hpp"

namespace serried::regression {
namespace {

constexpr double nan = std::numeric_limits<double>::quiet_NaN();

const char* stars(double p) {
  if (p < 0.001) return "***";
  if (p < 0.01) return "**";
  if (p < 0.05) return "*";
  return p < 0.1 ? "." : "";
}

}  // namespace

std::vector<double> Unscaling::coefficients(const std::vector<double>& terms) const {
  std::vector<double> result = terms;
  for (std::size_t j = first_; j < result.size(); ++j) {
    result[j] *= columns_.scale[j - first_];
    if (first_ == 1) result[0] -= result[j] * columns_.shift[j - first_];
  }
  return result;
}

std::vector<double> Unscaling::root(std::vector<double> of_terms) const {
  const std::size_t n = first_ + columns_.scale.size();
  std::vector<double> column(n);
  for (std::size_t j = 0; j < n; ++j) {
    for (std::size_t i = 0; i < n; ++i) column[i] = of_terms[i * n + j];
    column = coefficients(column);
    for (std::size_t i = 0; i < n; ++i) of_terms[i * n + j] = column[i];
  }
  return of_terms;
}

std::vector<double> product(const std::vector<double>& a, const std::vector<double>& b,
                            std::size_t n) {
  std::vector<double> c(n * n, 0.);
  for (std::size_t i = 0; i < n; ++i)
    for (std::size_t k = 0; k < n; ++k)
      for (std::size_t j = 0; j < n; ++j) c[i * n + j] += a[i * n + k] * b[k * n + j];
  return c;
}

std::vector<double> squared_root(const std::vector<double>& root,
                                 const std::vector<std::uint8_t>& is_aliased) {
  const std::size_t n = is_aliased.size();
  std::vector<double> c(n * n, nan);
  for (std::size_t i = 0; i < n; ++i)
    for (std::size_t j = i; j < n; ++j) {
      if (is_aliased[i] != 0 || is_aliased[j] != 0) continue;
      double sum = 0;
      for (std::size_t k = 0; k < n; ++k) sum += root[i * n + k] * root[j * n + k];
      c[i * n + j] = c[j * n + i] = sum;
    }
  return c;
}

std::vector<Coefficient> infer(const InferenceFacts& facts, const std::vector<double>& estimates,
                               std::span<const double> covariance, double dispersion) {
  const bool is_t = std::isfinite(facts.df) || std::isnan(facts.df);
  const double reach =
      is_t ? student_reach(facts.confidence, facts.df) : normal_reach(facts.confidence);
  const std::size_t n = estimates.size();
  std::vector<Coefficient> coefficients;
  for (std::size_t j = 0; j < n; ++j) {
    Coefficient c;
    c.name = facts.names[j];
    c.is_aliased = facts.is_aliased[j] != 0;
    c.estimate = c.is_aliased ? nan : estimates[j];
    c.std_error =
        c.is_aliased || covariance.empty() ? nan : std::sqrt(covariance[j * n + j] * dispersion);
    c.statistic = c.estimate / c.std_error;
    c.p_value = is_t ? student_two_sided(c.statistic, facts.df) : normal_two_sided(c.statistic);
    c.low = c.estimate - reach * c.std_error;
    c.high = c.estimate + reach * c.std_error;
    coefficients.push_back(std::move(c));
  }
  return coefficients;
}

std::string number_text(double value, int digits) {
  return std::isnan(value) ? "NA" : fmt::format("{:.{}g}", value, digits);
}

std::string p_text(double p) {
  if (std::isnan(p)) return "NA";
  return p < 2.2e-16 ? "< 2.2e-16" : fmt::format("{:.3g}", p);
}

std::string coefficient_table(const std::vector<Coefficient>& coefficients, bool is_t) {
  std::size_t width = 0;
  for (const Coefficient& c : coefficients) width = std::max(width, c.name.size());
  const char letter = is_t ? 't' : 'z';
  const auto aliased = std::ranges::count(coefficients, true, &Coefficient::is_aliased);
  std::string text = "Coefficients:";
  if (aliased > 0) text += fmt::format(" ({} not defined because of singularities)", aliased);
  text += '\n';
  text += fmt::format("{:{}}  {:>12} {:>12} {:>9} {:>10}\n", "", width, "Estimate", "Std. Error",
                      fmt::format("{} value", letter), fmt::format("Pr(>|{}|)", letter));
  for (const Coefficient& c : coefficients) {
    std::string line =
        fmt::format("{:{}}  {:>12} {:>12} {:>9} {:>10} {}", c.name, width,
                    number_text(c.estimate, 6), number_text(c.std_error, 6),
                    number_text(c.statistic, 4), p_text(c.p_value), stars(c.p_value));
    line.erase(line.find_last_not_of(' ') + 1);
    text += line + '\n';
  }
  return text + "---\nSignif. codes:  0 '***' 0.001 '**' 0.01 '*' 0.05 '.' 0.1 ' ' 1\n";
}

}  // namespace serried::regression
