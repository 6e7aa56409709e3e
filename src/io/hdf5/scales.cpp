#include "io/hdf5/scales.hpp"

#include <hdf5_hl.h>

#include "io/hdf5/errors.hpp"

namespace serried::hdf5 {

void attach_scale(hid_t dataset, hid_t scale, int axis, const std::string& name) {
  const std::string what = "cannot attach the coordinates " + name;
  if (H5DSis_scale(scale) <= 0) check(H5DSset_scale(scale, name.c_str()), what);
  check(H5DSattach_scale(dataset, scale, static_cast<unsigned>(axis)), what);
  check(H5DSset_label(dataset, static_cast<unsigned>(axis), name.c_str()), what);
}

}  // namespace serried::hdf5
