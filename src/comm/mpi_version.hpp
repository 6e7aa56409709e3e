#pragma once

#include <string>
#include <string_view>

namespace serried::comm {

/// Name and version from what MPI_Get_library_version says, in the shortest form: "Open MPI 4.1.4",
/// "MPICH 4.0.2"; the first line of an unknown library's text. Local.
[[nodiscard]] std::string short_mpi_version(std::string_view text);

/// The short version of the MPI library that runs.
/// Local. @throws Error if MPI fails.
[[nodiscard]] std::string mpi_library_version();

}  // namespace serried::comm
