#pragma once

#include <functional>

#include "serried/array/array.hpp"
#include "serried/base/api.hpp"

namespace SERRIED_API serried {

/// Applies a function to each row: the result has the same rows and layout, with `row_shape` and
/// `dtype` for each. `f(rows, result)` is given runs of rows (a TileView) and writes the results of
/// those rows, contiguous, to `result`; a row's result must depend on that row alone. It runs on
/// several threads. Collective. One read of the source.
[[nodiscard]] Array map_rows(const Context& ctx, const TileSource& source, const Shape& row_shape,
                             DType dtype,
                             const std::function<void(const TileView& rows, std::byte* result)>& f);

}  // namespace serried
