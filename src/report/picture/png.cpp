#include "report/picture/png.hpp"

#include <png.h>

#include <memory>

#include "serried/base/error.hpp"

namespace serried::picture {
namespace {

extern "C" void serried_png_write(png_structp png, png_bytep bytes, png_size_t count) {
  auto* const to = static_cast<std::string*>(png_get_io_ptr(png));
  to->append(reinterpret_cast<const char*>(bytes), count);
}

extern "C" void serried_png_flush(png_structp /*png*/) {}

/// libpng was built in C: an exception may not pass through it, so its own error leaves by a jump
/// into encode, whose objects live outside.
struct Encoder {
  png_structp png = png_create_write_struct(PNG_LIBPNG_VER_STRING, nullptr, nullptr, nullptr);
  png_infop info = png != nullptr ? png_create_info_struct(png) : nullptr;
  std::string bytes;

  Encoder() = default;
  ~Encoder() { png_destroy_write_struct(&png, &info); }
  Encoder(const Encoder&) = delete;
  Encoder& operator=(const Encoder&) = delete;
};

struct Image {
  int width;
  int height;
  int color_type;
  std::vector<png_color> palette;
  std::vector<png_text> texts;
  std::vector<png_bytep> rows;
};

/// Returns whether it has succeeded.
bool encode(Encoder& encoder, const Image& image) {
  if (encoder.info == nullptr) return false;
  if (setjmp(png_jmpbuf(encoder.png)) != 0) return false;
  png_set_write_fn(encoder.png, &encoder.bytes, serried_png_write, serried_png_flush);
  png_set_IHDR(encoder.png, encoder.info, static_cast<png_uint_32>(image.width),
               static_cast<png_uint_32>(image.height), 8, image.color_type, PNG_INTERLACE_NONE,
               PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
  if (!image.palette.empty())
    png_set_PLTE(encoder.png, encoder.info, image.palette.data(),
                 static_cast<int>(image.palette.size()));
  if (!image.texts.empty())
    png_set_text(encoder.png, encoder.info, image.texts.data(),
                 static_cast<int>(image.texts.size()));
  png_write_info(encoder.png, encoder.info);
  png_write_image(encoder.png, const_cast<png_bytepp>(image.rows.data()));
  png_write_end(encoder.png, nullptr);
  return true;
}

std::string encoded(Image& image, std::vector<std::uint8_t> bytes, const PngTexts& texts) {
  PngTexts own = texts;
  for (auto& [keyword, text] : own) {
    png_text entry{};
    entry.compression = PNG_TEXT_COMPRESSION_NONE;
    entry.key = keyword.data();
    entry.text = text.data();
    entry.text_length = text.size();
    image.texts.push_back(entry);
  }
  const std::size_t stride = bytes.size() / static_cast<std::size_t>(image.height);
  for (int y = 0; y < image.height; ++y)
    image.rows.push_back(bytes.data() + static_cast<std::size_t>(y) * stride);
  const auto encoder = std::make_unique<Encoder>();
  if (!encode(*encoder, image)) throw Error(ErrorKind::internal, "libpng cannot make a picture");
  return std::move(encoder->bytes);
}

}  // namespace

std::string encode_png(int width, int height, const std::vector<std::uint8_t>& indices,
                       const std::vector<Color>& palette, const PngTexts& texts) {
  Image image{.width = width, .height = height, .color_type = PNG_COLOR_TYPE_PALETTE};
  for (const Color color : palette) image.palette.push_back({color.red, color.green, color.blue});
  return encoded(image, indices, texts);
}

std::string encode_png(int width, int height, const std::vector<Color>& pixels,
                       const PngTexts& texts) {
  Image image{.width = width, .height = height, .color_type = PNG_COLOR_TYPE_RGB};
  std::vector<std::uint8_t> bytes;
  bytes.reserve(3 * pixels.size());
  for (const Color color : pixels) bytes.insert(bytes.end(), {color.red, color.green, color.blue});
  return encoded(image, std::move(bytes), texts);
}

}  // namespace serried::picture
