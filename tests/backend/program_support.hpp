#pragma once

#include <bit>
#include <complex>
#include <cstdint>
#include <cstring>
#include <limits>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "backend/targets.hpp"
#include "gtest/gtest.h"
#include "serried/base/philox.hpp"
#include "serried/device/backend.hpp"
#include "serried/device/program_kernels.hpp"

namespace serried::test {

/// The C++ type of a register; a truth value is a byte.
template <RegisterType kType>
struct RegisterOf;
template <>
struct RegisterOf<RegisterType::b8> {
  using type = std::uint8_t;
};
template <>
struct RegisterOf<RegisterType::i32> {
  using type = std::int32_t;
};
template <>
struct RegisterOf<RegisterType::i64> {
  using type = std::int64_t;
};
template <>
struct RegisterOf<RegisterType::u64> {
  using type = std::uint64_t;
};
template <>
struct RegisterOf<RegisterType::f32> {
  using type = float;
};
template <>
struct RegisterOf<RegisterType::f64> {
  using type = double;
};
template <>
struct RegisterOf<RegisterType::c64> {
  using type = std::complex<float>;
};
template <>
struct RegisterOf<RegisterType::c128> {
  using type = std::complex<double>;
};

template <class T>
inline constexpr RegisterType register_of =
    std::is_same_v<T, std::uint8_t>
        ? RegisterType::b8
        : register_type(dtype_of<std::conditional_t<std::is_same_v<T, std::uint8_t>, int, T>>);

/// Calls f(TypeTag<T>{}) with the C++ type of a register.
template <class F>
decltype(auto) visit_register(RegisterType type, F&& f) {
  switch (type) {
    case RegisterType::b8:
      return f(TypeTag<std::uint8_t>{});
    case RegisterType::i32:
      return f(TypeTag<std::int32_t>{});
    case RegisterType::i64:
      return f(TypeTag<std::int64_t>{});
    case RegisterType::u64:
      return f(TypeTag<std::uint64_t>{});
    case RegisterType::f32:
      return f(TypeTag<float>{});
    case RegisterType::f64:
      return f(TypeTag<double>{});
    case RegisterType::c64:
      return f(TypeTag<std::complex<float>>{});
    case RegisterType::c128:
      break;
  }
  return f(TypeTag<std::complex<double>>{});
}

/// Bytes that are elements of any type, one after another.
using Column = std::vector<std::byte>;

template <class T>
Column column(const std::vector<T>& values) {
  Column bytes(values.size() * sizeof(T));
  if (!bytes.empty()) std::memcpy(bytes.data(), values.data(), bytes.size());
  return bytes;
}
template <class T>
T element(const Column& bytes, std::size_t i) {
  T value;
  std::memcpy(&value, bytes.data() + i * sizeof(T), sizeof(T));
  return value;
}

/// A program that is built an instruction at a time, each into a register of its own.
class ProgramBuilder {
 public:
  std::uint16_t load(DType dtype) {
    program.inputs.push_back(dtype);
    return add({.op = Op::load, .index = static_cast<std::uint32_t>(program.inputs.size() - 1)},
               register_type(dtype));
  }
  std::uint16_t constant(const ProgramConstant& value) {
    program.constants.push_back(value);
    return add(
        {.op = Op::constant, .index = static_cast<std::uint32_t>(program.constants.size() - 1)},
        value.type);
  }
  std::uint16_t add(Instruction instruction, RegisterType type) {
    instruction.out = static_cast<std::uint16_t>(program.registers.size());
    program.registers.push_back(type);
    program.code.push_back(instruction);
    return instruction.out;
  }
  void output(std::uint16_t from, DType dtype) { program.outputs.push_back({from, dtype}); }
  void output(std::uint16_t from) { output(from, dtype_of_register(program.registers[from])); }

  Program program;
};

struct Evaluated {
  std::vector<Column> outputs;
  std::int64_t failed = no_element;
};

inline std::shared_ptr<const CompiledProgram> compile(const Program& program) {
  return make_host_backend(1)->kernels<ProgramKernels>(DType::f64).compile(program);
}

/// Evaluates the elements [begin, end) of columns that are contiguous.
inline Evaluated evaluate(const CompiledProgram& compiled, const std::vector<Column>& inputs,
                          std::int64_t rows, std::int64_t begin, std::int64_t end) {
  const Program& program = compiled.program();
  std::vector<ProgramSource> sources;
  for (std::size_t i = 0; i < inputs.size(); ++i)
    sources.push_back({inputs[i].data(), {static_cast<std::int64_t>(size_of(program.inputs[i]))}});
  Evaluated result;
  std::vector<std::byte*> outputs;
  for (const ProgramOutput& output : program.outputs)
    result.outputs.emplace_back(static_cast<std::size_t>(end - begin) * size_of(output.dtype));
  for (Column& output : result.outputs) outputs.push_back(output.data());
  result.failed = compiled.evaluate({.shape = {rows}}, sources, begin, end, outputs);
  return result;
}
inline Evaluated evaluate(const Program& program, const std::vector<Column>& inputs,
                          std::int64_t rows) {
  return evaluate(*compile(program), inputs, rows, 0, rows);
}

/// A program of one instruction whose operands are loaded.
inline Program one_instruction(Op op, const std::vector<RegisterType>& operands,
                               RegisterType result, std::uint32_t index = 0) {
  ProgramBuilder builder;
  Instruction instruction{.op = op, .index = index};
  for (std::size_t i = 0; i < operands.size(); ++i)
    instruction.in[i] = builder.load(dtype_of_register(operands[i]));
  builder.output(builder.add(instruction, result));
  return builder.program;
}

/// Numbers of all kinds: special ones, small whole ones, ordinary ones, and random bits.
template <class T>
T any_number(std::uint64_t stream, std::uint64_t index) {
  const auto words = philox_words(11, stream, index);
  const std::uint64_t word = words[0];
  const std::uint64_t kind = words[1] % 8;
  if constexpr (std::is_same_v<T, std::uint8_t>) {
    return word % 2;
  } else if constexpr (std::is_integral_v<T>) {
    using Limits = std::numeric_limits<T>;
    const T special[] = {0, 1, 2, 3, 31, 63, 64, static_cast<T>(-1), Limits::min(), Limits::max()};
    if (kind == 0) return special[word % std::size(special)];
    if (kind < 4) return static_cast<T>(static_cast<std::int64_t>(word % 201) - 100);
    return static_cast<T>(word >> (words[1] / 8 % 60));
  } else if constexpr (std::is_floating_point_v<T>) {
    using Limits = std::numeric_limits<T>;
    using Word = std::conditional_t<sizeof(T) == 8, std::uint64_t, std::uint32_t>;
    const T special[] = {T(0),
                         T(1),
                         T(0.5),
                         T(2),
                         Limits::min(),
                         Limits::denorm_min(),
                         Limits::max(),
                         Limits::infinity(),
                         Limits::quiet_NaN(),
                         Limits::epsilon(),
                         T(2147483648),
                         T(9223372036854775808.0),
                         T(18446744073709551616.0),
                         std::bit_cast<T>(static_cast<Word>(
                             (sizeof(T) == 8 ? 0x7ff0000000000000ull : 0x7f800000ull) + 12345))};
    const T sign = words[1] / 8 % 2 == 0 ? T(1) : T(-1);
    if (kind == 0) return std::copysign(special[word % std::size(special)], sign);
    if (kind == 1) return sign * static_cast<T>(word % 100);
    if (kind < 4) return sign * static_cast<T>(to_unit_interval(word) * 20);
    if (kind == 4) return sign * static_cast<T>(static_cast<double>(word % 41) / 2);
    return std::bit_cast<T>(static_cast<Word>(word));
  } else {
    using Part = typename T::value_type;
    return {any_number<Part>(stream, 2 * index), any_number<Part>(stream, 2 * index + 1)};
  }
}

template <class T>
std::vector<T> any_numbers(std::uint64_t stream, std::size_t count) {
  std::vector<T> values(count);
  for (std::size_t i = 0; i < count; ++i) values[i] = any_number<T>(stream, i);
  return values;
}
inline Column any_column(RegisterType type, std::uint64_t stream, std::size_t count) {
  return visit_register(type, [&](auto tag) {
    return column(any_numbers<typename decltype(tag)::type>(stream, count));
  });
}

}  // namespace serried::test
