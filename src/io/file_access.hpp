#pragma once

#include <string>

#include "io/hdf5/handle.hpp"
#include "serried/base/recorder.hpp"

namespace serried {

/// Notes for the run report how files are read or written. Each way is told once.
/// Local.
/// @param key "reading files" or "writing files".
void note_file_access(Recorder& recorder, const std::string& key, const std::string& how);

/// "collective, MPI-IO driver ompio": how a file is accessed that is open on all ranks. The driver
/// is "unknown" where MPI does not let it be known. Local.
[[nodiscard]] std::string describe_parallel_access(const hdf5::File& file);

}  // namespace serried
