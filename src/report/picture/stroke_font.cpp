#include "report/picture/stroke_font.hpp"

#include <map>

namespace serried::picture {
namespace {

/// Points are a digit (x, 0 to 8) and a letter (y: a is -4, e the baseline, m the height of small
/// letters, q that of capitals).
struct Drawing {
  const char* letter;
  int width;
  const char* lines;
};

constexpr Drawing drawings[] = {
    {" ", 3, ""},
    {"!", 0, "0q0i 0e"},
    {"\"", 3, "0q0n 3q3n"},
    {"#", 8, "1e3q 5e7q 0i8i 0m8m"},
    {"$", 7, "7o5q2q0o0m2k5k7i7g5e2e0g 4s4c"},
    {"%", 8, "0e8q 1q2q3p3n2m1m0n0p1q 6i7i8h8f7e6e5f5h6i"},
    {"&", 8, "8e1n1p3q4q5p5n0i0g2e4e8i"},
    {"'", 0, "0q0n"},
    {"(", 3, "3s1p0m0i1f3c"},
    {")", 3, "0s2p3m3i2f0c"},
    {"*", 6, "3o3g 0m6i 6m0i"},
    {"+", 8, "4o4g 0k8k"},
    {",", 1, "1f1e0c"},
    {"-", 6, "0k6k"},
    {".", 0, "0e"},
    {"/", 6, "0c6s"},
    {"0", 7, "2q5q7o7g5e2e0g0o2q"},
    {"1", 4, "0n3q3e"},
    {"2", 7, "0o2q5q7o7m0e7e"},
    {"3", 7, "0o2q5q7o7m5k2k 5k7i7g5e2e0g"},
    {"4", 7, "5e5q0i7i"},
    {"5", 7, "6q1q0k2l5l7j7g5e2e0g"},
    {"6", 7, "6q3q0m0g2e5e7g7i5k2k0i"},
    {"7", 7, "0q7q2e"},
    {"8", 7, "2q5q7o7m5k2k0m0o2q 2k0i0g2e5e7g7i5k"},
    {"9", 7, "1e4e7i7o5q2q0o0m2k5k7m"},
    {":", 0, "0e 0k"},
    {";", 1, "1f1e0c 1k"},
    {"<", 7, "7o0k7g"},
    {"=", 7, "0m7m 0i7i"},
    {">", 7, "0o7k0g"},
    {"?", 6, "0o2q4q6o6m3k3i 3e"},
    {"@", 8, "6i6m3m2k2i3h5h6i8i8o6q2q0o0g2e7e"},
    {"A", 8, "0e4q8e 1i7i"},
    {"B", 7, "0e0q5q7o7m5k0k 5k7i7g5e0e"},
    {"C", 8, "8o6q2q0o0g2e6e8g"},
    {"D", 7, "0e0q4q7n7h4e0e"},
    {"E", 6, "6q0q0e6e 0k5k"},
    {"F", 6, "6q0q0e 0k5k"},
    {"G", 8, "8o6q2q0o0g2e6e8g8k5k"},
    {"H", 7, "0q0e 7q7e 0k7k"},
    {"I", 0, "0q0e"},
    {"J", 5, "5q5g3e2e0g"},
    {"K", 7, "0q0e 7q0j 2l7e"},
    {"L", 6, "0q0e6e"},
    {"M", 8, "0e0q4i8q8e"},
    {"N", 7, "0e0q7e7q"},
    {"O", 8, "2q6q8o8g6e2e0g0o2q"},
    {"P", 7, "0e0q5q7o7m5k0k"},
    {"Q", 8, "2q6q8o8g6e2e0g0o2q 5h8d"},
    {"R", 7, "0e0q5q7o7m5k0k 4k7e"},
    {"S", 7, "7o5q2q0o0m2k5k7i7g5e2e0g"},
    {"T", 8, "0q8q 4q4e"},
    {"U", 7, "0q0g2e5e7g7q"},
    {"V", 8, "0q4e8q"},
    {"W", 8, "0q2e4m6e8q"},
    {"X", 7, "0q7e 7q0e"},
    {"Y", 8, "0q4k8q 4k4e"},
    {"Z", 7, "0q7q0e7e"},
    {"[", 2, "2s0s0c2c"},
    {"\\", 6, "0s6c"},
    {"]", 2, "0s2s2c0c"},
    {"^", 6, "0m3q6m"},
    {"_", 8, "0d8d"},
    {"`", 2, "0q2o"},
    {"a", 6, "1m4m6k6e 6j2j0h0g1e4e6g"},
    {"b", 6, "0q0e 0k2m4m6k6g4e2e0g"},
    {"c", 6, "6k4m2m0k0g2e4e6g"},
    {"d", 6, "6q6e 6k4m2m0k0g2e4e6g"},
    {"e", 6, "0i6i6k4m2m0k0g2e4e6f"},
    {"f", 4, "4q3q2o2e 0m4m"},
    {"g", 6, "6m6c4a1a 6k4m2m0k0g2e4e6g"},
    {"h", 6, "0q0e 0k2m4m6k6e"},
    {"i", 0, "0m0e 0q"},
    {"j", 2, "2m2b0a 2q"},
    {"k", 5, "0q0e 5m0h 2j5e"},
    {"l", 0, "0q0e"},
    {"m", 8, "0m0e 0k1m3m4k4e 4k5m7m8k8e"},
    {"n", 6, "0m0e 0k2m4m6k6e"},
    {"o", 6, "2m4m6k6g4e2e0g0k2m"},
    {"p", 6, "0m0a 0k2m4m6k6g4e2e0g"},
    {"q", 6, "6m6a 6k4m2m0k0g2e4e6g"},
    {"r", 4, "0m0e 0j2m4m"},
    {"s", 6, "6l4m2m0k2i4i6g4e2e0f"},
    {"t", 4, "2p2f3e4e 0m4m"},
    {"u", 6, "0m0g2e4e6g 6m6e"},
    {"v", 6, "0m3e6m"},
    {"w", 8, "0m2e4k6e8m"},
    {"x", 6, "0m6e 6m0e"},
    {"y", 6, "0m3e 6m2b0a"},
    {"z", 6, "0m6m0e6e"},
    {"{", 3, "3s2r2m0k2i2d3c"},
    {"|", 0, "0s0c"},
    {"}", 3, "0s1r1m3k1i1d0c"},
    {"~", 7, "0j2l5j7l"},
    {"\u00b0", 3, "1q2q3p3o2n1n0o0p1q"},
    {"\u00b2", 4, "0p1q3q4p4o0k4k"},
    {"\u00b3", 4, "0q3q4p3n2n 3n4m3k1k0l"},
    {"\u00b5", 6, "0m0a 0g2e4e6g 6m6e"},
    {"\u03bc", 6, "0m0a 0g2e4e6g 6m6e"},
    {"\u00b7", 0, "0j"},
    {"\u00d7", 6, "0n6h 6n0h"},
    {"\u2212", 7, "0k7k"},
    {"\u2013", 7, "0k7k"},
    {"\u207b", 4, "0n4n"},
    {"\u00b9", 3, "0p2q2k"},
    {"\u2026", 6, "0e 3e 6e"},
    {"\u00c5", 8, "0e4q8e 1i7i 4s"},
    {"\u03a9", 8, "0e3e1h0k0n2q6q8n8k7h5e8e"},
};

Glyph drawn(const Drawing& drawing) {
  Glyph glyph{.width = static_cast<double>(drawing.width), .lines = {}};
  bool is_new = true;
  for (const char* at = drawing.lines; *at != '\0'; ++at) {
    if (*at == ' ') {
      is_new = true;
      continue;
    }
    if (is_new) glyph.lines.emplace_back();
    is_new = false;
    const double x = at[0] - '0';
    ++at;
    glyph.lines.back().push_back({x, static_cast<double>(at[0] - 'e')});
  }
  return glyph;
}

const std::map<std::string_view, Glyph>& font() {
  static const auto* const letters = [] {
    auto* const made = new std::map<std::string_view, Glyph>;
    for (const Drawing& drawing : drawings) made->emplace(drawing.letter, drawn(drawing));
    return made;
  }();
  return *letters;
}

}  // namespace

std::vector<const Glyph*> glyphs_of(std::string_view text) {
  static const auto* const box = new Glyph(drawn({"", 5, "0e0q5q5e0e"}));
  std::vector<const Glyph*> glyphs;
  while (!text.empty()) {
    std::size_t length = 1;  // of the letter in UTF-8
    while (length < text.size() && (static_cast<unsigned char>(text[length]) & 0xc0U) == 0x80U)
      ++length;
    const auto found = font().find(text.substr(0, length));
    glyphs.push_back(found == font().end() ? box : &found->second);
    text.remove_prefix(length);
  }
  return glyphs;
}

}  // namespace serried::picture
