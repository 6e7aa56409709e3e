#include "ml/glm/factor.hpp"

#include <algorithm>
#include <cmath>

namespace serried::glm {

Factor::Factor(std::span<const double> matrix, std::span<const double> least,
               std::vector<std::uint8_t> is_aliased)
    : n_(static_cast<std::size_t>(std::sqrt(static_cast<double>(matrix.size())) + 0.5)),
      lower_(n_ * n_, 0.),
      pivots_(n_, 0.),
      aliased_(std::move(is_aliased)) {
  const bool finds_aliased = aliased_.empty();
  aliased_.resize(n_, 0);
  std::vector<double> scaled(n_);
  for (std::size_t j = 0; j < n_; ++j) {
    double* const row = lower_.data() + j * n_;
    double pivot = matrix[j * n_ + j];
    for (std::size_t k = 0; k < j; ++k) {
      scaled[k] = row[k] * pivots_[k];
      pivot -= row[k] * scaled[k];
    }
    if (finds_aliased && !(pivot > least[j])) aliased_[j] = 1;
    if (aliased_[j] != 0) {
      std::fill_n(row, j, 0.);
      continue;
    }
    pivots_[j] = pivot;
    if (!(pivot > 0) || !std::isfinite(pivot)) is_good_ = false;
    for (std::size_t i = j + 1; i < n_; ++i) {
      const double* const other = lower_.data() + i * n_;
      double value = matrix[j * n_ + i];
      for (std::size_t k = 0; k < j; ++k) value -= other[k] * scaled[k];
      lower_[i * n_ + j] = value / pivot;
    }
  }
}

std::int64_t Factor::rank() const noexcept {
  return std::ranges::count(aliased_, std::uint8_t{0});
}

std::vector<double> Factor::solve(std::span<const double> right) const {
  std::vector<double> x(right.begin(), right.end());
  for (std::size_t i = 0; i < n_; ++i) {
    if (aliased_[i] != 0) {
      x[i] = 0;
      continue;
    }
    for (std::size_t k = 0; k < i; ++k) x[i] -= lower(i, k) * x[k];
  }
  for (std::size_t i = n_; i-- > 0;) {
    if (aliased_[i] != 0) continue;
    x[i] /= pivots_[i];
    for (std::size_t k = i + 1; k < n_; ++k)
      if (aliased_[k] == 0) x[i] -= lower(k, i) * x[k];
  }
  return x;
}

std::vector<double> Factor::inverse() const {
  std::vector<double> result(n_ * n_, 0.);
  std::vector<double> unit(n_, 0.);
  for (std::size_t j = 0; j < n_; ++j) {
    if (aliased_[j] != 0) continue;
    unit[j] = 1;
    const std::vector<double> column = solve(unit);
    unit[j] = 0;
    for (std::size_t i = 0; i <= j; ++i) result[i * n_ + j] = result[j * n_ + i] = column[i];
  }
  return result;
}

}  // namespace serried::glm
