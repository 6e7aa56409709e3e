#pragma once
// What the benchmarks of the CUDA backend share: options, data on the device, times, one line of
// JSON for each figure. All of them take
//   --elements N    elements (of k-means, rows) instead of the usual number
//   --repeats R     timed calls of each figure (default 9)
//   --quick         a quarter of the elements, 3 repeats
//   --device D      cuda (default), or host: the same calls on the host backend
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "serried/base/dtype.hpp"
#include "serried/device/backend.hpp"
#include "serried/device/buffer.hpp"

namespace serried::bench {

struct Options {
  std::int64_t elements = 0;  ///< 0: the usual number
  int repeats = 9;
  bool is_quick = false;
  bool is_host = false;

  /// The number that was asked for, or `usual` (a quarter of it with --quick).
  [[nodiscard]] std::int64_t count(std::int64_t usual) const {
    if (elements > 0) return elements;
    return is_quick ? usual / 4 : usual;
  }
};

/// The device that is measured.
struct Device {
  std::shared_ptr<Backend> backend;
  std::shared_ptr<Backend> host;
  std::string name;
};

/// Seconds of repeated calls.
struct Times {
  double median = 0, least = 0, most = 0;
  int repeats = 0;
};

/// Runs a benchmark: reads the options, opens the device, calls `work`; prints what it throws.
int run_main(int argc, char** argv, const std::function<void(const Options&, const Device&)>& work);

/// `elements`, or as many of them as fit into 4/5 of the free memory with `bytes` each.
[[nodiscard]] std::int64_t fit_count(const Device& device, std::int64_t elements, double bytes);

[[nodiscard]] Times summarize(std::vector<double> seconds);
/// One call that is not counted, then `repeats` timed ones.
[[nodiscard]] Times measure(int repeats, const std::function<void()>& work);
[[nodiscard]] double seconds_of(const std::function<void()>& work);

/// Waits for all work on the device, by reading 8 bytes of a buffer.
void wait(const Device& device, const Buffer& buffer);

/// Bytes read and written in a second by copies on the device; of memory that no cache holds.
/// Measured once.
[[nodiscard]] double copy_roof(const Options& options, const Device& device);

/// Fills the first `count` rows of a buffer with a block of host memory again and again.
void fill_with(const Device& device, Buffer& buffer, std::span<const std::byte> block,
               std::int64_t bytes);

/// Random numbers of a normal distribution (mean 10, deviation 3), `count` of them repeated from a
/// block of at most 2^26.
[[nodiscard]] Buffer normal_numbers(const Device& device, DType dtype, std::int64_t count);

/// A line of JSON that is being put together.
class Figure {
 public:
  Figure(const Device& device, std::string_view bench, std::string_view key);
  Figure& add(std::string_view name, double value);
  Figure& add(std::string_view name, std::int64_t value);
  /// seconds, seconds_least, seconds_most, repeats.
  Figure& add(const Times& times);
  /// `amount` in a second as `name`, with the least and the most.
  Figure& add_rate(std::string_view name, double amount, const Times& times);
  void print() const;

 private:
  std::string line_;
};

}  // namespace serried::bench
