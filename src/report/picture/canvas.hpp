#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "report/picture/color_map.hpp"
#include "report/picture/stroke_font.hpp"

namespace serried::picture {

/// Where a text stands at its point.
enum class Anchor { left, middle, right };

/// Pixels that are drawn on; y grows downward. What lies outside is left out.
class Canvas {
 public:
  Canvas(int width, int height, Color background);

  [[nodiscard]] int width() const noexcept { return width_; }
  [[nodiscard]] int height() const noexcept { return height_; }
  [[nodiscard]] const std::vector<Color>& pixels() const noexcept { return pixels_; }

  void set(int x, int y, Color color);
  /// A rectangle of whole pixels.
  void fill(int x, int y, int width, int height, Color color);
  /// The pixels just outside of a rectangle.
  void frame(int x, int y, int width, int height, Color color);
  /// A line through points, smooth at its edges.
  void stroke(const std::vector<Point>& points, double pen, Color color);
  /// A text with its baseline at y; capitals are `size` pixels high.
  void text(double x, double y, std::string_view text, double size, Color color,
            Anchor anchor = Anchor::left);
  /// A text from below to above, with its baseline at x, and its middle at y.
  void text_upward(double x, double y, std::string_view text, double size, Color color);
  /// In pixels.
  [[nodiscard]] static double text_width(std::string_view text, double size);

 private:
  void blend(int x, int y, double share, Color color);

  int width_;
  int height_;
  std::vector<Color> pixels_;
};

}  // namespace serried::picture
