#include "serried/report/picture.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "report/picture/canvas.hpp"
#include "report/picture/color_map.hpp"
#include "report/picture/extents.hpp"
#include "report/picture/png.hpp"
#include "report/picture/ticks.hpp"

namespace serried {
namespace {

using namespace picture;  // NOLINT: this file's own room

constexpr Color paper = {255, 255, 255};
constexpr Color ink = {40, 40, 40};
constexpr Color pale = {200, 200, 200};
constexpr Color line_color = {0, 114, 178};
constexpr double letters = 10;  // capitals, in pixels
constexpr double title_letters = 12;
constexpr int gap = 10;
constexpr int bar_width = 18;
constexpr std::int64_t most_keys = 24;

/// Palette number of each cell; the last one is what is missing.
std::vector<std::uint8_t> indices_of(const Plane& plane, std::pair<double, double> range) {
  std::vector<std::uint8_t> indices;
  indices.reserve(plane.values.size());
  for (const double value : plane.values) {
    int index = 0;
    if (plane.labels > 0)
      index = value < 0 ? label_colors
                        : static_cast<int>(static_cast<std::int64_t>(value) % label_colors);
    else
      index = field_level(value, range.first, range.second);
    if (index < 0) index = field_levels;
    indices.push_back(static_cast<std::uint8_t>(index));
  }
  return indices;
}

std::vector<Color> palette_of(const Plane& plane) {
  std::vector<Color> palette;
  const int count = plane.labels > 0 ? label_colors : field_levels;
  for (int i = 0; i < count; ++i)
    palette.push_back(plane.labels > 0 ? label_color(i) : field_color(i));
  palette.push_back(missing_color);
  return palette;
}

bool has_missing(const Plane& plane) {
  return std::ranges::any_of(plane.values, [&](double value) {
    return std::isnan(value) || (plane.labels > 0 && value < 0);
  });
}

/// A place for cells, and what stands around it.
struct Frame {
  int x = 0;
  int y = 0;
  int width = 0;
  int height = 0;
  [[nodiscard]] int right() const { return x + width; }
  [[nodiscard]] int bottom() const { return y + height; }
};

struct Mark {
  double at = 0;  ///< in pixels of the frame
  std::string text;
};

/// The ticks of an axis whose places lie along `pixels` pixels.
std::vector<Mark> marks_of(const PlaneAxis& axis, int pixels, int count) {
  std::vector<Mark> marks;
  if (axis.places.empty()) return marks;
  const double cell = static_cast<double>(pixels) / static_cast<double>(axis.places.size());
  for (const Tick& tick : ticks_of(axis, count))
    marks.push_back({(position_among(axis.places, tick.value) + 0.5) * cell, tick.text});
  std::erase_if(marks, [&](const Mark& mark) { return mark.at < 0 || mark.at > pixels; });
  return marks;
}

double widest(const std::vector<Mark>& marks) {
  double width = 0;
  for (const Mark& mark : marks) width = std::max(width, Canvas::text_width(mark.text, letters));
  return width;
}

/// Leaves out every second mark until they stand apart.
void thin_out(std::vector<Mark>& marks) {
  const auto are_close = [&] {
    for (std::size_t i = 1; i < marks.size(); ++i) {
      const double width = Canvas::text_width(marks[i - 1].text, letters) / 2 +
                           Canvas::text_width(marks[i].text, letters) / 2;
      if (std::abs(marks[i].at - marks[i - 1].at) < width + gap) return true;
    }
    return false;
  };
  while (marks.size() > 2 && are_close())
    for (std::size_t i = 1; i < marks.size(); ++i)
      marks.erase(marks.begin() + static_cast<std::ptrdiff_t>(i));
}

/// The end of a text that is wider than there is room goes.
std::string fitted(std::string text, double size, double room) {
  if (Canvas::text_width(text, size) <= room) return text;
  while (!text.empty() && Canvas::text_width(text + "...", size) > room) {
    do text.pop_back();
    while (!text.empty() && (static_cast<unsigned char>(text.back()) & 0xc0U) == 0x80U);
  }
  return text + "...";
}

/// Names of the colours beside the cells.
struct Key {
  std::vector<std::pair<Color, std::string>> entries;
  std::string more;
  [[nodiscard]] double width() const {
    double width = 0;
    for (const auto& entry : entries)
      width = std::max(width, Canvas::text_width(entry.second, letters));
    return std::max(width, Canvas::text_width(more, letters)) + bar_width + gap;
  }
};

Key key_of(const Plane& plane) {
  Key key;
  for (std::int64_t i = 0; i < std::min(plane.labels, most_keys); ++i)
    key.entries.emplace_back(label_color(i), fmt::format("{}", i));
  if (has_missing(plane))
    key.entries.emplace_back(missing_color, plane.labels > 0 ? "left out" : "no value");
  if (plane.labels > most_keys) key.more = fmt::format("and {} more", plane.labels - most_keys);
  return key;
}

class Drawing {
 public:
  explicit Drawing(const Plane& plane) : plane_(plane), range_(range_of(plane)) {}

  std::string png() {
    lay_out();
    Canvas canvas(width_, height_, paper);
    canvas.text(frame_.x, 2 * gap + 2, fitted(plane_.title, title_letters, width_ - frame_.x - gap),
                title_letters, ink);
    double y = 2 * gap + 22;
    for (const std::string& note : plane_.notes) {
      canvas.text(frame_.x, y, fitted(note, letters - 1, width_ - frame_.x - gap), letters - 1,
                  ink);
      y += 18;
    }
    canvas.frame(frame_.x, frame_.y, frame_.width, frame_.height, ink);
    if (plane_.is_line())
      draw_line(canvas);
    else
      draw_cells(canvas);
    draw_axes(canvas);
    if (!plane_.is_line()) draw_colors(canvas);
    return encode_png(
        width_, height_, canvas.pixels(),
        {{"Software", "Serried"},
         {"Serried cells", fmt::format("{} {} {} {} {} {}", frame_.x, frame_.y, frame_.width,
                                       frame_.height, plane_.columns, plane_.rows)}});
  }

 private:
  void lay_out() {
    const picture::Extents extents = extents_of(plane_);
    frame_.width = extents.width;
    frame_.height = extents.height;
    horizontal_ = marks_of(plane_.horizontal, frame_.width, std::max(2, frame_.width / 110));
    thin_out(horizontal_);
    vertical_ = plane_.is_line() ? value_marks() : marks_of(plane_.vertical, frame_.height, 7);
    key_ = key_of(plane_);
    const bool has_vertical_title = !plane_.is_line() && !plane_.vertical.title.empty();
    frame_.x = static_cast<int>(widest(vertical_)) + (has_vertical_title ? 3 : 1) * gap + gap;
    frame_.y = 3 * gap + 8 + 18 * static_cast<int>(plane_.notes.size());
    double beside = plane_.is_line() ? gap : bar_side_width();
    width_ = frame_.right() + static_cast<int>(beside) + 3 * gap;
    // the title has room on one line where that takes no more than half as much again
    width_ = std::max(
        width_,
        static_cast<int>(std::min(
            1.5 * width_, frame_.x + 2 * gap + Canvas::text_width(plane_.title, title_letters))));
    height_ = std::max(frame_.bottom() + 6 * gap, frame_.y + key_height() + 2 * gap);
  }

  [[nodiscard]] int key_height() const {
    return 22 * static_cast<int>(key_.entries.size() + (key_.more.empty() ? 0 : 1)) +
           (plane_.labels > 0 ? 0 : 3 * gap);
  }

  [[nodiscard]] double bar_side_width() {
    if (plane_.labels > 0) return 2 * gap + key_.width();
    bar_ = marks_between(range_, bar_height());
    double width = bar_width + gap + widest(bar_);
    for (const auto& entry : key_.entries)
      width = std::max(width, bar_width + gap + Canvas::text_width(entry.second, letters));
    return 2 * gap + width;
  }

  /// Below the bar there is room for the colour of what is missing.
  [[nodiscard]] int bar_height() const {
    return std::max(40, frame_.height - (key_.entries.empty() ? 0 : 34));
  }

  static std::vector<Mark> marks_between(std::pair<double, double> range, int pixels) {
    std::vector<Mark> marks;
    for (const Tick& tick : ticks_between(range.first, range.second, std::max(2, pixels / 60))) {
      const double share = range.first < range.second
                               ? (tick.value - range.first) / (range.second - range.first)
                               : 0.5;
      marks.push_back({(1 - share) * pixels, tick.text});
    }
    return marks;
  }

  std::vector<Mark> value_marks() { return marks_between(line_range(), frame_.height); }

  /// With some air above and below.
  [[nodiscard]] std::pair<double, double> line_range() const {
    const double air = range_.first < range_.second ? (range_.second - range_.first) / 20 : 0.5;
    return {range_.first - air, range_.second + air};
  }

  void draw_cells(Canvas& canvas) const {
    const std::vector<std::uint8_t> indices = indices_of(plane_, range_);
    const std::vector<Color> palette = palette_of(plane_);
    for (int y = 0; y < frame_.height; ++y)
      for (int x = 0; x < frame_.width; ++x) {
        const auto row = y * plane_.rows / frame_.height;
        const auto column = x * plane_.columns / frame_.width;
        canvas.set(frame_.x + x, frame_.y + y,
                   palette[indices[static_cast<std::size_t>(row * plane_.columns + column)]]);
      }
  }

  void draw_line(Canvas& canvas) const {
    const auto [low, high] = line_range();
    const double cell = static_cast<double>(frame_.width) / static_cast<double>(plane_.columns);
    Point last;
    bool has_last = false;
    for (std::size_t i = 0; i < plane_.values.size(); ++i) {
      const double value = plane_.values[i];
      const bool is_finite = std::isfinite(value);
      const Point point{frame_.x + (static_cast<double>(i) + 0.5) * cell,
                        frame_.y + (1 - (value - low) / (high - low)) * frame_.height};
      if (is_finite && has_last) canvas.stroke({last, point}, 1.4, line_color);
      if (is_finite && !has_last) canvas.stroke({point}, 1.8, line_color);
      last = point;
      has_last = is_finite;
    }
  }

  void draw_axes(Canvas& canvas) const {
    for (const Mark& mark : horizontal_) {
      const auto x = frame_.x + static_cast<int>(mark.at);
      canvas.fill(x, frame_.bottom() + 1, 1, 5, ink);
      canvas.text(frame_.x + mark.at, frame_.bottom() + 8 + letters, mark.text, letters, ink,
                  Anchor::middle);
    }
    canvas.text(frame_.x + frame_.width / 2., frame_.bottom() + 32 + letters,
                fitted(plane_.horizontal.title, letters, width_ - 2. * gap), letters, ink,
                Anchor::middle);
    for (const Mark& mark : vertical_) {
      const auto y = frame_.y + static_cast<int>(mark.at);
      if (plane_.is_line()) canvas.fill(frame_.x, y, 3, 1, pale);
      canvas.fill(frame_.x - 6, y, 5, 1, ink);
      canvas.text(frame_.x - gap, frame_.y + mark.at + letters / 2, mark.text, letters, ink,
                  Anchor::right);
    }
    if (!plane_.is_line())
      canvas.text_upward(2 * gap, frame_.y + frame_.height / 2.,
                         fitted(plane_.vertical.title, letters, height_ - 2. * gap), letters, ink);
  }

  void draw_colors(Canvas& canvas) const {
    const int x = frame_.right() + 2 * gap;
    int y = frame_.y;
    if (plane_.labels == 0) {
      const int height = bar_height();
      for (int i = 0; i < height; ++i)
        canvas.fill(x, y + i, bar_width, 1,
                    field_color((field_levels - 1) * (height - 1 - i) / std::max(1, height - 1)));
      canvas.frame(x, y, bar_width, height, ink);
      for (const Mark& mark : bar_) {
        canvas.fill(x + bar_width + 1, y + static_cast<int>(std::min(mark.at, height - 1.)), 4, 1,
                    ink);
        canvas.text(x + bar_width + gap, y + mark.at + letters / 2, mark.text, letters, ink);
      }
      y += height + 16;
    }
    for (const auto& [color, text] : key_.entries) {
      canvas.fill(x, y, bar_width, 16, color);
      canvas.frame(x, y, bar_width, 16, ink);
      canvas.text(x + bar_width + gap, y + 8 + letters / 2, text, letters, ink);
      y += 22;
    }
    canvas.text(x, y + 8 + letters / 2, key_.more, letters, ink);
  }

  const Plane& plane_;
  std::pair<double, double> range_;
  Frame frame_;
  int width_ = 0;
  int height_ = 0;
  std::vector<Mark> horizontal_;
  std::vector<Mark> vertical_;
  std::vector<Mark> bar_;
  Key key_;
};

}  // namespace

picture::Extents picture::extents_of(const Plane& plane) {
  constexpr double across = 900;
  if (plane.is_line()) return {900, 340};
  const double aspect = aspect_of(plane);
  const double width = std::min(across, std::max(160., 720 * aspect));
  const double height = std::max(60., width / aspect);
  // whole pixels for each cell, where there are fewer cells than pixels
  const auto pixels = [](double wanted, std::int64_t cells) {
    const double factor = std::max(1., std::round(wanted / static_cast<double>(cells)));
    return static_cast<int>(static_cast<double>(cells) * factor);
  };
  return {pixels(width, plane.columns), pixels(height, plane.rows)};
}

double picture::aspect_of(const Plane& plane) {
  const auto length = [](const PlaneAxis& axis) {
    const double count = static_cast<double>(axis.places.size());
    const double span = std::abs(axis.places.back() - axis.places.front());
    return span * count / std::max(1., count - 1);
  };
  double aspect = static_cast<double>(plane.horizontal.extent) /
                  static_cast<double>(std::max<std::int64_t>(1, plane.vertical.extent));
  const auto is_degree = [](const std::string& units) { return units.starts_with("degree"); };
  const std::string& x = plane.horizontal.units;
  const std::string& y = plane.vertical.units;
  if (!x.empty() && (x == y || (is_degree(x) && is_degree(y)))) {
    const double of_places = length(plane.horizontal) / length(plane.vertical);
    if (of_places > 0.2 && of_places < 8) aspect = of_places;
  }
  return std::clamp(aspect, 0.5, 4.);
}

std::pair<double, double> range_of(const Plane& plane) {
  double low = std::numeric_limits<double>::infinity();
  double high = -low;
  for (const double value : plane.values) {
    if (!std::isfinite(value)) continue;
    low = std::min(low, value);
    high = std::max(high, value);
  }
  return low <= high ? std::pair(low, high) : std::pair(0., 0.);
}

std::string cells_png(const Plane& plane, std::pair<double, double> range) {
  return encode_png(static_cast<int>(plane.columns), static_cast<int>(plane.rows),
                    indices_of(plane, range), palette_of(plane));
}

std::string picture_png(const Plane& plane) {
  return Drawing(plane).png();
}

}  // namespace serried
