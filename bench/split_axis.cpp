// How fast arrays change their split axis, against a bare MPI_Alltoall of as many bytes, which cuts
// and turns nothing:
//   mpirun -n 2 build/host/bin/bench/split_axis [MIB] [REPETITIONS]
// Prints the median and the best of the repetitions on rank 0 (the kinds taking turns), and the
// ratios: on a machine that is not idle, those of the best times say more.
#include <mpi.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <vector>

#include "serried/array/array.hpp"
#include "serried/array/manipulation.hpp"
#include "serried/comm/runtime.hpp"

namespace {

using namespace serried;

struct Case {
  const char* name;
  std::function<void()> run;
  std::vector<double> seconds = {};
};

double median(std::vector<double> values) {
  std::ranges::sort(values);
  return values[values.size() / 2];
}

}  // namespace

int main(int argc, char** argv) {
  const std::int64_t bytes = (argc > 1 ? std::atoll(argv[1]) : 512) << 20;
  const int repetitions = argc > 2 ? std::max(1, std::atoi(argv[2])) : 7;
  const Runtime runtime;
  const Context ctx(runtime);
  const std::int64_t elements = bytes / 8;
  std::int64_t side = 1;
  while (side * side < elements) side *= 2;
  const Array square = Array::zeros(ctx, {side, elements / side}, DType::f64);
  const Array odd = Array::zeros(ctx, {side + 1, elements / side + 3}, DType::f64);
  const Array cube = Array::zeros(ctx, {side / 8, elements / side / 8, 64}, DType::f64);
  const Array floats = Array::zeros(ctx, {2 * side, elements / side}, DType::f32);
  const Array bits = Array::zeros(ctx, {8 * side, elements / side}, DType::u8);
  const Array series = Array::zeros(ctx, {elements}, DType::f64);

  const std::int64_t piece = bytes / ctx.size() / ctx.size();
  std::vector<char> sent(static_cast<std::size_t>(piece * ctx.size()), 1);
  std::vector<char> received(sent.size());
  std::vector<Case> cases{
      {"MPI_Alltoall of as many bytes",
       [&] {
         // MPI counts in int
         MPI_Datatype block = MPI_DATATYPE_NULL;
         MPI_Type_contiguous(1024, MPI_CHAR, &block);
         MPI_Type_commit(&block);
         const int count = static_cast<int>(piece / 1024);
         MPI_Alltoall(sent.data(), count, block, received.data(), count, block, MPI_COMM_WORLD);
         MPI_Type_free(&block);
       }},
      {"n x n f64, axis 0 to 1", [&] { (void)square.with_split_axis(1); }},
      {"(n + 1) x (n + 3) f64, axis 0 to 1", [&] { (void)odd.with_split_axis(1); }},
      {"n/8 x n/8 x 64 f64, axis 0 to 1", [&] { (void)cube.with_split_axis(1); }},
      {"n/8 x n/8 x 64 f64, axis 0 to 2", [&] { (void)cube.with_split_axis(2); }},
      {"2n x n f32, axis 0 to 1", [&] { (void)floats.with_split_axis(1); }},
      {"8n x n u8, axis 0 to 1", [&] { (void)bits.with_split_axis(1); }},
      {"n x n f64, flip of the rows", [&] { (void)flip(square, {0}); }},
      {"a series, rolled by a third", [&] { (void)roll(series, elements / 3); }},
      {"an allocation that is written", [&] { (void)Array::zeros(ctx, {elements}, DType::f64); }},
  };
  for (int i = 0; i <= repetitions; ++i)
    for (Case& one : cases) {
      ctx.comm().barrier();
      const auto begin = std::chrono::steady_clock::now();
      one.run();
      ctx.comm().barrier();
      const std::chrono::duration<double> elapsed = std::chrono::steady_clock::now() - begin;
      if (i > 0) one.seconds.push_back(elapsed.count());  // the first pass warms up
    }
  if (ctx.rank() != 0) return 0;
  const auto best = [](const Case& one) { return *std::ranges::min_element(one.seconds); };
  for (const Case& one : cases) {
    const double seconds = median(one.seconds);
    std::printf("%-36s %8.4f s  %6.2f GB/s  %5.1f %% of MPI_Alltoall; best %8.4f s  %5.1f %%\n",
                one.name, seconds, static_cast<double>(bytes) / seconds / 1e9,
                100 * median(cases.front().seconds) / seconds, best(one),
                100 * best(cases.front()) / best(one));
  }
}
