#include "ml/regression/factor.hpp"

#include <algorithm>
#include <cmath>

namespace serried::regression {
namespace {

/// Rows that stand below each other: a reflector brings what a column has from a row on to its
/// first place, in all columns.
class RowsBelow {
 public:
  RowsBelow(std::size_t rows, std::size_t columns)
      : rows_(rows), columns_(columns), values_(rows * columns, 0.) {}

  [[nodiscard]] double& at(std::size_t i, std::size_t j) { return values_[i * columns_ + j]; }
  [[nodiscard]] double squares(std::size_t first_row, std::size_t column) {
    double sum = 0;
    for (std::size_t i = first_row; i < rows_; ++i) sum += at(i, column) * at(i, column);
    return sum;
  }
  void reflect(std::size_t row, std::size_t column) {
    const double norm = std::sqrt(squares(row, column));
    if (norm == 0) return;
    const double image = at(row, column) < 0 ? norm : -norm;
    std::vector<double> reflector(rows_, 0.);
    const double head = at(row, column) - image;
    for (std::size_t i = row + 1; i < rows_; ++i) reflector[i] = at(i, column) / head;
    reflector[row] = 1;
    const double tau = -head / image;
    for (std::size_t j = column; j < columns_; ++j) {
      double product = 0;
      for (std::size_t i = row; i < rows_; ++i) product += reflector[i] * at(i, j);
      for (std::size_t i = row; i < rows_; ++i) at(i, j) -= tau * product * reflector[i];
    }
    at(row, column) = image;
  }

 private:
  std::size_t rows_;
  std::size_t columns_;
  std::vector<double> values_;
};

std::size_t order_of(std::span<const double> matrix) {
  return static_cast<std::size_t>(std::sqrt(static_cast<double>(matrix.size())) + 0.5);
}

}  // namespace

Factor::Factor(std::size_t columns, std::vector<std::uint8_t> is_aliased)
    : n_(columns), lower_(n_ * n_, 0.), pivots_(n_, 0.), aliased_(std::move(is_aliased)) {
  aliased_.resize(n_, 0);
}

Factor::Factor(std::span<const double> matrix, std::span<const double> least,
               std::vector<std::uint8_t> is_aliased)
    : Factor(order_of(matrix), std::move(is_aliased)) {
  const bool finds_aliased = !least.empty();
  std::vector<double> scaled(n_);
  for (std::size_t j = 0; j < n_; ++j) {
    double* const row = lower_.data() + j * n_;
    double pivot = matrix[j * n_ + j];
    for (std::size_t k = 0; k < j; ++k) {
      scaled[k] = row[k] * pivots_[k];
      pivot -= row[k] * scaled[k];
    }
    if (!admits(j, pivot, matrix[j * n_ + j], finds_aliased, least)) continue;
    for (std::size_t i = j + 1; i < n_; ++i) {
      const double* const other = lower_.data() + i * n_;
      double value = matrix[j * n_ + i];
      for (std::size_t k = 0; k < j; ++k) value -= other[k] * scaled[k];
      lower_[i * n_ + j] = value / pivot;
    }
  }
}

Factor Factor::of_triangle(std::span<const double> triangle, std::span<const double> penalty,
                           std::span<const double> terms, std::span<const double> least,
                           std::vector<std::uint8_t> is_aliased, std::size_t targets) {
  const std::size_t n = penalty.size();
  Factor factor(n, std::move(is_aliased));
  RowsBelow rows(2 * n, n + targets);
  const double* from = triangle.data();
  for (std::size_t i = 0; i < n; ++i) {
    for (std::size_t j = i; j < n + targets; ++j) rows.at(i, j) = *from++;
    rows.at(n + i, i) = std::sqrt(penalty[i]);
    for (std::size_t k = n; k < n + targets; ++k)
      rows.at(n + i, k) = -std::sqrt(penalty[i]) * terms[i];
  }
  factor.steps_.assign(targets, std::vector<double>(n, 0.));
  std::size_t row = 0;
  for (std::size_t j = 0; j < n; ++j) {
    const double pivot = rows.squares(row, j);
    if (!factor.admits(j, pivot, rows.squares(0, j), !least.empty(), least)) continue;
    rows.reflect(row, j);
    const double diagonal = rows.at(row, j);
    for (std::size_t i = j + 1; i < n; ++i) factor.lower_[i * n + j] = rows.at(row, i) / diagonal;
    factor.decrement_ += rows.at(row, n) * rows.at(row, n);
    for (std::size_t k = 0; k < targets; ++k) factor.steps_[k][j] = rows.at(row, n + k) / diagonal;
    ++row;
  }
  for (std::vector<double>& step : factor.steps_) factor.solve_upper(step);
  return factor;
}

bool Factor::admits(std::size_t column, double pivot, double whole, bool finds_aliased,
                    std::span<const double> least) {
  if (finds_aliased && !(pivot > least[column])) aliased_[column] = 1;
  if (aliased_[column] != 0) {
    std::fill_n(lower_.begin() + static_cast<std::ptrdiff_t>(column * n_), column, 0.);
    return false;
  }
  pivots_[column] = pivot;
  if (!(pivot > 0) || !std::isfinite(pivot)) is_good_ = false;
  least_share_ = std::min(least_share_, pivot / whole);
  return true;
}

std::int64_t Factor::rank() const noexcept {
  return std::ranges::count(aliased_, std::uint8_t{0});
}

void Factor::solve_upper(std::vector<double>& x) const {
  for (std::size_t i = n_; i-- > 0;) {
    if (aliased_[i] != 0) continue;
    for (std::size_t k = i + 1; k < n_; ++k)
      if (aliased_[k] == 0) x[i] -= lower(k, i) * x[k];
  }
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
  for (std::size_t i = 0; i < n_; ++i)
    if (aliased_[i] == 0) x[i] /= pivots_[i];
  solve_upper(x);
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

std::vector<double> Factor::inverse_root() const {
  std::vector<double> result(n_ * n_, 0.);
  std::vector<double> column(n_);
  for (std::size_t j = 0; j < n_; ++j) {
    if (aliased_[j] != 0) continue;
    std::ranges::fill(column, 0.);
    column[j] = 1 / std::sqrt(pivots_[j]);
    solve_upper(column);
    for (std::size_t i = 0; i <= j; ++i) result[i * n_ + j] = column[i];
  }
  return result;
}

std::vector<double> Factor::root() const {
  std::vector<double> result(n_ * n_, 0.);
  for (std::size_t j = 0; j < n_; ++j) {
    if (aliased_[j] != 0) continue;
    const double scale = std::sqrt(pivots_[j]);
    result[j * n_ + j] = scale;
    for (std::size_t i = j + 1; i < n_; ++i) result[i * n_ + j] = lower(i, j) * scale;
  }
  return result;
}

}  // namespace serried::regression
