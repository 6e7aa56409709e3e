#pragma once

#include <cstdint>
#include <cstring>
#include <numeric>

namespace serried::host {

/// How a run of rows is laid over the fixed virtual lanes of a reduction by column. `rows`
/// consecutive rows (a power of two) make one step: their rows * columns contiguous elements are
/// added to as many lanes, so that lane l holds column l % columns. After the last step the upper
/// half of the lanes is added to the lower half, until `columns` lanes are left. It is a function
/// of the number of columns alone: the bits depend neither on the vector width nor on what else a
/// call holds.
///
/// Worked example: 3 columns. 8 rows are the fewest whose elements fill whole groups of 8 lanes;
/// they are doubled to 16 rows = 48 lanes, so that enough additions are in flight. A run of 100
/// rows makes 6 steps and one partial step of 4 rows = 12 lanes.
struct Panel {
  std::int64_t rows = 1;
  std::int64_t lanes = 1;

  /// From here on a step is one row, and its last group of 8 lanes may be partly filled.
  static constexpr std::int64_t wide_columns = 64;
  static constexpr std::int64_t max_lanes = 512;

  [[nodiscard]] static constexpr Panel of(std::int64_t columns) {
    if (columns >= wide_columns) return {1, columns};
    std::int64_t rows = 8 / std::gcd(columns, std::int64_t{8});
    while (rows * columns < 32) rows *= 2;
    return {rows, rows * columns};
  }
};

/// A partial step copied and filled up with zeros, so that it goes through the same vector code.
template <class T>
class PaddedStep {
 public:
  /// @param count elements that are there; the rest up to `lanes`, rounded up to 8, become zero.
  PaddedStep(const T* from, std::int64_t count, std::int64_t lanes) {
    const auto used = static_cast<std::size_t>(count) * sizeof(T);
    std::memcpy(bytes_, from, used);
    std::memset(bytes_ + used, 0, static_cast<std::size_t>((lanes + 7) / 8 * 8) * sizeof(T) - used);
  }
  [[nodiscard]] const T* data() const { return reinterpret_cast<const T*>(bytes_); }

 private:
  alignas(64) unsigned char bytes_[static_cast<std::size_t>(Panel::max_lanes) * sizeof(T)];
};

static_assert(Panel::of(1).lanes == 32 && Panel::of(3).lanes == 48 && Panel::of(63).lanes == 504);

}  // namespace serried::host
