#pragma once

#include <mpi.h>

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

}  // namespace serried::comm
