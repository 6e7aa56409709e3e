#pragma once

#include <string>

#include "serried/io/file_info.hpp"

namespace serried {

/// What inspect_file tells about a file, as bytes that parse_listing reads.
/// Local.
/// @throws IoError if the file is missing, damaged or no HDF5.
[[nodiscard]] std::string list_file(const std::string& path);

/// Local. @throws Error if these are no bytes of list_file.
[[nodiscard]] FileInfo parse_listing(const std::string& path, const std::string& bytes);

}  // namespace serried
