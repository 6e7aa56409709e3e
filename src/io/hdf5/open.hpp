#pragma once

#include <string>

#include "io/hdf5/handle.hpp"
#include "serried/comm/communicator.hpp"

namespace serried::hdf5 {

/// Opens a file for reading on this rank alone.
/// Local.
/// @throws IoError that says which: no such folder or file, no permission, empty, NetCDF-3, no
/// HDF5, truncated (with the size that it should have), damaged, locked.
[[nodiscard]] File open_serial(const std::string& path);

/// Opens a file on all ranks with MPI-IO. What can fail on one rank alone is tried and agreed on
/// before. Collective.
/// @throws RankError (kind io).
[[nodiscard]] File open_parallel(const Communicator& comm, const std::string& path,
                                 bool is_writing);

/// Opens a file for writing on all ranks with MPI-IO, in place of what it holds; it is there
/// already. `what` begins the text of errors.
/// Collective. @throws RankError (kind io).
[[nodiscard]] File create_parallel(const Communicator& comm, const std::string& path,
                                   const std::string& what);

/// Gives up a file that is open for writing with MPI-IO, on this rank alone, and does not close it.
///
/// HDF5 writes what it still has for such a file when MPI ends. On a full disk that fails on some
/// ranks, and HDF5 crashes or leaves the others waiting. So its driver gets another MPI file in
/// place of the file's (H5Fget_vfd_handle says where it stands): one in memory, of this rank alone,
/// which takes everything. Other files of the process are not touched, as they would be if HDF5
/// were kept from ending. Local.
void abandon_parallel(File& file) noexcept;

/// Properties of collective or independent transfers. Local.
[[nodiscard]] Properties transfer_properties(bool is_collective);

}  // namespace serried::hdf5
