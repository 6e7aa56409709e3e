#pragma once

#include <span>
#include <vector>

#include "serried/base/api.hpp"
#include "serried/expr/expr.hpp"

namespace SERRIED_API serried {

/// The same expressions with their leading axes flattened into one axis of rows, so that many ranks
/// share the work on a series of a few large snapshots: of operands of shape (3, 1024, 1024) the
/// rows are (3072, 1024), and so is the shape of `2 * x`; `mean(x)` and `max(x, axis=(0, 1))` stay
/// as they are to look at. How many axes: flattened_row_axes of the largest operand that says how
/// it is flattened (Operand::flattened).
///
/// An expression stays as it was where that makes no rows, or where it tells these axes apart: by
/// their indices, a reduction of one of them, an operand that has one of them. Each expression for
/// itself, so that its bits do not depend on the others. Local, unless an operand's `flattened` is
/// Collective.
[[nodiscard]] std::vector<Expr> flatten_rows(std::span<const Expr> expressions);

}  // namespace serried
