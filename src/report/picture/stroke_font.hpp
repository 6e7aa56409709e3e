#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace serried::picture {

struct Point {
  double x = 0;
  double y = 0;
};

/// A letter drawn with a pen: lines through points, y upward from the baseline. Capitals are
/// `cap_height` high; a line of one point is a dot.
struct Glyph {
  double width = 0;
  std::vector<std::vector<Point>> lines;
};

inline constexpr double cap_height = 12;
/// Between two letters.
inline constexpr double letter_gap = 3.2;

/// The letters of a UTF-8 text: ASCII and what units are written with (° ² ³ µ · × and others);
/// anything else is an empty box.
[[nodiscard]] std::vector<const Glyph*> glyphs_of(std::string_view text);

}  // namespace serried::picture
