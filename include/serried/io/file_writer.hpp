#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "serried/array/array.hpp"
#include "serried/base/api.hpp"
#include "serried/context.hpp"
#include "serried/io/columns_writer.hpp"
#include "serried/io/dataset.hpp"
#include "serried/io/rows_writer.hpp"

namespace SERRIED_API serried {

/// How a dataset is stored.
struct WriteOptions {
  /// Deflate level 0 (none) to 9, with the shuffle filter.
  int deflate = 0;
  /// Extents of a chunk; empty: contiguous, or with compression chunks of about `chunk_bytes`.
  std::vector<std::int64_t> chunks;
  std::int64_t chunk_bytes = std::int64_t{1} << 20;
  /// The shape in the file, same number of elements (e.g. labels as a map); empty: the array's.
  Shape shape;
  std::vector<std::pair<std::string, std::string>> attributes;
};

/// Finds out, before work starts, whether an output's name is too long: for the file system, or,
/// with its folder, for MPI-IO. Local. @throws IoError.
void check_output_path(const std::string& path);

/// Where an output comes from; written as attributes of the root group.
struct Provenance {
  std::string command_line;
  std::vector<std::string> inputs;  ///< paths; size and modification time are added
  std::string seed;                 ///< empty: none
};

/// Writes one HDF5 file in parallel. The file is made beside its final name and renamed by
/// commit(); if that is not reached it is removed. So the final name is either complete or not
/// there. Space on the disk is set aside before HDF5 writes, so that a full disk is an error and
/// not a wait without end.
class FileWriter {
 public:
  /// Collective. @throws RankError (kind io) if the folder is missing or cannot be written, or
  /// another process is writing this file. An OutputClaim finds that out earlier.
  FileWriter(const Context& ctx, std::string path);
  /// Removes the temporary file if commit() was not reached.
  ~FileWriter();
  FileWriter(const FileWriter&) = delete;
  FileWriter& operator=(const FileWriter&) = delete;

  /// Writes a distributed array; missing groups are made.
  /// Collective.
  void write(const std::string& dataset, const Array& array, const WriteOptions& options = {});
  /// Writes the rows of any source, read in batches: data larger than memory can be copied,
  /// converted and compressed. Collective.
  /// @throws RankError if reading or writing fails on any rank.
  void write(const std::string& dataset, const TileSource& rows, const WriteOptions& options = {});
  /// Makes a dataset for `rows` rows of the shape `row_shape`, which come batch by batch. The
  /// RowsWriter must be finished before commit(), and must not outlive the FileWriter. Collective.
  [[nodiscard]] RowsWriter open_rows(const std::string& dataset, std::int64_t rows,
                                     const Shape& row_shape, DType dtype,
                                     const WriteOptions& options = {});
  /// Makes a contiguous dataset (rows, columns) of f64 whose values come by pieces of its columns.
  /// The ColumnsWriter must be finished before commit(), and must not outlive the FileWriter.
  /// Collective.
  [[nodiscard]] ColumnsWriter open_columns(const std::string& dataset, std::int64_t rows,
                                           std::int64_t columns);
  /// What a RowsWriter allocates on a rank that appends at most `most_rows` rows, in bytes: the
  /// arguments as for open_rows. Local.
  /// @param batch_rows that are appended at a time, where that is more than rows_between().
  [[nodiscard]] static std::int64_t memory_of_rows(std::int64_t rows, const Shape& row_shape,
                                                   DType dtype, const WriteOptions& options,
                                                   std::int64_t most_rows,
                                                   std::int64_t batch_rows = 0);
  /// What a file with one dataset takes on disk for certain, whatever the values are. Local.
  [[nodiscard]] static std::int64_t least_bytes(const Shape& shape, DType dtype,
                                                const WriteOptions& options = {});
  /// Writes values that are the same on all ranks.
  /// Collective.
  void write(const std::string& dataset, const Shape& shape, std::span<const double> values,
             const WriteOptions& options = {});
  void write(const std::string& dataset, const Shape& shape, std::span<const std::int64_t> values,
             const WriteOptions& options = {});
  /// Attributes of a group or dataset that has been written ("/" for the file).
  /// Collective.
  void set_attribute(const std::string& object, const std::string& attribute,
                     const std::string& value);
  void set_attribute(const std::string& object, const std::string& attribute, double value);
  void set_attribute(const std::string& object, const std::string& attribute, std::int64_t value);
  void set_attribute(const std::string& object, const std::string& attribute,
                     std::span<const std::int64_t> values);
  /// Writes coordinate variables and attaches them to axes of a dataset as dimension scales. One
  /// that several axes have is written once; one whose name is taken gets a suffix: `x_2`.
  /// Collective.
  void attach_coordinates(const std::string& dataset, const std::vector<Coordinate>& coordinates);
  /// Version, commit, command line, inputs, seed, ranks, devices, library versions, job id, UTC
  /// times. Collective.
  void write_provenance(const Provenance& provenance);
  /// Flushes, closes, renames and syncs the folder; an output of an OutputSet is renamed by that.
  /// Collective.
  void commit();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace serried
