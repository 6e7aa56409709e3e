#pragma once

#include <cstdint>
#include <memory>

#include "serried/base/api.hpp"
#include "serried/comm/row_sink.hpp"

namespace SERRIED_API serried {

/// Writes a dataset from rows that come batch by batch, and need not be in memory together; opened
/// by FileWriter::open_rows. The ranks' rows lie one behind the other, in the order of the ranks,
/// and some ranks may have none. The file holds the same elements, and the same compressed chunks,
/// whatever the ranks and batches.
///
/// A compressed chunk is written once, when it is complete: its rows are kept until then. Chunks
/// that rows of several ranks meet are completed by the rank that has their first row, in finish().
///
/// HDF5's compressed writes are collective, so the ranks write together: what has come when they
/// advance is written by the I/O thread of each process while the caller computes. Until the next
/// advance nothing waits for it, except the next use of HDF5. Where MPI has no MPI_THREAD_MULTIPLE
/// and there are several ranks, advance() itself writes.
class RowsWriter final : public RowSink {
 public:
  struct Impl;  ///< in src/

  explicit RowsWriter(std::unique_ptr<Impl> impl) noexcept;
  /// Waits until the I/O thread has done what it was given. Without finish() the file cannot be
  /// committed.
  ~RowsWriter() override;
  RowsWriter(RowsWriter&& other) noexcept;
  RowsWriter& operator=(RowsWriter&&) = delete;

  void append(RowRange rows, std::span<const std::byte> bytes) noexcept override;
  /// Begins to write what is complete; the batch before has been written by then.
  void advance() override;
  void rest() noexcept override;
  [[nodiscard]] std::int64_t rows_between() const noexcept override;
  /// Writes the rest and closes the dataset; to be called once.
  /// Collective.
  /// @throws RankError if a rank has failed; InvalidArgument, on all ranks, if rows are missing.
  void finish();

 private:
  std::unique_ptr<Impl> impl_;
};

}  // namespace serried
