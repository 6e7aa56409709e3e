#pragma once

#include "expr/node.hpp"

namespace serried::detail {

/// The constant that a node of constants is, computed by the host backend's own instructions, so
/// that it has the bits which evaluating it would give. Weak where all inputs are.
/// Local. @throws InvalidArgument where an instruction fails, e.g. an integer to a negative power.
[[nodiscard]] Expr fold_constants(const ExprNode& node);

}  // namespace serried::detail
