// Generalised linear models on data in memory: the time of a whole fit with inference and of one
// iteration, against a plain loop that reads the data. Command:
//   mpirun -n 2 build/host/bin/bench/glm_iterations [rows columns [repeats]]
// Without arguments, 1 000 000 x 50 f64. Prints the best of `repeats` (default 3).
#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <functional>

#include "serried/array/array.hpp"
#include "serried/base/philox.hpp"
#include "serried/comm/runtime.hpp"
#include "serried/ml/glm.hpp"

namespace serried {
namespace {

double noise(std::int64_t row, std::int64_t column) {
  return to_unit_interval(
      philox_words(1, static_cast<std::uint64_t>(column), static_cast<std::uint64_t>(row))[0]);
}

/// Seconds of the slowest rank, the best of some repeats.
double best_time(const Context& ctx, int repeats, const std::function<void()>& work) {
  double best = 1e300;
  for (int i = 0; i < repeats; ++i) {
    ctx.comm().barrier();
    const auto begin = std::chrono::steady_clock::now();
    work();
    const auto ns = std::chrono::duration_cast<std::chrono::nanoseconds>(
                        std::chrono::steady_clock::now() - begin)
                        .count();
    best = std::min(best, 1e-9 * static_cast<double>(ctx.comm().allreduce(
                                     static_cast<std::int64_t>(ns), ReduceOp::max)));
  }
  return best;
}

double sum_of(std::span<const double> values) {
  constexpr std::size_t lanes = 64;
  double sums[lanes] = {};
  for (std::size_t i = 0; i + lanes <= values.size(); i += lanes)
    for (std::size_t j = 0; j < lanes; ++j) sums[j] += values[i + j];
  double sum = 0;
  for (const double value : sums) sum += value;
  return sum;
}

void run(const Context& ctx, std::int64_t rows, std::int64_t columns, int repeats) {
  const Array x = Array::from_function(
      ctx, Shape{rows, columns}, DType::f64,
      [&](std::span<const std::int64_t> index) { return noise(index[0], index[1]) - 0.5; });
  const auto predictor = [&](std::int64_t row) {
    double eta = 0.2;
    for (std::int64_t j = 0; j < columns; ++j)
      eta += std::sin(static_cast<double>(j)) * (noise(row, j) - 0.5);
    return eta;
  };
  volatile double sink = 0;
  const double read = best_time(ctx, 3 * repeats, [&] { sink = sum_of(x.local<double>()); });
  static_cast<void>(sink);
  for (const GlmFamily family : {GlmFamily::gaussian, GlmFamily::binomial, GlmFamily::poisson}) {
    const Array y = Array::from_function(ctx, Shape{rows}, DType::f64,
                                         [&](std::span<const std::int64_t> index) {
                                           const double eta = predictor(index[0]);
                                           const double u = noise(index[0], columns);
                                           if (family == GlmFamily::gaussian) return eta + u;
                                           if (family == GlmFamily::binomial)
                                             return u < 1 / (1 + std::exp(-eta)) ? 1. : 0.;
                                           return std::floor(2 * u * std::exp(eta));
                                         });
    GlmModel model;
    const auto fit = [&](int iterations) {
      model = fit_glm(ctx, x, y, {.family = family, .max_iterations = iterations});
    };
    const double few = best_time(ctx, repeats, [&] { fit(2); });
    const double more = best_time(ctx, repeats, [&] { fit(4); });
    const double whole = best_time(ctx, repeats, [&] { fit(100); });
    if (ctx.rank() != 0) continue;
    std::printf("%s: %lld x %lld, %d ranks: plain read %.4f s; fit %.4f s, %lld iterations",
                facts(family).name.data(), static_cast<long long>(rows),
                static_cast<long long>(columns), ctx.size(), read, whole,
                static_cast<long long>(model.iterations));
    if (family != GlmFamily::gaussian)
      std::printf("; one %.4f s, %.2f reads", (more - few) / 2, (more - few) / 2 / read);
    std::printf("\n");
  }
}

}  // namespace
}  // namespace serried

int main(int argc, char** argv) {
  const serried::Runtime runtime;
  const serried::Context ctx(runtime);
  const std::int64_t rows = argc > 2 ? std::atoll(argv[1]) : 1000000;
  const std::int64_t columns = argc > 2 ? std::atoll(argv[2]) : 50;
  serried::run(ctx, rows, columns, argc > 3 ? std::atoi(argv[3]) : 3);
  return 0;
}
