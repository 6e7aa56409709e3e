// Speed of the kernels behind `stats` on data in the second cache, one thread:
//   build/host/bin/bench/moment_kernels [REPETITIONS]
// Prints GB/s of the elements' own width (the best and the median of the repetitions), for moments
// of all elements, of each column, and for histograms. A file is read at a few GB/s by a rank.
#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include "serried/device/backend.hpp"
#include "serried/device/histogram_kernels.hpp"
#include "serried/device/moment_kernels.hpp"

namespace {

using serried::Half;
using serried::Moments;

int repetitions = 200;

template <class F>
void report(const std::string& what, double bytes, F&& work) {
  std::vector<double> seconds;
  for (int i = 0; i < repetitions; ++i) {
    const auto begin = std::chrono::steady_clock::now();
    work();
    seconds.push_back(
        std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count());
  }
  std::sort(seconds.begin(), seconds.end());
  std::printf("%-36s %8.2f %8.2f\n", what.c_str(), bytes * 1e-9 / seconds.front(),
              bytes * 1e-9 / seconds[seconds.size() / 2]);
}

template <class T>
std::vector<T> numbers(std::int64_t count, bool has_nan = false) {
  std::vector<T> values;
  for (std::int64_t i = 0; i < count; ++i) {
    const float value = has_nan && i % 1000 == 7 ? NAN : static_cast<float>(i * 7919 % 101);
    if constexpr (std::is_same_v<T, Half>)
      values.push_back(serried::to_half(value));
    else
      values.push_back(static_cast<T>(value));
  }
  return values;
}

template <class T>
void run(const serried::Backend& backend, std::int64_t columns, std::int64_t leaf_bytes,
         bool has_nan = false) {
  const auto dtype = serried::dtype_of<T>;
  const std::int64_t row_bytes = columns * static_cast<std::int64_t>(sizeof(T));
  const std::int64_t rows = (std::int64_t{1} << 20) / row_bytes;
  const std::int64_t leaf_rows = std::max<std::int64_t>(1, leaf_bytes / row_bytes);
  const auto data = numbers<T>(rows * columns, has_nan);
  std::vector<std::int64_t> offsets;
  for (std::int64_t row = 0; row < rows; row += leaf_rows) offsets.push_back(row);
  offsets.push_back(rows);
  std::vector<Moments> moments((offsets.size() - 1) * static_cast<std::size_t>(columns));
  const auto& kernels = backend.kernels<serried::MomentKernels>(dtype);
  const auto bytes = static_cast<double>(rows * row_bytes);
  report("moments " + std::string(serried::name(dtype)) + ", " + std::to_string(columns) +
             " columns, " + std::to_string(leaf_bytes / 1024) + " KiB" + (has_nan ? ", NaN" : ""),
         bytes, [&] { kernels.reduce_columns(data.data(), columns, offsets, moments); });
}

template <class T>
void run_histogram(const serried::Backend& backend, std::int64_t columns, std::int64_t bins) {
  const auto dtype = serried::dtype_of<T>;
  const std::int64_t rows =
      (std::int64_t{1} << 20) / (columns * static_cast<std::int64_t>(sizeof(T)));
  const auto data = numbers<T>(rows * columns);
  std::vector<double> edges;
  for (std::int64_t j = 0; j < columns; ++j)
    for (std::int64_t b = 0; b <= bins; ++b)
      edges.push_back(101.0 * static_cast<double>(b) / static_cast<double>(bins));
  std::vector<std::int64_t> counts(static_cast<std::size_t>(columns * bins));
  const auto& kernels = backend.kernels<serried::HistogramKernels>(dtype);
  report("histogram " + std::string(serried::name(dtype)) + ", " + std::to_string(columns) +
             " columns, " + std::to_string(bins) + " bins",
         static_cast<double>(rows * columns) * sizeof(T),
         [&] { kernels.add(data.data(), rows, columns, bins, edges, counts); });
}

}  // namespace

int main(int argc, char** argv) {
  if (argc > 1) repetitions = std::max(1, std::atoi(argv[1]));
  const auto backend = serried::make_host_backend(1);
  std::printf("%s\n%-36s %8s %8s   GB/s\n", backend->description().c_str(), "", "best", "median");
  for (const std::int64_t leaf : {16 << 10, 64 << 10, 256 << 10}) {
    run<double>(*backend, 1, leaf);
    run<float>(*backend, 1, leaf);
  }
  run<double>(*backend, 1, 64 << 10, true);
  run<float>(*backend, 1, 64 << 10, true);
  run<Half>(*backend, 1, 64 << 10);
  run<std::int64_t>(*backend, 1, 64 << 10);
  run<std::int32_t>(*backend, 1, 64 << 10);
  run<std::int16_t>(*backend, 1, 64 << 10);
  run<std::uint8_t>(*backend, 1, 64 << 10);
  for (const std::int64_t columns : {3, 32, 65, 256}) {
    const std::int64_t leaf = std::max<std::int64_t>(16 << 10, 2048 * columns);
    run<double>(*backend, columns, leaf);
    run<float>(*backend, columns, leaf);
  }
  run_histogram<double>(*backend, 1, 10);
  run_histogram<float>(*backend, 1, 100);
  run_histogram<float>(*backend, 1, 10'000);
  run_histogram<float>(*backend, 8, 10);
  return 0;
}
