#pragma once

#include <string>

namespace serried {

/// The HDF5 library that this program runs with, e.g. "HDF5 1.10.8".
/// Local.
[[nodiscard]] std::string hdf5_library();

}  // namespace serried
