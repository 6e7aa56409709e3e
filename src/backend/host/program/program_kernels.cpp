#include "serried/device/program_kernels.hpp"

#include "backend/host/kernel_tables.hpp"
#include "backend/host/program/compiled_program.hpp"
#include "backend/host/program/functions.hpp"

namespace serried::host {
namespace program {

BlockFunction find_function(const Instruction& instruction, RegisterType type,
                            RegisterType result) {
  if (instruction.op == Op::convert) return find_convert(type, result);
  if (instruction.op == Op::wrap) return find_wrap(type, static_cast<DType>(instruction.index));
  for (const auto find : {find_arithmetic, find_logic, find_division, find_rounding,
                          find_elementary, find_complex, find_complex_function})
    if (const BlockFunction function = find(instruction.op, type); function != nullptr)
      return function;
  return nullptr;
}

namespace {

class HostProgramKernels final : public ProgramKernels {
 public:
  [[nodiscard]] std::shared_ptr<const CompiledProgram> compile(Program program) const override {
    return std::make_shared<HostProgram>(std::move(program));
  }
};

}  // namespace
}  // namespace program

const void* find_program_kernels(DType dtype) {
  if (!ProgramKernels::covers(dtype)) return nullptr;
  static const program::HostProgramKernels kernels;
  return static_cast<const ProgramKernels*>(&kernels);
}

}  // namespace serried::host
