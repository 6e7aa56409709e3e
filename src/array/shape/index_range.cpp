#include "array/shape/index_range.hpp"

#include <algorithm>

#include "serried/base/error.hpp"

namespace serried {

IndexRange indices_of(const Slice& slice, std::int64_t extent) {
  if (slice.step == 0) throw InvalidArgument("slice step cannot be zero");
  const bool is_backwards = slice.step < 0;
  // backwards, -1 is where the axis ends
  const std::int64_t low = is_backwards ? -1 : 0;
  const std::int64_t high = is_backwards ? extent - 1 : extent;
  const auto clipped = [&](std::int64_t bound) {
    return std::clamp(bound < 0 ? bound + extent : bound, low, high);
  };
  const std::int64_t begin = slice.begin ? clipped(*slice.begin) : is_backwards ? high : low;
  const std::int64_t end = slice.end ? clipped(*slice.end) : is_backwards ? low : high;
  const std::int64_t length = is_backwards ? begin - end : end - begin;
  // a step as long as the axis takes the first index alone
  const std::int64_t most = std::max<std::int64_t>(1, extent);
  const std::int64_t step = std::clamp(slice.step, -most, most);
  const std::int64_t size = is_backwards ? -step : step;
  const std::int64_t count = length <= 0 ? 0 : (length - 1) / size + 1;
  return {.begin = count > 0 ? begin : 0, .step = count > 1 ? step : 1, .count = count};
}

}  // namespace serried
