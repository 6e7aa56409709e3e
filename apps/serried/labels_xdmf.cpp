#include "labels_xdmf.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <optional>

#include "output_check.hpp"
#include "serried/io/file_info.hpp"
#include "serried/io/xdmf.hpp"

namespace serried::app {
namespace {

std::string xdmf_path(const OutputAddress& output) {
  return std::filesystem::path(output.path).replace_extension(".xmf").string();
}

/// The coordinates of an axis; none, or none that would do: its indices.
std::vector<double> coordinates_of(const std::vector<Coordinate>& coordinates, int axis,
                                   std::int64_t extent) {
  for (const Coordinate& coordinate : coordinates)
    if (coordinate.axis == axis && static_cast<std::int64_t>(coordinate.values.size()) == extent)
      return coordinate.values;
  std::vector<double> indices;
  for (std::int64_t i = 0; i < extent; ++i) indices.push_back(static_cast<double>(i));
  return indices;
}

/// A dataset whose numbers XDMF can show as they are stored, found by its address.
std::optional<XdmfData> stored_data(const Session& session, const Address& address) {
  if (address.is_glob || address.is_object_glob || !address.selection.empty()) return {};
  const FileInfo info = inspect_file(session.ctx, address.path, session.common().untrusted);
  std::vector<const ObjectInfo*> found;
  for (const ObjectInfo& object : info.objects)
    if (!object.is_group && object.link.empty() && !object.type.empty() &&
        (address.object.empty() || object.path == address.object))
      found.push_back(&object);
  if (found.size() != 1) return {};
  const ObjectInfo& object = *found.front();
  // what is packed is decoded by formulas that XDMF's readers do not have
  for (const AttributeInfo& attribute : object.attributes)
    for (const char* packing : {"scale_factor", "add_offset", "_Unsigned"})
      if (attribute.name == packing) return {};
  constexpr std::string_view big = " big-endian";
  XdmfData data{.file = address.path, .dataset = object.path, .shape = object.shape};
  std::string type = object.type;
  if (type.ends_with(big)) {
    data.is_big_endian = true;
    type.resize(type.size() - big.size());
  }
  for (const DType dtype : {DType::i8, DType::u8, DType::i16, DType::u16, DType::i32, DType::u32,
                            DType::i64, DType::u64, DType::f32, DType::f64})
    if (type == name(dtype)) {
      data.dtype = dtype;
      return data;
    }
  return {};
}

/// The coordinates of the leading axis of a dataset.
std::vector<double> times_of(const Session& session, const Address& address, std::int64_t steps) {
  const Dataset whole = Dataset::open(
      session.ctx, address,
      {.samples = {.kind = SampleAxes::Kind::all}, .untrusted = session.common().untrusted});
  return coordinates_of(whole.sample_coordinates(), 0, steps);
}

}  // namespace

std::vector<std::string> label_paths(const std::optional<OutputAddress>& output) {
  if (!output) return {};
  std::vector<std::string> paths = {output->path};
  if (output->has_xdmf) paths.push_back(xdmf_path(*output));
  return paths;
}

void check_labels_xdmf(const Session& session, const OutputAddress& output, const Dataset& dataset,
                       const std::vector<std::string>& inputs) {
  if (!output.has_xdmf) return;
  const int axes = dataset.sample_shape().dimensions();
  if (axes != 2 && axes != 3)
    throw InvalidArgument(fmt::format(
        "--xdmf: samples on two or three axes are needed (--sample-axes), not on {}: {}", axes,
        dataset.sample_shape().to_string()));
  session.outputs.add(check_output(session.ctx, xdmf_path(output), inputs, 0));
  check_outputs_differ(session.ctx, xdmf_path(output), output.path);
}

void write_labels_xdmf(const Session& session, const OutputAddress& output, const Dataset& dataset,
                       const std::vector<Address>& addresses) {
  if (!output.has_xdmf) return;
  const auto phase = session.ctx.recorder().phase("write");
  const Shape& shape = dataset.sample_shape();
  XdmfGrid grid{.name = "samples",
                .shape = shape,
                .geometry = XdmfUniform{},
                .attributes = {{.name = "labels",
                                .data = {.file = output.path,
                                         .dataset = output.object,
                                         .shape = shape,
                                         .dtype = DType::i32}}}};
  if (!dataset.sample_coordinates().empty()) {
    XdmfRectilinear places;
    for (int axis = 0; axis < shape.dimensions(); ++axis)
      places.axes.emplace_back(coordinates_of(dataset.sample_coordinates(), axis, shape[axis]));
    grid.geometry = std::move(places);
  }
  std::vector<XdmfAttribute> moving;
  std::vector<double> times;
  for (const Address& address : addresses) {
    const std::optional<XdmfData> data = stored_data(session, address);
    if (!data) continue;
    const XdmfAttribute field{.name = data->dataset.substr(data->dataset.rfind('/') + 1),
                              .data = *data};
    if (data->shape == shape) {
      grid.attributes.push_back(field);
    } else if (data->shape.dimensions() == shape.dimensions() + 1 &&
               data->shape.without(0) == shape && dataset.feature_shape().dimensions() > 0 &&
               (times.empty() || static_cast<std::int64_t>(times.size()) == data->shape[0])) {
      if (times.empty()) times = times_of(session, address, data->shape[0]);
      moving.push_back(field);
    }
  }
  std::vector<XdmfGrid> grids(std::max<std::size_t>(1, times.size()), grid);
  for (std::size_t i = 0; i < times.size(); ++i) {
    grids[i].name = fmt::format("samples {}", i);
    grids[i].time = times[i];
    for (XdmfAttribute field : moving) {
      field.data.leading_index = static_cast<std::int64_t>(i);
      grids[i].attributes.push_back(std::move(field));
    }
  }
  write_xdmf(session.ctx, xdmf_path(output), grids);
}

}  // namespace serried::app
