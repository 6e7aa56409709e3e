#pragma once

#include <string>

#include "io/hdf5/handle.hpp"
#include "serried/comm/communicator.hpp"

namespace serried::hdf5 {

/// Makes an open 1-D dataset the dimension scale of an axis of another, as NetCDF-4 and h5py do
/// (HDF5's dimension scale specification: CLASS, NAME, REFERENCE_LIST, DIMENSION_LIST). Both are
/// open on all ranks. `where` names the dataset in errors.
/// Collective. @throws RankError (kind io).
void attach_scale(const Communicator& comm, hid_t dataset, hid_t scale, int axis,
                  const std::string& name, const std::string& where);

}  // namespace serried::hdf5
