#include "serried/io/address.hpp"

#include <charconv>
#include <optional>

#include "serried/base/error.hpp"

namespace serried {
namespace {

/// Reads an address from left to right; `at_` is where it stands.
class AddressParser {
 public:
  explicit AddressParser(std::string_view text, const char* what = "address")
      : text_(text), what_(what) {}

  /// The text is a selection in brackets.
  std::vector<AxisSelection> parse_brackets() {
    Address address;
    parse_selection(address);
    return address.selection;
  }

  Address parse() {
    const std::size_t nul = text_.find('\0');
    if (nul != std::string_view::npos) fail(nul, "a name cannot hold the character NUL");
    Address address;
    address.text = std::string(text_);
    parse_path(address);
    if (at_ < text_.size()) {
      ++at_;  // the ':'
      parse_object(address);
    }
    if (at_ < text_.size()) parse_selection(address);
    return address;
  }

 private:
  [[noreturn]] void fail(std::size_t at, const std::string& why) const {
    // UTF-8 continuation bytes take no column of their own.
    std::string blanks;
    for (std::size_t i = 0; i < at && i < text_.size(); ++i)
      if ((static_cast<unsigned char>(text_[i]) & 0xC0u) != 0x80u) blanks += ' ';
    throw InvalidArgument(std::string("wrong ") + what_ + ": " + why + "\n  " + std::string(text_) +
                          "\n  " + blanks + '^');
  }

  /// The position of the ']' that closes the bracket expression at `open`, as glob(7) reads it.
  [[nodiscard]] std::optional<std::size_t> bracket_end(std::size_t open) const {
    std::size_t i = open + 1;
    if (i < text_.size() && (text_[i] == '!' || text_[i] == '^')) ++i;
    if (i < text_.size() && text_[i] == ']') ++i;
    for (; i < text_.size(); ++i) {
      if (text_[i] == '\\')
        ++i;
      else if (text_[i] == '[' && i + 1 < text_.size() && text_[i + 1] == ':') {
        const std::size_t close = text_.find(":]", i + 2);
        if (close != std::string_view::npos) i = close + 1;
      } else if (text_[i] == ']') {
        return i;
      }
    }
    return std::nullopt;
  }

  void parse_path(Address& address) {
    std::string literal;
    const std::size_t begin = at_;
    while (at_ < text_.size() && text_[at_] != ':') {
      const char c = text_[at_];
      if (c == '\\') {
        if (at_ + 1 == text_.size()) fail(at_, "nothing follows the '\\'");
        literal += text_[at_ + 1];
        at_ += 2;
        continue;
      }
      if (c == '[') {
        const auto close = bracket_end(at_);
        if (!close)
          fail(
              at_,
              "this '[' has no ']' (before the ':' it is a glob; a selection comes after the ':')");
        address.is_glob = true;
        at_ = *close;
      }
      if (c == '*' || c == '?') address.is_glob = true;
      literal += c;
      ++at_;
    }
    if (at_ == begin) fail(at_, "the path of the file is missing");
    address.path = address.is_glob ? std::string(text_.substr(begin, at_ - begin)) : literal;
  }

  void parse_object(Address& address) {
    std::string literal;
    std::string pattern;
    while (at_ < text_.size() && text_[at_] != '[') {
      const char c = text_[at_];
      if (c == ']') fail(at_, "this ']' has no '[' (write '\\]' if it belongs to the name)");
      if (c == '\\') {
        if (at_ + 1 == text_.size()) fail(at_, "nothing follows the '\\'");
        literal += text_[at_ + 1];
        pattern += text_.substr(at_, 2);
        at_ += 2;
        continue;
      }
      if (c == '*' || c == '?') address.is_object_glob = true;
      literal += c;
      pattern += c;
      ++at_;
    }
    address.object = address.is_object_glob ? pattern : literal;
    while (address.object.size() > 1 && address.object.back() == '/') address.object.pop_back();
    if (!address.object.empty() && address.object.front() != '/') address.object.insert(0, "/");
  }

  void skip_blanks() {
    while (at_ < text_.size() && text_[at_] == ' ') ++at_;
  }

  void parse_selection(Address& address) {
    const std::size_t open = at_;
    ++at_;
    skip_blanks();
    if (at_ < text_.size() && text_[at_] == ']') fail(at_, "the selection is empty");
    bool has_ellipsis = false;
    for (;;) {
      skip_blanks();
      if (at_ == text_.size()) fail(open, "this '[' has no ']'");
      const std::size_t begin = at_;
      address.selection.push_back(parse_entry());
      if (address.selection.back().is_ellipsis) {
        if (has_ellipsis) fail(begin, "there can be only one '...'");
        has_ellipsis = true;
      }
      skip_blanks();
      if (at_ == text_.size()) fail(open, "this '[' has no ']'");
      if (text_[at_] == ']') break;
      if (text_[at_] != ',') fail(at_, "a ',' or ']' is expected here");
      ++at_;
    }
    ++at_;
    if (at_ != text_.size()) fail(at_, "nothing may follow the selection");
  }

  [[nodiscard]] std::optional<std::int64_t> parse_number() {
    const char* begin = text_.data() + at_;
    const char* end = text_.data() + text_.size();
    if (begin != end && *begin == '+') {
      ++begin;
      if (begin != end && *begin == '-') return std::nullopt;
    }
    std::int64_t value = 0;
    const auto [stop, code] = std::from_chars(begin, end, value);
    if (code == std::errc::result_out_of_range) fail(at_, "this number is too large");
    if (code != std::errc{}) return std::nullopt;
    at_ = static_cast<std::size_t>(stop - text_.data());
    return value;
  }

  AxisSelection parse_entry() {
    AxisSelection entry;
    if (text_.substr(at_, 3) == "...") {
      at_ += 3;
      entry.is_ellipsis = true;
      return entry;
    }
    const std::size_t begin = at_;
    const auto first = parse_number();
    skip_blanks();
    if (at_ == text_.size() || text_[at_] != ':') {
      if (!first) fail(begin, "an index, a range like 0:10, ':' or '...' is expected here");
      entry.is_index = true;
      entry.range = {*first, *first, 1};
      return entry;
    }
    ++at_;
    skip_blanks();
    const auto last = parse_number();
    skip_blanks();
    std::optional<std::int64_t> step;
    std::size_t step_at = at_;
    if (at_ < text_.size() && text_[at_] == ':') {
      ++at_;
      skip_blanks();
      step_at = at_;
      step = parse_number();
    }
    if (step && *step == 0) fail(step_at, "a step must not be 0");
    entry.range = {first, last, step.value_or(1)};
    return entry;
  }

  std::string_view text_;
  const char* what_;
  std::size_t at_ = 0;
};

}  // namespace

std::vector<AxisSelection> parse_selection(std::string_view text) {
  const bool has_brackets = text.starts_with('[') && text.ends_with(']');
  const std::string whole = has_brackets ? std::string(text) : "[" + std::string(text) + "]";
  return AddressParser(whole, "selection").parse_brackets();
}

Address parse_address(std::string_view text) {
  return AddressParser(text).parse();
}

}  // namespace serried
