// The roof of everything that reads memory: copies on the device, bytes read and written. Command:
//   build/host/bin/bench/cuda_copy_bandwidth [--elements BYTES] [--repeats R] [--quick] [--device
//   D]
#include "support.hpp"

int main(int argc, char** argv) {
  using namespace serried;
  return bench::run_main(
      argc, argv, [](const bench::Options& options, const bench::Device& device) {
        const std::int64_t bytes =
            bench::fit_count(device, options.count(std::int64_t{4} << 30), 2);
        const Buffer from =
            bench::normal_numbers(device, DType::f32, std::max<std::int64_t>(2, bytes / 4));
        Buffer to(device.backend, from.bytes());
        const auto times = bench::measure(options.repeats, [&] {
          device.backend->copy_on_device(to.data(), from.data(), from.bytes());
          bench::wait(device, to);
        });
        bench::Figure(device, "cuda_copy_bandwidth", "copy")
            .add("elements", static_cast<std::int64_t>(from.bytes()))
            .add_rate("bytes_per_s", 2 * static_cast<double>(from.bytes()), times)
            .add(times)
            .print();
      });
}
