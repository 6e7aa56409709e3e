#pragma once

#include <array>
#include <cstdint>
#include <initializer_list>
#include <span>
#include <string>

#include "serried/base/api.hpp"

namespace SERRIED_API serried {

inline constexpr int max_dimensions = 8;

/// Extents of an N-d array in C order, 0 to 8 dimensions. A 0-d shape has one element.
class Shape {
 public:
  Shape() = default;
  /// @throws InvalidArgument for more than 8 dimensions or a negative extent.
  Shape(std::initializer_list<std::int64_t> extents);
  explicit Shape(std::span<const std::int64_t> extents);

  [[nodiscard]] int dimensions() const noexcept { return dimensions_; }
  [[nodiscard]] std::int64_t operator[](int axis) const noexcept {
    return extents_[static_cast<std::size_t>(axis)];
  }
  [[nodiscard]] std::span<const std::int64_t> extents() const noexcept {
    return {extents_.data(), static_cast<std::size_t>(dimensions_)};
  }
  /// Product of all extents; 1 for a 0-d shape.
  /// @throws InvalidArgument if it exceeds 2^63 - 1.
  [[nodiscard]] std::int64_t elements() const;
  /// Product of the extents of axes [first, last).
  [[nodiscard]] std::int64_t elements(int first, int last) const;
  /// The axes [first, last) as a shape of their own.
  [[nodiscard]] Shape slice(int first, int last) const;
  /// This shape with `extent` put before / in place of an axis.
  [[nodiscard]] Shape with_inserted(int axis, std::int64_t extent) const;
  [[nodiscard]] Shape with_extent(int axis, std::int64_t extent) const;
  [[nodiscard]] Shape without(int axis) const;
  /// "(128, 89, 180)"; "(5,)" and "()" as in Python.
  [[nodiscard]] std::string to_string() const;

  SERRIED_API_FRIEND friend bool operator==(const Shape& a, const Shape& b) noexcept;

 private:
  std::array<std::int64_t, max_dimensions> extents_{};
  int dimensions_ = 0;
};

}  // namespace serried
