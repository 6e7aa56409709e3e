#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "expr/node.hpp"
#include "serried/base/program.hpp"

namespace serried::detail {

/// Where an input of a program comes from: which operand, and its axes in the domain.
struct LoweredInput {
  std::shared_ptr<const Operand> operand;
};

/// A program output: the value, and the b8 that says where it is one.
struct LoweredOutput {
  int value = 0;
  int validity = -1;  ///< none: everywhere
};

/// Lowers nodes over one domain to one program: common parts are computed once, registers are used
/// again when their value is dead.
///
/// The domain has the axes of `shape` with the split axis in front; shape axis a is domain axis
/// domain_axis(a).
class Lowering {
 public:
  /// @param split_axis of the domain; -1: none, the axes stay as they are.
  Lowering(const Shape& shape, int split_axis) : shape_(shape), split_axis_(split_axis) {}

  /// What a fold below has come to: it is read instead of being looked into. Before add_output.
  void set_value(const ExprNode* fold, std::shared_ptr<const Operand> value);

  /// What is read in place of an operand, e.g. a replicated copy. Before add_output.
  void set_operand(const Operand* of, std::shared_ptr<const Operand> instead);

  /// The node as an output stored as `dtype`; the same output again where it is one already. Local.
  LoweredOutput add_output(const NodePtr& node);
  /// The node as an output of its register's dtype, as folds take them. Local.
  int add_register(const NodePtr& node);
  /// A fold's mask: where `node` (or everywhere, if null) is 1 and all of `valid` have values; -1
  /// where that is everywhere. Local.
  int add_mask(const NodePtr& node, const std::vector<NodePtr>& valid);

  [[nodiscard]] const std::vector<LoweredInput>& inputs() const noexcept { return inputs_; }
  /// Hands the program over.
  [[nodiscard]] Program take_program();

  [[nodiscard]] const Shape& shape() const noexcept { return shape_; }
  [[nodiscard]] int split_axis() const noexcept { return split_axis_; }
  [[nodiscard]] int domain_axis(int axis) const noexcept;

 private:
  /// A value in single assignment: an instruction whose registers are numbers of values.
  struct Value {
    Op op = Op::constant;
    RegisterType type = RegisterType::f64;
    std::vector<std::uint32_t> in;
    std::uint32_t index = 0;
  };
  struct Lowered {
    std::uint32_t value = 0;
    std::optional<std::uint32_t> validity;
  };

  std::uint32_t add(Op op, RegisterType type, std::vector<std::uint32_t> in,
                    std::uint32_t index = 0);
  std::uint32_t add_constant(const ProgramConstant& constant);
  std::uint32_t add_truth(bool value);
  std::uint32_t add_load(const std::shared_ptr<const Operand>& operand);
  /// The value brought back into the range of a narrow dtype.
  std::uint32_t add_wrap(std::uint32_t value, DType dtype);
  Lowered lower(const NodePtr& node);
  Lowered lower_one(const ExprNode& node);
  Lowered lower_apply(const ExprNode& node);
  /// Values of one dtype in another; what it cannot hold fails.
  std::uint32_t lower_convert(std::uint32_t value, DType from, DType to);
  /// 0 where there is no value.
  std::uint32_t or_zero(std::uint32_t value, std::optional<std::uint32_t> validity, DType dtype);
  /// Fails the elements for which a value lies outside of [low, high].
  void require_range(std::uint32_t value, RegisterType type, std::int64_t low, std::int64_t high);
  std::uint32_t add_integer(RegisterType type, std::int64_t value);
  Lowered lower_position(const ExprNode& node);
  std::optional<std::uint32_t> validity_of(const ExprNode& node);
  int add_stored(std::uint32_t value, DType dtype);

  Shape shape_;
  int split_axis_;
  std::vector<LoweredInput> inputs_;
  std::map<const Operand*, std::uint32_t> input_of_;
  std::map<const Operand*, std::shared_ptr<const Operand>> instead_;
  std::vector<ProgramConstant> constants_;
  std::vector<Value> values_;
  std::map<std::vector<std::uint32_t>, std::uint32_t> known_;
  std::unordered_map<const ExprNode*, Lowered> lowered_;
  std::vector<NodePtr>
      roots_;  ///< kept, so that no other node has the address of one that is known
  std::unordered_map<const ExprNode*, std::shared_ptr<const Operand>> folds_;
  struct Stored {
    std::uint32_t value;
    DType dtype;
  };
  std::vector<Stored> stored_;
};

}  // namespace serried::detail
