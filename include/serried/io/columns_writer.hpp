#pragma once

#include <cstdint>
#include <memory>
#include <span>

#include "serried/base/api.hpp"
#include "serried/base/row_range.hpp"

namespace SERRIED_API serried {

/// Writes a dataset (rows, columns) of f64 by pieces of its columns, for few rows that are too wide
/// to be in memory whole; opened by FileWriter::open_columns.
class ColumnsWriter final {
 public:
  struct Impl;  ///< in src/

  explicit ColumnsWriter(std::unique_ptr<Impl> impl) noexcept;
  /// Without finish() the file cannot be committed.
  ~ColumnsWriter();
  ColumnsWriter(ColumnsWriter&& other) noexcept;
  ColumnsWriter& operator=(ColumnsWriter&&) = delete;

  /// Writes the columns [columns.begin, columns.end), which begin where the last ones ended.
  /// Collective.
  /// @param values (rows, columns.size()), C order, the same on every rank; the ranks share the
  /// rows out.
  /// @throws InvalidArgument for other columns, or another number of values; RankError (kind io).
  void append(RowRange columns, std::span<const double> values);
  /// Closes the dataset; to be called once.
  /// Collective.
  /// @throws InvalidArgument, on all ranks, if columns are missing; RankError (kind io).
  void finish();

 private:
  std::unique_ptr<Impl> impl_;
};

}  // namespace serried
