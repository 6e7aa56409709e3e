// serial
// timeout: 300
// Random programs of instructions with exact results against the scalar oracle, element by element.
#include <algorithm>
#include <vector>

#include "backend/program_oracle.hpp"

namespace serried::test {
namespace {

class Draw {
 public:
  explicit Draw(std::uint64_t seed) : seed_(seed) {}
  std::uint64_t operator()(std::uint64_t most) { return philox_words(77, seed_, at_++)[0] % most; }

 private:
  std::uint64_t seed_;
  std::uint64_t at_ = 0;
};

bool is_exact(Op op, RegisterType type) {
  if (op == Op::power) return type < RegisterType::f32;
  if (op == Op::square_root) return type < RegisterType::c64;
  return (op < Op::cube_root || op > Op::log_gamma) && op != Op::hypot && op != Op::atan2 &&
         op != Op::phase && op != Op::magnitude;
}

// Signs and bits of NaN differ between a compiler's choices, so they are not looked at; a step that
// would tell them apart is left out after floating-point arithmetic.
bool tells_nan_apart(Op op) {
  return op == Op::copy_sign || op == Op::sign_bit;
}

RegisterType result_of(Op op, RegisterType type, Draw& draw) {
  switch (info(op).result) {
    case OpInfo::Result::truth:
      return RegisterType::b8;
    case OpInfo::Result::part:
      return type == RegisterType::c64 ? RegisterType::f32 : RegisterType::f64;
    case OpInfo::Result::whole:
      return type == RegisterType::f32 ? RegisterType::c64 : RegisterType::c128;
    case OpInfo::Result::same:
      return type;
    case OpInfo::Result::free:
      break;
  }
  const auto to = static_cast<RegisterType>(draw(register_types));
  const bool is_refused =
      type >= RegisterType::c64 && to < RegisterType::c64 && to != RegisterType::b8;
  return is_refused ? RegisterType::b8 : to;
}

// Registers are taken again at random, where the types agree.
Program random_program(std::uint64_t seed) {
  Draw draw(seed);
  ProgramBuilder b;
  for (int i = 0; i < 5; ++i) b.load(static_cast<DType>(draw(static_cast<int>(DType::c128) + 1)));
  b.load(DType::b8);
  b.load(DType::i32);
  for (int i = 0; i < 2; ++i)
    b.constant({.type = static_cast<RegisterType>(draw(6)),
                .integer = static_cast<std::int64_t>(draw(2)),
                .real = static_cast<double>(draw(100)) / 8});
  const auto any_of = [&](RegisterType type) {
    std::vector<std::uint16_t> found;
    for (std::size_t r = 0; r < b.program.registers.size(); ++r)
      if (b.program.registers[r] == type) found.push_back(static_cast<std::uint16_t>(r));
    return found.empty() ? -1 : static_cast<int>(found[draw(found.size())]);
  };
  const std::uint64_t steps = 3 + draw(40);
  while (b.program.code.size() < 9 + steps) {
    const auto op = static_cast<Op>(draw(ops));
    const OpInfo& row = info(op);
    const auto first = static_cast<std::uint16_t>(draw(b.program.registers.size()));
    const RegisterType type = b.program.registers[first];
    if (row.operands == 0 || (row.types >> static_cast<int>(type) & 1) == 0 ||
        !is_exact(op, type) || tells_nan_apart(op))
      continue;
    Instruction step{.op = op, .in = {first}};
    for (std::size_t k = 1; k < static_cast<std::size_t>(row.operands); ++k)
      step.in[k] = static_cast<std::uint16_t>(any_of(type));
    if (op == Op::select)
      step.in = {static_cast<std::uint16_t>(any_of(RegisterType::b8)), first, step.in[1]};
    if (op == Op::load_exponent) step.in[1] = static_cast<std::uint16_t>(any_of(RegisterType::i32));
    if (op == Op::wrap) {
      const DType narrow[] = {DType::i8, DType::u8, DType::i16, DType::u16};
      step.index = static_cast<std::uint32_t>(type == RegisterType::i64   ? DType::u32
                                              : type == RegisterType::i32 ? narrow[draw(4)]
                                                                          : DType::f16);
    }
    const RegisterType out = result_of(op, type, draw);
    const int old = draw(3) == 0 ? any_of(out) : -1;
    if (old >= 0) {
      step.out = static_cast<std::uint16_t>(old);
      b.program.code.push_back(step);
    } else {
      b.add(step, out);
    }
  }
  for (int i = 0; i < 3; ++i)
    b.output(
        static_cast<std::uint16_t>(b.program.registers.size() - 1 -
                                   draw(std::min<std::size_t>(8, b.program.registers.size()))));
  return b.program;
}

Scalar constant_of(const ProgramConstant& constant) {
  return visit_register(constant.type, [&](auto tag) {
    using T = typename decltype(tag)::type;
    if constexpr (std::is_integral_v<T>)
      return scalar(static_cast<T>(constant.integer));
    else if constexpr (std::is_floating_point_v<T>)
      return scalar(static_cast<T>(constant.real));
    else
      return scalar(T(static_cast<typename T::value_type>(constant.real), 0));
  });
}

// The value of a stored element in its register.
template <class T>
Scalar widened(const Column& stored, std::size_t i) {
  if constexpr (std::is_same_v<T, bool>)
    return truth(element<std::uint8_t>(stored, i) != 0);
  else if constexpr (std::is_same_v<T, Half>)
    return scalar(to_float(element<Half>(stored, i)));
  else if constexpr (std::is_same_v<T, std::uint32_t>)
    return scalar(static_cast<std::int64_t>(element<T>(stored, i)));
  else if constexpr (std::is_integral_v<T> && sizeof(T) < 4)
    return scalar(static_cast<std::int32_t>(element<T>(stored, i)));
  else
    return scalar(element<T>(stored, i));
}

Column stored_column(DType dtype, std::uint64_t stream, std::size_t rows) {
  if (dtype_of_register(register_type(dtype)) == dtype)
    return any_column(register_type(dtype), stream, rows);
  Column column(rows * size_of(dtype));
  for (std::size_t i = 0; i < column.size(); ++i)
    column[i] = static_cast<std::byte>(philox_words(3, stream, i)[0]);
  return column;
}

TEST(ProgramRandom, programs_give_what_the_oracle_gives) {
  int whole = 0;
  for (std::uint64_t seed = 0; seed < 1500; ++seed) {
    const Program program = random_program(seed);
    const std::size_t rows = 1 + seed * 37 % 1300;
    std::vector<Column> inputs;
    for (std::size_t i = 0; i < program.inputs.size(); ++i)
      inputs.push_back(stored_column(program.inputs[i], 100 * seed + i, rows));
    const Evaluated result = evaluate(program, inputs, static_cast<std::int64_t>(rows));
    std::int64_t failed = no_element;
    for (std::size_t i = 0; i < rows; ++i) {
      std::vector<Scalar> registers(program.registers.size());
      bool has_failed = false;
      for (const Instruction& step : program.code) {
        Scalar& out = registers[step.out];
        if (step.op == Op::load) {
          out = visit_numeric(program.inputs[step.index], [&](auto tag) {
            return widened<typename decltype(tag)::type>(inputs[step.index], i);
          });
        } else if (step.op == Op::constant) {
          out = constant_of(program.constants[step.index]);
        } else {
          const RegisterType type = program.registers[step.in[step.op == Op::select ? 1 : 0]];
          const auto value =
              Oracle::run(step, type, program.registers[step.out],
                          {registers[step.in[0]], registers[step.in[1]], registers[step.in[2]]});
          if (value) out = *value;
          has_failed = has_failed || !value;
        }
        if (has_failed) break;
      }
      if (has_failed) {
        if (failed == no_element) failed = static_cast<std::int64_t>(i);
        continue;
      }
      ++whole;
      for (std::size_t o = 0; o < program.outputs.size(); ++o) {
        const std::uint16_t from = program.outputs[o].from;
        const std::size_t bytes = size_of(program.registers[from]);
        Scalar value{};
        std::memcpy(value.data(), result.outputs[o].data() + i * bytes, bytes);
        ASSERT_TRUE(Oracle::is_same(program.registers[from], value, registers[from]))
            << to_text(program) << "seed " << seed << ", element " << i << ", output " << o;
      }
    }
    ASSERT_EQ(result.failed, failed) << to_text(program) << "seed " << seed;
  }
  EXPECT_GT(whole, 100'000);
}

}  // namespace
}  // namespace serried::test
