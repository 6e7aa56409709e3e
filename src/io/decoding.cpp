#include "io/decoding.hpp"

#include <algorithm>
#include <atomic>
#include <cstring>
#include <limits>

#include "serried/device/convert_kernels.hpp"

namespace serried {
namespace {

/// Elements that are worked on at a time: raw, computed and converted values stay in L1.
constexpr std::int64_t block_elements = 1024;
/// Elements of one thread's task.
constexpr std::int64_t task_elements = 64 * block_elements;

template <class R, class A>
void compute_block(const DecodeRule& rule, const R* raw, A* values, std::int64_t count) {
  if constexpr (std::is_same_v<R, Half>) {
    for (std::int64_t i = 0; i < count; ++i) values[i] = static_cast<A>(to_float(raw[i]));
  } else {
    for (std::int64_t i = 0; i < count; ++i) values[i] = static_cast<A>(raw[i]);
  }
  if (rule.has_scale) {
    const A scale = static_cast<A>(rule.scale);
    for (std::int64_t i = 0; i < count; ++i) values[i] *= scale;
  }
  if (rule.has_offset) {
    const A offset = static_cast<A>(rule.offset);
    for (std::int64_t i = 0; i < count; ++i) values[i] += offset;
  }
  for (const auto& bytes : rule.fills) {
    R fill{};
    std::memcpy(&fill, bytes.data(), sizeof(R));
    for (std::int64_t i = 0; i < count; ++i)
      values[i] = raw[i] == fill ? std::numeric_limits<A>::quiet_NaN() : values[i];
  }
  if (rule.has_unit)
    for (std::int64_t i = 0; i < count; ++i) values[i] = static_cast<A>(values[i] * rule.unit);
}

/// Raw elements are copied out first, so that the result may overwrite them.
template <class R>
std::int64_t decode_run(const DecodeRule& rule, const ConvertKernels& convert, const std::byte* raw,
                        std::byte* result, std::int64_t count) {
  alignas(64) R local[block_elements];
  alignas(64) std::byte values[block_elements * sizeof(double)];
  const auto result_bytes = static_cast<std::int64_t>(size_of(rule.result));
  for (std::int64_t at = 0; at < count; at += block_elements) {
    const std::int64_t n = std::min(block_elements, count - at);
    std::memcpy(local, raw + at * static_cast<std::int64_t>(sizeof(R)),
                static_cast<std::size_t>(n) * sizeof(R));
    const void* from = local;
    if constexpr (!is_complex(dtype_of<R>)) {
      if (rule.is_computing) {
        from = values;
        if (rule.arithmetic == DType::f32)
          compute_block(rule, local, reinterpret_cast<float*>(values), n);
        else
          compute_block(rule, local, reinterpret_cast<double*>(values), n);
      }
    }
    const std::int64_t good = convert.convert(from, n, rule.result, result + at * result_bytes);
    if (good < n) return at + good;
  }
  return -1;
}

using DecodeFunction = std::int64_t (*)(const DecodeRule&, const ConvertKernels&, const std::byte*,
                                        std::byte*, std::int64_t);

/// b8 bytes are read as numbers, because a file may hold other bytes than 0 and 1.
DType storage_type(DType raw) {
  return raw == DType::b8 ? DType::u8 : raw;
}

DecodeFunction find_decode_function(DType raw) {
  return visit_numeric(storage_type(raw), [](auto tag) -> DecodeFunction {
    return &decode_run<typename decltype(tag)::type>;
  });
}

}  // namespace

std::int64_t decode(const DecodeRule& rule, const std::byte* raw, std::byte* result,
                    std::int64_t count, const Backend& backend) {
  const DecodeFunction run = find_decode_function(rule.raw);
  // What is converted: the computed values, or the raw ones.
  const auto& convert =
      backend.kernels<ConvertKernels>(rule.is_computing ? rule.arithmetic : storage_type(rule.raw));
  const auto raw_bytes = static_cast<std::int64_t>(size_of(rule.raw));
  const auto result_bytes = static_cast<std::int64_t>(size_of(rule.result));
  constexpr std::int64_t none = std::numeric_limits<std::int64_t>::max();
  std::atomic<std::int64_t> first_bad{none};
  backend.threads().parallel_for((count + task_elements - 1) / task_elements, [&](std::int64_t task,
                                                                                  int) {
    const std::int64_t at = task * task_elements;
    const std::int64_t bad = run(rule, convert, raw + at * raw_bytes, result + at * result_bytes,
                                 std::min(task_elements, count - at));
    if (bad < 0) return;
    std::int64_t known = first_bad.load();
    while (at + bad < known && !first_bad.compare_exchange_weak(known, at + bad)) {
    }
  });
  return first_bad == none ? -1 : first_bad.load();
}

}  // namespace serried
