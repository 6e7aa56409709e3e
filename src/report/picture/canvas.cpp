#include "report/picture/canvas.hpp"

#include <algorithm>
#include <cmath>

namespace serried::picture {
namespace {

/// Squared distance of p from the segment a b.
double squared_distance(Point p, Point a, Point b) {
  const double dx = b.x - a.x;
  const double dy = b.y - a.y;
  const double length = dx * dx + dy * dy;
  const double along =
      length > 0 ? std::clamp(((p.x - a.x) * dx + (p.y - a.y) * dy) / length, 0., 1.) : 0.;
  const double x = p.x - a.x - along * dx;
  const double y = p.y - a.y - along * dy;
  return x * x + y * y;
}

}  // namespace

Canvas::Canvas(int width, int height, Color background)
    : width_(width),
      height_(height),
      pixels_(static_cast<std::size_t>(width) * static_cast<std::size_t>(height), background) {}

void Canvas::set(int x, int y, Color color) {
  if (x < 0 || y < 0 || x >= width_ || y >= height_) return;
  pixels_[static_cast<std::size_t>(y) * static_cast<std::size_t>(width_) +
          static_cast<std::size_t>(x)] = color;
}

void Canvas::blend(int x, int y, double share, Color color) {
  if (x < 0 || y < 0 || x >= width_ || y >= height_) return;
  Color& pixel = pixels_[static_cast<std::size_t>(y) * static_cast<std::size_t>(width_) +
                         static_cast<std::size_t>(x)];
  const auto mix = [&](std::uint8_t from, std::uint8_t to) {
    return static_cast<std::uint8_t>(std::lround(from + share * (to - from)));
  };
  pixel = {mix(pixel.red, color.red), mix(pixel.green, color.green), mix(pixel.blue, color.blue)};
}

void Canvas::fill(int x, int y, int width, int height, Color color) {
  for (int row = y; row < y + height; ++row)
    for (int column = x; column < x + width; ++column) set(column, row, color);
}

void Canvas::frame(int x, int y, int width, int height, Color color) {
  fill(x - 1, y - 1, width + 2, 1, color);
  fill(x - 1, y + height, width + 2, 1, color);
  fill(x - 1, y, 1, height, color);
  fill(x + width, y, 1, height, color);
}

void Canvas::stroke(const std::vector<Point>& points, double pen, Color color) {
  if (points.empty()) return;
  const double reach = pen / 2 + 1;
  auto [left, right] = std::ranges::minmax(points, {}, &Point::x);
  auto [top, bottom] = std::ranges::minmax(points, {}, &Point::y);
  for (int y = static_cast<int>(std::floor(top.y - reach)); y <= bottom.y + reach; ++y)
    for (int x = static_cast<int>(std::floor(left.x - reach)); x <= right.x + reach; ++x) {
      const Point center{x + 0.5, y + 0.5};
      double squared = squared_distance(center, points.front(), points.front());
      for (std::size_t i = 1; i < points.size(); ++i)
        squared = std::min(squared, squared_distance(center, points[i - 1], points[i]));
      const double share = std::clamp(pen / 2 + 0.5 - std::sqrt(squared), 0., 1.);
      if (share > 0) blend(x, y, share, color);
    }
}

double Canvas::text_width(std::string_view text, double size) {
  double width = 0;
  for (const Glyph* glyph : glyphs_of(text)) width += glyph->width + letter_gap;
  return std::max(0., width - letter_gap) * size / cap_height;
}

void Canvas::text(double x, double y, std::string_view text, double size, Color color,
                  Anchor anchor) {
  const double width = text_width(text, size);
  if (anchor == Anchor::middle) x -= width / 2;
  if (anchor == Anchor::right) x -= width;
  const double scale = size / cap_height;
  for (const Glyph* glyph : glyphs_of(text)) {
    for (const std::vector<Point>& line : glyph->lines) {
      std::vector<Point> points;
      for (const Point point : line) points.push_back({x + point.x * scale, y - point.y * scale});
      stroke(points, line.size() == 1 ? 0.2 * size : 0.13 * size, color);
    }
    x += (glyph->width + letter_gap) * scale;
  }
}

void Canvas::text_upward(double x, double y, std::string_view text, double size, Color color) {
  y += text_width(text, size) / 2;
  const double scale = size / cap_height;
  for (const Glyph* glyph : glyphs_of(text)) {
    for (const std::vector<Point>& line : glyph->lines) {
      std::vector<Point> points;
      for (const Point point : line) points.push_back({x - point.y * scale, y - point.x * scale});
      stroke(points, line.size() == 1 ? 0.2 * size : 0.13 * size, color);
    }
    y -= (glyph->width + letter_gap) * scale;
  }
}

}  // namespace serried::picture
