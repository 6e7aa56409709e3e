#pragma once

#include <string>

#include "expr/node.hpp"

namespace serried::detail {

/// A node as text for messages; long ones are cut. Local.
[[nodiscard]] std::string text_of(const ExprNode& node);

}  // namespace serried::detail
