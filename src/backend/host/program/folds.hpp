#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "serried/device/program_kernels.hpp"

namespace serried::host {

/// CompiledProgram::fold by its evaluate(): block by block, out of the first caches.
[[nodiscard]] std::int64_t fold_rows(const CompiledProgram& program, const ProgramDomain& domain,
                                     std::span<const ProgramSource> sources, std::int64_t first,
                                     std::int64_t last, std::span<const ProgramFold> folds,
                                     std::span<std::byte* const> states);

/// Values of one block that are folded: `rows` runs of `columns` elements each, one behind the
/// other. Into one state (columns of a run are folded too), or run by run into a state for each
/// column.
struct FoldBlock {
  const std::byte* value = nullptr;
  const std::byte* second = nullptr;   ///< of comoments
  const std::uint8_t* mask = nullptr;  ///< none: all
  const double* weight = nullptr;      ///< none: 1
  std::int64_t rows = 1;
  std::int64_t columns = 1;
  std::int64_t first_index = 0;    ///< of an extremum: of the first element
  std::int64_t row_stride = 0;     ///< from run to run
  std::int64_t column_stride = 0;  ///< from element to element

  [[nodiscard]] std::int64_t count() const { return rows * columns; }
};

/// Folds all elements of a block into one state.
void fold_into_one(FoldOp op, RegisterType type, const FoldBlock& block, std::byte* state);
/// Folds each column of a block into its state.
void fold_columns(FoldOp op, RegisterType type, const FoldBlock& block, std::byte* states);
/// Of f64 without mask and weight: the spread of each column, joined to its state. All columns have
/// the same number of rows.
void spread_columns(const FoldBlock& block, Spread* states);

}  // namespace serried::host
