#pragma once

#include <cstdint>

#include "serried/base/api.hpp"

namespace SERRIED_API serried {

/// The rows [begin, end) of a data set, in global row numbers.
struct RowRange {
  std::int64_t begin = 0;
  std::int64_t end = 0;

  [[nodiscard]] constexpr std::int64_t size() const noexcept { return end - begin; }
  [[nodiscard]] constexpr bool is_empty() const noexcept { return end <= begin; }
  [[nodiscard]] constexpr bool contains(std::int64_t row) const noexcept {
    return row >= begin && row < end;
  }
  friend constexpr bool operator==(const RowRange&, const RowRange&) = default;
};

/// The rows that both ranges hold; an empty range where there are none.
/// Local.
[[nodiscard]] constexpr RowRange intersect(RowRange a, RowRange b) noexcept {
  const std::int64_t begin = a.begin > b.begin ? a.begin : b.begin;
  const std::int64_t end = a.end < b.end ? a.end : b.end;
  return {begin, end < begin ? begin : end};
}

}  // namespace serried
