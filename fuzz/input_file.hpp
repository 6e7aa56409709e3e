#pragma once

#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>

#include "fuzz_target.hpp"
#include "serried/base/error.hpp"
#include "serried/io/file_check.hpp"

namespace serried::fuzz {

/// A file that holds the input, in memory where the system has such a folder; removed at the end.
class InputFile {
 public:
  explicit InputFile(std::string_view bytes)
      : path_(std::string(std::filesystem::exists("/dev/shm") ? "/dev/shm" : "/tmp") +
              "/serried_fuzz_" + std::to_string(::getpid()) + ".h5") {
    std::ofstream(path_, std::ios::binary) << bytes;
  }
  ~InputFile() { std::filesystem::remove(path_); }
  InputFile(const InputFile&) = delete;
  InputFile& operator=(const InputFile&) = delete;
  [[nodiscard]] const std::string& path() const noexcept { return path_; }

 private:
  std::string path_;
};

inline FileCheck small_check() {
  return {.depth = FileCheck::Depth::full, .seconds = 3, .memory_bytes = std::int64_t{1} << 30};
}

/// Whether `f` ends without an error. An error has to be of a kind that inputs cause, and to name
/// the file.
template <class F>
bool is_accepted(const InputFile& file, const F& f) {
  try {
    f();
    return true;
  } catch (const Error& error) {
    require(error.kind() != ErrorKind::internal && error.kind() != ErrorKind::device, error.what());
    require(std::string_view(error.what()).find(file.path()) != std::string_view::npos,
            std::string("the file is not named: ") + error.what());
    return false;
  }
}

}  // namespace serried::fuzz
