#include "io/hdf5/scales.hpp"

#include <hdf5_hl.h>

#include "io/hdf5/collective.hpp"
#include "io/hdf5/errors.hpp"
#include "serried/comm/agree.hpp"

namespace serried::hdf5 {

void attach_scale(const Communicator& comm, hid_t dataset, hid_t scale, int axis,
                  const std::string& name, const std::string& where) {
  const std::string what = "cannot attach the coordinates " + name + " to " + where;
  int is_scale = 0;
  agree(comm, [&] {
    is_scale = H5DSis_scale(scale);
    check(is_scale, what);
  });
  if (comm.broadcast(is_scale, 0) == 0)
    agree_on_status(comm, H5DSset_scale(scale, name.c_str()), what);
  const auto number = static_cast<unsigned>(axis);
  agree_on_status(comm, H5DSattach_scale(dataset, scale, number), what);
  agree_on_status(comm, H5DSset_label(dataset, number, name.c_str()), what);
}

}  // namespace serried::hdf5
