#include "io/metadata.hpp"

#include <algorithm>
#include <cstring>
#include <unordered_map>

#include "expr/promotion.hpp"
#include "io/glob.hpp"
#include "io/hdf5/attributes.hpp"
#include "io/hdf5/errors.hpp"
#include "io/hdf5/injected.hpp"
#include "io/hdf5/objects.hpp"
#include "io/hdf5/open.hpp"
#include "io/hdf5/sources.hpp"
#include "serried/base/error.hpp"

namespace serried {
namespace {

Shape shape_of_extents(std::span<const hsize_t> extents, const std::string& name) {
  if (extents.size() > static_cast<std::size_t>(max_dimensions))
    throw DataError(name + ": it has " + std::to_string(extents.size()) +
                    " dimensions; at most 8 can be read");
  std::vector<std::int64_t> signed_extents(extents.begin(), extents.end());
  try {
    const Shape shape{std::span<const std::int64_t>(signed_extents)};
    static_cast<void>(shape.elements());
    return shape;
  } catch (const InvalidArgument& error) {
    throw IoError(name + ": its shape is damaged: " + error.what());
  }
}

/// The shape of chunks. A damaged one has zeros, another number of axes, or no size that can be.
std::vector<std::int64_t> chunks_of(hid_t creation, int rank, const ItemMeta& item) {
  hsize_t chunks[H5S_MAX_RANK] = {};
  const int axes = H5Pget_chunk(creation, H5S_MAX_RANK, chunks);
  std::int64_t elements = 1;
  bool is_good = axes == rank;
  for (int i = 0; is_good && i < rank; ++i) {
    is_good = chunks[i] > 0 && chunks[i] <= static_cast<hsize_t>(most_chunk_elements / elements);
    if (is_good) elements *= static_cast<std::int64_t>(chunks[i]);
  }
  if (!is_good) throw IoError(item.name() + ": the shape of its chunks is damaged");
  return {chunks, chunks + rank};
}

[[noreturn]] void refuse(const ItemMeta& item) {
  throw DataError(item.name() + ": " + item.type.refusal + " (the elements are of type " +
                  item.type.text + ")");
}

Shape describe_dataset(hid_t dataset, ItemMeta& item) {
  const hdf5::Type type(hdf5::checked(H5Dget_type(dataset), item.name()));
  item.type = hdf5::describe_type(type.id());
  if (!item.type.is_number) refuse(item);
  const hdf5::Space space(hdf5::checked(H5Dget_space(dataset), item.name()));
  if (H5Sget_simple_extent_type(space.id()) == H5S_NULL)
    throw DataError(item.name() + ": the dataset is empty (a null dataspace)");
  hsize_t extents[H5S_MAX_RANK] = {};
  const int rank = H5Sget_simple_extent_dims(space.id(), extents, nullptr);
  hdf5::check(rank, item.name() + ": its shape cannot be read");
  const Shape shape = shape_of_extents({extents, static_cast<std::size_t>(rank)}, item.name());
  const hdf5::Properties creation(hdf5::checked(H5Dget_create_plist(dataset), item.name()));
  if (H5Pget_layout(creation.id()) == H5D_CHUNKED) {
    item.chunks = chunks_of(creation.id(), rank, item);
    item.is_filtered = H5Pget_nfilters(creation.id()) > 0;
  }
  return shape;
}

/// openPMD: the attribute `value` stands for all elements, the attribute `shape` for the extents.
Shape describe_constant(hid_t group, ItemMeta& item) {
  const auto value = hdf5::read_attribute(group, "value");
  const auto shape = hdf5::read_attribute(group, "shape");
  if (!value->is_number || value->count != 1)
    throw DataError(item.name() +
                    ": the attribute `value` of this constant component is not one number");
  if (!shape->is_number || shape->shape.size() > 1)
    throw DataError(item.name() +
                    ": the attribute `shape` of this constant component is no list of extents");
  item.is_constant = true;
  item.type.is_number = true;
  item.type.dtype = value->dtype;
  item.type.text = value->type;
  std::memcpy(item.constant.data(), value->bytes.data(), value->bytes.size());
  if (shape->count > H5S_MAX_RANK)
    throw DataError(item.name() + ": it has " + std::to_string(shape->count) +
                    " dimensions; at most 8 can be read");
  std::vector<hsize_t> extents;
  for (std::int64_t i = 0; i < shape->count; ++i) extents.push_back(shape->as<hsize_t>(i));
  return shape_of_extents(extents, item.name());
}

class MetadataReader {
 public:
  MetadataReader(const DatasetOptions& options, const FileVisitor& visit, DatasetMeta& meta)
      : options_(options), visit_(visit), meta_(meta) {}

  PartMeta read(const Address& address) {
    PartMeta part;
    part.text = address.text;
    part.is_series = address.is_glob || address.is_object_glob;
    const std::vector<std::string> files =
        address.is_glob ? expand_path_glob(address.path) : std::vector<std::string>{address.path};
    for (const std::string& file : files) read_file(address, file, part);
    if (part.items.empty()) throw IoError(address.text + ": no dataset matches " + address.object);
    const Shape item_shape = selected_shape(part.items.front().axes);
    for (const ItemMeta& item : part.items)
      if (!(selected_shape(item.axes) == item_shape))
        throw DataError(address.text + ": the series cannot be stacked: " + item.name() +
                        " has shape " + selected_shape(item.axes).to_string() + ", " +
                        part.items.front().name() + " has " + item_shape.to_string());
    part.shape = part.is_series
                     ? item_shape.with_inserted(0, static_cast<std::int64_t>(part.items.size()))
                     : item_shape;
    return part;
  }

 private:
  void read_file(const Address& address, const std::string& path, PartMeta& part) {
    if (visit_) visit_(path);
    const hdf5::File file = hdf5::open_serial(path);
    if (address.is_object_glob) {
      for (const std::string& object : hdf5::expand_object_glob(file.id(), address.object))
        part.items.push_back(read_item(address, file, path, object));
      return;
    }
    const std::string object =
        address.object.empty() ? hdf5::only_data(file.id(), path) : address.object;
    part.items.push_back(read_item(address, file, path, object));
  }

  ItemMeta read_item(const Address& address, const hdf5::File& file, const std::string& path,
                     const std::string& object_path) {
    ItemMeta item;
    item.file = path;
    item.object = object_path;
    if (object_path != "/" && !hdf5::is_object(file.id(), object_path))
      hdf5::throw_missing(file.id(), path, object_path);
    const hdf5::Object object(hdf5::checked(
        hdf5::alone(faults::Kind::read,
                    [&] { return H5Oopen(file.id(), object_path.c_str(), H5P_DEFAULT); }),
        item.name()));
    for (std::string& source : hdf5::files_behind(object.id(), path))
      if (std::ranges::find(meta_.sources, source) == meta_.sources.end())
        meta_.sources.push_back(std::move(source));
    Shape shape;
    if (H5Iget_type(object.id()) == H5I_DATASET)
      shape = describe_dataset(object.id(), item);
    else if (hdf5::is_constant_component(object.id()))
      shape = describe_constant(object.id(), item);
    else
      hdf5::throw_missing(file.id(), path, object_path + " (it is a group)");
    item.source = number_of(hdf5::identity_of(object.id(), path));
    item.extents.assign(shape.extents().begin(), shape.extents().end());
    item.axes = apply_selection(address.selection, shape, item.name());
    item.rule = make_decode_rule(object.id(), item.type.dtype, options_, item.name(),
                                 [&](const std::string& text) { meta_.warnings.push_back(text); });
    return item;
  }

  /// Datasets are numbered as they come.
  std::int64_t number_of(const std::string& identity) {
    const auto next = static_cast<std::int64_t>(numbers_.size());
    return numbers_.try_emplace(identity, next).first->second;
  }

  const DatasetOptions& options_;
  const FileVisitor& visit_;
  DatasetMeta& meta_;
  std::unordered_map<std::string, std::int64_t> numbers_;
};

void put_item(WireWriter& wire, const ItemMeta& item) {
  wire.put(item.file);
  wire.put(item.object);
  wire.put(item.type.is_bit_field);
  wire.put(item.type.has_full_names);
  wire.put(item.type.dtype);
  wire.put(item.type.text);
  wire.put(item.source);
  wire.put(item.extents);
  wire.put(static_cast<std::int64_t>(item.axes.size()));
  for (const SelectedAxis& axis : item.axes) {
    for (const std::int64_t number : {axis.start, axis.step, axis.count}) wire.put(number);
    wire.put(axis.is_dropped);
    wire.put(axis.is_reversed);
  }
  wire.put(item.chunks);
  wire.put(item.is_filtered);
  wire.put(item.is_constant);
  wire.put(item.constant);
  const DecodeRule& r = item.rule;
  wire.put(r.raw);
  wire.put(r.result);
  wire.put(r.arithmetic);
  wire.put(r.fills);
  for (const bool flag : {r.is_computing, r.has_scale, r.has_offset, r.has_unit}) wire.put(flag);
  for (const double number : {r.scale, r.offset, r.unit}) wire.put(number);
}

void get_item(WireReader& wire, ItemMeta& item) {
  wire.get(item.file);
  wire.get(item.object);
  wire.get(item.type.is_bit_field);
  wire.get(item.type.has_full_names);
  wire.get(item.type.dtype);
  wire.get(item.type.text);
  item.type.is_number = true;
  wire.get(item.source);
  wire.get(item.extents);
  for (std::size_t axes = wire.get_count(); axes > 0; --axes) {
    SelectedAxis& axis = item.axes.emplace_back();
    for (std::int64_t* number : {&axis.start, &axis.step, &axis.count}) wire.get(*number);
    wire.get(axis.is_dropped);
    wire.get(axis.is_reversed);
  }
  wire.get(item.chunks);
  wire.get(item.is_filtered);
  wire.get(item.is_constant);
  wire.get(item.constant);
  DecodeRule& r = item.rule;
  wire.get(r.raw);
  wire.get(r.result);
  wire.get(r.arithmetic);
  wire.get(r.fills);
  for (bool* flag : {&r.is_computing, &r.has_scale, &r.has_offset, &r.has_unit}) wire.get(*flag);
  for (double* number : {&r.scale, &r.offset, &r.unit}) wire.get(*number);
}

}  // namespace

std::string DatasetMeta::to_bytes() const {
  WireWriter wire;
  wire.put(static_cast<std::int64_t>(parts.size()));
  for (const PartMeta& part : parts) {
    wire.put(part.text);
    wire.put(part.is_series);
    wire.put(part.shape);
    wire.put(static_cast<std::int64_t>(part.items.size()));
    for (const ItemMeta& item : part.items) put_item(wire, item);
  }
  wire.put(dtype);
  wire.put(warnings);
  wire.put(sources);
  return wire.bytes();
}

DatasetMeta DatasetMeta::from_bytes(const std::string& bytes) {
  DatasetMeta meta;
  WireReader wire(bytes);
  for (std::size_t parts = wire.get_count(); parts > 0; --parts) {
    PartMeta& part = meta.parts.emplace_back();
    wire.get(part.text);
    wire.get(part.is_series);
    wire.get(part.shape);
    for (std::size_t items = wire.get_count(); items > 0; --items)
      get_item(wire, part.items.emplace_back());
  }
  wire.get(meta.dtype);
  wire.get(meta.warnings);
  wire.get(meta.sources);
  return meta;
}

DatasetMeta read_metadata(const std::vector<Address>& addresses, const DatasetOptions& options,
                          const FileVisitor& visit) {
  const hdf5::Turn turn;
  DatasetMeta meta;
  MetadataReader reader(options, visit, meta);
  for (const Address& address : addresses) meta.parts.push_back(reader.read(address));
  meta.dtype = meta.parts.front().items.front().rule.result;
  for (const PartMeta& part : meta.parts)
    for (const ItemMeta& item : part.items) meta.dtype = promote(meta.dtype, item.rule.result);
  for (PartMeta& part : meta.parts)
    for (ItemMeta& item : part.items) item.rule.result = meta.dtype;
  return meta;
}

}  // namespace serried
