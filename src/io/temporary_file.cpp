#include "io/temporary_file.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>

#include "io/mpi_io_path.hpp"
#include "serried/base/error.hpp"
#include "serried/base/faults.hpp"

namespace serried {
namespace {

/// The folder of a path with its trailing slash, and the name in it.
std::pair<std::string, std::string> split_path(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  if (slash == std::string::npos) return {"./", path};
  return {path.substr(0, slash + 1), path.substr(slash + 1)};
}

std::string put_together(const std::string& folder, const std::string& name,
                         const std::string& suffix) {
  const std::size_t used = folder.size() + 1 + suffix.size();
  if (used + name.size() <= max_mpi_io_path) return folder + "." + name + suffix;
  // Two outputs whose names differ at the end alone must not share it.
  const std::string hash = "~" + std::to_string(std::hash<std::string>()(name));
  const std::size_t free_bytes = max_mpi_io_path - std::min(used + hash.size(), max_mpi_io_path);
  return folder + "." + name.substr(0, free_bytes) + hash + suffix;
}

std::string variable(const char* key) {
  const char* value = std::getenv(key);
  return value == nullptr ? "" : value;
}

/// An injected fault looks like a disk that fails.
bool has_fault() {
  if (!faults::is_due(faults::Kind::write)) return false;
  errno = EIO;
  return true;
}

void sync_file(const std::string& path, int flags) {
  const int file = ::open(path.c_str(), flags | O_CLOEXEC);
  if (file < 0) throw IoError("cannot open " + path + " to sync it: " + std::strerror(errno));
  // Some file systems cannot sync a folder and say EINVAL; the rename stands all the same.
  const int status = has_fault() ? -1 : ::fsync(file);
  const int cause = errno;
  ::close(file);
  if (status != 0 && cause != EINVAL)
    throw IoError("cannot sync " + path + ": " + std::strerror(cause));
}

}  // namespace

std::string temporary_name(const std::string& path) {
  const auto [folder, name] = split_path(path);
  const std::string job = variable("SLURM_JOB_ID");
  if (!job.empty()) {
    const std::string attempt = variable("SLURM_RESTART_COUNT");
    return put_together(folder, name, ".tmp." + job + "." + (attempt.empty() ? "0" : attempt));
  }
  std::array<char, 256> host{};
  if (::gethostname(host.data(), host.size() - 1) != 0) host[0] = '\0';
  return put_together(folder, name,
                      std::string(".tmp.") + host.data() + "-" + std::to_string(::getpid()) + ".0");
}

void make_temporary_file(const std::string& path, const std::string& temporary) {
  const auto [folder, name] = split_path(path);
  if (name.empty()) throw IoError("cannot write " + path + ": a file name is missing");
  struct stat status {};
  if (::stat(folder.c_str(), &status) != 0)
    throw IoError("cannot write " + path + ": the folder " + folder + " is not there (" +
                  std::strerror(errno) + ")");
  if (!S_ISDIR(status.st_mode))
    throw IoError("cannot write " + path + ": " + folder + " is no folder");
  if (::stat(path.c_str(), &status) == 0 && S_ISDIR(status.st_mode))
    throw IoError("cannot write " + path + ": a folder of that name is there");
  const int file =
      has_fault() ? -1 : ::open(temporary.c_str(), O_CREAT | O_WRONLY | O_TRUNC | O_CLOEXEC, 0666);
  if (file < 0) throw IoError("cannot write " + path + ": " + std::strerror(errno));
  ::close(file);
}

std::uint64_t inode_of(const std::string& file) noexcept {
  struct stat status {};
  return ::stat(file.c_str(), &status) == 0 ? static_cast<std::uint64_t>(status.st_ino) : 0;
}

void check_free_space(const std::string& file, std::int64_t bytes, const std::string& what) {
  struct statvfs status {};
  // Some file systems do not know their size and say 0.
  if (::statvfs(file.c_str(), &status) != 0 || status.f_blocks == 0) return;
  const double free_bytes =
      static_cast<double>(status.f_bavail) * static_cast<double>(status.f_frsize);
  if (static_cast<double>(bytes) > free_bytes)
    throw IoError(what + ": no space left: it may take " + std::to_string(bytes) + " bytes, and " +
                  std::to_string(static_cast<std::int64_t>(free_bytes)) + " are free");
}

void publish_file(const std::string& temporary, const std::string& path) {
  sync_file(temporary, O_RDWR);
  if (has_fault() || std::rename(temporary.c_str(), path.c_str()) != 0)
    throw IoError("cannot rename " + temporary + " to " + path + ": " + std::strerror(errno));
  try {
    sync_file(split_path(path).first, O_RDONLY | O_DIRECTORY);
  } catch (const IoError& error) {
    // the run says that it failed, and then there is no output
    ::unlink(path.c_str());
    throw IoError("cannot write " + path + ": " + error.what());
  }
}

}  // namespace serried
