#include "ml/kmeans/wide_chains.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace serried::kmeans {
namespace {

constexpr std::int64_t lanes = 8;
/// Rows at a time, so that the chains of one row need not wait for each other.
constexpr int rows_at_once = 2;

/// Continues the chains of one row, or of two (`x1`, `out1`), and the centres of a block. The two
/// are written out, because compilers keep the chains of a loop over rows in memory.
template <int count, class Difference>
void run_block(const double* x0, const double* x1, std::int64_t width, const double* c,
               double* out0, double* out1, const Difference& difference) {
  double first[lanes], second[lanes];
  std::copy_n(out0, lanes, first);
  if (count == 2) std::copy_n(out1, lanes, second);
  for (std::int64_t f = 0; f < width; ++f, c += lanes) {
    for (int lane = 0; lane < lanes; ++lane) {
      const double d = difference(x0[f], c[lane]);
      first[lane] = std::fma(d, d, first[lane]);
    }
    if (count == 1) continue;
    for (int lane = 0; lane < lanes; ++lane) {
      const double d = difference(x1[f], c[lane]);
      second[lane] = std::fma(d, d, second[lane]);
    }
  }
  std::copy_n(first, lanes, out0);
  if (count == 2) std::copy_n(second, lanes, out1);
}

}  // namespace

Chains::Chains(std::int64_t rows, std::int64_t centers)
    : rows_(rows),
      centers_(centers),
      stride_((centers + lanes - 1) / lanes * lanes),
      values_(static_cast<std::size_t>(rows * stride_), 0.) {}

std::int64_t Chains::bytes(std::int64_t rows, std::int64_t centers) noexcept {
  return rows * ((centers + lanes - 1) / lanes * lanes) * 8;
}

void Chains::clear() {
  std::ranges::fill(values_, 0.);
}

std::int32_t Chains::nearest(std::int64_t row) const noexcept {
  std::int32_t best = -1;
  double least = std::numeric_limits<double>::infinity();
  for (std::int64_t j = 0; j < centers_; ++j)
    if (at(row, j) < least) {
      least = at(row, j);
      best = static_cast<std::int32_t>(j);
    }
  return best;
}

template <class Difference>
void Chains::run(const ThreadPool& threads, const double* x, std::int64_t width, const double* c,
                 const Difference& difference) {
  const std::int64_t blocks = stride_ / lanes;
  transposed_.assign(static_cast<std::size_t>(stride_ * width), 0.);
  threads.parallel_for(blocks, [&](std::int64_t block, int) {
    double* const to = transposed_.data() + block * width * lanes;
    const std::int64_t used = std::min(lanes, centers_ - block * lanes);
    for (std::int64_t lane = 0; lane < used; ++lane)
      for (std::int64_t f = 0; f < width; ++f)
        to[f * lanes + lane] = c[(block * lanes + lane) * width + f];
  });
  const std::int64_t groups = (rows_ + rows_at_once - 1) / rows_at_once;
  threads.parallel_for(groups * blocks, [&](std::int64_t task, int) {
    const std::int64_t block = task / groups;
    const std::int64_t row = task % groups * rows_at_once;
    const double* const centers = transposed_.data() + block * width * lanes;
    double* const out = values_.data() + row * stride_ + block * lanes;
    if (row + rows_at_once <= rows_)
      run_block<2>(x + row * width, x + (row + 1) * width, width, centers, out, out + stride_,
                   difference);
    else
      run_block<1>(x + row * width, nullptr, width, centers, out, nullptr, difference);
  });
}

void Chains::extend(const ThreadPool& threads, const double* x, std::int64_t width, const double* c,
                    double scale) {
  if (scale == 1)
    run(threads, x, width, c, [](double a, double b) { return a - b; });
  else
    run(threads, x, width, c, [scale](double a, double b) { return (a - b) * scale; });
}

void Chains::extend_scaled(const ThreadPool& threads, const double* x, std::int64_t width,
                           const double* c, double scale) {
  run(threads, x, width, c, [scale](double a, double b) { return a * scale - b * scale; });
}

}  // namespace serried::kmeans
