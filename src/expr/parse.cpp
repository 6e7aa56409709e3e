#include "serried/expr/parse.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>

#include "expr/build.hpp"
#include "expr/function_table.hpp"
#include "expr/node.hpp"
#include "expr/tokens.hpp"
#include "serried/base/error.hpp"
#include "serried/base/similar_names.hpp"
#include "serried/expr/functions.hpp"

namespace serried {
namespace {

using detail::Argument;
using detail::make_convert;
using detail::TextFunction;
using detail::Token;

constexpr int deepest = 200;

struct Named {
  std::string_view name;
  double value;
};
constexpr Named constants[] = {{"pi", std::numbers::pi},
                               {"e", std::numbers::e},
                               {"inf", std::numeric_limits<double>::infinity()},
                               {"nan", std::numeric_limits<double>::quiet_NaN()}};
constexpr std::string_view words[] = {"and", "or", "not", "true", "false", "True", "False"};

bool is_word(std::string_view name) {
  return std::find(std::begin(words), std::end(words), name) != std::end(words);
}

/// Operators between two operands; a higher number binds closer.
struct Infix {
  std::string_view sign;
  int binding;
  Expr (*make)(const Expr&, const Expr&);
};
constexpr int of_or = 1, of_and = 2, of_not = 3, of_comparison = 4, of_bit_or = 5, of_bit_and = 6,
              of_shift = 7, of_sum = 8, of_product = 9, of_sign = 10, of_power = 11;
const Infix infixes[] = {
    {"or", of_or, [](const Expr& a, const Expr& b) { return a || b; }},
    {"||", of_or, [](const Expr& a, const Expr& b) { return a || b; }},
    {"and", of_and, [](const Expr& a, const Expr& b) { return a && b; }},
    {"&&", of_and, [](const Expr& a, const Expr& b) { return a && b; }},
    {"<", of_comparison, [](const Expr& a, const Expr& b) { return a < b; }},
    {"<=", of_comparison, [](const Expr& a, const Expr& b) { return a <= b; }},
    {">", of_comparison, [](const Expr& a, const Expr& b) { return a > b; }},
    {">=", of_comparison, [](const Expr& a, const Expr& b) { return a >= b; }},
    {"==", of_comparison, [](const Expr& a, const Expr& b) { return a == b; }},
    {"!=", of_comparison, [](const Expr& a, const Expr& b) { return a != b; }},
    {"|", of_bit_or, [](const Expr& a, const Expr& b) { return a | b; }},
    {"&", of_bit_and, [](const Expr& a, const Expr& b) { return a & b; }},
    {"<<", of_shift, [](const Expr& a, const Expr& b) { return a << b; }},
    {">>", of_shift, [](const Expr& a, const Expr& b) { return a >> b; }},
    {"+", of_sum, [](const Expr& a, const Expr& b) { return a + b; }},
    {"-", of_sum, [](const Expr& a, const Expr& b) { return a - b; }},
    {"*", of_product, [](const Expr& a, const Expr& b) { return a * b; }},
    {"/", of_product, [](const Expr& a, const Expr& b) { return a / b; }},
    {"//", of_product, floor_divide},
    {"%", of_product, remainder},
    {"**", of_power, pow},
    {"^", of_power, pow},
};

const Infix* find_infix(const Token& token) {
  if (token.kind != Token::Kind::sign && token.kind != Token::Kind::name) return nullptr;
  for (const Infix& infix : infixes)
    if (infix.sign == token.text) return &infix;
  return nullptr;
}

class Parser {
 public:
  /// @param is_of_names operands are stand-ins: only what does not depend on them is an error.
  Parser(std::string_view text, const FindOperand& find, const ParseOptions& options,
         bool is_of_names = false)
      : text_(text),
        find_(find),
        options_(options),
        is_of_names_(is_of_names),
        tokens_(detail::split_tokens(text)) {}

  Expr whole() {
    const Expr result = expression(0);
    finish();
    return result;
  }

  std::vector<ParsedExpr> list() {
    std::vector<ParsedExpr> results;
    do {
      const std::size_t begin = now().at;
      first_ = next_;
      const Expr result = expression(0);
      const Token& last = tokens_[next_ - 1];
      results.push_back(
          {std::string(text_.substr(begin, last.at + last.text.size() - begin)), result});
    } while (take(","));
    finish();
    return results;
  }

 private:
  void finish() const {
    if (now().kind != Token::Kind::end) unexpected();
    if (!options_.axes.empty() && !has_taken_axes_)
      throw InvalidArgument("the default axes have no use: in " + std::string(text_) +
                            " no reduction is without axes of its own");
  }
  [[nodiscard]] const Token& now() const { return tokens_[next_]; }
  [[nodiscard]] bool is_now(std::string_view sign) const {
    return now().kind == Token::Kind::sign && now().text == sign;
  }
  bool take(std::string_view sign) {
    if (!is_now(sign)) return false;
    ++next_;
    return true;
  }
  void need(std::string_view sign, std::string_view why) {
    if (take(sign)) return;
    fail(now().at, "'" + std::string(sign) + "' is missing " + std::string(why));
  }
  [[noreturn]] void fail(std::size_t at, const std::string& why) const {
    throw InvalidArgument(detail::with_caret(text_, at, why));
  }
  [[noreturn]] void unexpected() const {
    if (now().kind == Token::Kind::end) fail(now().at, "the expression ends too early");
    if (is_now("=")) fail(now().at, "'=' stands for no comparison; '==' does");
    fail(now().at, "'" + std::string(now().text) + "' is not expected here");
  }

  /// What `make` returns; what it throws, with the place.
  template <class F>
  Expr made(std::size_t at, F make) const {
    try {
      return make();
    } catch (const InvalidArgument& error) {
      if (is_of_names_) return {0.0};
      const std::string why = error.what();
      if (why.find('\n') != std::string::npos) throw;  // it has its place already
      fail(at, why);
    }
  }

  Expr expression(int least) {
    if (++depth_ > deepest)
      fail(now().at, "more than " + std::to_string(deepest) + " levels of brackets and signs");
    Expr left = prefix();
    for (;;) {
      const Token& token = now();
      const Infix* const infix = find_infix(token);
      if (infix == nullptr || infix->binding < least) break;
      ++next_;
      if (infix->binding == of_comparison) {
        left = comparisons(left, *infix, token.at);
        continue;
      }
      // a power binds from right to left, and takes a sign behind it
      const bool is_power = infix->binding == of_power;
      const Expr right = expression(is_power ? of_sign : infix->binding + 1);
      left = made(token.at, [&] { return infix->make(left, right); });
    }
    --depth_;
    return left;
  }

  /// a < b < c is (a < b) and (b < c).
  Expr comparisons(const Expr& first, const Infix& sign, std::size_t at) {
    Expr left = first;
    Expr right = expression(of_comparison + 1);
    Expr all = made(at, [&] { return sign.make(left, right); });
    for (const Infix* next = find_infix(now()); next != nullptr && next->binding == of_comparison;
         next = find_infix(now())) {
      const std::size_t here = now().at;
      ++next_;
      left = right;
      right = expression(of_comparison + 1);
      all = made(here, [&] { return all & next->make(left, right); });
    }
    return all;
  }

  Expr prefix() {
    const Token token = now();
    if (token.kind == Token::Kind::name && token.text == "not") {
      ++next_;
      const Expr x = expression(of_not);
      return made(token.at, [&] { return !x; });
    }
    if (token.kind == Token::Kind::sign) {
      ++next_;
      if (token.text == "-") {
        const Expr x = expression(of_sign);
        return made(token.at, [&] { return -x; });
      }
      if (token.text == "+") return expression(of_sign);
      if (token.text == "~") {
        const Expr x = expression(of_sign);
        return made(token.at, [&] { return ~x; });
      }
      if (token.text == "!") {
        const Expr x = expression(of_sign);
        return made(token.at, [&] { return !x; });
      }
      if (token.text == "(") {
        const Expr x = expression(0);
        need(")", "to close the bracket");
        return x;
      }
      --next_;
      unexpected();
    }
    return atom();
  }

  Expr atom() {
    const Token token = now();
    switch (token.kind) {
      case Token::Kind::integer:
        ++next_;
        return {token.integer};
      case Token::Kind::number:
        ++next_;
        return {token.number};
      case Token::Kind::imaginary:
        ++next_;
        return {std::complex<double>(0, token.number)};
      case Token::Kind::name:
        break;
      default:
        unexpected();
    }
    ++next_;
    if (token.text == "true" || token.text == "True") return {true};
    if (token.text == "false" || token.text == "False") return {false};
    if (is_word(token.text)) {
      --next_;
      unexpected();
    }
    if (is_now("(")) return call(token);
    if (const auto operand = find_(token.text)) return *operand;
    for (const Named& constant : constants)
      if (constant.name == token.text) return {constant.value};
    unknown_name(token);
  }

  [[noreturn]] void unknown_name(const Token& token) const {
    const std::string name(token.text);
    if (detail::text_functions().contains(name) || name == "index" || name == "coord")
      fail(token.at, "'" + name + "' is a function; its arguments stand in brackets");
    const std::string meant = similar_name(name, options_.names);
    std::string known;
    for (const std::string& each : options_.names) known += (known.empty() ? "" : ", ") + each;
    fail(token.at, "there is no '" + name + "'" +
                       (meant.empty() ? "" : "; did you mean '" + meant + "'?") +
                       (known.empty()   ? ""
                        : meant.empty() ? "; the names are " + known
                                        : " The names are " + known));
  }

  Expr call(const Token& name) {
    ++next_;  // the bracket
    if (name.text == "index") return index_call(name);
    if (name.text == "coord") return coordinate_call(name);
    const auto& table = detail::text_functions();
    const auto found = table.find(name.text);
    if (found == table.end()) {
      std::vector<std::string> names = function_names();
      const std::string meant = similar_name(name.text, names);
      fail(name.at, "there is no function '" + std::string(name.text) + "'" +
                        (meant.empty() ? "" : "; did you mean '" + meant + "'?"));
    }
    const TextFunction& function = found->second;
    const bool is_reduction = function.has_keyword("axis");
    if (is_reduction) ++reductions_;
    const std::vector<Argument> arguments = read_arguments(function.has_keyword("method"));
    if (is_reduction) --reductions_;
    std::vector<Expr> by_place;
    std::size_t places = 0;
    detail::CallOptions options;
    if (name.text == "cov") options.ddof = 1;
    bool has_axis = false;
    std::vector<std::string_view> given;
    for (const Argument& argument : arguments) {
      if (!argument.keyword.empty() || !argument.word.empty()) {
        given.push_back(argument.keyword.empty() ? "method" : argument.keyword);
        if (std::ranges::count(given, given.back()) > 1)
          fail(argument.at, "the argument '" + std::string(given.back()) + "' is given twice");
        has_axis = has_axis || argument.keyword == "axis";
        take_keyword(name, function, argument, options);
        continue;
      }
      if (argument.is_list && (places != 1 || !function.has_keyword("method")))
        fail(argument.at, "a list is not expected here");
      options.has_list = options.has_list || argument.is_list;
      by_place.insert(by_place.end(), argument.values.begin(), argument.values.end());
      ++places;
    }
    if (is_reduction && !has_axis && reductions_ == 0) {
      options.axes = options_.axes;
      has_taken_axes_ = true;
    }
    if (places < function.least || places > function.most)
      fail(name.at, "'" + std::string(name.text) + "' takes " +
                        (function.least == function.most ? std::to_string(function.least)
                                                         : std::to_string(function.least) + " to " +
                                                               std::to_string(function.most)) +
                        (function.most == 1 ? " argument, not " : " arguments, not ") +
                        std::to_string(places));
    return made(name.at, [&] {
      const Expr result = function.make(by_place, options);
      // numpy.sqrt(2) is an f64, and no number without a dtype
      return function.keeps_weakness ? result : make_convert(result, result.dtype(), false);
    });
  }

  /// @param has_method the third one is the name of a method.
  std::vector<Argument> read_arguments(bool has_method = false) {
    std::vector<Argument> arguments;
    if (take(")")) return arguments;
    do {
      Argument argument;
      argument.at = now().at;
      if (now().kind == Token::Kind::name && tokens_[next_ + 1].kind == Token::Kind::sign &&
          tokens_[next_ + 1].text == "=") {
        argument.keyword = now().text;
        next_ += 2;
      } else if (!arguments.empty() && !arguments.back().keyword.empty()) {
        fail(argument.at, "an argument without a name stands behind one with a name");
      }
      const bool is_method =
          has_method &&
          (argument.keyword.empty() ? arguments.size() == 2 : argument.keyword == "method");
      if (is_method && (now().kind == Token::Kind::name || now().kind == Token::Kind::text)) {
        argument.word = now().text;
        if (now().kind == Token::Kind::text)
          argument.word = argument.word.substr(1, argument.word.size() - 2);
        ++next_;
      } else if (is_list_next(argument)) {
        argument.is_list = true;
        const std::string_view close = is_now("[") ? "]" : ")";
        ++next_;
        while (!is_now(close)) {
          argument.values.push_back(expression(0));
          if (!take(",")) break;
        }
        need(close, "to close the list");
      } else {
        argument.values.push_back(expression(0));
      }
      arguments.push_back(std::move(argument));
    } while (take(","));
    need(")", "to close the arguments");
    return arguments;
  }

  /// [0, 1], and behind axis= also (0, 1).
  [[nodiscard]] bool is_list_next(const Argument& argument) const {
    return is_now("[") || (argument.keyword == "axis" && is_now("("));
  }

  void take_keyword(const Token& name, const TextFunction& function, const Argument& argument,
                    detail::CallOptions& options) const {
    const std::string_view keyword = argument.keyword.empty() ? "method" : argument.keyword;
    if (!function.has_keyword(keyword)) {
      std::string known;
      for (const std::string_view each : function.keywords)
        known += (known.empty() ? "" : ", ") + std::string(each);
      fail(argument.at, "'" + std::string(name.text) + "' has no argument '" +
                            std::string(keyword) + "'" +
                            (known.empty() ? "" : "; it has " + known));
    }
    if (argument.is_list != (keyword == "axis" && argument.is_list))
      fail(argument.at, "'" + std::string(keyword) + "' takes one value");
    try {
      if (keyword == "axis") {
        for (const Expr& axis : argument.values)
          options.axes.push_back(static_cast<int>(
              std::clamp<std::int64_t>(detail::whole_number(axis, "axis"), -1000, 1000)));
        if (options.axes.empty()) throw InvalidArgument("axis is an empty list");
      } else if (keyword == "keepdims") {
        const detail::ExprNode& node = *argument.values.front().node();
        if (node.kind != detail::ExprNode::Kind::constant || node.dtype != DType::b8)
          throw InvalidArgument("keepdims is true or false");
        options.keepdims = node.value.integer != 0;
      } else if (keyword == "ddof") {
        options.ddof = static_cast<int>(std::clamp<std::int64_t>(
            detail::whole_number(argument.values.front(), "ddof"), INT32_MIN, INT32_MAX));
      } else if (keyword == "method") {
        const auto method = parse_quantile_method(argument.word);
        if (!method) throw InvalidArgument(no_method(argument.word));
        options.method = *method;
      } else if (keyword == "where") {
        options.where = argument.values.front();
      } else {
        options.weights = argument.values.front();
      }
    } catch (const InvalidArgument& error) {
      fail(argument.at, error.what());
    }
  }

  static std::string no_method(std::string_view word) {
    std::string known;
    for (const std::string_view each : quantile_method_names())
      known += (known.empty() ? "" : ", ") + std::string(each);
    return "there is no method '" + std::string(word) + "'; there are " + known;
  }

  /// index(axis) of the shape of the expression's operands; index(x, axis) of that of x.
  Expr index_call(const Token& name) {
    const std::vector<Argument> arguments = read_arguments();
    const bool is_plain = std::all_of(
        arguments.begin(), arguments.end(),
        [](const Argument& argument) { return argument.keyword.empty() && !argument.is_list; });
    if (!is_plain || arguments.empty() || arguments.size() > 2)
      fail(name.at, "'index' takes an axis, or an array and an axis");
    return made(name.at, [&] {
      const std::int64_t axis = detail::whole_number(arguments.back().values.front(), "axis");
      const auto number = static_cast<int>(std::clamp<std::int64_t>(axis, -1000, 1000));
      if (arguments.size() == 2) return index(arguments.front().values.front(), number);
      return index(all_operands(), number);
    });
  }

  /// coord(x, lat), coord(x, 'lat'), coord(x, 0), coord(x, -1).
  Expr coordinate_call(const Token& name) {
    const Token& of = now();
    const auto operand = of.kind == Token::Kind::name ? find_(of.text) : std::nullopt;
    if (!operand) {
      if (of.kind == Token::Kind::name && !is_word(of.text) && tokens_[next_ + 1].text != "(")
        unknown_name(of);
      fail(of.at, "'coord' takes a name, and an axis or its coordinate's name");
    }
    ++next_;
    need(",", "between the name and the axis");
    const Token& first = now();
    std::string axis = take("-") ? "-" : "";
    const Token& last = now();
    const bool is_number = last.kind == Token::Kind::integer;
    if (!is_number && (last.kind != Token::Kind::name && last.kind != Token::Kind::text))
      fail(first.at, "an axis is a number or a coordinate's name");
    if (!is_number && !axis.empty()) fail(first.at, "a minus stands before numbers");
    axis += last.kind == Token::Kind::text ? last.text.substr(1, last.text.size() - 2) : last.text;
    ++next_;
    need(")", "to close the arguments");
    if (is_of_names_) return *operand;
    if (!options_.find_coordinate) fail(name.at, "there are no coordinates here");
    return made(first.at, [&] { return options_.find_coordinate(of.text, axis); });
  }

  /// Something of the shape that the operands of the present expression have together.
  Expr all_operands() const {
    std::optional<Expr> all;
    Shape shape;
    int brackets = 0;
    for (std::size_t i = first_; tokens_[i].kind != Token::Kind::end; ++i) {
      const Token& token = tokens_[i];
      const std::string_view sign = token.kind == Token::Kind::sign ? token.text : "";
      if (sign == "(" || sign == "[") ++brackets;
      if (sign == ")" || sign == "]") --brackets;
      if (sign == "," && brackets == 0) break;
      if (token.text == "coord" && tokens_[i + 1].text == "(") {
        // no operand but the first argument
        if (const auto operand = find_(tokens_[i + 2].text)) {
          shape = detail::broadcast(shape, operand->shape());
          all = operand;
        }
        while (tokens_[i + 1].kind != Token::Kind::end && tokens_[i].text != ")") ++i;
        continue;
      }
      // behind a function's name comes a bracket, behind a keyword '='
      const std::string_view next = tokens_[i + 1].text;
      if (token.kind != Token::Kind::name || is_word(token.text) || next == "(" || next == "=")
        continue;
      const auto operand = find_(token.text);
      if (!operand) continue;
      shape = detail::broadcast(shape, operand->shape());
      all = operand;
    }
    if (!all) throw InvalidArgument("there is no operand whose index it could be");
    auto node = std::make_shared<detail::ExprNode>();
    node->shape = shape;
    return Expr(std::move(node));
  }

  std::string_view text_;
  const FindOperand& find_;
  const ParseOptions& options_;
  bool is_of_names_;
  std::vector<Token> tokens_;
  std::size_t first_ = 0;  ///< token of the present expression
  std::size_t next_ = 0;
  bool has_taken_axes_ = false;  ///< the default ones
  int depth_ = 0;
  int reductions_ = 0;  ///< whose arguments are being read
};

}  // namespace

Expr parse_expression(std::string_view text, const FindOperand& find, const ParseOptions& options) {
  return Parser(text, find, options).whole();
}

std::vector<ParsedExpr> parse_expressions(std::string_view text, const FindOperand& find,
                                          const ParseOptions& options) {
  return Parser(text, find, options).list();
}

std::vector<std::string> used_names(std::string_view text, std::span<const std::string> names) {
  std::vector<bool> is_used(names.size());
  const FindOperand find = [&](std::string_view name) -> std::optional<Expr> {
    const auto found = std::find(names.begin(), names.end(), name);
    if (found == names.end()) return {};
    is_used[static_cast<std::size_t>(found - names.begin())] = true;
    return {0.0};
  };
  const ParseOptions options{.names = {names.begin(), names.end()}};
  static_cast<void>(Parser(text, find, options, true).list());
  std::vector<std::string> used;
  for (std::size_t i = 0; i < names.size(); ++i)
    if (is_used[i]) used.push_back(names[i]);
  return used;
}

std::vector<std::string> function_names() {
  std::vector<std::string> names{"coord", "index"};
  for (const auto& [name, function] : detail::text_functions()) names.push_back(name);
  std::sort(names.begin(), names.end());
  return names;
}

}  // namespace serried
