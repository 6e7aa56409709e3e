// Histograms of normal numbers, with few and with many bins. Command:
//   build/host/bin/bench/cuda_histogram [--elements N] [--repeats R] [--quick] [--device D]
#include <numeric>
#include <string>
#include <vector>

#include "serried/device/histogram_kernels.hpp"
#include "support.hpp"

namespace {

using namespace serried;

void run(const bench::Options& options, const bench::Device& device, DType dtype,
         std::int64_t columns, std::int64_t bins) {
  const auto width = static_cast<double>(size_of(dtype));
  const std::int64_t rows = std::max<std::int64_t>(
      1, bench::fit_count(device, options.count(1'000'000'000), 1.1 * width) / columns);
  const Buffer data = bench::normal_numbers(device, dtype, rows * columns);
  std::vector<double> edges;
  for (std::int64_t column = 0; column < columns; ++column)
    for (std::int64_t bin = 0; bin <= bins; ++bin)
      edges.push_back(20 * static_cast<double>(bin) / static_cast<double>(bins));
  std::vector<std::int64_t> counts(static_cast<std::size_t>(columns * bins));
  const auto& kernels = device.backend->kernels<HistogramKernels>(dtype);
  const auto times = bench::measure(options.repeats, [&] {
    std::ranges::fill(counts, 0);
    kernels.add(data.data(), rows, columns, bins, edges, counts);
  });
  const auto bytes = static_cast<double>(data.bytes());
  bench::Figure(device, "cuda_histogram",
                "histogram " + std::string(name(dtype)) + " columns=" + std::to_string(columns) +
                    " bins=" + std::to_string(bins))
      .add("elements", rows * columns)
      .add("counted", std::accumulate(counts.begin(), counts.end(), std::int64_t{0}))
      .add_rate("bytes_per_s", bytes, times)
      .add("share_of_roof", bytes / times.median / bench::copy_roof(options, device))
      .add(times)
      .print();
}

}  // namespace

int main(int argc, char** argv) {
  return bench::run_main(argc, argv,
                         [](const bench::Options& options, const bench::Device& device) {
                           static_cast<void>(bench::copy_roof(options, device));
                           run(options, device, DType::f32, 1, 100);
                           run(options, device, DType::f32, 1, 10'000);
                           run(options, device, DType::f32, 1, 25'000);
                           run(options, device, DType::f32, 8, 10);
                           run(options, device, DType::f64, 1, 100);
                         });
}
