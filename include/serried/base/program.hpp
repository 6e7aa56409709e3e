#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "serried/base/api.hpp"
#include "serried/base/dtype.hpp"

/// A flat, typed register program: what an expression is lowered to, and what a backend evaluates
/// without knowing expressions. A register holds one value for each element; an instruction makes
/// one register of others; the program is a list of instructions without branches.
namespace SERRIED_API serried {

/// What a register holds: what is computed with. Narrow storage types live in wider registers (i8,
/// i16, u8, u16 in i32; u32 in i64; f16 in f32) and are brought back into their range by the wrap
/// instructions after each step, so that they behave as their own type.
enum class RegisterType : std::uint8_t { b8, i32, i64, u64, f32, f64, c64, c128 };
inline constexpr int register_types = 8;

/// The register type that a stored dtype is widened to.
/// Local. @throws InvalidArgument for string, categorical and timestamp.
[[nodiscard]] RegisterType register_type(DType dtype);
/// The dtype that a register type is stored as without a change. Local.
[[nodiscard]] DType dtype_of_register(RegisterType type) noexcept;
/// Bytes of one value: 1, 4, 8, 8, 4, 8, 8, 16. A b8 is a byte, 0 or 1. Local.
[[nodiscard]] std::size_t size_of(RegisterType type) noexcept;

/// The instructions. Unless the comment says otherwise the result has the type of the operands,
/// which all have one type. Floating-point values are IEEE 754 with round to nearest; nothing is
/// contracted or reordered. Integers wrap around modulo 2^32 and 2^64.
enum class Op : std::uint8_t {
  // without operands
  load,      ///< of input `index`, any dtype, widened to the register's type
  constant,  ///< constant `index`
  position,  ///< i64: the element's index along axis `index` of the domain

  // to another type
  convert,  ///< as C++'s conversion, rounding to nearest; to b8: is it not 0; from b8: 0 or 1.
            ///< A float that an integer type cannot hold fails the element. Real to complex has
            ///< imaginary part 0; complex to real does not exist (real is an instruction)
  wrap,     ///< i32 to the range of i8, u8, i16, u16; i64 to that of u32; f32 and f64 to the
            ///< numbers of f16, rounding to nearest: which one is
            ///< said by `index`, a DType

  // numbers
  add,
  subtract,
  multiply,
  divide,        ///< floating and complex
  negate,        ///< u64 too: modulo 2^64
  absolute,      ///< real; of i32 and i64 the lowest value stays itself
  sign,          ///< real: -1, 0, 1; NaN stays NaN; a zero stays itself
  floor_divide,  ///< real; rounds to minus infinity; integers by 0 give 0; floats as NumPy
  remainder,     ///< real; has the sign of the divisor; integers by 0 give 0; floats as NumPy
  fmod,          ///< real; has the sign of the dividend; integers by 0 give 0
  power,         ///< i32, i64, u64 (a negative exponent fails the element; wraps around), f32, f64,
                 ///< complex
  minimum,       ///< real; NaN if one is NaN (the first one)
  maximum,
  fmin,  ///< floating; the other one if one is NaN
  fmax,

  // bits: integers and b8
  bit_and,
  bit_or,
  bit_xor,
  bit_not,      ///< of b8: logical not
  shift_left,   ///< integers; by the number of bits and more, or by a negative number: 0
  shift_right,  ///< integers; as shift_left, but a negative i32 or i64 gives -1

  // comparisons, to b8
  equal,  ///< all types
  not_equal,
  less,  ///< real types and b8
  less_equal,

  // choice
  select,   ///< a is b8: b where it is 1, else c; b and c of any one type
  require,  ///< b8: the same; the element fails where it is 0

  // floating numbers; those with (c) complex ones too
  square_root,  ///< (c)
  cube_root,
  exp,  ///< (c)
  exp2,
  expm1,
  log,  ///< (c)
  log2,
  log10,
  log1p,
  sin,    ///< (c)
  cos,    ///< (c)
  tan,    ///< (c)
  asin,   ///< (c)
  acos,   ///< (c)
  atan,   ///< (c)
  sinh,   ///< (c)
  cosh,   ///< (c)
  tanh,   ///< (c)
  asinh,  ///< (c)
  acosh,  ///< (c)
  atanh,  ///< (c)
  erf,
  erfc,
  gamma,
  log_gamma,  ///< log |gamma|
  floor,
  ceil,
  round,  ///< half to even
  truncate,
  hypot,
  atan2,  ///< a is y, b is x
  copy_sign,
  next_after,
  load_exponent,  ///< a times 2^b; b is i32
  is_nan,         ///< (c), to b8: one part is
  is_infinite,    ///< (c), to b8: one part is
  is_finite,      ///< (c), to b8: both parts are
  sign_bit,       ///< to b8

  // complex numbers; c64 has parts f32, c128 has f64
  real,       ///< to the part's type
  imaginary,  ///< to the part's type
  conjugate,
  phase,         ///< to the part's type: atan2(imaginary, real)
  magnitude,     ///< to the part's type: hypot(real, imaginary)
  make_complex,  ///< from two parts
};
inline constexpr int ops = static_cast<int>(Op::make_complex) + 1;

/// What an instruction takes and gives.
struct OpInfo {
  std::string_view name;
  int operands = 0;
  /// A bit for each RegisterType that the operands may have (of select: those behind the first; of
  /// load_exponent: the first).
  std::uint8_t types = 0;
  enum class Result : std::uint8_t {
    same,   ///< the operands' type
    truth,  ///< b8
    part,   ///< f32 of c64, f64 of c128
    whole,  ///< c64 of f32, c128 of f64
    free    ///< what the register says
  } result = Result::same;
};
/// Local.
[[nodiscard]] const OpInfo& info(Op op) noexcept;

struct Instruction {
  Op op = Op::constant;
  /// Registers; those that the instruction has no use for are 0. `out` may be one of the others.
  std::uint16_t out = 0;
  std::array<std::uint16_t, 3> in{};
  /// Of load, constant, position, wrap.
  std::uint32_t index = 0;
};

/// A value of any register type: real ones exactly, in the member that belongs to the type.
struct ProgramConstant {
  RegisterType type = RegisterType::f64;
  std::int64_t integer = 0;  ///< b8, i32, i64; u64 by its bits
  double real = 0;           ///< f32, f64; the real part of c64, c128
  double imaginary = 0;
};

/// What leaves a program for each element: a register, stored as a dtype. Narrow dtypes are those
/// whose register type the register has, and the values are in their range already.
struct ProgramOutput {
  std::uint16_t from = 0;
  DType dtype = DType::f64;
};

struct Program {
  std::vector<DType> inputs;               ///< as they are stored
  std::vector<ProgramConstant> constants;  ///< at most 65 535
  std::vector<RegisterType> registers;     ///< at most 65 535
  std::vector<Instruction> code;
  std::vector<ProgramOutput> outputs;
};

/// Checks that every index is in range, every register is written before it is read, and every
/// type is one that its instruction takes.
/// Local. @throws InvalidArgument that names the instruction.
void check(const Program& program);

/// One line an instruction, for tests and reports. Local.
[[nodiscard]] std::string to_text(const Program& program);

}  // namespace serried
