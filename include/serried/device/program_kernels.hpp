#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

#include "serried/base/api.hpp"
#include "serried/base/fold.hpp"
#include "serried/base/program.hpp"
#include "serried/base/shape.hpp"
#include "serried/device/kernel_field.hpp"

namespace SERRIED_API serried {

/// Where the elements of an input lie for the elements of a domain: that of (i0, i1, ...) at data +
/// i0 strides[0] + i1 strides[1] + .... A stride of 0 repeats an element (broadcasting); negative
/// ones are allowed. No more alignment than that of the dtype is needed.
struct ProgramSource {
  const std::byte* data = nullptr;
  std::array<std::int64_t, max_dimensions> strides{};  ///< bytes, one for each axis of the domain
};

/// What a program is evaluated on: some rows of an index space, in C order.
struct ProgramDomain {
  Shape shape;                 ///< of the part that the sources' data point to
  std::int64_t first_row = 0;  ///< added to the position along axis 0
};

/// No element has failed.
inline constexpr std::int64_t no_element = INT64_MAX;

/// A fold over outputs of a program. Values, second values and weight are stored as the dtypes of
/// their registers, the mask as b8.
struct ProgramFold {
  FoldOp op = FoldOp::sum;
  int value = 0;    ///< output: of sum and product i64, u64, floating or complex; of count b8; of
                    ///< minimum and maximum real or b8; of moments and comoments f64
  int second = -1;  ///< output, of comoments: f64
  int mask = -1;    ///< output: elements where it is 0 are left out
  int weight = -1;  ///< output, of moments: f64, not negative
  /// A bit for each axis of the domain along which there is a state for each index; over the others
  /// it is folded. States lie in C order of the kept axes.
  std::uint32_t kept = 0;
  /// Of minimum and maximum: what a step along each axis adds to the index of an element.
  std::array<std::int64_t, max_dimensions> index_strides{};
};

/// A program made ready for one backend. Safe from several threads at once.
class CompiledProgram {
 public:
  virtual ~CompiledProgram() = default;

  [[nodiscard]] virtual const Program& program() const noexcept = 0;

  /// Evaluates the elements [begin, end) of the domain in C order, and writes output o of them to
  /// outputs[o], contiguously. The bits of an element depend on its inputs (and its position)
  /// alone: neither on begin and end nor on the vector width. Outputs must not overlap inputs,
  /// unless an output is exactly an input of the same dtype (same address for the same element).
  /// @param sources one for each input of the program.
  /// @return the number (in the domain) of the first element that an instruction has failed for
  /// (Op::convert, Op::power), else no_element. What is written for such an element is not defined.
  [[nodiscard]] virtual std::int64_t evaluate(const ProgramDomain& domain,
                                              std::span<const ProgramSource> sources,
                                              std::int64_t begin, std::int64_t end,
                                              std::span<std::byte* const> outputs) const = 0;

  /// Where the elements of an output lie already as evaluate() would write them, one after another
  /// from the domain's first element on: in an input. Null if they have to be computed. Local.
  [[nodiscard]] virtual const std::byte* find_stored(const ProgramDomain& domain,
                                                     std::span<const ProgramSource> sources,
                                                     int output) const = 0;

  /// Folds the rows [first, last) of the domain into states that hold something already
  /// (clear_states of serried/base/fold.hpp). Of folds that keep axis 0 the states are those of
  /// these rows alone. The bits depend on the rows alone where axis 0 is folded, and on each row
  /// alone where it is kept. The outputs are those of evaluate(), and are not kept.
  /// @return as evaluate().
  [[nodiscard]] virtual std::int64_t fold(const ProgramDomain& domain,
                                          std::span<const ProgramSource> sources,
                                          std::int64_t first, std::int64_t last,
                                          std::span<const ProgramFold> folds,
                                          std::span<std::byte* const> states) const = 0;
};

/// Programs for every dtype that is a number.
class ProgramKernels {
 public:
  static constexpr KernelField field = KernelField::programs;
  static constexpr bool covers(DType dtype) noexcept { return dtype <= DType::c128; }
  virtual ~ProgramKernels() = default;

  /// Local. @throws InvalidArgument as check(program).
  [[nodiscard]] virtual std::shared_ptr<const CompiledProgram> compile(Program program) const = 0;
};

}  // namespace serried
