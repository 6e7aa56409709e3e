// serial
#include "serried/expr/parse.hpp"

#include <algorithm>
#include <set>

#include "expr/expr_support.hpp"

namespace serried::test {
namespace {

std::optional<Expr> find(std::string_view name) {
  if (name == "i" || name == "j" || name == "k" || name == "n")
    return zeros(std::string(name), DType::i64, {4, 3});
  if (name == "x" || name == "y" || name == "z")
    return zeros(std::string(name), DType::f64, {4, 3});
  if (name == "p" || name == "q") return zeros(std::string(name), DType::b8, {3});
  if (name == "w") return zeros("w", DType::f64, {5});
  return std::nullopt;
}

Expr parse(std::string_view text) {
  return parse_expression(text, find);
}

TEST(Parse, precedence) {
  // what is written without brackets, and with them
  const std::pair<const char*, const char*> texts[] = {
      {"x + y * z", "x + (y * z)"},
      {"x * y + z", "(x * y) + z"},
      {"x - y - z", "(x - y) - z"},
      {"x / y / z", "(x / y) / z"},
      {"x // y % z", "(x // y) % z"},
      {"x ** y ** z", "x ** (y ** z)"},
      {"x ^ y ^ z", "x ** (y ** z)"},
      {"-x ** y", "-(x ** y)"},
      {"x ** -y", "x ** (-y)"},
      {"x ** -y ** z", "x ** (-(y ** z))"},
      {"-x * y", "(-x) * y"},
      {"i << j + k", "i << (j + k)"},
      {"i & j << k", "i & (j << k)"},
      {"i | j & k", "i | (j & k)"},
      {"i | j == k", "(i | j) == k"},
      {"i & j < k", "(i & j) < k"},
      {"not x < y", "not (x < y)"},
      {"not p and q", "(not p) and q"},
      {"p or p and q", "p or (p and q)"},
      {"p and q or p", "(p and q) or p"},
      {"p || p && q", "p or (p and q)"},
      {"!p && q", "(not p) and q"},
      {"x < y < z", "(x < y) and (y < z)"},
      {"x < y == z != x", "((x < y) and (y == z)) and (z != x)"},
      {"~i & j", "(~i) & j"},
      {"- - x", "-(-x)"},
      {"+x", "x"},
      {"x\n+\ty", "x + y"},
      {"mod(x, y)", "x % y"},
      {"power(x, y)", "x ^ y"},
      {"arctan2(x, y)", "atan2(x, y)"},
      {"sum(x, axis=0)", "sum(x, axis=[-2])"},
      {"sum(x, axis=(0, 1))", "sum(x)"},
  };
  for (const auto& [bare, bracketed] : texts)
    EXPECT_EQ(parse(bare).to_text(), parse(bracketed).to_text()) << bare;
  // and that the brackets say something
  EXPECT_NE(parse("x + y * z").to_text(), parse("(x + y) * z").to_text());
  EXPECT_NE(parse("x ** y ** z").to_text(), parse("(x ** y) ** z").to_text());
}

TEST(Parse, numbers) {
  EXPECT_EQ(parse("1").dtype(), DType::i64);
  EXPECT_EQ(parse("1.").dtype(), DType::f64);
  EXPECT_EQ(parse(".5e-3").dtype(), DType::f64);
  EXPECT_EQ(parse("0xff").to_text(), "255");
  EXPECT_EQ(parse("2j").dtype(), DType::c128);
  EXPECT_EQ(parse("9223372036854775807").dtype(), DType::i64);
  EXPECT_EQ(parse("9223372036854775808").dtype(), DType::f64);
  EXPECT_EQ(parse("true").dtype(), DType::b8);
  EXPECT_EQ(parse("2^3^2").to_text(), "512");
  EXPECT_EQ(parse("-2^2").to_text(), "-4");
  EXPECT_EQ(parse("2^-1").to_text(), "0.5");
  EXPECT_EQ(parse("pi").to_text(), "3.141592653589793");
}

TEST(Parse, names) {
  // an operand comes before a constant of its name
  const auto own = [](std::string_view name) -> std::optional<Expr> {
    if (name == "e") return zeros("e", DType::i8);
    return std::nullopt;
  };
  EXPECT_EQ(parse_expression("e + 1", own).dtype(), DType::i8);
  EXPECT_EQ(parse("e + 1").dtype(), DType::f64);
  const std::vector<std::string> names = function_names();
  EXPECT_TRUE(std::is_sorted(names.begin(), names.end()));
  EXPECT_EQ(std::set<std::string>(names.begin(), names.end()).size(), names.size());
  EXPECT_NE(refusal([] { return parse("sqr(x)"); }).find("did you mean 'sqrt'"), std::string::npos);
}

TEST(Parse, lists) {
  const auto parsed = parse_expressions(" x + 1 , sum(y, axis=[0, 1]),z", find);
  ASSERT_EQ(parsed.size(), 3u);
  EXPECT_EQ(parsed[0].text, "x + 1");
  EXPECT_EQ(parsed[1].text, "sum(y, axis=[0, 1])");
  EXPECT_EQ(parsed[2].text, "z");
  EXPECT_NE(refusal([] { return parse_expressions("x,", find).front().expression; }), "");
  EXPECT_NE(refusal([] { return parse("x, y"); }), "");
}

TEST(Parse, places_of_errors) {
  // the sign that the caret stands under, counted from 0
  const std::pair<const char*, std::size_t> texts[] = {
      {"", 0},
      {"x +", 3},
      {"x + )", 4},
      {"x y", 2},
      {"(x", 2},
      {"nosuch", 0},
      {"x + nosuch(y)", 4},
      {"x = y", 2},
      {"x + $", 4},
      {"sqrt(x, y)", 0},
      {"x + w", 2},
      {"1 + sum(x, axis=2)", 4},
      {"1e", 0},
      {"x + 12abc", 4},
      {"x & 1", 2},
      {"sum(x, nosuch=1)", 7},
      {"x + sqrt", 4},
      {"i + (x << 1)", 7},
      {"0x", 0},
      {"sum(x, axis=0, y)", 15},
      {"x < y < p + w", 10},
  };
  for (const auto& [text, at] : texts) {
    const std::string why = refusal([text = text] { return parse(text); });
    const std::size_t line = why.find("\n  ");
    ASSERT_NE(line, std::string::npos) << text << ": " << why;
    EXPECT_EQ(why.substr(line), "\n  " + std::string(text) + "\n  " + std::string(at, ' ') + "^");
  }
}

TEST(Parse, places_in_long_texts) {
  const std::string text = std::string(300, ' ') + "x + $" + std::string(300, ' ');
  const std::string why = refusal([&] { return parse(text); });
  EXPECT_NE(why.find("$"), std::string::npos);
  EXPECT_LT(why.size(), 400u);
  // the caret is under the sign
  const std::size_t shown = why.find("\n  ") + 3;
  const std::size_t second = why.find('\n', shown) + 3;
  const std::string line = why.substr(shown, second - 3 - shown);
  EXPECT_EQ(line.find('$'), why.find('^', second) - second);
  // characters of several bytes have the width of one
  const std::string umlaut = refusal([] { return parse("\xc3\xa4"); });
  EXPECT_EQ(umlaut.substr(umlaut.rfind('\n')), "\n  ^");
}

TEST(Parse, depth) {
  const auto nested = [](int depth) {
    return std::string(static_cast<std::size_t>(depth), '(') + "x" +
           std::string(static_cast<std::size_t>(depth), ')');
  };
  EXPECT_EQ(parse(nested(100)).to_text(), "x");
  EXPECT_NE(refusal([&] { return parse(nested(100000)); }), "");
  EXPECT_NE(refusal([] { return parse(std::string(100000, '-') + "x"); }), "");
  // long is not deep
  std::string sum = "x";
  for (int i = 0; i < 20000; ++i) sum += " + y";
  EXPECT_EQ(parse(sum).dtype(), DType::f64);
}

}  // namespace
}  // namespace serried::test
