#include "io/coordinates.hpp"

#include <hdf5_hl.h>

#include <optional>

#include "io/hdf5/attributes.hpp"
#include "io/hdf5/errors.hpp"
#include "io/hdf5/injected.hpp"
#include "io/hdf5/objects.hpp"
#include "io/hdf5/open.hpp"

namespace serried {
namespace {

constexpr std::int64_t max_values = std::int64_t{1} << 24;

/// NetCDF-4 writes this as the NAME of a dimension that has no variable.
constexpr std::string_view no_variable = "This is a netCDF dimension but not a netCDF variable";

/// Takes the path of the first scale of an axis.
extern "C" herr_t serried_take_scale(hid_t /*dataset*/, unsigned /*axis*/, hid_t scale,
                                     void* path) {
  char text[4096];
  const ssize_t size = H5Iget_name(scale, text, sizeof(text));
  if (size <= 0 || size >= static_cast<ssize_t>(sizeof(text))) return 0;
  try {
    *static_cast<std::string*>(path) = text;
  } catch (...) {
    return -1;
  }
  return 1;
}

std::vector<std::pair<std::string, std::string>> text_attributes(hid_t object) {
  std::vector<std::pair<std::string, std::string>> texts;
  for (const std::string& name : hdf5::attribute_names(object)) {
    if (name.starts_with('_') || name == "CLASS" || name == "NAME") continue;
    const auto text = hdf5::read_text_attribute(object, name);
    if (text) texts.emplace_back(name, *text);
  }
  return texts;
}

/// The selected values of a 1-D scale, decoded; nothing where it holds no numbers of that length.
std::optional<Coordinate> read_scale(hid_t file, const std::string& file_name,
                                     const std::string& path, const SelectedAxis& axis,
                                     std::int64_t extent, bool is_decoding,
                                     const Backend& backend) {
  const std::string where = file_name + ":" + path;
  const hdf5::DatasetId dataset(hdf5::checked(H5Dopen2(file, path.c_str(), H5P_DEFAULT), where));
  const auto scale_name = hdf5::read_text_attribute(dataset.id(), "NAME");
  if (scale_name && scale_name->starts_with(no_variable)) return std::nullopt;
  const hdf5::Type type(hdf5::checked(H5Dget_type(dataset.id()), where));
  const hdf5::ElementType element = hdf5::describe_type(type.id());
  const hdf5::Space space(hdf5::checked(H5Dget_space(dataset.id()), where));
  hsize_t length = 0;
  if (!element.is_number || is_complex(element.dtype) ||
      H5Sget_simple_extent_ndims(space.id()) != 1 ||
      H5Sget_simple_extent_dims(space.id(), &length, nullptr) != 1 ||
      length != static_cast<hsize_t>(extent))
    return std::nullopt;
  DatasetOptions options;
  options.is_decoding = is_decoding;
  DecodeRule rule =
      make_decode_rule(dataset.id(), element.dtype, options, where, [](const std::string&) {});
  Coordinate coordinate;
  coordinate.name = path.substr(path.rfind('/') + 1);
  coordinate.dtype = rule.result;
  coordinate.values.resize(static_cast<std::size_t>(axis.count));
  coordinate.text_attributes = text_attributes(dataset.id());
  if (axis.count == 0) return coordinate;
  const hsize_t start = static_cast<hsize_t>(axis.start);
  const hsize_t step = static_cast<hsize_t>(axis.step);
  const hsize_t count = static_cast<hsize_t>(axis.count);
  const hdf5::Space memory(hdf5::checked(H5Screate_simple(1, &count, nullptr), where));
  hdf5::check(H5Sselect_hyperslab(space.id(), H5S_SELECT_SET, &start, &step, &count, nullptr),
              where);
  std::vector<std::byte> raw(static_cast<std::size_t>(count) * size_of(rule.raw));
  const hdf5::Type memory_type = hdf5::memory_type(element);
  hdf5::check(hdf5::alone(faults::Kind::read,
                          [&] {
                            return H5Dread(dataset.id(), memory_type.id(), memory.id(), space.id(),
                                           H5P_DEFAULT, raw.data());
                          }),
              where + " cannot be read");
  coordinate.bytes.resize(static_cast<std::size_t>(count) * size_of(rule.result));
  static_cast<void>(decode(rule, raw.data(), coordinate.bytes.data(), axis.count, backend));
  rule.result = DType::f64;
  static_cast<void>(decode(rule, raw.data(), reinterpret_cast<std::byte*>(coordinate.values.data()),
                           axis.count, backend));
  if (!axis.is_reversed) return coordinate;
  return select_of(coordinate, {.start = 0, .step = 1, .count = axis.count, .is_reversed = true});
}

}  // namespace

Annotations read_annotations(const PartMeta& part, const std::vector<int>& samples,
                             bool is_decoding, const Backend& backend) {
  const hdf5::Turn turn;
  Annotations found;
  const ItemMeta& item = part.items.front();
  if (item.is_constant) return found;
  const hdf5::File file = hdf5::open_serial(item.file);
  const hdf5::DatasetId dataset(
      hdf5::checked(H5Dopen2(file.id(), item.object.c_str(), H5P_DEFAULT), item.name()));
  const hdf5::Space space(hdf5::checked(H5Dget_space(dataset.id()), item.name()));
  hsize_t extents[H5S_MAX_RANK] = {};
  H5Sget_simple_extent_dims(space.id(), extents, nullptr);
  found.text_attributes = text_attributes(dataset.id());
  if (H5Aexists(dataset.id(), "DIMENSION_LIST") <= 0) return found;
  for (std::size_t i = 0; i < samples.size(); ++i) {
    int kept = samples[i] - (part.is_series ? 1 : 0);
    if (kept < 0) continue;
    std::size_t axis = 0;
    for (; item.axes[axis].is_dropped || kept > 0; ++axis)
      if (!item.axes[axis].is_dropped) --kept;
    if (item.axes[axis].count > max_values) continue;
    std::string path;
    if (H5DSiterate_scales(dataset.id(), static_cast<unsigned>(axis), nullptr, serried_take_scale,
                           &path) <= 0)
      continue;
    auto coordinate = read_scale(file.id(), item.file, path, item.axes[axis],
                                 static_cast<std::int64_t>(extents[axis]), is_decoding, backend);
    if (!coordinate) continue;
    coordinate->axis = static_cast<int>(i);
    found.coordinates.push_back(std::move(*coordinate));
  }
  return found;
}

Coordinate select_of(const Coordinate& coordinate, const SelectedAxis& axis) {
  Coordinate result{.name = coordinate.name,
                    .axis = coordinate.axis,
                    .dtype = coordinate.dtype,
                    .values = {},
                    .text_attributes = coordinate.text_attributes};
  const std::size_t bytes = size_of(coordinate.dtype);
  for (std::int64_t i = 0; i < axis.count; ++i) {
    const std::int64_t at = axis.is_reversed ? axis.count - 1 - i : i;
    const auto from = static_cast<std::size_t>(axis.start + at * axis.step);
    result.values.push_back(coordinate.values[from]);
    if (coordinate.bytes.empty()) continue;
    const std::byte* const exact = coordinate.bytes.data() + from * bytes;
    result.bytes.insert(result.bytes.end(), exact, exact + bytes);
  }
  return result;
}

namespace {

using Texts = std::vector<std::pair<std::string, std::string>>;

void put_texts(WireWriter& wire, const Texts& texts) {
  wire.put(static_cast<std::int64_t>(texts.size()));
  for (const auto& [name, text] : texts) {
    wire.put(name);
    wire.put(text);
  }
}

Texts get_texts(WireReader& wire) {
  Texts texts;
  for (std::size_t count = wire.get_count(); count > 0; --count) {
    auto& [name, text] = texts.emplace_back();
    wire.get(name);
    wire.get(text);
  }
  return texts;
}

}  // namespace

void put_annotations(WireWriter& wire, const Annotations& annotations) {
  put_texts(wire, annotations.text_attributes);
  wire.put(static_cast<std::int64_t>(annotations.coordinates.size()));
  for (const Coordinate& c : annotations.coordinates) {
    wire.put(c.name);
    wire.put(c.axis);
    wire.put(c.dtype);
    wire.put(c.values);
    wire.put(c.bytes);
    put_texts(wire, c.text_attributes);
  }
}

Annotations get_annotations(WireReader& wire) {
  Annotations annotations{.coordinates = {}, .text_attributes = get_texts(wire)};
  for (std::size_t count = wire.get_count(); count > 0; --count) {
    Coordinate& c = annotations.coordinates.emplace_back();
    wire.get(c.name);
    wire.get(c.axis);
    wire.get(c.dtype);
    wire.get(c.values);
    wire.get(c.bytes);
    c.text_attributes = get_texts(wire);
  }
  return annotations;
}

}  // namespace serried
