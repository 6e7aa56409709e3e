#include "serried/io/hdf5_library.hpp"

#include <hdf5.h>

namespace serried {

std::string hdf5_library() {
  unsigned major = 0;
  unsigned minor = 0;
  unsigned release = 0;
  if (H5get_libversion(&major, &minor, &release) < 0) return "HDF5 of unknown version";
  return "HDF5 " + std::to_string(major) + '.' + std::to_string(minor) + '.' +
         std::to_string(release);
}

void silence_hdf5() noexcept {
  H5Eset_auto2(H5E_DEFAULT, nullptr, nullptr);
}

}  // namespace serried
