#include "io/hdf5/open.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <fstream>
#include <string_view>

#include "comm/mpi_handle.hpp"
#include "io/hdf5/collective.hpp"
#include "io/hdf5/errors.hpp"
#include "io/hdf5/injected.hpp"
#include "io/mpi_io_path.hpp"
#include "serried/base/error.hpp"
#include "serried/comm/agree.hpp"

namespace serried::hdf5 {
namespace {

/// Runs that lie near each other are read together above HDF5 (file_reads.cpp).
constexpr std::size_t sieve_bytes = 512;
constexpr std::string_view signature("\x89HDF\r\n\x1a\n", 8);

/// Everything about a path that the system knows without HDF5.
void check_readable(const std::string& path) {
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0) {
    const int code = errno;
    const std::size_t slash = path.rfind('/');
    if (code == ENOENT && slash != std::string::npos && slash != 0) {
      const std::string folder = path.substr(0, slash);
      if (::stat(folder.c_str(), &status) != 0)
        throw IoError(path + ": there is no folder " + folder);
    }
    if (code == ENOENT) throw IoError(path + ": there is no such file");
    throw IoError(path + ": " + std::strerror(code));
  }
  if (S_ISDIR(status.st_mode)) throw IoError(path + ": this is a folder, not a file");
  // opening a pipe would wait for somebody who writes into it
  if (!S_ISREG(status.st_mode) && !S_ISBLK(status.st_mode))
    throw IoError(path + ": this is not a regular file");
  if (::access(path.c_str(), R_OK) != 0) throw IoError(path + ": " + std::strerror(errno));
  if (S_ISREG(status.st_mode) && status.st_size == 0)
    throw IoError(path + ": the file is empty (0 bytes)");
}

/// HDF5's signature stands at 0, or behind a user block of 512, 1024, 2048 ... bytes.
bool has_signature(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::array<char, 8> head{};
  for (std::int64_t at = 0; file; at = at == 0 ? 512 : 2 * at) {
    file.seekg(at);
    if (!file.read(head.data(), 8)) return false;
    if (std::string_view(head.data(), 8) == signature) return true;
  }
  return false;
}

std::string head_of(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::string head(4, '\0');
  file.read(head.data(), 4);
  return head;
}

/// The number behind `key` in HDF5's message; empty where there is none.
std::string number_after(const std::string& text, std::string_view key) {
  const std::size_t at = text.find(key);
  if (at == std::string::npos) return {};
  const std::size_t begin = at + key.size();
  return text.substr(begin, text.find_first_not_of("0123456789", begin) - begin);
}

[[noreturn]] void throw_open_error(const std::string& path, const std::string& stack) {
  const std::string cause = stack.substr(0, stack.find("; "));
  if (!has_signature(path)) {
    const std::string head = head_of(path);
    if (head.starts_with("CDF"))
      throw IoError(path + ": not an HDF5 file but NetCDF-3; `nccopy -k nc4 IN OUT` converts it");
    throw IoError(path + ": not an HDF5 file");
  }
  if (stack.find("truncated file") != std::string::npos) {
    struct stat status {};
    const std::string size =
        ::stat(path.c_str(), &status) == 0 ? std::to_string(status.st_size) : "fewer";
    const std::string expected = number_after(stack, "stored_eof = ");
    throw IoError(path + ": the file is truncated: it has " + size + " bytes and should have " +
                  (expected.empty() ? "more" : expected));
  }
  if (stack.find("unable to lock") != std::string::npos) {
    if (cause.find("errno = 11") != std::string::npos)
      throw IoError(path + ": another program has the file open for writing");
    throw IoError(path + ": the file cannot be locked (" + cause +
                  "); on file systems without locks set HDF5_USE_FILE_LOCKING=FALSE");
  }
  if (stack.find("already open for write") != std::string::npos)
    throw IoError(path +
                  ": another program has the file open for writing, or was stopped before it "
                  "closed it (`h5clear -s` mends that)");
  throw IoError(path + ": the file is damaged: " + cause);
}

/// Setting MPI-IO is collective: HDF5 duplicates the communicator.
void use_mpi_io(const Communicator& comm, const Properties& access, const std::string& what,
                faults::Kind kind) {
  const std::string text = what + ": the MPI-IO driver cannot be used";
  const herr_t status = in_collective(comm, "H5Pset_fapl_mpio", [&] {
    return H5Pset_fapl_mpio(access.id(), comm::mpi_handle(comm), comm::no_info());
  });
  agree_on_status(comm, status, text, kind);
}

}  // namespace

File open_serial(const std::string& path) {
  check_readable(path);
  const Turn turn;
  const Properties access(checked(H5Pcreate(H5P_FILE_ACCESS), path));
  // a run that is shorter than this buffer is read with as much of what lies behind it
  check(H5Pset_sieve_buf_size(access.id(), sieve_bytes), path);
  File file(alone(faults::Kind::read,
                  [&] { return H5Fopen(path.c_str(), H5F_ACC_RDONLY, access.id()); }));
  if (!file.is_open()) throw_open_error(path, error_stack());
  return file;
}

File open_parallel(const Communicator& comm, const std::string& path, bool is_writing) {
  const Turn turn;
  Properties access;
  agree(comm, [&] {
    check_readable(path);
    check_mpi_io_path(path, path + ": it cannot be opened on all ranks together");
    if (is_writing && ::access(path.c_str(), W_OK) != 0)
      throw IoError(path + ": " + std::strerror(errno));
    access = Properties(checked(H5Pcreate(H5P_FILE_ACCESS), path));
  });
  const faults::Kind kind = is_writing ? faults::Kind::write : faults::Kind::read;
  use_mpi_io(comm, access, path, kind);
  File file(together(kind, in_collective(comm, "H5Fopen", [&] {
                       return H5Fopen(path.c_str(), is_writing ? H5F_ACC_RDWR : H5F_ACC_RDONLY,
                                      access.id());
                     })));
  try {
    agree(comm, [&] {
      if (!file.is_open()) throw_open_error(path, error_stack());
    });
  } catch (...) {
    // Closing is collective, and not all ranks have it open.
    file.release();
    throw;
  }
  return file;
}

File create_parallel(const Communicator& comm, const std::string& path, const std::string& what) {
  const Turn turn;
  Properties access;
  agree(comm, [&] {
    // Rank 0 has made it; a node that does not see the folder would fail alone.
    if (::access(path.c_str(), W_OK) != 0)
      throw IoError(what + ": " + path + ": " + std::strerror(errno));
    access = Properties(checked(H5Pcreate(H5P_FILE_ACCESS), what));
  });
  use_mpi_io(comm, access, what, faults::Kind::write);
  File file(in_collective(comm, "H5Fcreate", [&] {
    return H5Fcreate(path.c_str(), H5F_ACC_TRUNC, H5P_DEFAULT, access.id());
  }));
  try {
    agree_on_status(comm, file.id(), what);
  } catch (...) {
    file.release();  // as in open_parallel
    throw;
  }
  return file;
}

void abandon_parallel(File& file) noexcept {
  if (!file.is_open()) return;
  const Turn turn;
  void* place = nullptr;
  const hid_t id = file.release();
  if (H5Fget_vfd_handle(id, H5P_DEFAULT, &place) < 0 || place == nullptr) return;
  const int memory = ::memfd_create("serried", MFD_CLOEXEC);
  if (memory < 0) return;
  const std::string path = "/proc/self/fd/" + std::to_string(memory);
  comm::replace_file(place, path);
  ::close(memory);
}

Properties transfer_properties(bool is_collective) {
  Properties transfer(checked(H5Pcreate(H5P_DATASET_XFER), "cannot make transfer properties"));
  if (is_collective)
    check(H5Pset_dxpl_mpio(transfer.id(), H5FD_MPIO_COLLECTIVE),
          "cannot make collective transfers");
  return transfer;
}

}  // namespace serried::hdf5
