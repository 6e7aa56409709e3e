#pragma once

#include <string>

#include "serried/base/api.hpp"

namespace SERRIED_API serried {

/// The HDF5 library that this program runs with, e.g. "HDF5 1.10.8".
/// Local.
[[nodiscard]] std::string hdf5_library();

/// For programs: from now on HDF5 prints nothing of its own, neither the calls that failed nor, at
/// the end of the process, what a damaged file kept it from closing. Serried's errors say what
/// there is to say. To be called after MPI has started (HDF5 that starts before MPI would end after
/// it, and needs it there). Local.
void silence_hdf5() noexcept;

}  // namespace serried
