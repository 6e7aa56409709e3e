#include "io/hdf5/transfer.hpp"

#include <array>
#include <cstdint>

#include "io/hdf5/collective.hpp"
#include "io/hdf5/errors.hpp"
#include "io/hdf5/open.hpp"
#include "io/hdf5/types.hpp"
#include "serried/comm/agree.hpp"

namespace serried::hdf5 {
namespace {

using Extents = std::array<hsize_t, max_dimensions>;

Extents to_extents(const std::array<std::int64_t, max_dimensions>& values) {
  Extents result{};
  for (std::size_t i = 0; i < values.size(); ++i) result[i] = static_cast<hsize_t>(values[i]);
  return result;
}

/// The memory space of a box, or an empty one.
Space memory_space(const ElementBox* box, int dimensions) {
  const std::string what = "cannot make a memory space";
  if (dimensions == 0) {
    Space space(checked(H5Screate(H5S_SCALAR), what));
    if (box == nullptr) check(H5Sselect_none(space.id()), what);
    return space;
  }
  Extents extents{};
  extents.fill(1);
  if (box != nullptr) extents = to_extents(box->extent);
  Space space(checked(H5Screate_simple(dimensions, extents.data(), nullptr), what));
  if (box == nullptr) check(H5Sselect_none(space.id()), what);
  return space;
}

void select_box(hid_t space, const ElementBox* box, int dimensions) {
  const std::string what = "cannot select in a dataset";
  if (box == nullptr) {
    check(H5Sselect_none(space), what);
  } else if (dimensions > 0) {
    const Extents start = to_extents(box->start);
    const Extents extent = to_extents(box->extent);
    check(H5Sselect_hyperslab(space, H5S_SELECT_SET, start.data(), nullptr, extent.data(), nullptr),
          what);
  }
}

}  // namespace

void write_boxes(const Communicator& comm, hid_t dataset, const Shape& shape, DType dtype,
                 const std::vector<ElementBox>& boxes, const std::byte* data,
                 const std::string& what) {
  const auto calls = comm.allreduce(static_cast<std::int64_t>(boxes.size()), ReduceOp::max);
  Type type;
  Properties transfer;
  agree(comm, [&] {
    type = memory_type(dtype);
    transfer = transfer_properties(true);
  });
  static constexpr std::byte nothing{};
  std::int64_t written_bytes = 0;
  for (std::int64_t call = 0; call < calls; ++call) {
    const bool has_box = call < static_cast<std::int64_t>(boxes.size());
    const ElementBox* box = has_box ? &boxes[static_cast<std::size_t>(call)] : nullptr;
    Space file;
    Space memory;
    agree(comm, [&] {
      file = Space(checked(H5Dget_space(dataset), "cannot get a dataset's space"));
      select_box(file.id(), box, shape.dimensions());
      memory = memory_space(box, shape.dimensions());
    });
    const void* from = has_box ? data + written_bytes : &nothing;
    const herr_t status = in_collective(comm, "H5Dwrite", [&] {
      return H5Dwrite(dataset, type.id(), memory.id(), file.id(), transfer.id(), from);
    });
    agree_on_status(comm, status, what);
    if (has_box) written_bytes += box->elements * static_cast<std::int64_t>(size_of(dtype));
  }
}

}  // namespace serried::hdf5
