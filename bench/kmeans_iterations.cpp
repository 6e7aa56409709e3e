// k-means on data in memory: the time of an iteration, against a plain loop that reads the data,
// and of k-means|| in iterations. Command:
//   mpirun -n 2 build/host/bin/bench/kmeans_iterations [rows features clusters [repeats]]
// BENCH_CLOCK=cpu counts CPU time instead of wall time: for machines that are shared, with 1 rank.
// Without arguments, the two sizes of the project's claims. Prints the best of `repeats` (default
// 3).
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <functional>
#include <string_view>

#include "serried/base/philox.hpp"
#include "serried/comm/runtime.hpp"
#include "serried/ml/kmeans.hpp"

namespace serried {
namespace {

struct Size {
  std::int64_t rows, features, clusters;
};

/// Gaussian blobs that overlap: `clusters` places in a box of four deviations.
Array make_data(const Context& ctx, const Size& size, DType dtype) {
  return Array::from_function(
      ctx, Shape{size.rows, size.features}, dtype, [&](std::span<const std::int64_t> index) {
        const auto row = static_cast<std::uint64_t>(index[0]);
        const auto f = static_cast<std::uint64_t>(index[1]);
        const std::uint64_t place =
            philox_words(1, 1, row)[0] % static_cast<std::uint64_t>(size.clusters);
        const double center = 4 * to_unit_interval(philox_words(1, 2, place << 20 | f)[0]);
        double noise = -3;
        for (std::uint64_t i = 0; i < 3; ++i)
          for (const std::uint64_t word :
               philox_words(1, 3 + i, row * static_cast<std::uint64_t>(size.features) + f))
            noise += to_unit_interval(word);
        return center + 1.4 * noise;
      });
}

/// Nanoseconds of wall time, or of this process's CPU time.
std::int64_t clock_ns() {
  static const char* const wanted = std::getenv("BENCH_CLOCK");
  timespec now{};
  const bool is_cpu = wanted != nullptr && std::string_view(wanted) == "cpu";
  clock_gettime(is_cpu ? CLOCK_PROCESS_CPUTIME_ID : CLOCK_MONOTONIC, &now);
  return std::int64_t{1000000000} * now.tv_sec + now.tv_nsec;
}

/// Seconds of the slowest rank, the best of some repeats.
double best_time(const Context& ctx, int repeats, const std::function<void()>& work) {
  double best = 1e300;
  for (int i = 0; i < repeats; ++i) {
    ctx.comm().barrier();
    const std::int64_t begin = clock_ns();
    work();
    const std::int64_t ns = clock_ns() - begin;
    best = std::min(best, 1e-9 * static_cast<double>(ctx.comm().allreduce(ns, ReduceOp::max)));
  }
  return best;
}

template <class T>
double sum_of(std::span<const T> values) {
  constexpr std::size_t lanes = 64;
  T sums[lanes] = {};
  for (std::size_t i = 0; i + lanes <= values.size(); i += lanes)
    for (std::size_t j = 0; j < lanes; ++j) sums[j] += values[i + j];
  double sum = 0;
  for (const T value : sums) sum += static_cast<double>(value);
  return sum;
}

template <class T>
void run(const Context& ctx, const Size& size, int repeats) {
  const Array data = make_data(ctx, size, dtype_of<T>);
  volatile double sink = 0;
  const double read = best_time(ctx, 3 * repeats, [&] { sink = sum_of(data.local<T>()); });
  static_cast<void>(sink);
  const auto fit = [&](KMeansInit init, int iterations) {
    KMeansOptions options{.clusters = size.clusters, .init = init, .max_iterations = iterations};
    options.tolerance = 0;
    if (init == KMeansInit::given) {
      const auto rows = data.slice(std::vector<Slice>{{0, size.clusters, 1}}).replicate();
      const auto values = rows.local<T>();
      options.initial_centers.assign(values.begin(), values.end());
    }
    return options;
  };
  const KMeansOptions two = fit(KMeansInit::given, 2), twenty = fit(KMeansInit::given, 20);
  const auto time = [&](const KMeansOptions& options) {
    return best_time(ctx, repeats, [&] { static_cast<void>(fit_kmeans(ctx, data, options)); });
  };
  KMeansOptions plain = twenty;
  plain.bounds = KMeansBoundsUse::off;
  const double few = time(two);
  const double many = time(twenty);
  const double without_bounds = time(plain);
  const double iteration = (many - few) / 18;
  const double init = time(fit(KMeansInit::kmeans_parallel, 2)) - few;
  const double greedy = size.rows * size.clusters > 20000000 && repeats < 5
                            ? 0
                            : time(fit(KMeansInit::kmeans_plus_plus, 2)) - few;
  const double gflops =
      2e-9 * static_cast<double>(size.rows * size.features * size.clusters) / iteration;
  if (ctx.rank() == 0)
    std::printf(
        "%s %ld x %ld, k=%ld: 20 iterations %.3f s, without bounds %.3f s; an iteration %.2f ms "
        "(%.1f GFLOP/s), a read "
        "loop "
        "%.2f ms (%.1f GB/s): %.2f reads; k-means|| %.1f iterations, k-means++ %.1f\n",
        sizeof(T) == 4 ? "f32" : "f64", size.rows, size.features, size.clusters, many,
        without_bounds, 1e3 * iteration, gflops, 1e3 * read,
        1e-9 * static_cast<double>(size.rows * size.features) * sizeof(T) / read, iteration / read,
        init / iteration, greedy / iteration);
}

}  // namespace
}  // namespace serried

int main(int argc, char** argv) {
  using namespace serried;
  try {
    const Runtime runtime;
    const Context ctx(runtime);
    std::vector<Size> sizes{{1000000, 32, 64}, {2000000, 16, 8}};
    if (argc > 3) sizes = {{std::atoll(argv[1]), std::atoll(argv[2]), std::atoll(argv[3])}};
    const int repeats = argc > 4 ? std::atoi(argv[4]) : 3;
    if (ctx.rank() == 0)
      std::printf("%d ranks, %s\n", ctx.size(), ctx.backend()->description().c_str());
    for (const Size& size : sizes) {
      run<float>(ctx, size, repeats);
      run<double>(ctx, size, repeats);
    }
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
    abort_job(1);
  }
  return 0;
}
