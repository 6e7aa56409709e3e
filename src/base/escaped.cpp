#include "base/escaped.hpp"

#include <cstddef>

namespace serried {
namespace {

/// Length of the UTF-8 sequence at the beginning of a text; 0 where there is none.
std::size_t sequence_length(std::string_view text) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned first = byte(0);
  const std::size_t length = first < 0x80U                     ? 1
                             : first >= 0xc2U && first < 0xe0U ? 2
                             : first >= 0xe0U && first < 0xf0U ? 3
                             : first >= 0xf0U && first < 0xf5U ? 4
                                                               : 0;
  if (length == 0 || length > text.size()) return 0;
  for (std::size_t i = 1; i < length; ++i)
    if ((byte(i) & 0xc0U) != 0x80U) return 0;
  if (length < 3) return length;
  // overlong, a surrogate, or beyond the last code point
  const unsigned second = byte(1);
  if ((first == 0xe0U && second < 0xa0U) || (first == 0xedU && second >= 0xa0U) ||
      (first == 0xf0U && second < 0x90U) || (first == 0xf4U && second >= 0x90U))
    return 0;
  return length;
}

}  // namespace

std::string escaped(std::string_view text) {
  std::string result;
  while (!text.empty()) {
    const std::size_t length = sequence_length(text);
    const auto first = static_cast<unsigned char>(text.front());
    const bool is_control = (first < 0x20 && first != '\t' && first != '\n') || first == 0x7f;
    if (length == 0 || is_control) {
      result += "\uFFFD";
      text.remove_prefix(1);
      continue;
    }
    switch (text.front()) {
      case '&':
        result += "&amp;";
        break;
      case '<':
        result += "&lt;";
        break;
      case '>':
        result += "&gt;";
        break;
      case '"':
        result += "&quot;";
        break;
      case '\'':
        result += "&#39;";
        break;
      default:
        result += text.substr(0, length);
    }
    text.remove_prefix(length);
  }
  return result;
}

}  // namespace serried
