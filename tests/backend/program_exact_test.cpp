// serial
// timeout: 300
// Every instruction: those with exact results against a scalar loop, and all for the same bits at
// each instruction level.
#include <string>
#include <vector>

#include "backend/program_oracle.hpp"

namespace serried::test {
namespace {

constexpr std::size_t rows = 20'011;  // no whole number of blocks, nor of vectors

// Each instruction with each type that it takes; convert with each result too.
template <class F>
void for_each_instruction(F f) {
  for (int o = 0; o < ops; ++o) {
    const auto op = static_cast<Op>(o);
    const OpInfo& row = info(op);
    if (row.operands == 0) continue;
    for (int t = 0; t < register_types; ++t) {
      if ((row.types >> t & 1) == 0) continue;
      const auto type = static_cast<RegisterType>(t);
      std::vector<RegisterType> operands(static_cast<std::size_t>(row.operands), type);
      if (op == Op::select) operands[0] = RegisterType::b8;
      if (op == Op::load_exponent) operands[1] = RegisterType::i32;
      if (op == Op::convert) {
        for (int r = 0; r < register_types; ++r) {
          const auto to = static_cast<RegisterType>(r);
          const bool is_refused =
              type >= RegisterType::c64 && to < RegisterType::c64 && to != RegisterType::b8;
          if (!is_refused) f(one_instruction(op, operands, to));
        }
      } else if (op == Op::wrap) {
        for (const DType to :
             {DType::i8, DType::u8, DType::i16, DType::u16, DType::u32, DType::f16})
          if (register_type(to) == type || (to == DType::f16 && type == RegisterType::f64))
            f(one_instruction(op, operands, type, static_cast<std::uint32_t>(to)));
      } else {
        RegisterType result = type;
        if (row.result == OpInfo::Result::truth) result = RegisterType::b8;
        if (row.result == OpInfo::Result::part)
          result = type == RegisterType::c64 ? RegisterType::f32 : RegisterType::f64;
        if (row.result == OpInfo::Result::whole)
          result = type == RegisterType::f32 ? RegisterType::c64 : RegisterType::c128;
        f(one_instruction(op, operands, result));
      }
    }
  }
}

std::vector<Column> operands_of(const Program& program) {
  std::vector<Column> inputs;
  for (std::size_t i = 0; i < program.inputs.size(); ++i)
    inputs.push_back(any_column(program.registers[i], 20 + i, rows));
  return inputs;
}

bool is_exact(Op op, RegisterType type) {
  const bool is_complex_type = type >= RegisterType::c64;
  const bool is_integer_type = type < RegisterType::f32;
  if (op == Op::power) return is_integer_type;
  if (op == Op::square_root) return !is_complex_type;
  if (op >= Op::cube_root && op <= Op::log_gamma) return false;
  return op != Op::hypot && op != Op::atan2 && op != Op::phase && op != Op::magnitude;
}

TEST(ProgramInstructions, give_what_a_scalar_loop_gives) {
  int instructions = 0;
  for_each_instruction([&](const Program& program) {
    const Instruction& step = program.code.back();
    const RegisterType type = program.registers[step.in[step.op == Op::select ? 1 : 0]];
    const RegisterType out = program.registers[step.out];
    if (!is_exact(step.op, type)) return;
    ++instructions;
    const std::vector<Column> inputs = operands_of(program);
    const Evaluated result = evaluate(program, inputs, rows);
    std::int64_t failed = no_element;
    int shown = 0;
    for (std::size_t i = 0; i < rows; ++i) {
      std::array<Scalar, 3> in{};
      for (std::size_t k = 0; k < inputs.size(); ++k)
        std::memcpy(in[k].data(), inputs[k].data() + i * size_of(program.inputs[k]),
                    size_of(program.inputs[k]));
      const auto wanted = Oracle::run(step, type, out, in);
      if (!wanted) {
        if (failed == no_element) failed = static_cast<std::int64_t>(i);
        continue;
      }
      Scalar value{};
      std::memcpy(value.data(), result.outputs[0].data() + i * size_of(out), size_of(out));
      if (!Oracle::is_same(out, value, *wanted) && ++shown <= 3) {
        ADD_FAILURE() << to_text(program) << "element " << i;
        visit_register(type, [&](auto tag) {
          using T = typename decltype(tag)::type;
          ADD_FAILURE() << +value_of<T>(in[0]) << ' ' << +value_of<T>(in[1]);
        });
        visit_register(out, [&](auto tag) {
          using T = typename decltype(tag)::type;
          ADD_FAILURE() << +value_of<T>(value) << ", not " << +value_of<T>(*wanted);
        });
      }
    }
    EXPECT_EQ(result.failed, failed) << to_text(program);
  });
  EXPECT_GT(instructions, 200);
}

TEST(ProgramInstructions, give_the_same_bits_at_each_instruction_level) {
  const auto levels = available_targets();
  if (levels.size() < 2) GTEST_SKIP() << "this CPU has no AVX-512";
  for_each_instruction([&](const Program& program) {
    const std::vector<Column> inputs = operands_of(program);
    std::vector<Evaluated> results;
    for (const auto& level : levels) {
      const TargetScope scope(level);
      results.push_back(evaluate(program, inputs, rows));
    }
    EXPECT_EQ(results[0].failed, results[1].failed) << to_text(program);
    if (results[0].outputs[0] == results[1].outputs[0]) return;
    const std::size_t bytes = size_of(program.outputs[0].dtype);
    for (std::size_t i = 0; i < rows; ++i)
      if (std::memcmp(&results[0].outputs[0][i * bytes], &results[1].outputs[0][i * bytes],
                      bytes) != 0) {
        ADD_FAILURE() << to_text(program) << "element " << i;
        return;
      }
  });
}

}  // namespace
}  // namespace serried::test
