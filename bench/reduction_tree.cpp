// What the fixed tree costs, and the speed of arrays' creation and moves, one thread:
//   build/host/bin/bench/reduction_tree [REPETITIONS]
// Prints the best and the median time of each.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <vector>

#include "serried/array/array.hpp"
#include "serried/array/reduce_rows.hpp"
#include "serried/comm/reduction_tree.hpp"
#include "serried/comm/runtime.hpp"

namespace {

using namespace serried;

int repetitions = 15;

void report(const char* what, const std::function<void()>& work) {
  std::vector<double> seconds;
  for (int i = 0; i < repetitions; ++i) {
    const auto begin = std::chrono::steady_clock::now();
    work();
    seconds.push_back(
        std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count());
  }
  std::ranges::sort(seconds);
  std::printf("%-48s best %12.1f us, median %12.1f us\n", what, 1e6 * seconds.front(),
              1e6 * seconds[seconds.size() / 2]);
}

// Eight partial sums: what a compiler needs to use vectors.
double plain_sum(std::span<const double> values) {
  double lanes[8] = {};
  std::size_t i = 0;
  for (; i + 8 <= values.size(); i += 8)
    for (std::size_t lane = 0; lane < 8; ++lane) lanes[lane] += values[i + lane];
  for (; i < values.size(); ++i) lanes[0] += values[i];
  double sum = 0;
  for (const double lane : lanes) sum += lane;
  return sum;
}

void report_fold() {
  struct Payload {
    double values[9];
  };
  const CombineFunction combine = [](std::byte* left, const std::byte* right) {
    Payload a, b;
    std::memcpy(&a, left, sizeof a);
    std::memcpy(&b, right, sizeof b);
    for (int i = 0; i < 9; ++i) a.values[i] += b.values[i];
    std::memcpy(left, &a, sizeof a);
  };
  const Payload payload{};
  report("fold of 16384 leaves of 72 bytes", [&] {
    TreeFold fold(sizeof payload, combine);
    for (std::int64_t leaf = 0; leaf < 16384; ++leaf)
      fold.push(leaf, reinterpret_cast<const std::byte*>(&payload));
    if (fold.nodes().size() != 1) std::abort();
  });
}

void report_sums(const Context& ctx, std::int64_t rows) {
  const Array array = Array::full(ctx, {rows}, DType::f64, 1);
  double sum = 0;
  std::printf("%lld rows\n", static_cast<long long>(rows));
  report("  reduce_rows", [&] {
    sum = reduce_rows(
        ctx, array, 0.0,
        [](const TileView& leaf, double& partial) { partial += plain_sum(leaf.as<double>()); },
        [](double& left, const double& right) { left += right; });
    if (sum != static_cast<double>(rows)) std::abort();
  });
  report("  a plain loop", [&] {
    if (plain_sum(array.local<double>()) != sum) std::abort();
  });
}

}  // namespace

int main(int argc, char** argv) {
  if (argc > 1) repetitions = std::max(1, std::atoi(argv[1]));
  RuntimeOptions options;
  options.threads = 1;
  const Runtime runtime(options);
  const Context ctx(runtime);
  if (ctx.size() != 1) return 2;
  report_fold();
  for (const std::int64_t rows : {10'000, 1'000'000, 10'000'000}) report_sums(ctx, rows);
  const Shape shape{10'000'000};
  report("1e7 f64: zeros", [&] { (void)Array::zeros(ctx, shape, DType::f64); });
  report("1e7 f64: random_uniform",
         [&] { (void)Array::random_uniform(ctx, shape, DType::f64, 1); });
  report("1e7 f64: random_normal", [&] { (void)Array::random_normal(ctx, shape, DType::f64, 1); });
  report("1e7 i64: random_permutation", [&] { (void)Array::random_permutation(ctx, shape[0], 1); });
  const Array matrix = Array::zeros(ctx, {4000, 2500}, DType::f64);
  report("4000 x 2500 f64: with_split_axis", [&] { (void)matrix.with_split_axis(1); });
  report("4000 x 2500 f64: cast to i32", [&] { (void)matrix.cast(DType::i32); });
  return 0;
}
