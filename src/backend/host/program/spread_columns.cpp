#include <cstring>

#include "backend/host/program/folds.hpp"

namespace serried::host {
namespace {

template <class V>
V load_columns(const double* from) {
  V columns;
  std::memcpy(&columns, from, sizeof columns);
  return columns;
}

/// Spreads of columns side by side, two V of them, with all that changes in registers.
template <class V>
void spread_pair(const double* values, std::int64_t rows, std::int64_t stride, Spread* states) {
  constexpr std::size_t width = sizeof(V) / sizeof(double);
  const auto n = static_cast<double>(rows);
  V low{};
  V high{};
  for (std::int64_t r = 0; r < rows; ++r) {
    low += load_columns<V>(values + r * stride);
    high += load_columns<V>(values + r * stride + width);
  }
  const V low_mean = low / n;
  const V high_mean = high / n;
  V low_squares{};
  V high_squares{};
  for (std::int64_t r = 0; r < rows; ++r) {
    const V d = load_columns<V>(values + r * stride) - low_mean;
    const V e = load_columns<V>(values + r * stride + width) - high_mean;
    low_squares += d * d;
    high_squares += e * e;
  }
  double means[2 * width];
  double squares[2 * width];
  std::memcpy(means, &low_mean, sizeof(V));
  std::memcpy(means + width, &high_mean, sizeof(V));
  std::memcpy(squares, &low_squares, sizeof(V));
  std::memcpy(squares + width, &high_squares, sizeof(V));
  for (std::size_t c = 0; c < 2 * width; ++c)
    states[c].combine({.weight = n, .mean = means[c], .m2 = squares[c]});
}

void spread_column(const double* values, std::int64_t rows, std::int64_t stride, Spread& state) {
  const auto n = static_cast<double>(rows);
  double sum = 0;
  for (std::int64_t r = 0; r < rows; ++r) sum += values[r * stride];
  const double mean = sum / n;
  double squares = 0;
  for (std::int64_t r = 0; r < rows; ++r) {
    const double d = values[r * stride] - mean;
    squares += d * d;
  }
  state.combine({.weight = n, .mean = mean, .m2 = squares});
}

}  // namespace

void spread_columns(const FoldBlock& block, Spread* states) {
  using Two [[gnu::vector_size(16)]] = double;
  using Four [[gnu::vector_size(32)]] = double;
  const auto* values = reinterpret_cast<const double*>(block.value);
  const std::int64_t columns = block.columns;
  std::int64_t c = 0;
  for (; c + 8 <= columns; c += 8) spread_pair<Four>(values + c, block.rows, columns, states + c);
  if (c + 4 <= columns) {
    spread_pair<Two>(values + c, block.rows, columns, states + c);
    c += 4;
  }
  if (c + 2 <= columns) {
    spread_pair<double>(values + c, block.rows, columns, states + c);
    c += 2;
  }
  if (c < columns) spread_column(values + c, block.rows, columns, states[c]);
}

}  // namespace serried::host
