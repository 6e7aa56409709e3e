#pragma once

#include <cstddef>
#include <string>

#include "serried/base/error.hpp"

namespace serried {

/// Open MPI's MPI-IO puts the path of a file and a suffix with numbers into 256 bytes, and ends the
/// program where they do not fit (seen from 245 bytes on with short numbers).
constexpr std::size_t max_mpi_io_path = 224;

/// Local. @throws IoError if MPI-IO cannot take a path.
inline void check_mpi_io_path(const std::string& path, const std::string& what) {
  if (path.size() > max_mpi_io_path)
    throw IoError(what + ": the path has " + std::to_string(path.size()) +
                  " bytes, and MPI-IO takes up to " + std::to_string(max_mpi_io_path) +
                  "; use a path relative to the working folder, or a symbolic link");
}

}  // namespace serried
