#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace serried::detail {

struct Token {
  enum class Kind : std::uint8_t { number, integer, imaginary, name, text, sign, end };
  Kind kind = Kind::end;
  std::string_view text;  ///< with the quotes, where there are any
  std::size_t at = 0;     ///< bytes before it
  double number = 0;
  std::int64_t integer = 0;
};

/// The words of a text; the last one is the end.
/// Local. @throws InvalidArgument, with the place, for what is no word.
[[nodiscard]] std::vector<Token> split_tokens(std::string_view text);

/// "WHY\n  TEXT\n     ^": the place of a byte under its line. Local.
[[nodiscard]] std::string with_caret(std::string_view text, std::size_t at, const std::string& why);

}  // namespace serried::detail
