#include "support.hpp"

#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <optional>
#include <stdexcept>
#include <thread>

#include "serried/base/error.hpp"
#include "serried/base/philox.hpp"
#include "serried/device/cuda.hpp"
#include "serried/device/random_kernels.hpp"

namespace serried::bench {
namespace {

constexpr std::int64_t largest_block = std::int64_t{1} << 26;

Options parse(int argc, char** argv) {
  Options options;
  bool has_repeats = false;
  for (int i = 1; i < argc; ++i) {
    const std::string word = argv[i];
    const auto value = [&]() -> std::string {
      if (i + 1 >= argc) throw InvalidArgument(word + " wants a value");
      return argv[++i];
    };
    if (word == "--quick") {
      options.is_quick = true;
    } else if (word == "--elements") {
      options.elements = std::stoll(value());
    } else if (word == "--repeats") {
      options.repeats = std::max(1, std::stoi(value()));
      has_repeats = true;
    } else if (word == "--device") {
      options.is_host = value() == "host";
    } else {
      throw InvalidArgument("no option is called " + word +
                            " (--elements N, --repeats R, --quick, --device cuda|host)");
    }
  }
  if (options.is_quick && !has_repeats) options.repeats = 3;
  return options;
}

// In the build tree the module does not lie where programs look for it from bin/bench.
void name_module() {
  std::error_code error;
  const auto program = std::filesystem::read_symlink("/proc/self/exe", error);
  if (error) return;
  for (const char* place : {"../lib", "../../lib"}) {
    const auto path = program.parent_path() / place / "libserried_cuda.so";
    if (std::filesystem::exists(path, error)) {
      ::setenv("SERRIED_CUDA_MODULE", path.c_str(), 0);
      return;
    }
  }
}

Device open_device(const Options& options) {
  Device device;
  device.host =
      make_host_backend(std::max(1, static_cast<int>(std::thread::hardware_concurrency())));
  if (options.is_host) {
    device.backend = device.host;
    device.name = device.host->description();
    return device;
  }
  name_module();
  device.name = find_cuda().devices.at(0).name;
  device.backend = make_cuda_backend(0, device.host);
  return device;
}

std::string json_text(std::string_view text) {
  std::string result = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') result += '\\';
    result += static_cast<unsigned char>(c) < 0x20 ? ' ' : c;
  }
  return result + '"';
}

}  // namespace

int run_main(int argc, char** argv,
             const std::function<void(const Options&, const Device&)>& work) {
  try {
    const Options options = parse(argc, argv);
    work(options, open_device(options));
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
  }
  return 0;
}

std::int64_t fit_count(const Device& device, std::int64_t elements, double bytes) {
  double free = static_cast<double>(device.backend->free_bytes());
  if (device.backend->kind() == DeviceKind::host)
    free = std::min(free, 0.5 * static_cast<double>(::sysconf(_SC_AVPHYS_PAGES)) *
                              static_cast<double>(::sysconf(_SC_PAGESIZE)));
  return std::max<std::int64_t>(1,
                                std::min(elements, static_cast<std::int64_t>(0.8 * free / bytes)));
}

Times summarize(std::vector<double> seconds) {
  if (seconds.empty()) return {};
  std::ranges::sort(seconds);
  const std::size_t middle = seconds.size() / 2;
  const double median =
      seconds.size() % 2 != 0 ? seconds[middle] : (seconds[middle - 1] + seconds[middle]) / 2;
  return {median, seconds.front(), seconds.back(), static_cast<int>(seconds.size())};
}

double seconds_of(const std::function<void()>& work) {
  const auto begin = std::chrono::steady_clock::now();
  work();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
}

Times measure(int repeats, const std::function<void()>& work) {
  work();
  std::vector<double> seconds;
  for (int i = 0; i < repeats; ++i) seconds.push_back(seconds_of(work));
  return summarize(std::move(seconds));
}

void wait(const Device& device, const Buffer& buffer) {
  std::uint64_t word = 0;
  device.backend->copy_to_host(&word, buffer.data(), std::min(sizeof word, buffer.bytes()));
}

double copy_roof(const Options& options, const Device& device) {
  static std::optional<double> roof;
  if (roof) return *roof;
  const std::int64_t usual = options.elements > 0 ? std::int64_t{1} << 20 : std::int64_t{1} << 30;
  const std::int64_t bytes = fit_count(device, usual, 2);
  Buffer from = normal_numbers(device, DType::f32, std::max<std::int64_t>(2, bytes / 4));
  Buffer to(device.backend, from.bytes());
  const Times times = measure(std::max(5, options.repeats), [&] {
    device.backend->copy_on_device(to.data(), from.data(), from.bytes());
    wait(device, to);
  });
  roof = 2 * static_cast<double>(from.bytes()) / times.median;
  return *roof;
}

void fill_with(const Device& device, Buffer& buffer, std::span<const std::byte> block,
               std::int64_t bytes) {
  auto done = std::min(static_cast<std::int64_t>(block.size()), bytes);
  device.backend->copy_from_host(buffer.data(), block.data(), static_cast<std::size_t>(done));
  while (done < bytes) {
    const std::int64_t next = std::min(done, bytes - done);
    device.backend->copy_on_device(buffer.data() + done, buffer.data(),
                                   static_cast<std::size_t>(next));
    done += next;
  }
  wait(device, buffer);
}

Buffer normal_numbers(const Device& device, DType dtype, std::int64_t count) {
  const std::int64_t block = std::min(count, largest_block);
  const auto width = static_cast<std::int64_t>(size_of(dtype));
  std::vector<std::byte> values(static_cast<std::size_t>(block * width));
  const auto& kernels = device.host->kernels<RandomKernels>(dtype);
  constexpr std::int64_t piece = std::int64_t{1} << 16;
  device.host->threads().parallel_for((block + piece - 1) / piece, [&](std::int64_t index, int) {
    const std::int64_t begin = index * piece;
    std::vector<std::uint64_t> elements(
        static_cast<std::size_t>(std::min(block, begin + piece) - begin));
    for (std::size_t i = 0; i < elements.size(); ++i)
      elements[i] = static_cast<std::uint64_t>(begin) + i;
    kernels.normal(7, elements, 10, 3, values.data() + begin * width);
  });
  Buffer buffer(device.backend, static_cast<std::size_t>(count * width));
  fill_with(device, buffer, values, count * width);
  return buffer;
}

Figure::Figure(const Device& device, std::string_view bench, std::string_view key)
    : line_("{\"bench\": " + json_text(bench) + ", \"key\": " + json_text(key) +
            ", \"device\": " + json_text(device.name)) {}

Figure& Figure::add(std::string_view name, double value) {
  char text[64];
  // JSON knows neither infinity nor NaN.
  if (std::isfinite(value))
    std::snprintf(text, sizeof text, "%.6g", value);
  else
    std::snprintf(text, sizeof text, "null");
  line_ += ", " + json_text(name) + ": " + text;
  return *this;
}

Figure& Figure::add(std::string_view name, std::int64_t value) {
  line_ += ", " + json_text(name) + ": " + std::to_string(value);
  return *this;
}

Figure& Figure::add(const Times& times) {
  add("seconds", times.median).add("seconds_least", times.least).add("seconds_most", times.most);
  return add("repeats", static_cast<std::int64_t>(times.repeats));
}

Figure& Figure::add_rate(std::string_view name, double amount, const Times& times) {
  const std::string text(name);
  add(text, amount / times.median);
  return add(text + "_least", amount / times.most).add(text + "_most", amount / times.least);
}

void Figure::print() const {
  std::printf("%s}\n", line_.c_str());
  std::fflush(stdout);
}

}  // namespace serried::bench
