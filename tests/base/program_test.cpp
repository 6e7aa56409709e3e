// serial
// What makes a program, the table of instructions, and programs as text.
#include "serried/base/program.hpp"

#include <functional>
#include <set>

#include "gtest/gtest.h"
#include "serried/base/error.hpp"

namespace serried {
namespace {

using enum RegisterType;

Program sum_program() {
  Program program;
  program.inputs = {DType::f64, DType::i16};
  program.constants = {{.type = f64, .real = 0.5}, {.type = i32, .integer = -3}};
  program.registers = {f64, i32, f64, f64, b8, f64, i64};
  program.code = {{.op = Op::load, .out = 0, .index = 0},
                  {.op = Op::load, .out = 1, .index = 1},
                  {.op = Op::convert, .out = 2, .in = {1}},
                  {.op = Op::constant, .out = 3, .index = 0},
                  {.op = Op::add, .out = 2, .in = {2, 3}},
                  {.op = Op::less, .out = 4, .in = {0, 2}},
                  {.op = Op::select, .out = 5, .in = {4, 0, 2}},
                  {.op = Op::position, .out = 6, .index = 0},
                  {.op = Op::wrap, .out = 1, .in = {1}, .index = static_cast<int>(DType::i16)}};
  program.outputs = {{5, DType::f64}, {1, DType::i16}};
  return program;
}

TEST(Program, check_accepts_what_is_well_formed) {
  EXPECT_NO_THROW(check(sum_program()));
  EXPECT_NO_THROW(check(Program{}));
}

TEST(Program, check_refuses_what_is_not) {
  const std::pair<const char*, std::function<void(Program&)>> breaches[] = {
      {"input 2", [](Program& p) { p.code[0].index = 2; }},
      {"constant 2", [](Program& p) { p.code[3].index = 2; }},
      {"register 9", [](Program& p) { p.code[4].in[0] = 9; }},
      {"has no register", [](Program& p) { p.code[4].out = 7; }},
      {"not been written", [](Program& p) { p.code[2].in[0] = 5; }},
      {"f64, not i32", [](Program& p) { p.code[0].out = 1; }},
      {"f64 and i32", [](Program& p) { p.code[4].in[1] = 1; }},
      {"first operand", [](Program& p) { p.code[6].in[0] = 0; }},
      {"b8, not f64", [](Program& p) { p.registers[4] = f64; }},
      {"axis 8", [](Program& p) { p.code[7].index = 8; }},
      {"range of dtype", [](Program& p) { p.code[8].index = static_cast<int>(DType::i32); }},
      {"range of dtype", [](Program& p) { p.code[8].index = 77; }},
      {"range of dtype", [](Program& p) { p.code[8].index = static_cast<int>(DType::u32); }},
      {"string", [](Program& p) { p.inputs[0] = DType::string; }},
      {"no such instruction", [](Program& p) { p.code[4].op = static_cast<Op>(ops); }},
      {"does not take b8", [](Program& p) { p.code[8] = {.op = Op::sin, .out = 4, .in = {4}}; }},
      {"stored as f32", [](Program& p) { p.outputs[0].dtype = DType::f32; }},
      {"register 7", [](Program& p) { p.outputs[0].from = 7; }},
      {"is no i32",
       [](Program& p) {
         p.constants[1].integer = std::int64_t{1} << 40;
         p.code[8] = {.op = Op::constant, .out = 1, .index = 1};
       }},
      {"not converted to f64",
       [](Program& p) {
         p.registers[6] = c128;
         p.inputs[1] = DType::c128;
         p.code[7] = {.op = Op::load, .out = 6, .index = 1};
         p.code[1] = {.op = Op::constant, .out = 1, .index = 1};
         p.code[8] = {.op = Op::convert, .out = 0, .in = {6}};
       }},
      {"has no type", [](Program& p) { p.registers[6] = static_cast<RegisterType>(8); }},
      {"65 535", [](Program& p) { p.registers.resize(65'536, f64); }},
  };
  int at = 0;
  for (const auto& [text, change] : breaches) {
    Program program = sum_program();
    change(program);
    try {
      check(program);
      ADD_FAILURE() << "accepted: breach " << at << ", " << text;
    } catch (const InvalidArgument& error) {
      EXPECT_NE(std::string(error.what()).find(text), std::string::npos) << error.what();
    }
    ++at;
  }
}

TEST(Program, text_has_a_line_for_each_instruction) {
  EXPECT_EQ(to_text(sum_program()),
            "r0:f64 = load input 0\n"
            "r1:i32 = load input 1\n"
            "r2:f64 = convert r1\n"
            "r3:f64 = constant 0.5\n"
            "r2:f64 = add r2 r3\n"
            "r4:b8 = less r0 r2\n"
            "r5:f64 = select r4 r0 r2\n"
            "r6:i64 = position axis 0\n"
            "r1:i32 = wrap r1 to i16\n"
            "output 0:f64 = r5\n"
            "output 1:i16 = r1\n");
}

TEST(Program, instructions_have_names_of_their_own) {
  std::set<std::string_view> names;
  for (int i = 0; i < ops; ++i) names.insert(info(static_cast<Op>(i)).name);
  EXPECT_EQ(names.size(), static_cast<std::size_t>(ops));
  EXPECT_EQ(info(Op::select).operands, 3);
  EXPECT_EQ(info(Op::magnitude).result, OpInfo::Result::part);
}

TEST(Program, registers_hold_stored_types_without_loss) {
  for (int i = 0; i <= static_cast<int>(DType::c128); ++i) {
    const auto dtype = static_cast<DType>(i);
    EXPECT_GE(size_of(register_type(dtype)), size_of(dtype));
  }
  for (int i = 0; i < register_types; ++i) {
    const auto type = static_cast<RegisterType>(i);
    EXPECT_EQ(register_type(dtype_of_register(type)), type);
    EXPECT_EQ(size_of(type), size_of(dtype_of_register(type)));
  }
  EXPECT_EQ(register_type(DType::u32), i64);
  EXPECT_THROW((void)register_type(DType::timestamp), InvalidArgument);
}

}  // namespace
}  // namespace serried
