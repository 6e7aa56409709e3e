#include "expr/lower.hpp"

#include <algorithm>
#include <bit>
#include <limits>
#include <utility>

#include "serried/base/error.hpp"

namespace serried::detail {
namespace {

bool is_narrow(DType dtype) {
  switch (dtype) {
    case DType::i8:
    case DType::u8:
    case DType::i16:
    case DType::u16:
    case DType::u32:
    case DType::f16:
      return true;
    default:
      return false;
  }
}

/// Whether the result of an instruction on values of a narrow dtype may lie outside of it.
bool may_leave(Op op, DType dtype) {
  switch (op) {
    case Op::minimum:
    case Op::maximum:
    case Op::fmin:
    case Op::fmax:
    case Op::bit_and:
    case Op::bit_or:
    case Op::bit_xor:
    case Op::select:
    case Op::sign:
    case Op::fmod:
    case Op::shift_right:
    case Op::floor:
    case Op::ceil:
    case Op::round:
    case Op::truncate:
    case Op::copy_sign:
      return false;
    case Op::remainder:
      // the divisor is added to a negative one
      return dtype == DType::f16;
    case Op::negate:
    case Op::absolute:
      return dtype != DType::f16;
    default:
      return true;
  }
}

struct Range {
  std::int64_t low;
  std::uint64_t high;
};

/// The values of an integer dtype.
Range range_of(DType dtype) {
  return visit_real(dtype, [](auto tag) -> Range {
    using T = typename decltype(tag)::type;
    if constexpr (std::is_integral_v<T> && !std::is_same_v<T, bool>)
      return {static_cast<std::int64_t>(std::numeric_limits<T>::min()),
              static_cast<std::uint64_t>(std::numeric_limits<T>::max())};
    else
      throw InvalidArgument("a dtype that is no integer has no range");
  });
}

constexpr std::size_t most_registers = 60000;

}  // namespace

void Lowering::set_value(const ExprNode* fold, std::shared_ptr<const Operand> value) {
  folds_[fold] = std::move(value);
}

void Lowering::set_operand(const Operand* of, std::shared_ptr<const Operand> instead) {
  instead_[of] = std::move(instead);
}

int Lowering::domain_axis(int axis) const noexcept {
  if (split_axis_ < 0 || axis > split_axis_) return axis;
  return axis == split_axis_ ? 0 : axis + 1;
}

std::uint32_t Lowering::add(Op op, RegisterType type, std::vector<std::uint32_t> in,
                            std::uint32_t index) {
  std::vector<std::uint32_t> key{static_cast<std::uint32_t>(op), static_cast<std::uint32_t>(type),
                                 index};
  key.insert(key.end(), in.begin(), in.end());
  const auto [found, is_new] = known_.try_emplace(std::move(key), values_.size());
  if (is_new) {
    if (values_.size() >= most_registers)
      throw InvalidArgument("the expression is too long: more than " +
                            std::to_string(most_registers) + " steps in one pass");
    values_.push_back({op, type, std::move(in), index});
  }
  return found->second;
}

std::uint32_t Lowering::add_constant(const ProgramConstant& constant) {
  const auto is_same = [&](const ProgramConstant& other) {
    return other.type == constant.type && other.integer == constant.integer &&
           std::bit_cast<std::uint64_t>(other.real) ==
               std::bit_cast<std::uint64_t>(constant.real) &&
           std::bit_cast<std::uint64_t>(other.imaginary) ==
               std::bit_cast<std::uint64_t>(constant.imaginary);
  };
  const auto found = std::find_if(constants_.begin(), constants_.end(), is_same);
  const auto index = static_cast<std::uint32_t>(found - constants_.begin());
  if (found == constants_.end()) constants_.push_back(constant);
  return add(Op::constant, constant.type, {}, index);
}

std::uint32_t Lowering::add_truth(bool value) {
  ProgramConstant constant;
  constant.type = RegisterType::b8;
  constant.integer = value ? 1 : 0;
  return add_constant(constant);
}

std::uint32_t Lowering::add_load(const std::shared_ptr<const Operand>& of) {
  const auto instead = instead_.find(of.get());
  const std::shared_ptr<const Operand>& operand = instead == instead_.end() ? of : instead->second;
  const auto [found, is_new] =
      input_of_.try_emplace(operand.get(), static_cast<std::uint32_t>(inputs_.size()));
  if (is_new) inputs_.push_back({operand});
  return add(Op::load, register_type(operand->dtype), {}, found->second);
}

std::uint32_t Lowering::add_wrap(std::uint32_t value, DType dtype) {
  return add(Op::wrap, register_type(dtype), {value}, static_cast<std::uint32_t>(dtype));
}

Lowering::Lowered Lowering::lower(const NodePtr& root) {
  roots_.push_back(root);
  // by a stack of its own: an expression may be deeper than the thread's
  std::vector<std::pair<const ExprNode*, std::size_t>> stack{{root.get(), 0}};
  while (!stack.empty()) {
    auto& [node, next] = stack.back();
    if (lowered_.contains(node)) {
      stack.pop_back();
      continue;
    }
    const bool is_leaf = node->is_reduction();
    if (!is_leaf && next < node->in.size()) {
      stack.emplace_back(node->in[next++].get(), 0);
      continue;
    }
    lowered_[node] = lower_one(*node);
    stack.pop_back();
  }
  return lowered_.at(root.get());
}

Lowering::Lowered Lowering::lower_one(const ExprNode& node) {
  switch (node.kind) {
    case ExprNode::Kind::constant:
      return {add_constant(node.value), {}};
    case ExprNode::Kind::operand:
    case ExprNode::Kind::fold:
    case ExprNode::Kind::quantile: {
      const auto& operand = node.kind == ExprNode::Kind::operand ? node.operand : folds_.at(&node);
      Lowered result{add_load(operand), {}};
      if (operand->validity != nullptr) result.validity = add_load(operand->validity);
      return result;
    }
    case ExprNode::Kind::position:
      return lower_position(node);
    case ExprNode::Kind::convert: {
      const Lowered from = lowered_.at(node.in[0].get());
      const DType given = node.in[0]->dtype;
      // what lies where there is no value fails nothing
      const bool may_fail = is_integer(node.dtype) && given != DType::b8;
      const std::uint32_t value = may_fail ? or_zero(from.value, from.validity, given) : from.value;
      return {lower_convert(value, given, node.dtype), from.validity};
    }
    case ExprNode::Kind::is_null: {
      const Lowered& from = lowered_.at(node.in[0].get());
      if (!from.validity) return {add_truth(false), {}};
      return {add(Op::bit_not, RegisterType::b8, {*from.validity}), {}};
    }
    case ExprNode::Kind::fill_null: {
      const Lowered& first = lowered_.at(node.in[0].get());
      const Lowered& second = lowered_.at(node.in[1].get());
      if (!first.validity) return first;
      Lowered result{
          add(Op::select, register_type(node.dtype), {*first.validity, first.value, second.value}),
          {}};
      if (second.validity)
        result.validity = add(Op::bit_or, RegisterType::b8, {*first.validity, *second.validity});
      return result;
    }
    case ExprNode::Kind::apply:
      return lower_apply(node);
  }
  throw InvalidArgument("an expression has a node of no kind");
}

std::uint32_t Lowering::add_integer(RegisterType type, std::int64_t value) {
  ProgramConstant constant;
  constant.type = type;
  constant.integer = value;
  return add_constant(constant);
}

std::uint32_t Lowering::or_zero(std::uint32_t value, std::optional<std::uint32_t> validity,
                                DType dtype) {
  if (!validity) return value;
  ProgramConstant zero;
  zero.type = register_type(dtype);
  return add(Op::select, zero.type, {*validity, value, add_constant(zero)});
}

void Lowering::require_range(std::uint32_t value, RegisterType type, std::int64_t low,
                             std::int64_t high) {
  constexpr RegisterType b8 = RegisterType::b8;
  const std::uint32_t is_above = add(Op::less_equal, b8, {add_integer(type, low), value});
  const std::uint32_t is_below = add(Op::less_equal, b8, {value, add_integer(type, high)});
  add(Op::require, b8, {add(Op::bit_and, b8, {is_above, is_below})});
}

std::uint32_t Lowering::lower_convert(std::uint32_t value, DType from, DType to) {
  if (from == to) return value;
  const RegisterType from_type = register_type(from);
  const RegisterType type = register_type(to);
  const bool is_to_integer = is_integer(to);
  if (is_to_integer && is_integer(from)) {
    const Range held = range_of(to);
    const Range given = range_of(from);
    // u64 is compared as u64, whose constants are not negative
    const std::int64_t low = std::max(held.low, given.low);
    const bool is_u64 = from_type == RegisterType::u64;
    if (given.low < held.low || given.high > held.high)
      require_range(value, from_type, is_u64 ? 0 : low,
                    static_cast<std::int64_t>(std::min(held.high, given.high)));
  }
  // rounded once: a number that became f32 first might then lie in the middle between two of f16
  const bool is_half_of_f64 = to == DType::f16 && from_type == RegisterType::f64;
  if (is_half_of_f64) value = add(Op::wrap, from_type, {value}, static_cast<std::uint32_t>(to));
  if (from_type != type) value = add(Op::convert, type, {value});
  if (!is_narrow(to) || from == DType::b8 || is_half_of_f64) return value;
  if (!is_to_integer) return add_wrap(value, to);
  if (!is_integer(from)) {
    // a floating number that the register holds, but not the dtype
    const Range held = range_of(to);
    require_range(value, type, held.low, static_cast<std::int64_t>(held.high));
  }
  return value;
}

Lowering::Lowered Lowering::lower_position(const ExprNode& node) {
  const int from_right = node.shape.dimensions() - node.axis;
  const int axis = shape_.dimensions() - from_right;
  ProgramConstant zero;
  zero.type = RegisterType::i64;
  // an extent of 1 is broadcast, and has no other index
  if (node.shape[node.axis] == 1) return {add_constant(zero), {}};
  return {add(Op::position, RegisterType::i64, {}, static_cast<std::uint32_t>(domain_axis(axis))),
          {}};
}

Lowering::Lowered Lowering::lower_apply(const ExprNode& node) {
  std::vector<std::uint32_t> in;
  for (const NodePtr& x : node.in) in.push_back(lowered_.at(x.get()).value);
  RegisterType type = register_type(node.dtype);
  if (info(node.op).result == OpInfo::Result::truth) type = RegisterType::b8;
  const std::optional<std::uint32_t> validity = validity_of(node);
  if (node.op == Op::power && is_integer(node.dtype)) in[1] = or_zero(in[1], validity, node.dtype);
  std::uint32_t value = add(node.op, type, std::move(in));
  if (is_narrow(node.dtype) && may_leave(node.op, node.dtype)) value = add_wrap(value, node.dtype);
  return {value, validity};
}

/// Where all inputs have values; of logic also where one input decides (Kleene); of a choice the
/// one that is taken.
std::optional<std::uint32_t> Lowering::validity_of(const ExprNode& node) {
  if (!node.is_nullable) return {};
  constexpr RegisterType b8 = RegisterType::b8;
  const auto of = [&](std::size_t i) -> const Lowered& { return lowered_.at(node.in[i].get()); };
  const auto both = [&](std::optional<std::uint32_t> a, std::optional<std::uint32_t> b) {
    if (!a) return b;
    return b ? std::optional(add(Op::bit_and, b8, {*a, *b})) : a;
  };
  if (node.op == Op::select) {
    const auto chosen = add(Op::select, b8,
                            {of(0).value, of(1).validity.value_or(add_truth(true)),
                             of(2).validity.value_or(add_truth(true))});
    return both(of(0).validity, chosen);
  }
  std::optional<std::uint32_t> all;
  for (std::size_t i = 0; i < node.in.size(); ++i) all = both(all, of(i).validity);
  const bool is_logic =
      node.dtype == DType::b8 && (node.op == Op::bit_and || node.op == Op::bit_or);
  if (!is_logic || !all) return all;
  // false and anything is false, true or anything is true
  for (std::size_t i = 0; i < 2; ++i) {
    const std::uint32_t decisive =
        node.op == Op::bit_or ? of(i).value : add(Op::bit_not, b8, {of(i).value});
    const std::uint32_t decides =
        of(i).validity ? add(Op::bit_and, b8, {decisive, *of(i).validity}) : decisive;
    all = add(Op::bit_or, b8, {*all, decides});
  }
  return all;
}

int Lowering::add_stored(std::uint32_t value, DType dtype) {
  for (std::size_t i = 0; i < stored_.size(); ++i)
    if (stored_[i].value == value && stored_[i].dtype == dtype) return static_cast<int>(i);
  stored_.push_back({value, dtype});
  return static_cast<int>(stored_.size() - 1);
}

LoweredOutput Lowering::add_output(const NodePtr& node) {
  const Lowered lowered = lower(node);
  LoweredOutput output{add_stored(lowered.value, node->dtype), -1};
  if (lowered.validity) output.validity = add_stored(*lowered.validity, DType::b8);
  return output;
}

int Lowering::add_register(const NodePtr& node) {
  return add_stored(lower(node).value, dtype_of_register(register_type(node->dtype)));
}

int Lowering::add_mask(const NodePtr& node, const std::vector<NodePtr>& valid) {
  std::optional<std::uint32_t> mask;
  const auto require = [&](std::uint32_t condition) {
    mask = mask ? add(Op::bit_and, RegisterType::b8, {*mask, condition}) : condition;
  };
  if (node != nullptr) {
    const Lowered lowered = lower(node);
    require(lowered.value);
    if (lowered.validity) require(*lowered.validity);
  }
  for (const NodePtr& x : valid) {
    const Lowered lowered = lower(x);
    if (lowered.validity) require(*lowered.validity);
  }
  return mask ? add_stored(*mask, DType::b8) : -1;
}

Program Lowering::take_program() {
  Program program;
  for (const LoweredInput& input : inputs_) program.inputs.push_back(input.operand->dtype);
  program.constants = constants_;

  constexpr std::size_t never = std::numeric_limits<std::size_t>::max();
  std::vector<std::size_t> last_use(values_.size(), 0);
  for (std::size_t i = 0; i < values_.size(); ++i) {
    last_use[i] = i;
    for (const std::uint32_t in : values_[i].in) last_use[in] = i;
  }
  for (const Stored& stored : stored_) last_use[stored.value] = never;

  // A register is free again behind the last use of its value. Constants and loads stay: the
  // evaluator fills constants once, and reads many loads where they lie.
  std::vector<std::uint16_t> register_of(values_.size());
  std::map<RegisterType, std::vector<std::uint16_t>> free;
  for (std::size_t i = 0; i < values_.size(); ++i) {
    const Value& value = values_[i];
    Instruction instruction{.op = value.op, .index = value.index};
    for (std::size_t k = 0; k < value.in.size(); ++k) instruction.in[k] = register_of[value.in[k]];
    std::vector<std::uint32_t> dying(value.in);
    std::sort(dying.begin(), dying.end());
    dying.erase(std::unique(dying.begin(), dying.end()), dying.end());
    for (const std::uint32_t in : dying) {
      const bool is_kept = values_[in].op == Op::constant || values_[in].op == Op::load;
      if (last_use[in] == i && !is_kept) free[values_[in].type].push_back(register_of[in]);
    }
    std::vector<std::uint16_t>& spare = free[value.type];
    const bool is_fresh = value.op == Op::constant || value.op == Op::load || spare.empty();
    if (is_fresh) {
      register_of[i] = static_cast<std::uint16_t>(program.registers.size());
      program.registers.push_back(value.type);
    } else {
      register_of[i] = spare.back();
      spare.pop_back();
    }
    instruction.out = register_of[i];
    program.code.push_back(instruction);
  }
  for (const Stored& stored : stored_)
    program.outputs.push_back({register_of[stored.value], stored.dtype});
  return program;
}

}  // namespace serried::detail
