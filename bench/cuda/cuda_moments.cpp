// Moments of all elements and of 32 columns, in the leaves that statistics of an array have, folded
// to the nodes of the fixed tree as statistics ask for.
// Command:
//   build/host/bin/bench/cuda_moments [--elements N] [--repeats R] [--quick] [--device D]
// Bytes are those of the data, counted once; share_of_roof compares them with a copy on the device.
#include <string>
#include <vector>

#include "serried/base/tree_nodes.hpp"
#include "serried/comm/leaves.hpp"
#include "serried/device/moment_kernels.hpp"
#include "support.hpp"

namespace {

using namespace serried;

void run(const bench::Options& options, const bench::Device& device, DType dtype,
         std::int64_t columns) {
  const auto width = static_cast<std::int64_t>(size_of(dtype));
  const std::int64_t wanted = options.count(1'000'000'000);
  const std::int64_t rows = std::max<std::int64_t>(
      1, bench::fit_count(device, wanted, 1.1 * static_cast<double>(width)) / columns);
  const Buffer data = bench::normal_numbers(device, dtype, rows * columns);
  const Leaves leaves(Layout::uniform(rows, 1), columns * width,
                      columns * static_cast<std::int64_t>(sizeof(Moments)));
  std::vector<std::int64_t> offsets;
  for (std::int64_t leaf = 0; leaf <= leaves.count(); ++leaf)
    offsets.push_back(leaves.row_begin(leaf));
  const auto nodes = maximal_nodes(0, leaves.count());
  std::vector<Moments> moments(nodes.size() * static_cast<std::size_t>(columns));
  const auto& kernels = device.backend->kernels<MomentKernels>(dtype);
  const auto times = bench::measure(
      options.repeats, [&] { kernels.fold_columns(data.data(), columns, offsets, 0, moments); });
  const auto bytes = static_cast<double>(data.bytes());
  bench::Figure(device, "cuda_moments",
                "moments " + std::string(name(dtype)) + " columns=" + std::to_string(columns))
      .add("elements", rows * columns)
      .add("leaves", leaves.count())
      .add("nodes", static_cast<std::int64_t>(nodes.size()))
      .add("mean", moments.front().mean)
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
                           for (const DType dtype : {DType::f32, DType::f64})
                             for (const std::int64_t columns : {1, 32})
                               run(options, device, dtype, columns);
                         });
}
