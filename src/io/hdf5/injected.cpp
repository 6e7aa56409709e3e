#include "io/hdf5/injected.hpp"

#include <string>

namespace serried::hdf5 {

int put_fault(faults::Kind kind) {
  const bool is_reading = kind == faults::Kind::read;
  // The description is copied by HDF5.
  const std::string text = faults::cause(kind);
  H5Epush2(H5E_DEFAULT, __FILE__, __func__, __LINE__, H5E_ERR_CLS, H5E_IO,
           is_reading ? H5E_READERROR : H5E_WRITEERROR, "%s", text.c_str());
  return -1;
}

}  // namespace serried::hdf5
