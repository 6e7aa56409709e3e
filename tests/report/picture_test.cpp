// serial
#include "serried/report/picture.hpp"

#include <png.h>

#include <array>
#include <cmath>
#include <limits>

#include "report/picture/canvas.hpp"
#include "report/picture/color_map.hpp"
#include "report/picture/ticks.hpp"
#include "support/spmd.hpp"

namespace serried {
namespace {

using namespace picture;

constexpr double nan = std::numeric_limits<double>::quiet_NaN();

struct Decoded {
  unsigned width = 0;
  unsigned height = 0;
  std::vector<Color> pixels;
};

/// By libpng's simplified interface, which shares no code of ours.
Decoded decode(const std::string& png) {
  png_image image{};
  image.version = PNG_IMAGE_VERSION;
  EXPECT_NE(png_image_begin_read_from_memory(&image, png.data(), png.size()), 0);
  image.format = PNG_FORMAT_RGB;
  std::vector<std::uint8_t> bytes(PNG_IMAGE_SIZE(image));
  EXPECT_NE(png_image_finish_read(&image, nullptr, bytes.data(), 0, nullptr), 0);
  Decoded decoded{.width = image.width, .height = image.height};
  for (std::size_t i = 0; i + 2 < bytes.size(); i += 3)
    decoded.pixels.push_back({bytes[i], bytes[i + 1], bytes[i + 2]});
  return decoded;
}

/// How light a colour looks (ITU-R BT.709, of linear light).
double lightness(Color color) {
  const auto linear = [](std::uint8_t part) { return std::pow(part / 255., 2.2); };
  return 0.2126 * linear(color.red) + 0.7152 * linear(color.green) + 0.0722 * linear(color.blue);
}

TEST(ColorMap, fields_grow_lighter_and_ends_are_viridis) {
  EXPECT_EQ(field_color(0), (Color{0x44, 0x01, 0x54}));
  EXPECT_EQ(field_color(field_levels - 1), (Color{0xfd, 0xe7, 0x25}));
  for (int level = 1; level < field_levels; ++level)
    EXPECT_GT(lightness(field_color(level)), lightness(field_color(level - 1)) - 2e-3) << level;
}

TEST(ColorMap, levels_follow_values) {
  EXPECT_EQ(field_level(2, 2, 6), 0);
  EXPECT_EQ(field_level(6, 2, 6), field_levels - 1);
  EXPECT_EQ(field_level(4, 2, 6), (field_levels - 1) / 2);
  EXPECT_EQ(field_level(nan, 2, 6), -1);
  EXPECT_EQ(field_level(std::numeric_limits<double>::infinity(), 2, 6), field_levels - 1);
  EXPECT_EQ(field_level(-std::numeric_limits<double>::infinity(), 2, 6), 0);
  EXPECT_EQ(field_level(3, 3, 3), (field_levels - 1) / 2);
  // a range whose difference leaves f64
  EXPECT_EQ(field_level(0, -1.7e308, 1.7e308), (field_levels - 1) / 2);
}

TEST(ColorMap, colours_of_labels_differ_and_none_is_that_of_missing) {
  for (int a = 0; a < label_colors; ++a) {
    EXPECT_NE(label_color(a), missing_color);
    for (int b = 0; b < a; ++b) EXPECT_NE(label_color(a), label_color(b));
  }
  EXPECT_EQ(label_color(-1), missing_color);
  EXPECT_EQ(label_color(label_colors), label_color(0));
  EXPECT_EQ(to_hex(label_color(0)), "#0072b2");
}

Plane small_plane() {
  Plane plane{.rows = 2, .columns = 3, .values = {0, 1, 2, nan, 3, 4}, .title = "u (m/s)"};
  plane.vertical = {.title = "y", .units = "m", .places = {10, 0}, .extent = 2};
  plane.horizontal = {.title = "x", .units = "m", .places = {0, 10, 20}, .extent = 3};
  return plane;
}

TEST(Picture, one_pixel_for_each_cell_in_its_colour) {
  const Decoded decoded = decode(cells_png(small_plane(), {0, 4}));
  ASSERT_EQ(decoded.width, 3u);
  ASSERT_EQ(decoded.height, 2u);
  for (std::size_t i = 0; i < 6; ++i) {
    const double value = small_plane().values[i];
    EXPECT_EQ(decoded.pixels[i],
              std::isnan(value) ? missing_color : field_color(field_level(value, 0, 4)));
  }
}

TEST(Picture, labels_have_their_colours) {
  Plane plane = small_plane();
  plane.values = {0, 1, -1, 2, static_cast<double>(label_colors), 5};
  plane.labels = label_colors + 1;
  const Decoded decoded = decode(cells_png(plane, {0, 0}));
  const std::array<std::int64_t, 6> labels = {0, 1, -1, 2, 0, 5};
  for (std::size_t i = 0; i < 6; ++i) EXPECT_EQ(decoded.pixels[i], label_color(labels[i]));
}

TEST(Picture, for_people_has_cells_axes_and_is_the_same_twice) {
  const std::string png = picture_png(small_plane());
  EXPECT_EQ(png, picture_png(small_plane()));
  const Decoded decoded = decode(png);
  EXPECT_GT(decoded.width, 400u);
  std::size_t ink = 0, of_top_right = 0;
  for (const Color& pixel : decoded.pixels) {
    ink += pixel == Color{40, 40, 40} ? 1 : 0;
    of_top_right += pixel == field_color(field_level(2, 0, 4)) ? 1 : 0;
  }
  EXPECT_GT(ink, 500u);
  EXPECT_GT(of_top_right, 300u * 300u);
}

TEST(Picture, lines_shapes_without_extent_and_odd_texts_are_drawn) {
  Plane line{.rows = 1, .columns = 5, .values = {1, 2, nan, 4, 1}, .title = "\xff\xfe"};
  line.horizontal = {.title = "\u00b0C \u4e2d", .places = {0, 1, 2, 3, 4}, .extent = 5};
  EXPECT_GT(decode(picture_png(line)).width, 900u);
  Plane constant = small_plane();
  constant.values = {7, 7, 7, 7, 7, 7};
  EXPECT_GT(decode(picture_png(constant)).width, 400u);
  constant.values.assign(6, nan);
  constant.title = std::string(500, 'w');
  EXPECT_GT(decode(picture_png(constant)).width, 400u);
}

std::vector<std::string> texts(const std::vector<Tick>& ticks) {
  std::vector<std::string> result;
  for (const Tick& tick : ticks) result.push_back(tick.text);
  return result;
}

TEST(Ticks, are_round_and_inside) {
  using Texts = std::vector<std::string>;
  EXPECT_EQ(texts(ticks_between(0, 1, 5)), (Texts{"0.0", "0.2", "0.4", "0.6", "0.8", "1.0"}));
  EXPECT_EQ(texts(ticks_between(-90, 90, 4)), (Texts{"-50", "0", "50"}));
  EXPECT_EQ(texts(ticks_between(88, -88, 4)), (Texts{"-50", "0", "50"}));
  EXPECT_EQ(texts(ticks_between(5, 5, 4)), (Texts{"5"}));
  EXPECT_EQ(texts(ticks_between(1e-9, 3e-9, 2)), (Texts{"1e-09", "2e-09", "3e-09"}));
  EXPECT_EQ(texts(ticks_between(-0.05, 0.05, 2)), (Texts{"-0.05", "0.00", "0.05"}));
}

TEST(Ticks, times_are_dates) {
  using Texts = std::vector<std::string>;
  const std::string days = "days since 1800-1-1 00:00:00";
  EXPECT_EQ(place_text(0, days), "1800-01-01");
  EXPECT_EQ(place_text(31 + 28, days), "1800-03-01");  // no leap year
  EXPECT_EQ(place_text(36, "hours since 2000-02-28 12:00"), "2000-03-01");
  EXPECT_EQ(place_text(36, "K"), "36");
  EXPECT_EQ(place_text(1.5, "days since yesterday"), "1.5");
  // 1996-01-01 is day 71587 since 1800-01-01: 196 years with 47 leap days
  EXPECT_EQ(71587, 196 * 365 + 47);
  EXPECT_EQ(texts(ticks_between(71587, 71587 + 366, 4, days)),
            (Texts{"1996-01", "1996-04", "1996-07", "1996-10", "1997-01"}));
  EXPECT_EQ(texts(ticks_between(71587, 71587 + 3654, 5, days)),
            (Texts{"1996", "1998", "2000", "2002", "2004", "2006"}));
}

TEST(Ticks, degrees_are_divided_as_on_maps) {
  using Texts = std::vector<std::string>;
  EXPECT_EQ(texts(ticks_between(88, -88, 7, "degrees_north")),
            (Texts{"-60", "-30", "0", "30", "60"}));
  EXPECT_EQ(texts(ticks_between(0, 358, 6, "degrees_east")),
            (Texts{"0", "60", "120", "180", "240", "300"}));
  EXPECT_EQ(texts(ticks_between(0, 10, 5, "degrees_east")), (Texts{"0", "2", "4", "6", "8", "10"}));
}

TEST(Ticks, positions_lie_between_places) {
  EXPECT_DOUBLE_EQ(position_among({0, 2, 4}, 3), 1.5);
  EXPECT_DOUBLE_EQ(position_among({4, 2, 0}, 3), 0.5);
  EXPECT_DOUBLE_EQ(position_among({0, 1, 10}, 5.5), 1.5);
  EXPECT_DOUBLE_EQ(position_among({0, 1}, -1), -1);
  EXPECT_DOUBLE_EQ(position_among({7}, 7), 0);
}

TEST(Canvas, every_letter_has_a_shape_of_its_own) {
  std::vector<std::vector<Color>> seen;
  for (char c = '!'; c <= '~'; ++c) {
    // in small type I and l and | and : are alike but for their heights
    Canvas canvas(40, 60, {255, 255, 255});
    canvas.text(10, 40, std::string(1, c), 24, {0, 0, 0});
    std::size_t ink = 0;
    for (const Color& pixel : canvas.pixels()) ink += pixel.red < 128 ? 1 : 0;
    EXPECT_GT(ink, 8u) << c;
    if (c == 'l') continue;  // drawn as I
    for (const auto& other : seen) EXPECT_NE(other, canvas.pixels()) << c;
    seen.push_back(canvas.pixels());
  }
  EXPECT_DOUBLE_EQ(Canvas::text_width("", 10), 0);
  EXPECT_GT(Canvas::text_width("WWW", 10), Canvas::text_width("iii", 10));
}

}  // namespace
}  // namespace serried
