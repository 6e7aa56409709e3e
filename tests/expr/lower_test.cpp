// serial
#include "expr/lower.hpp"

#include <algorithm>

#include "expr/expr_support.hpp"

namespace serried::test {
namespace {

using detail::Lowering;

const Expr x = zeros("x", DType::f64, {8});
const Expr y = zeros("y", DType::f64, {8});

Program lowered(const std::vector<Expr>& expressions) {
  Lowering lowering(Shape{8}, -1);
  for (const Expr& expression : expressions)
    static_cast<void>(lowering.add_output(expression.node()));
  Program program = lowering.take_program();
  check(program);
  return program;
}

std::int64_t count(const Program& program, Op op) {
  return std::count_if(program.code.begin(), program.code.end(),
                       [&](const Instruction& instruction) { return instruction.op == op; });
}

TEST(Lower, common_parts_once) {
  EXPECT_EQ(count(lowered({sqrt(x) + sqrt(x)}), Op::square_root), 1);
  const Program program = lowered({sqrt(x * y) + 1, exp(sqrt(x * y)), x * y});
  EXPECT_EQ(count(program, Op::square_root), 1);
  EXPECT_EQ(count(program, Op::multiply), 1);
  EXPECT_EQ(count(program, Op::load), 2);
  // another operand of the same name
  const Expr other = zeros("x", DType::f64, {8});
  EXPECT_EQ(count(lowered({sqrt(x) + sqrt(other)}), Op::square_root), 2);
  EXPECT_EQ(count(lowered({x + 2.0, x * 2.0}), Op::constant), 1);
  // -0 is another constant than 0
  EXPECT_EQ(count(lowered({x + 0.0, x * -0.0}), Op::constant), 2);
}

TEST(Lower, outputs_that_are_the_same) {
  Lowering lowering(Shape{8}, -1);
  const int first = lowering.add_output((x + y).node()).value;
  EXPECT_EQ(lowering.add_output((x + y).node()).value, first);
  EXPECT_NE(lowering.add_output((x - y).node()).value, first);
}

TEST(Lower, registers_are_used_again) {
  Expr sum = x;
  for (int i = 0; i < 200; ++i) sum = sqrt(sum + y);
  const Program program = lowered({sum});
  EXPECT_EQ(count(program, Op::square_root), 200);
  // two loads and what is in work
  EXPECT_LE(program.registers.size(), 5u);
  // what is needed at the end stays
  std::vector<Expr> all;
  for (int i = 0; i < 20; ++i) all.push_back(sqrt(x + static_cast<double>(i)));
  const Program kept = lowered(all);
  std::vector<std::uint16_t> from;
  for (const ProgramOutput& output : kept.outputs) from.push_back(output.from);
  std::sort(from.begin(), from.end());
  EXPECT_EQ(std::unique(from.begin(), from.end()), from.end());
}

TEST(Lower, constants_are_folded) {
  const Program program = lowered({x * (Expr(2.0) * 3 + sqrt(Expr(16.0)))});
  EXPECT_EQ(count(program, Op::constant), 1);
  EXPECT_EQ(count(program, Op::square_root), 0);
  EXPECT_EQ(program.constants.front().real, 2.0 * 3 + 4);
}

TEST(Lower, narrow_dtypes_wrap) {
  const Expr narrow = zeros("n", DType::i8, {8});
  EXPECT_EQ(count(lowered({narrow + narrow}), Op::wrap), 1);
  EXPECT_EQ(count(lowered({minimum(narrow, narrow + 1)}), Op::wrap), 1);
  EXPECT_EQ(count(lowered({narrow & narrow}), Op::wrap), 0);
  EXPECT_EQ(count(lowered({x + y}), Op::wrap), 0);
}

TEST(Lower, text_of_a_program) {
  const std::string text = to_text(lowered({sqrt(x) + sqrt(x)}));
  const std::string name(info(Op::square_root).name);
  const std::size_t at = text.find(name);
  ASSERT_NE(at, std::string::npos);
  EXPECT_EQ(text.find(name, at + 1), std::string::npos) << text;
}

TEST(Lower, long_expressions) {
  Expr sum = x;
  for (int i = 0; i < 20000; ++i) sum = sum + y;
  EXPECT_EQ(count(lowered({sum}), Op::add), 20000);
  for (int i = 0; i < 50000; ++i) sum = sum + y;
  EXPECT_NE(refusal([&] { return lowered({sum}).code.size(); }).find("too long"),
            std::string::npos);
}

}  // namespace
}  // namespace serried::test
