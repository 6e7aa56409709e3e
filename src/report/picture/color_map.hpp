#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

namespace serried::picture {

struct Color {
  std::uint8_t red = 0;
  std::uint8_t green = 0;
  std::uint8_t blue = 0;
  friend bool operator==(const Color&, const Color&) = default;
};

/// What stands for NaN, and for samples that were left out.
inline constexpr Color missing_color = {170, 170, 170};

/// The colours of numbers from lowest to highest: viridis (S. van der Walt, N. Smith, 2015), which
/// grows lighter evenly and is told apart by colour-blind readers.
inline constexpr int field_levels = 255;
[[nodiscard]] Color field_color(int level);
/// The level of a value between low and high, 0 to field_levels - 1; -1 for NaN.
/// Where low and high are equal, 127. Infinite values have the last level of their side.
[[nodiscard]] int field_level(double value, double low, double high);

/// The colours of clusters: those of M. Okabe and K. Ito (2002), without black, which colour-blind
/// readers tell apart, then darker and lighter ones of them. They repeat after label_colors.
inline constexpr int label_colors = 21;
[[nodiscard]] Color label_color(std::int64_t label);

/// "#0072b2".
[[nodiscard]] std::string to_hex(Color color);

}  // namespace serried::picture
