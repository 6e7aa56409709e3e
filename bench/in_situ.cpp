// What calling statistics on a simulation's memory costs beside the reduction alone, and whether
// the memory is copied:
//   mpirun -n P build/host/bin/bench/in_situ [CELLS, 10000000 by default] [REPETITIONS]
// "kernel": the moments of all leaves of this rank's own cells, one call of the kernel a thread,
// and nothing else: no plan, no tree, no communication. Then wrap + compute_statistics of the same
// cells as one run, with ghost cells around, and with cuts off tile boundaries. Milliseconds of the
// slowest rank (best and median of rounds of all cases), their ratios to the kernel's, and by how
// much the peak memory (VmHWM) of rank 0 grew in the first call.
#include <sys/resource.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <string>
#include <vector>

#include "serried/array/memory_rows.hpp"
#include "serried/array/statistics.hpp"
#include "serried/comm/runtime.hpp"
#include "serried/device/moment_kernels.hpp"

namespace {

using serried::MemoryField;
using serried::RowRange;

constexpr std::int64_t width = 1000;  // cells of a line
int repetitions = 30;

long peak_kib() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return usage.ru_maxrss;
}

double milliseconds(const serried::Context& ctx, const std::function<void()>& work) {
  ctx.comm().barrier();
  const auto begin = std::chrono::steady_clock::now();
  work();
  const auto ns =
      std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::steady_clock::now() - begin)
          .count();
  return 1e-6 * static_cast<double>(
                    ctx.comm().allreduce(static_cast<std::int64_t>(ns), serried::ReduceOp::max));
}

struct Case {
  const char* name;
  std::function<void()> work;
  long peak_growth_kib = 0;  // in its first call
  std::vector<double> times = {};
};

double best(std::vector<double>& times) {
  return *std::ranges::min_element(times);
}

double median(std::vector<double>& times) {
  const auto middle = times.begin() + static_cast<std::ptrdiff_t>(times.size() / 2);
  std::ranges::nth_element(times, middle);
  return *middle;
}

// In rounds of all cases: what the machine is worth changes within seconds.
void measure(const serried::Context& ctx, std::vector<Case>& cases) {
  for (Case& each : cases) {
    const long before = peak_kib();
    each.work();
    each.peak_growth_kib = peak_kib() - before;
  }
  for (int i = 0; i < repetitions; ++i)
    for (Case& each : cases) each.times.push_back(milliseconds(ctx, each.work));
  if (ctx.rank() != 0) return;
  const double kernel_best = best(cases.front().times);
  const double kernel_median = median(cases.front().times);
  for (Case& each : cases)
    std::printf("%-40s %8.2f %8.2f %8.2f %8.2f %10ld KiB\n", each.name, best(each.times),
                median(each.times), best(each.times) / kernel_best,
                median(each.times) / kernel_median, each.peak_growth_kib);
}

// The reduction alone: all leaves of this rank, an equal share of them for each thread.
void reduce(const serried::Context& ctx, const double* cells, std::int64_t count,
            std::int64_t leaf_rows, std::vector<serried::Moments>& moments) {
  const auto& kernels = ctx.backend()->kernels<serried::MomentKernels>(serried::DType::f64);
  const std::int64_t leaves = (count + leaf_rows - 1) / leaf_rows;
  const std::int64_t threads = ctx.backend()->threads().threads();
  moments.resize(static_cast<std::size_t>(leaves));
  ctx.backend()->threads().parallel_for(threads, [&](std::int64_t thread, int /*worker*/) {
    const std::int64_t first = leaves * thread / threads;
    const std::int64_t last = leaves * (thread + 1) / threads;
    std::vector<std::int64_t> offsets;
    for (std::int64_t leaf = first; leaf <= last; ++leaf)
      offsets.push_back(std::min(leaf * leaf_rows, count));
    kernels.reduce_columns(cells, 1, offsets,
                           std::span(moments).subspan(static_cast<std::size_t>(first),
                                                      static_cast<std::size_t>(last - first)));
  });
}

// This rank's lines inside `ghosts` cells on all sides.
std::vector<double> lines(RowRange rows, std::int64_t ghosts) {
  const std::int64_t line = width + 2 * ghosts;
  std::vector<double> cells(static_cast<std::size_t>((rows.size() + 2 * ghosts) * line), NAN);
  for (std::int64_t i = 0; i < rows.size(); ++i)
    for (std::int64_t j = 0; j < width; ++j)
      cells[static_cast<std::size_t>((i + ghosts) * line + j + ghosts)] =
          static_cast<double>(((rows.begin + i) * width + j) * 7919 % 100'003);
  return cells;
}

void run(std::int64_t cells) {
  const serried::Runtime runtime;
  const serried::Context ctx(runtime);
  // 128 lines are 125 tiles of 1024 cells
  const std::int64_t count = cells / width;
  const std::int64_t blocks = (count + 127) / 128;
  const auto cut = [&](int rank, std::int64_t shift) {
    if (rank == 0 || rank == ctx.size()) return rank == 0 ? std::int64_t{0} : count;
    return blocks * rank / ctx.size() * 128 + shift;
  };
  const int rank = ctx.rank();
  const RowRange even{cut(rank, 0), cut(rank + 1, 0)};
  const RowRange odd{cut(rank, 3), cut(rank + 1, 3)};
  const auto statistics = [&](const double* data, RowRange rows, std::int64_t ghosts) {
    const std::int64_t line = (width + 2 * ghosts) * 8;
    const MemoryField field{.data = data + ghosts * (line / 8) + ghosts, .byte_strides = {line, 8}};
    const auto memory =
        serried::MemoryRows::wrap(ctx, {&field, 1}, serried::DType::f64, {rows.size(), width});
    if (serried::compute_statistics(ctx, memory).front().count != count * width) std::abort();
  };
  if (rank == 0)
    std::printf("%lld cells, %d ranks, %d threads each\n%-40s %8s %8s %8s %8s %14s\n",
                static_cast<long long>(count * width), ctx.size(),
                ctx.backend()->threads().threads(), "ms", "best", "median", "ratio", "ratio",
                "peak grew by");
  const auto even_lines = lines(even, 0);
  const auto odd_lines = lines(odd, 0);
  const auto even_ghosts = lines(even, 2);
  const auto odd_ghosts = lines(odd, 2);
  std::vector<serried::Moments> moments;
  const auto layout = serried::Layout::uniform(count * width, ctx.size());
  const serried::Leaves leaves(layout, 8, sizeof(serried::Moments));
  const std::int64_t leaf_rows = leaves.tiles_per_leaf() * layout.tile_rows();
  std::vector<Case> cases{
      {"kernel", [&] { reduce(ctx, even_lines.data(), even.size() * width, leaf_rows, moments); }},
      {"one run of memory, cuts on tiles", [&] { statistics(even_lines.data(), even, 0); }},
      {"one run of memory, cuts off tiles", [&] { statistics(odd_lines.data(), odd, 0); }},
      {"ghost cells around, cuts on tiles", [&] { statistics(even_ghosts.data(), even, 2); }},
      {"ghost cells around, cuts off tiles", [&] { statistics(odd_ghosts.data(), odd, 2); }},
  };
  measure(ctx, cases);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc > 2) repetitions = std::max(1, std::atoi(argv[2]));
  run(argc > 1 ? std::atoll(argv[1]) : 10'000'000);
  return 0;
}
