#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "io/hdf5/handle.hpp"
#include "serried/base/shape.hpp"
#include "serried/comm/communicator.hpp"
#include "serried/io/file_writer.hpp"

namespace serried {

/// Why a file cannot be written, in plain words: a full disk, a quota, a read-only file system, or
/// the system's own text. Local.
[[nodiscard]] std::string write_cause(int error_number);

/// Makes the file system set aside the first `bytes` of a file, whose size does not change: what is
/// written there later cannot fail for want of space. A file system that cannot do this (NFS before
/// 4.2) is asked for what is free instead. Local.
/// @throws IoError "what: ..." for a full disk, a quota, a limit on the size of files.
void set_space_aside(const std::string& file, std::int64_t bytes, const std::string& what);

/// What HDF5 may add to a file that is open for writing, set aside before it does. In parallel HDF5
/// does not survive a full disk: a rank whose write fails leaves the steps of a collective write or
/// flush, and the others wait for it. So the space for each call is there before the call.
class FileSpace {
 public:
  /// @param path of the file that HDF5 writes.
  FileSpace(std::string path, hid_t file) : path_(std::move(path)), file_(file) {}

  /// Sets aside what the file has and `bytes` beyond it, with what HDF5 adds of its own (groups,
  /// headers). Collective: rank 0 does it, and all learn what came of it.
  /// @throws RankError (kind io) "what: ..." if there is no room.
  void require(const Communicator& comm, std::int64_t bytes, const std::string& what) const;

 private:
  std::string path_;
  hid_t file_;
};

/// What HDF5 stores for a dataset at most, with the index of its chunks. A compressed chunk is no
/// larger than it was: where deflate would make it so, HDF5 stores it as it is.
struct StoredBytes {
  /// Allocated when the dataset is made: all of it, or, compressed, chunks full of zeros.
  std::int64_t at_creation = 0;
  /// Beyond that, when all of it is written; 0 without compression.
  std::int64_t at_write = 0;
  /// Of that, for one slab of chunks (write_slabs.hpp).
  std::int64_t of_slab = 0;
  /// What the dataset takes for certain, whatever its values.
  std::int64_t least = 0;
};

/// Local.
[[nodiscard]] StoredBytes stored_bytes(const Shape& shape, DType dtype,
                                       const WriteOptions& options);

}  // namespace serried
