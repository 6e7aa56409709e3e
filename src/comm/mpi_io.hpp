#pragma once

#include <span>
#include <string>

namespace serried::comm {

/// Who does the MPI-IO of an open file: "ompio" or "romio321" (components of Open MPI), "romio"
/// (MPICH and its relatives), or "unknown" where MPI does not let it be known. Open MPI chooses for
/// each file, by its file system and by the parameter `io` (OMPI_MCA_io).
/// Local.
/// @param mpi_file points to an open MPI_File, as HDF5 hands it out.
[[nodiscard]] std::string mpi_io_driver(const void* mpi_file);

/// The name of the `io` component in the memory of an Open MPI file; empty where it is not found,
/// or found twice with different names. Local.
[[nodiscard]] std::string find_io_component(std::span<const char> object);

}  // namespace serried::comm
