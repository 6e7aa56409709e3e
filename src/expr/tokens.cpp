#include "expr/tokens.hpp"

#include <algorithm>
#include <array>
#include <charconv>

#include "serried/base/error.hpp"
#include "serried/base/similar_names.hpp"

namespace serried::detail {
namespace {

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}
bool is_letter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

// longer ones before their beginnings
constexpr std::array<std::string_view, 29> signs{
    "**", "//", "<<", ">>", "<=", ">=", "==", "!=", "&&", "||", "+", "-", "*", "/", "%",
    "^",  "<",  ">",  "&",  "|",  "~",  "!",  "(",  ")",  "[",  "]", ",", "=", ":"};

class Splitter {
 public:
  explicit Splitter(std::string_view text) : text_(text) {}

  std::vector<Token> run() {
    std::vector<Token> tokens;
    for (;;) {
      while (at_ < text_.size() &&
             (text_[at_] == ' ' || text_[at_] == '\t' || text_[at_] == '\n' || text_[at_] == '\r'))
        ++at_;
      if (at_ == text_.size()) break;
      tokens.push_back(next());
    }
    tokens.push_back({.kind = Token::Kind::end, .text = "", .at = text_.size()});
    return tokens;
  }

 private:
  [[nodiscard]] char peek(std::size_t ahead = 0) const {
    return at_ + ahead < text_.size() ? text_[at_ + ahead] : '\0';
  }

  Token next() {
    const std::size_t begin = at_;
    const char c = text_[at_];
    if (is_digit(c) || (c == '.' && is_digit(peek(1)))) return number();
    if (is_letter(c)) {
      while (is_letter(peek()) || is_digit(peek())) ++at_;
      return {.kind = Token::Kind::name, .text = text_.substr(begin, at_ - begin), .at = begin};
    }
    if (c == '\'' || c == '"') {
      const std::size_t end = text_.find(c, begin + 1);
      if (end == std::string_view::npos)
        throw InvalidArgument(
            with_caret(text_, begin, "the quotation mark that closes is missing"));
      at_ = end + 1;
      return {.kind = Token::Kind::text, .text = text_.substr(begin, at_ - begin), .at = begin};
    }
    for (const std::string_view sign : signs) {
      if (text_.substr(at_, sign.size()) != sign) continue;
      at_ += sign.size();
      return {.kind = Token::Kind::sign, .text = sign, .at = begin};
    }
    std::string what(1, c);
    if (static_cast<unsigned char>(c) >= 0x80) {
      // a whole UTF-8 character
      std::size_t length = 1;
      while (begin + length < text_.size() &&
             (static_cast<unsigned char>(text_[begin + length]) & 0xc0u) == 0x80u)
        ++length;
      what = std::string(text_.substr(begin, length));
    } else if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) {
      what = "a control character";
    }
    throw InvalidArgument(with_caret(text_, begin, "'" + what + "' has no meaning here"));
  }

  Token number() {
    const std::size_t begin = at_;
    if (peek() == '0' && (peek(1) == 'x' || peek(1) == 'X')) return hexadecimal();
    bool is_whole = true;
    while (is_digit(peek())) ++at_;
    if (peek() == '.') {
      is_whole = false;
      ++at_;
      while (is_digit(peek())) ++at_;
    }
    const bool has_sign = peek(1) == '+' || peek(1) == '-';
    if ((peek() == 'e' || peek() == 'E') && is_digit(peek(has_sign ? 2 : 1))) {
      is_whole = false;
      at_ += has_sign ? 3 : 2;
      while (is_digit(peek())) ++at_;
    }
    Token token{.kind = is_whole ? Token::Kind::integer : Token::Kind::number,
                .text = text_.substr(begin, at_ - begin),
                .at = begin};
    const char* const first = token.text.data();
    const char* const last = first + token.text.size();
    const auto read = std::from_chars(first, last, token.number);
    if (read.ec == std::errc::result_out_of_range)
      throw InvalidArgument(with_caret(text_, begin, "the number is beyond the range of f64"));
    if (is_whole && std::from_chars(first, last, token.integer).ec != std::errc())
      token.kind = Token::Kind::number;  // too large for i64
    if (peek() == 'j' && !is_letter(peek(1)) && !is_digit(peek(1))) {
      ++at_;
      token.kind = Token::Kind::imaginary;
      token.text = text_.substr(begin, at_ - begin);
    }
    refuse_letters(begin);
    return token;
  }

  Token hexadecimal() {
    const std::size_t begin = at_;
    at_ += 2;
    Token token{.kind = Token::Kind::integer, .at = begin};
    const char* const first = text_.data() + at_;
    const auto read = std::from_chars(first, text_.data() + text_.size(), token.integer, 16);
    if (read.ptr == first || read.ec != std::errc())
      throw InvalidArgument(with_caret(text_, begin, "this is no hexadecimal number of 63 bits"));
    at_ += static_cast<std::size_t>(read.ptr - first);
    token.text = text_.substr(begin, at_ - begin);
    token.number = static_cast<double>(token.integer);
    refuse_letters(begin);
    return token;
  }

  void refuse_letters(std::size_t begin) const {
    if (is_letter(peek()) || is_digit(peek()) || peek() == '.')
      throw InvalidArgument(with_caret(text_, begin, "this is no number"));
  }

  std::string_view text_;
  std::size_t at_ = 0;
};

}  // namespace

std::vector<Token> split_tokens(std::string_view text) {
  return Splitter(text).run();
}

std::string with_caret(std::string_view text, std::size_t at, const std::string& why) {
  constexpr std::size_t widest = 100;
  // the line, of which a part is shown if it is long
  at = std::min(at, text.size());
  std::size_t begin = at == 0 ? 0 : text.rfind('\n', at - 1) + 1;
  std::size_t end = std::min(text.find('\n', at), text.size());
  std::string before;
  std::string behind;
  if (at - begin > widest / 2) {
    begin = at - widest / 2;
    before = "...";
  }
  if (end - begin > widest) {
    end = begin + widest;
    behind = "...";
  }
  std::string line;
  std::string spaces;
  for (std::size_t i = begin; i < end; ++i) {
    const auto byte = static_cast<unsigned char>(text[i]);
    const bool is_shown = byte >= 0x20 && byte != 0x7f;
    line += is_shown ? text[i] : ' ';
    // the bytes of a character that follow its first one have no width
    if (i < at && (byte & 0xc0u) != 0x80u) spaces += ' ';
  }
  return why + "\n  " + before + line + behind + "\n  " + std::string(before.size(), ' ') + spaces +
         "^";
}

}  // namespace serried::detail
