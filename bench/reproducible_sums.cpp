// The price of bit-reproducible sums: sum_columns (leaves and tree, the whole path of one rank with
// one thread, data in memory) against the fastest of several plain vector loops, which may sum in
// any order:
//   build/host/bin/bench/reproducible_sums [REPETITIONS [ROWS COLUMNS]]
// Both take turns; prints the medians in microseconds, the GB/s of sum_columns, and the median of
// the ratios of neighbours. The limits are 1.1, and 1.2 plus 2 microseconds for 10 000 rows. The
// last lines (f32) are for information.
#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <span>
#include <vector>

#include "plain_sums.hpp"
#include "serried/array/array.hpp"
#include "serried/array/sums.hpp"
#include "serried/comm/runtime.hpp"

namespace {

using serried::Array;
using serried::Context;
using serried::bench::PlainLoop;

template <class F>
double microseconds(F&& work) {
  const auto begin = std::chrono::steady_clock::now();
  work();
  return std::chrono::duration<double, std::micro>(std::chrono::steady_clock::now() - begin)
      .count();
}

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

double sink = 0;

// The plain loop that is fastest on this shape.
template <class T>
PlainLoop<T> choose_peer(const T* data, std::int64_t rows, std::int64_t columns) {
  std::vector<double> sums(static_cast<std::size_t>(columns));
  PlainLoop<T> best{};
  double best_time = 0;
  for (const auto& loop : serried::bench::plain_loops<T>(columns)) {
    std::vector<double> times;
    for (int i = 0; i < 9; ++i)
      times.push_back(microseconds([&] { loop.sum(data, rows, columns, sums.data()); }));
    sink += sums[0];
    if (best.sum == nullptr || median(times) < best_time) {
      best = loop;
      best_time = median(times);
    }
  }
  return best;
}

template <class T>
bool compare(const Context& ctx, std::int64_t rows, std::int64_t columns, int repetitions) {
  const auto elements = static_cast<std::size_t>(rows * columns);
  serried::Buffer buffer(ctx.backend(), elements * sizeof(T));
  const std::span<T> values = buffer.as<T>(elements);
  for (std::size_t i = 0; i < elements; ++i)
    values[i] = static_cast<T>(static_cast<double>(i % 1000) * 0.25 + 1);
  const Array array = Array::from_buffer(ctx, {rows, columns}, serried::dtype_of<T>,
                                         serried::Layout::uniform(rows, 1), std::move(buffer));
  const T* data = array.local<T>().data();  // both read the same memory
  const PlainLoop<T> peer = choose_peer(data, rows, columns);
  std::vector<double> plain(static_cast<std::size_t>(columns));
  std::vector<double> sums;
  std::vector<double> ours;
  std::vector<double> theirs;
  std::vector<double> ratios;
  const double count = static_cast<double>(elements);
  const int repeats = std::clamp(static_cast<int>(2e8 / count) * repetitions, repetitions, 4000);
  for (int i = 0; i < repeats; ++i) {
    theirs.push_back(microseconds([&] { peer.sum(data, rows, columns, plain.data()); }));
    ours.push_back(microseconds([&] { sums = serried::sum_columns(ctx, array); }));
    ratios.push_back(ours.back() / theirs.back());
  }
  for (std::size_t j = 0; j < sums.size(); ++j)
    if (std::fabs(sums[j] - plain[j]) > 1e-9 * std::fabs(plain[j]))
      std::printf("WRONG column %zu\n", j);
  const bool is_small = rows <= 10'000;
  const double limit_us = is_small ? 1.2 * median(theirs) + 2 : 1.1 * median(theirs);
  const bool is_met = median(ours) <= limit_us;
  std::printf("%-4s %9lld x %-4lld %12.2f %12.2f %8.2f %8.3f   %-7s %s\n",
              sizeof(T) == 8 ? "f64" : "f32", static_cast<long long>(rows),
              static_cast<long long>(columns), median(theirs), median(ours),
              count * sizeof(T) * 1e-3 / median(ours), median(ratios), is_met ? "met" : "MISSED",
              peer.name);
  return is_met;
}

}  // namespace

int main(int argc, char** argv) {
  const int repetitions = argc > 1 ? std::atoi(argv[1]) : 15;
  const serried::Runtime runtime;
  if (runtime.communicator().size() != 1) {
    std::fprintf(stderr, "reproducible_sums runs on one rank\n");
    return 2;
  }
  const Context ctx(runtime.communicator(), serried::make_host_backend(1), runtime.recorder());
  std::printf("%s\n%-4s %16s %12s %12s %8s %8s   %-7s %s\n", ctx.backend()->description().c_str(),
              "", "shape", "plain us", "serried us", "GB/s", "ratio", "limit",
              "fastest plain loop");
  if (argc > 3)
    return compare<double>(ctx, std::atoll(argv[2]), std::atoll(argv[3]), repetitions) ? 0 : 1;
  bool is_met = true;
  for (const auto& [rows, columns] : {std::pair{10'000, 1},
                                      {10'000, 32},
                                      {10'000, 256},
                                      {1'000'000, 1},
                                      {1'000'000, 32},
                                      {1'000'000, 256},
                                      {100'000'000, 1}})
    is_met = compare<double>(ctx, rows, columns, repetitions) && is_met;
  for (const auto& [rows, columns] :
       {std::pair{10'000, 1}, {1'000'000, 1}, {1'000'000, 32}, {1'000'000, 256}})
    static_cast<void>(compare<float>(ctx, rows, columns, repetitions));
  return is_met && std::isfinite(sink) ? 0 : 1;
}
