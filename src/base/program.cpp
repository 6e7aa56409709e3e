#include "serried/base/program.hpp"

#include <cstdio>
#include <limits>

#include "serried/base/error.hpp"

namespace serried {
namespace {

constexpr std::uint8_t bit(RegisterType type) {
  return static_cast<std::uint8_t>(1u << static_cast<unsigned>(type));
}
constexpr std::uint8_t operator|(RegisterType a, RegisterType b) {
  return static_cast<std::uint8_t>(bit(a) | bit(b));
}

using enum RegisterType;
constexpr std::uint8_t none = 0;
constexpr std::uint8_t truths = bit(b8);
constexpr std::uint8_t integers = (i32 | i64) | bit(u64);
constexpr std::uint8_t floats = f32 | f64;
constexpr std::uint8_t complexes = c64 | c128;
constexpr std::uint8_t reals = integers | floats;
constexpr std::uint8_t numbers = reals | complexes;
constexpr std::uint8_t fields = floats | complexes;
constexpr std::uint8_t all = numbers | truths;
constexpr std::uint8_t bits = integers | truths;

constexpr auto same = OpInfo::Result::same;
constexpr auto truth = OpInfo::Result::truth;
constexpr auto part = OpInfo::Result::part;
constexpr auto whole = OpInfo::Result::whole;
constexpr auto free_type = OpInfo::Result::free;

struct Row {
  Op op;
  OpInfo info;
};

// The one list of instructions, in the order of Op.
constexpr std::array<Row, ops> table{{
    {Op::load, {"load", 0, none, free_type}},
    {Op::constant, {"constant", 0, none, free_type}},
    {Op::position, {"position", 0, none, free_type}},
    {Op::convert, {"convert", 1, all, free_type}},
    {Op::wrap, {"wrap", 1, (i32 | i64) | bit(f32) | bit(f64), same}},
    {Op::add, {"add", 2, numbers, same}},
    {Op::subtract, {"subtract", 2, numbers, same}},
    {Op::multiply, {"multiply", 2, numbers, same}},
    {Op::divide, {"divide", 2, fields, same}},
    {Op::negate, {"negate", 1, numbers, same}},
    {Op::absolute, {"absolute", 1, reals, same}},
    {Op::sign, {"sign", 1, reals, same}},
    {Op::floor_divide, {"floor_divide", 2, reals, same}},
    {Op::remainder, {"remainder", 2, reals, same}},
    {Op::fmod, {"fmod", 2, reals, same}},
    {Op::power, {"power", 2, numbers, same}},
    {Op::minimum, {"minimum", 2, reals, same}},
    {Op::maximum, {"maximum", 2, reals, same}},
    {Op::fmin, {"fmin", 2, floats, same}},
    {Op::fmax, {"fmax", 2, floats, same}},
    {Op::bit_and, {"bit_and", 2, bits, same}},
    {Op::bit_or, {"bit_or", 2, bits, same}},
    {Op::bit_xor, {"bit_xor", 2, bits, same}},
    {Op::bit_not, {"bit_not", 1, bits, same}},
    {Op::shift_left, {"shift_left", 2, integers, same}},
    {Op::shift_right, {"shift_right", 2, integers, same}},
    {Op::equal, {"equal", 2, all, truth}},
    {Op::not_equal, {"not_equal", 2, all, truth}},
    {Op::less, {"less", 2, reals | truths, truth}},
    {Op::less_equal, {"less_equal", 2, reals | truths, truth}},
    {Op::select, {"select", 3, all, same}},
    {Op::require, {"require", 1, truths, same}},
    {Op::square_root, {"square_root", 1, fields, same}},
    {Op::cube_root, {"cube_root", 1, floats, same}},
    {Op::exp, {"exp", 1, fields, same}},
    {Op::exp2, {"exp2", 1, floats, same}},
    {Op::expm1, {"expm1", 1, floats, same}},
    {Op::log, {"log", 1, fields, same}},
    {Op::log2, {"log2", 1, floats, same}},
    {Op::log10, {"log10", 1, floats, same}},
    {Op::log1p, {"log1p", 1, floats, same}},
    {Op::sin, {"sin", 1, fields, same}},
    {Op::cos, {"cos", 1, fields, same}},
    {Op::tan, {"tan", 1, fields, same}},
    {Op::asin, {"asin", 1, fields, same}},
    {Op::acos, {"acos", 1, fields, same}},
    {Op::atan, {"atan", 1, fields, same}},
    {Op::sinh, {"sinh", 1, fields, same}},
    {Op::cosh, {"cosh", 1, fields, same}},
    {Op::tanh, {"tanh", 1, fields, same}},
    {Op::asinh, {"asinh", 1, fields, same}},
    {Op::acosh, {"acosh", 1, fields, same}},
    {Op::atanh, {"atanh", 1, fields, same}},
    {Op::erf, {"erf", 1, floats, same}},
    {Op::erfc, {"erfc", 1, floats, same}},
    {Op::gamma, {"gamma", 1, floats, same}},
    {Op::log_gamma, {"log_gamma", 1, floats, same}},
    {Op::floor, {"floor", 1, floats, same}},
    {Op::ceil, {"ceil", 1, floats, same}},
    {Op::round, {"round", 1, floats, same}},
    {Op::truncate, {"truncate", 1, floats, same}},
    {Op::hypot, {"hypot", 2, floats, same}},
    {Op::atan2, {"atan2", 2, floats, same}},
    {Op::copy_sign, {"copy_sign", 2, floats, same}},
    {Op::next_after, {"next_after", 2, floats, same}},
    {Op::load_exponent, {"load_exponent", 2, floats, same}},
    {Op::is_nan, {"is_nan", 1, fields, truth}},
    {Op::is_infinite, {"is_infinite", 1, fields, truth}},
    {Op::is_finite, {"is_finite", 1, fields, truth}},
    {Op::sign_bit, {"sign_bit", 1, floats, truth}},
    {Op::real, {"real", 1, complexes, part}},
    {Op::imaginary, {"imaginary", 1, complexes, part}},
    {Op::conjugate, {"conjugate", 1, complexes, same}},
    {Op::phase, {"phase", 1, complexes, part}},
    {Op::magnitude, {"magnitude", 1, complexes, part}},
    {Op::make_complex, {"make_complex", 2, floats, whole}},
}};

constexpr bool is_in_order() {
  for (std::size_t i = 0; i < table.size(); ++i)
    if (table[i].op != static_cast<Op>(i)) return false;
  return true;
}
static_assert(is_in_order(), "a row of the table is missing or stands elsewhere than in Op");

constexpr std::array<DType, register_types> stored_types{
    DType::b8, DType::i32, DType::i64, DType::u64, DType::f32, DType::f64, DType::c64, DType::c128,
};

std::string_view name_of(RegisterType type) {
  return name(dtype_of_register(type));
}

bool is_complex_register(RegisterType type) {
  return (complexes & bit(type)) != 0;
}

RegisterType result_type(const OpInfo& op, RegisterType operand) {
  switch (op.result) {
    case truth:
      return b8;
    case part:
      return operand == c64 ? f32 : f64;
    case whole:
      return operand == f32 ? c64 : c128;
    case same:
    case free_type:
      break;
  }
  return operand;
}

// Checks one program; `at_` is the instruction that a breach is reported for.
class Checker {
 public:
  explicit Checker(const Program& program) : program_(program) {}

  void run() {
    constexpr std::size_t most = 65'535;
    if (program_.registers.size() > most || program_.constants.size() > most)
      throw InvalidArgument("a program has at most 65 535 registers and 65 535 constants, not " +
                            std::to_string(program_.registers.size()) + " and " +
                            std::to_string(program_.constants.size()));
    for (std::size_t i = 0; i < program_.registers.size(); ++i)
      if (static_cast<int>(program_.registers[i]) >= register_types)
        throw InvalidArgument("register " + std::to_string(i) + " has no type");
    for (const DType dtype : program_.inputs) static_cast<void>(register_type(dtype));
    is_written_.assign(program_.registers.size(), false);
    for (at_ = 0; at_ < program_.code.size(); ++at_) check_instruction(program_.code[at_]);
    for (std::size_t i = 0; i < program_.outputs.size(); ++i) check_output(i);
  }

 private:
  void check_instruction(const Instruction& step) {
    if (static_cast<int>(step.op) >= ops) fail("no such instruction");
    const OpInfo& op = info(step.op);
    if (step.out >= program_.registers.size()) fail("its result has no register");
    const RegisterType out = program_.registers[step.out];
    for (int i = 0; i < op.operands; ++i) check_operand(step, i);
    if (op.operands == 0)
      check_leaf(step, out);
    else
      check_types(step, op, out);
    is_written_[step.out] = true;
  }

  void check_operand(const Instruction& step, int i) {
    const std::uint16_t from = step.in[static_cast<std::size_t>(i)];
    if (from >= program_.registers.size() || !is_written_[from])
      fail("operand " + std::to_string(i) + ", register " + std::to_string(from) +
           ", has not been written");
  }

  void check_leaf(const Instruction& step, RegisterType out) {
    if (step.op == Op::load) {
      if (step.index >= program_.inputs.size())
        fail("there is no input " + std::to_string(step.index));
      expect(out, register_type(program_.inputs[step.index]));
    } else if (step.op == Op::constant) {
      if (step.index >= program_.constants.size())
        fail("there is no constant " + std::to_string(step.index));
      const ProgramConstant& constant = program_.constants[step.index];
      expect(out, constant.type);
      const bool is_short = constant.integer == static_cast<std::int32_t>(constant.integer);
      if ((out == i32 && !is_short) || (out == b8 && (constant.integer & ~std::int64_t{1}) != 0))
        fail("constant " + std::to_string(constant.integer) + " is no " +
             std::string(name_of(out)));
    } else {
      if (step.index >= 8) fail("there is no axis " + std::to_string(step.index));
      expect(out, i64);
    }
  }

  void check_types(const Instruction& step, const OpInfo& op, RegisterType out) {
    const auto type_of = [&](std::size_t i) { return program_.registers[step.in[i]]; };
    std::size_t first = 0;
    if (step.op == Op::select) {
      if (type_of(0) != b8) fail("its first operand is " + std::string(name_of(type_of(0))));
      first = 1;
    }
    const RegisterType operand = type_of(first);
    if ((op.types & bit(operand)) == 0) fail("it does not take " + std::string(name_of(operand)));
    if (step.op == Op::load_exponent) {
      if (type_of(1) != i32) fail("its exponent is " + std::string(name_of(type_of(1))));
    } else {
      for (std::size_t i = first + 1; i < static_cast<std::size_t>(op.operands); ++i)
        if (type_of(i) != operand)
          fail("its operands are " + std::string(name_of(operand)) + " and " +
               std::string(name_of(type_of(i))));
    }
    if (step.op == Op::convert) {
      if (is_complex_register(operand) && !is_complex_register(out) && out != b8)
        fail("complex numbers are not converted to " + std::string(name_of(out)));
      return;
    }
    if (step.op == Op::wrap) check_wrap(step, operand);
    expect(out, result_type(op, operand));
  }

  void check_wrap(const Instruction& step, RegisterType operand) {
    const auto to = static_cast<DType>(step.index);
    const bool is_half = to == DType::f16 && operand == f64;
    const bool is_narrow = step.index <= static_cast<std::uint32_t>(DType::c128) &&
                           dtype_of_register(operand) != to &&
                           (register_type(to) == operand || is_half);
    if (!is_narrow)
      fail("it does not bring " + std::string(name_of(operand)) + " to the range of dtype " +
           std::to_string(step.index));
  }

  void check_output(std::size_t i) {
    const ProgramOutput& output = program_.outputs[i];
    const std::string what = "output " + std::to_string(i) + " of a program: ";
    if (output.from >= program_.registers.size() || !is_written_[output.from])
      throw InvalidArgument(what + "register " + std::to_string(output.from) +
                            " has not been written");
    if (register_type(output.dtype) != program_.registers[output.from])
      throw InvalidArgument(what + "a register of type " +
                            std::string(name_of(program_.registers[output.from])) +
                            " is not stored as " + std::string(name(output.dtype)));
  }

  void expect(RegisterType out, RegisterType wanted) const {
    if (out != wanted)
      fail("its result is " + std::string(name_of(wanted)) + ", not " + std::string(name_of(out)));
  }

  [[noreturn]] void fail(const std::string& why) const {
    const Op op = program_.code[at_].op;
    throw InvalidArgument(
        "instruction " + std::to_string(at_) + " of a program" +
        (static_cast<int>(op) < ops ? ", " + std::string(info(op).name) : std::string()) + ": " +
        why);
  }

  const Program& program_;
  std::size_t at_ = 0;
  std::vector<bool> is_written_;
};

std::string number_text(double value) {
  char text[32];
  std::snprintf(text, sizeof text, "%.17g", value);
  return text;
}

std::string text_of(const ProgramConstant& constant) {
  switch (constant.type) {
    case b8:
    case i32:
    case i64:
      return std::to_string(constant.integer);
    case u64:
      return std::to_string(static_cast<std::uint64_t>(constant.integer));
    case f32:
    case f64:
      return number_text(constant.real);
    case c64:
    case c128:
      break;
  }
  return "(" + number_text(constant.real) + ", " + number_text(constant.imaginary) + ")";
}

}  // namespace

RegisterType register_type(DType dtype) {
  switch (dtype) {
    case DType::b8:
      return b8;
    case DType::i8:
    case DType::u8:
    case DType::i16:
    case DType::u16:
    case DType::i32:
      return i32;
    case DType::u32:
    case DType::i64:
      return i64;
    case DType::u64:
      return u64;
    case DType::f16:
    case DType::f32:
      return f32;
    case DType::f64:
      return f64;
    case DType::c64:
      return c64;
    case DType::c128:
      return c128;
    case DType::string:
    case DType::categorical:
    case DType::timestamp:
      break;
  }
  throw InvalidArgument("programs compute with numbers, not with " + std::string(name(dtype)));
}

DType dtype_of_register(RegisterType type) noexcept {
  return stored_types[static_cast<std::size_t>(type)];
}

std::size_t size_of(RegisterType type) noexcept {
  return size_of(dtype_of_register(type));
}

const OpInfo& info(Op op) noexcept {
  return table[static_cast<std::size_t>(op)].info;
}

void check(const Program& program) {
  Checker(program).run();
}

std::string to_text(const Program& program) {
  std::string text;
  for (const Instruction& step : program.code) {
    const OpInfo& op = info(step.op);
    text += "r" + std::to_string(step.out) + ":";
    text += name_of(program.registers[step.out]);
    text += " = ";
    text += op.name;
    if (step.op == Op::constant)
      text += " " + text_of(program.constants[step.index]);
    else if (step.op == Op::load)
      text += " input " + std::to_string(step.index);
    else if (step.op == Op::position)
      text += " axis " + std::to_string(step.index);
    for (std::size_t i = 0; i < static_cast<std::size_t>(op.operands); ++i)
      text += " r" + std::to_string(step.in[i]);
    if (step.op == Op::wrap) {
      text += " to ";
      text += name(static_cast<DType>(step.index));
    }
    text += '\n';
  }
  for (std::size_t i = 0; i < program.outputs.size(); ++i) {
    text += "output " + std::to_string(i) + ":";
    text += name(program.outputs[i].dtype);
    text += " = r" + std::to_string(program.outputs[i].from) + '\n';
  }
  return text;
}

}  // namespace serried
