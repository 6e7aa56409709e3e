#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "backend/host/program/block.hpp"
#include "backend/host/program/folds.hpp"
#include "serried/device/program_kernels.hpp"

namespace serried::host::program {

struct Workspace;

/// Memory in whole cache lines.
struct alignas(64) Line {
  std::byte bytes[64];
};

/// A program as steps over values. A value is what one instruction writes: registers that are
/// written again become several values, so that constants can be made once and registers' memory
/// is shared by the values that are alive at a time.
class HostProgram final : public CompiledProgram {
 public:
  explicit HostProgram(Program program);

  [[nodiscard]] const Program& program() const noexcept override { return program_; }
  [[nodiscard]] std::int64_t evaluate(const ProgramDomain& domain,
                                      std::span<const ProgramSource> sources, std::int64_t begin,
                                      std::int64_t end,
                                      std::span<std::byte* const> outputs) const override;
  [[nodiscard]] const std::byte* find_stored(const ProgramDomain& domain,
                                             std::span<const ProgramSource> sources,
                                             int output) const override;
  [[nodiscard]] std::int64_t fold(const ProgramDomain& domain,
                                  std::span<const ProgramSource> sources, std::int64_t first,
                                  std::int64_t last, std::span<const ProgramFold> folds,
                                  std::span<std::byte* const> states) const override {
    return fold_rows(*this, domain, sources, first, last, folds, states);
  }

 private:
  static constexpr std::uint32_t none = UINT32_MAX;

  struct Value {
    RegisterType type = RegisterType::f64;
    /// First line in the memory of constants; none: the value is made by a step.
    std::uint32_t constant = none;
    std::uint32_t slot = none;   ///< first line of a block in the workspace
    std::uint32_t step = none;   ///< that makes it
    std::uint32_t last_use = 0;  ///< the last step that reads it
  };
  struct Step {
    Op op = Op::load;
    std::uint8_t operands = 0;
    std::uint32_t index = 0;  ///< of load and position
    std::uint32_t out = 0;
    std::uint32_t in[3] = {0, 0, 0};
    BlockFunction function = nullptr;  ///< of load: widens; null where nothing is to be done
  };
  struct Output {
    std::uint32_t value = 0;
    BlockFunction narrow = nullptr;  ///< null: the bytes of the register
    std::uint32_t bytes = 1;         ///< of a stored element
  };
  void make_step(const Instruction& instruction, std::vector<std::uint32_t>& value_of_register);
  void make_output(const ProgramOutput& output, std::uint32_t value);
  [[nodiscard]] std::byte* new_constant(Value& value);
  void make_constant(const ProgramConstant& constant, Value& value);
  [[nodiscard]] bool fold_constant(const Step& step, Value& value);
  void assign_slots();

  void prepare(const ProgramDomain& domain, std::span<const ProgramSource> sources,
               std::span<std::byte* const> outputs, std::int64_t elements, Workspace& w) const;
  [[nodiscard]] bool make_uniform_values(Workspace& w) const;
  [[nodiscard]] std::int64_t run_block(const ProgramDomain& domain, std::int64_t begin,
                                       std::int64_t count, std::int64_t written,
                                       Workspace& w) const;
  void load_block(const Step& step, std::int64_t begin, std::int64_t count, Workspace& w) const;
  void store_block(std::size_t output, std::int64_t count, std::int64_t written,
                   Workspace& w) const;

  Program program_;
  std::vector<Value> values_;
  std::vector<Step> steps_;
  std::vector<Output> outputs_;
  std::vector<Line> constants_;
  std::size_t slot_lines_ = 0;
};

}  // namespace serried::host::program
