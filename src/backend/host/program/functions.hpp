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
/// Square roots, rounded right, and the functions that SLEEF has. Errors in units of the last
/// place, f32 and f64 alike where one is given: at most 1; erfc 1.5; hypot 0.75; erf 1.1 (f32);
/// sinh and cosh beyond 709, and log_gamma beyond 1e300, 1.25; gamma below -168 2.25. Near its
/// zeros below 0 the error of log_gamma is at most 4 epsilon of the type. Special values are those
/// of C.
[[nodiscard]] BlockFunction find_elementary(Op op, RegisterType type);
/// Arithmetic and parts of complex numbers.
[[nodiscard]] BlockFunction find_complex(Op op, RegisterType type);
/// Functions of complex numbers, with C's special values and branch cuts; c64 is computed as c128
/// and rounded. Errors of finite values in units of the last place of the modulus: c64 1 (2^-24);
/// c128 3 (square_root), 3.25 (exp), 2.5 (log), 4 (sin, cos, sinh, cosh, atan, atanh), 6 (asin,
/// acos, asinh, acosh), 8 (tan, tanh). Power: as NumPy by multiplications for whole exponents below
/// 100, else e^(b log a), whose error grows with |b log a|.
[[nodiscard]] BlockFunction find_complex_function(Op op, RegisterType type);

/// From one register type to another.
[[nodiscard]] BlockFunction find_convert(RegisterType from, RegisterType to);
/// To the range of a narrow dtype.
[[nodiscard]] BlockFunction find_wrap(RegisterType type, DType dtype);
/// From stored elements to registers, and back; null where both are the same bytes.
[[nodiscard]] BlockFunction find_widen(DType dtype);
[[nodiscard]] BlockFunction find_narrow(DType dtype);

/// The function of any instruction with operands; `type` is that of the first operand (of a select:
/// of the second).
[[nodiscard]] BlockFunction find_function(const Instruction& instruction, RegisterType type,
                                          RegisterType result);

}  // namespace serried::host::program
