// Random numbers, a call of 2^26. Each call is told the number of every element, 8 bytes of host
// memory, so that the way to the device counts too. Command:
//   build/host/bin/bench/cuda_random [--elements N] [--repeats R] [--quick] [--device D]
#include <numeric>
#include <string>
#include <vector>

#include "serried/device/random_kernels.hpp"
#include "support.hpp"

namespace {

using namespace serried;

void run(const bench::Options& options, const bench::Device& device, DType dtype, bool is_normal,
         std::span<const std::uint64_t> elements) {
  Buffer out(device.backend, elements.size() * size_of(dtype));
  const auto& kernels = device.backend->kernels<RandomKernels>(dtype);
  const auto times = bench::measure(options.repeats, [&] {
    if (is_normal)
      kernels.normal(7, elements, 0, 1, out.data());
    else
      kernels.uniform(7, elements, 0, 1, out.data());
    bench::wait(device, out);
  });
  bench::Figure(device, "cuda_random",
                std::string(is_normal ? "normal " : "uniform ") + std::string(name(dtype)))
      .add("elements", static_cast<std::int64_t>(elements.size()))
      .add_rate("numbers_per_s", static_cast<double>(elements.size()), times)
      .add(times)
      .print();
}

}  // namespace

int main(int argc, char** argv) {
  return bench::run_main(
      argc, argv, [](const bench::Options& options, const bench::Device& device) {
        const std::int64_t count =
            bench::fit_count(device, options.count(std::int64_t{1} << 26), 2 * 8 + 8);
        std::vector<std::uint64_t> elements(static_cast<std::size_t>(count));
        std::iota(elements.begin(), elements.end(), std::uint64_t{0});
        for (const DType dtype : {DType::f32, DType::f64})
          for (const bool is_normal : {false, true})
            run(options, device, dtype, is_normal, elements);
      });
}
