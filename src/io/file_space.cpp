#include "io/file_space.hpp"

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <limits>

#include "io/dataset_creation.hpp"
#include "io/hdf5/errors.hpp"
#include "serried/base/error.hpp"
#include "serried/comm/agree.hpp"

namespace serried {
namespace {

/// HDF5 takes space for metadata in blocks of 2 KiB; a call makes a few headers, a group with its
/// index, or a heap of 4 KiB.
constexpr std::int64_t metadata_bytes = std::int64_t{16} << 10;
/// Deflate makes no more than 1032 bytes of one.
constexpr std::int64_t most_compression = 1032;

std::int64_t divide_up(std::int64_t a, std::int64_t b) {
  return (a + b - 1) / b;
}

[[noreturn]] void throw_full(const std::string& file, std::int64_t bytes, const std::string& what) {
  struct statvfs status {};
  const bool is_known = ::statvfs(file.c_str(), &status) == 0 && status.f_blocks != 0;
  const auto free_bytes = static_cast<std::int64_t>(status.f_bavail * status.f_frsize);
  throw IoError(what + ": " + write_cause(ENOSPC) + ": it may take " + std::to_string(bytes) +
                " bytes" +
                (is_known ? ", and " + std::to_string(free_bytes) + " are free" : std::string()));
}

/// Where nothing can be set aside.
void compare_with_free(const std::string& file, std::int64_t missing, std::int64_t bytes,
                       const std::string& what) {
  struct statvfs status {};
  // some file systems do not know their size and say 0
  if (::statvfs(file.c_str(), &status) != 0 || status.f_blocks == 0) return;
  const double free_bytes =
      static_cast<double>(status.f_bavail) * static_cast<double>(status.f_frsize);
  if (static_cast<double>(missing) > free_bytes) throw_full(file, bytes, what);
}

void require_file_limit(std::int64_t bytes, const std::string& what) {
  rlimit limit{};
  if (::getrlimit(RLIMIT_FSIZE, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY ||
      static_cast<rlim_t>(bytes) <= limit.rlim_cur)
    return;
  throw IoError(what + ": a file of this process may have " + std::to_string(limit.rlim_cur) +
                " bytes (ulimit -f), and it may take " + std::to_string(bytes));
}

}  // namespace

std::string write_cause(int error_number) {
  switch (error_number) {
    case ENOSPC:
      return "no space left on the file system";
    case EDQUOT:
      return "the quota on this file system is used up";
    case EROFS:
      return "the file system is mounted read-only";
    case EACCES:
    case EPERM:
      return std::string("the folder cannot be written to: ") + std::strerror(error_number);
    default:
      return std::strerror(error_number);
  }
}

void set_space_aside(const std::string& file, std::int64_t bytes, const std::string& what) {
  require_file_limit(bytes, what);
  const int descriptor = ::open(file.c_str(), O_WRONLY | O_CLOEXEC);
  if (descriptor < 0) throw IoError(what + ": " + file + ": " + write_cause(errno));
  int error = 0;
  if (bytes > 0) {
    do {
      error = ::fallocate(descriptor, FALLOC_FL_KEEP_SIZE, 0, bytes) == 0 ? 0 : errno;
    } while (error == EINTR);
  }
  struct stat status {};
  const bool has_status = ::fstat(descriptor, &status) == 0;
  ::close(descriptor);
  if (error == 0) return;
  if (error == ENOSPC) throw_full(file, bytes, what);
  if (error == EDQUOT || error == EFBIG || error == EIO || error == EROFS)
    throw IoError(what + ": " + write_cause(error) + ": it may take " + std::to_string(bytes) +
                  " bytes");
  const std::int64_t has = has_status ? static_cast<std::int64_t>(status.st_blocks) * 512 : 0;
  compare_with_free(file, bytes - std::min(has, bytes), bytes, what);
}

void FileSpace::require(const Communicator& comm, std::int64_t bytes,
                        const std::string& what) const {
  agree_on_root(comm, 0, [&] {
    // what is allocated so far; H5Fget_eoa and H5Fget_filesize do not know it with MPI-IO
    const std::int64_t has = H5Fget_file_image(file_, nullptr, 0);
    if (has < 0) throw IoError(what + ": " + hdf5::error_cause());
    constexpr std::int64_t most = std::numeric_limits<std::int64_t>::max() - metadata_bytes;
    const std::int64_t end = bytes > most - has ? most : has + bytes + metadata_bytes;
    set_space_aside(path_, end, what);
  });
}

StoredBytes stored_bytes(const Shape& shape, DType dtype, const WriteOptions& options) {
  const auto element_bytes = static_cast<std::int64_t>(size_of(dtype));
  const std::int64_t values = shape.elements() * element_bytes;
  const std::vector<std::int64_t> extents = chunks_in_file(shape, dtype, options);
  if (extents.empty()) return {.at_creation = values, .least = values};
  std::int64_t chunk = element_bytes;  // chunks at the end of an axis are stored whole
  std::int64_t chunks = 1;
  std::int64_t chunks_of_slab = 1;
  bool is_in_slab = false;
  for (int axis = 0; axis < shape.dimensions(); ++axis) {
    const std::int64_t extent = extents[static_cast<std::size_t>(axis)];
    const std::int64_t count = divide_up(shape[axis], extent);
    chunk *= extent;
    chunks *= count;
    if (is_in_slab) chunks_of_slab *= count;
    is_in_slab = is_in_slab || extent > 1;
  }
  // a node of the index has room for 64 chunks, half of it may be empty
  const std::int64_t index = 4 * (16 + 8 * (shape.dimensions() + 1));
  if (options.deflate == 0)
    return {.at_creation = chunks * (chunk + index), .least = chunks * chunk};
  const std::int64_t stored = chunk + chunk / 500 + 100 + index;
  return {.at_creation = chunks * (chunk / 500 + 100 + index),
          .at_write = chunks * stored,
          .of_slab = chunks_of_slab * stored,
          .least = chunks * (chunk / most_compression)};
}

}  // namespace serried
