#pragma once

#include <mpi.h>

#include <string>

#include "serried/comm/communicator.hpp"

namespace serried::comm {

/// MPI's own handle of a communicator, for third parties that take one (HDF5's MPI-IO driver).
/// Local.
[[nodiscard]] inline MPI_Comm mpi_handle(const Communicator& comm) noexcept {
  return MPI_Comm_f2c(comm.fortran_handle());
}

/// No hints.
[[nodiscard]] inline MPI_Info no_info() noexcept {
  return MPI_INFO_NULL;
}

/// Puts a file that this rank opens alone in place of the MPI_File at `place`, which stays open;
/// where it cannot be opened nothing changes. Local.
inline void replace_file(void* place, const std::string& path) noexcept {
  MPI_File other = MPI_FILE_NULL;
  const int mode = MPI_MODE_RDWR;
  if (MPI_File_open(MPI_COMM_SELF, path.c_str(), mode, MPI_INFO_NULL, &other) == MPI_SUCCESS)
    *static_cast<MPI_File*>(place) = other;
}

}  // namespace serried::comm
