// Copies between pageable host memory and the device, of 1 MiB and of 1 GiB. Command:
//   build/host/bin/bench/cuda_upload [--elements BYTES] [--repeats R] [--quick] [--device D]
#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "support.hpp"

namespace {

using namespace serried;

void run(const bench::Options& options, const bench::Device& device, std::int64_t size,
         const std::string& amount) {
  const std::int64_t bytes = std::max<std::int64_t>(8, size);
  Buffer buffer = bench::normal_numbers(device, DType::f32, bytes / 4);
  std::vector<std::byte> host(buffer.bytes());
  device.backend->copy_to_host(host.data(), buffer.data(), host.size());
  const auto up = bench::measure(options.repeats, [&] {
    device.backend->copy_from_host(buffer.data(), host.data(), host.size());
    bench::wait(device, buffer);
  });
  const auto down = bench::measure(options.repeats, [&] {
    device.backend->copy_to_host(host.data(), buffer.data(), host.size());
  });
  for (const auto& [name, times] : {std::pair{"upload ", up}, std::pair{"download ", down}})
    bench::Figure(device, "cuda_upload", name + amount)
        .add("elements", static_cast<std::int64_t>(host.size()))
        .add_rate("bytes_per_s", static_cast<double>(host.size()), times)
        .add(times)
        .print();
}

}  // namespace

int main(int argc, char** argv) {
  return bench::run_main(argc, argv,
                         [](const bench::Options& options, const bench::Device& device) {
                           run(options, device, std::int64_t{1} << 20, "1 MiB");
                           run(options, device, options.count(std::int64_t{1} << 30), "1 GiB");
                         });
}
