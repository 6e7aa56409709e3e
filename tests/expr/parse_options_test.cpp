// serial
#include <gtest/gtest.h>

#include <array>
#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "serried/base/error.hpp"
#include "serried/expr/parse.hpp"

namespace serried::test {
namespace {

/// An operand of that shape that nothing reads.
Expr operand(const std::string& name, const Shape& shape, DType dtype = DType::f64) {
  static const auto memory = std::make_shared<const std::array<std::byte, 16>>();
  return Operand{.name = name,
                 .shape = shape,
                 .dtype = dtype,
                 .split_axis = -1,
                 .source = nullptr,
                 .elements = std::shared_ptr<const std::byte>(memory, memory->data())};
}

std::optional<Expr> find(std::string_view name) {
  if (name == "x") return operand("x", Shape{5, 7});
  if (name == "k") return operand("k", Shape{7}, DType::i32);
  return {};
}

Shape shape_of(const char* text, const std::vector<int>& axes) {
  return parse_expression(text, find, {.axes = axes}).shape();
}

std::string message_of(const std::function<void()>& call) {
  try {
    call();
  } catch (const InvalidArgument& error) {
    return error.what();
  }
  return "";
}

TEST(ParseOptions, axes_go_to_outermost_reductions_that_name_none) {
  EXPECT_EQ(shape_of("mean(x)", {}), Shape{});
  EXPECT_EQ(shape_of("mean(x)", {0}), (Shape{7}));
  EXPECT_EQ(shape_of("mean(x)", {-1}), (Shape{5}));
  EXPECT_EQ(shape_of("mean(x)", {0, 1}), Shape{});
  EXPECT_EQ(shape_of("mean(x, axis=1) + mean(k)", {0}), (Shape{5}));
  EXPECT_EQ(shape_of("quantile(x, 0.5)", {0}), (Shape{7}));
  EXPECT_EQ(shape_of("nanpercentile(x, [5, 95])", {1}), (Shape{2, 5}));
  EXPECT_EQ(shape_of("mean(x, keepdims=true)", {0}), (Shape{1, 7}));
  EXPECT_EQ(shape_of("max(x) - min(x)", {0}), (Shape{7}));
  // of (5, 7) and (5,), the second one would not do
  EXPECT_EQ(shape_of("std(x - mean(x))", {1}), (Shape{5}));
  EXPECT_EQ(shape_of("std(x, where=x > mean(x))", {1}), (Shape{5}));
  EXPECT_EQ(shape_of("x - mean(x)", {0}), (Shape{5, 7}));
}

TEST(ParseOptions, axes_that_no_reduction_takes_are_an_error) {
  for (const char* text : {"x + 1", "dot(x, k)", "mean(x, axis=1)", "x, k"}) {
    const std::string message =
        message_of([&] { static_cast<void>(parse_expressions(text, find, {.axes = {0}})); });
    EXPECT_NE(message.find("the default axes have no use"), std::string::npos) << text;
  }
  EXPECT_EQ(parse_expressions("mean(x, axis=1), x, max(x)", find, {.axes = {0}}).size(), 3u);
}

TEST(ParseOptions, an_index_is_that_of_its_own_expression) {
  // also within brackets, beside a list of axes
  const auto parsed =
      parse_expressions("x * index(0), k + index(0), sum(x + index(1), axis=[0, 1])", find);
  ASSERT_EQ(parsed.size(), 3u);
  EXPECT_EQ(parsed[0].expression.shape(), (Shape{5, 7}));
  EXPECT_EQ(parsed[1].expression.shape(), (Shape{7}));
  EXPECT_NE(message_of([] {
              static_cast<void>(parse_expressions("x + 1, k + index(1)", find));
            }).find("axis 1 is out of bounds for an array of 1 dimension"),
            std::string::npos);
  EXPECT_NE(message_of([] {
              static_cast<void>(parse_expressions("x, index(0)", find));
            }).find("there is no operand whose index it could be"),
            std::string::npos);
}

TEST(ParseOptions, axes_count_for_each_expression_of_a_list) {
  const auto parsed = parse_expressions("sum(x),  max(x + mean(x)) ", find, {.axes = {0}});
  ASSERT_EQ(parsed.size(), 2u);
  EXPECT_EQ(parsed[1].text, "max(x + mean(x))");
  EXPECT_EQ(parsed[0].expression.shape(), (Shape{7}));
  EXPECT_EQ(parsed[1].expression.shape(), (Shape{7}));
}

TEST(ParseOptions, an_axis_that_is_not_there_has_its_place) {
  const std::string message = message_of([] { static_cast<void>(shape_of("1 + mean(k)", {1})); });
  EXPECT_NE(message.find("axis 1 is out of bounds"), std::string::npos) << message;
  EXPECT_NE(message.find("\n  1 + mean(k)\n      ^"), std::string::npos) << message;
}

TEST(ParseOptions, names_are_told_where_one_is_wrong) {
  const auto message = [](const char* text) {
    return message_of([text] {
      static_cast<void>(parse_expression(text, find, {.names = {"speed", "x"}}));
    });
  };
  EXPECT_EQ(
      message("x + sped"),
      "there is no 'sped'; did you mean 'speed'? The names are speed, x\n  x + sped\n      ^");
  EXPECT_EQ(message("x + w"), "there is no 'w'; the names are speed, x\n  x + w\n      ^");
}

TEST(ParseOptions, an_argument_is_given_once) {
  for (const char* text : {"sum(x, where=x > 0, where=x < 0)", "max(x, axis=0, axis=1)",
                           "std(x, ddof=1, ddof=0)", "quantile(x, 0.5, hazen, method=hazen)"})
    EXPECT_NE(message_of([text] {
                static_cast<void>(parse_expression(text, find));
              }).find("is given twice\n"),
              std::string::npos)
        << text;
}

TEST(ParseOptions, coordinates_are_asked_for) {
  std::string asked;
  const FindCoordinate find_coordinate = [&](std::string_view name, std::string_view axis) {
    asked += std::string(name) + "," + std::string(axis) + ";";
    if (axis == "none") throw InvalidArgument("no such axis");
    return Expr(2.0);
  };
  const auto parse = [&](const char* text) {
    return parse_expression(text, find, {.find_coordinate = find_coordinate});
  };
  EXPECT_EQ(parse("coord(x, lat) + coord(k, 'a b') * coord(x, -1)").to_text(), "6");
  EXPECT_EQ(asked, "x,lat;k,a b;x,-1;");
  // what stands for an axis is no operand of the expression
  EXPECT_EQ(parse("coord(x, m) + index(0)").shape(), parse("index(x, 0)").shape());
  EXPECT_EQ(message_of([&] { static_cast<void>(parse("x + coord(x, none)")); }),
            "no such axis\n  x + coord(x, none)\n               ^");
  for (const char* text : {"coord(x)", "coord(x, )", "coord(x, -lat)", "coord(x + 1, 0)",
                           "coord(3, 0)", "coord(x, 0, 1)", "coord(x, 1.5)", "coord(nobody, 0)"})
    EXPECT_THROW(static_cast<void>(parse(text)), InvalidArgument) << text;
  EXPECT_EQ(message_of([] { static_cast<void>(parse_expression("coord(x, 0)", find)); }),
            "there are no coordinates here\n  coord(x, 0)\n  ^");
}

TEST(UsedNames, in_their_order_before_shapes_are_known) {
  const std::vector<std::string> names{"b", "a", "pi", "unused"};
  // whatever the operands turn out to be: integers, arrays, of shapes that do not fit
  EXPECT_EQ(used_names("a << b, mean(a, axis=3), index(b, 2), pi", names),
            (std::vector<std::string>{"b", "a", "pi"}));
  EXPECT_EQ(used_names("mean(a, where=b > 0, weights=a)", names),
            (std::vector<std::string>{"b", "a"}));
  EXPECT_TRUE(used_names("2 * e", names).empty());
  EXPECT_EQ(used_names("coord(a, b)", names), (std::vector<std::string>{"a"}));
}

TEST(UsedNames, finds_what_is_wrong_with_a_text) {
  const std::vector<std::string> names{"a", "b"};
  for (const char* text :
       {"a +", "(a", "a b", "maen(a)", "a + c", "mean(a, axis=b)", "mean(a, axes=0)", "mean(a, 0)",
        "a, ", "where(a, b)", "a = b", "", "mean", "a $ b", "and", "round(a, 1, 2)"})
    EXPECT_THROW(static_cast<void>(used_names(text, names)), InvalidArgument) << text;
}

}  // namespace
}  // namespace serried::test
