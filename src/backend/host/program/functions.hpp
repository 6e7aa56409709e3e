#pragma once

#include "backend/host/program/block.hpp"
#include "serried/base/dtype.hpp"
#include "serried/base/program.hpp"

/// The functions of each group of instructions, one group a file, for the instruction level in use:
/// null where the group has none for that instruction and type of operand.
namespace serried::host::program {

/// Add, subtract, multiply, divide, negate, absolute, sign, minimum, maximum, fmin, fmax of real
/// numbers.
[[nodiscard]] BlockFunction find_arithmetic(Op op, RegisterType type);
/// Comparisons, select, bits, shifts, and what asks for the kind of a floating-point number.
[[nodiscard]] BlockFunction find_logic(Op op, RegisterType type);
/// Divisions with remainder, and powers of integers.
[[nodiscard]] BlockFunction find_division(Op op, RegisterType type);
/// Floor, ceil, round, truncate, copy_sign, next_after, load_exponent.
[[nodiscard]] BlockFunction find_rounding(Op op, RegisterType type);
/// Square roots and the functions that SLEEF has.
[[nodiscard]] BlockFunction find_elementary(Op op, RegisterType type);
/// Arithmetic and parts of complex numbers.
[[nodiscard]] BlockFunction find_complex(Op op, RegisterType type);
/// Functions of complex numbers.
[[nodiscard]] BlockFunction find_complex_function(Op op, RegisterType type);

/// From one register type to another.
[[nodiscard]] BlockFunction find_convert(RegisterType from, RegisterType to);
/// To the range of a narrow dtype.
[[nodiscard]] BlockFunction find_wrap(DType dtype);
/// From stored elements to registers, and back; null where both are the same bytes.
[[nodiscard]] BlockFunction find_widen(DType dtype);
[[nodiscard]] BlockFunction find_narrow(DType dtype);

/// The function of any instruction with operands; `type` is that of the first operand (of a select:
/// of the second).
[[nodiscard]] BlockFunction find_function(const Instruction& instruction, RegisterType type,
                                          RegisterType result);

}  // namespace serried::host::program
