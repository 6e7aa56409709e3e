#include "base/own_folder.hpp"

#include <cstdint>
#include <cstdio>
#include <fstream>
#include <string>
#include <system_error>

namespace serried {

std::filesystem::path library_folder() {
  const auto here = reinterpret_cast<std::uintptr_t>(&library_folder);
  std::ifstream maps("/proc/self/maps");
  // begin-end permissions offset device inode path
  for (std::string line; std::getline(maps, line);) {
    unsigned long begin = 0;
    unsigned long end = 0;
    if (std::sscanf(line.c_str(), "%lx-%lx", &begin, &end) != 2 || here < begin || here >= end)
      continue;
    const std::size_t path = line.find('/');
    return path == std::string::npos ? std::filesystem::path()
                                     : std::filesystem::path(line.substr(path)).parent_path();
  }
  return {};
}

std::filesystem::path program_folder() {
  std::error_code error;
  const auto program = std::filesystem::read_symlink("/proc/self/exe", error);
  return error ? std::filesystem::path() : program.parent_path();
}

}  // namespace serried
