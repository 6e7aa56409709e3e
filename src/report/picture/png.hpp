#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "report/picture/color_map.hpp"

namespace serried::picture {

/// Text that travels in a PNG file: keyword and value, Latin-1.
using PngTexts = std::vector<std::pair<std::string, std::string>>;

/// A PNG file of pixels that are numbers into a palette of at most 256 colours.
/// Local. The same bytes for the same arguments.
/// @param indices (height, width), C order, each below palette.size().
/// @throws Error if libpng fails.
[[nodiscard]] std::string encode_png(int width, int height,
                                     const std::vector<std::uint8_t>& indices,
                                     const std::vector<Color>& palette, const PngTexts& texts = {});

/// A PNG file of colours. Local.
/// @param pixels (height, width), C order.
/// @throws Error if libpng fails.
[[nodiscard]] std::string encode_png(int width, int height, const std::vector<Color>& pixels,
                                     const PngTexts& texts = {});

}  // namespace serried::picture
