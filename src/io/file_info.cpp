#include "serried/io/file_info.hpp"

#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <map>

#include "io/file_listing.hpp"
#include "io/guard/untrusted.hpp"
#include "io/hdf5/attributes.hpp"
#include "io/hdf5/errors.hpp"
#include "io/hdf5/objects.hpp"
#include "io/hdf5/open.hpp"
#include "io/wire.hpp"
#include "serried/base/error.hpp"
#include "serried/comm/agree.hpp"

namespace serried {
namespace {

constexpr std::int64_t max_values = 16;
/// Each depth takes some of the stack; a file that was made to do harm could use it up.
constexpr int max_depth = 1000;

std::string value_text(const hdf5::AttributeValue& value) {
  const auto one = [&](std::int64_t i) -> std::string {
    if (value.is_text) return value.texts[static_cast<std::size_t>(i)];
    return visit_real(value.dtype, [&](auto tag) -> std::string {
      using T = typename decltype(tag)::type;
      if constexpr (std::is_same_v<T, bool>)
        return value.as<int>(i) != 0 ? "true" : "false";
      else if constexpr (std::is_same_v<T, Half>)
        return fmt::format("{}", value.as<float>(i));
      else
        return fmt::format("{}", value.as<T>(i));
    });
  };
  if (!value.is_text && !value.is_number) return {};
  if (value.shape.empty()) return value.count > 0 ? one(0) : std::string();
  if (value.count == 1) return one(0);
  std::string text = "[";
  for (std::int64_t i = 0; i < std::min(value.count, max_values); ++i)
    text += (i == 0 ? "" : ", ") + one(i);
  if (value.count > max_values) text += fmt::format(", ... ({} values)", value.count);
  return text + "]";
}

std::vector<AttributeInfo> describe_attributes(hid_t object) {
  std::vector<AttributeInfo> attributes;
  for (const std::string& name : hdf5::attribute_names(object)) {
    const auto value = hdf5::read_attribute(object, name);
    if (value) attributes.push_back({name, value_text(*value), value->type});
  }
  return attributes;
}

std::string filter_text(hid_t creation, unsigned index) {
  unsigned flags = 0;
  unsigned values[8] = {};
  std::size_t count = std::size(values);
  char text[64] = {};
  unsigned configuration = 0;
  const H5Z_filter_t filter =
      H5Pget_filter2(creation, index, &flags, &count, values, sizeof(text), text, &configuration);
  switch (filter) {
    case H5Z_FILTER_DEFLATE:
      return fmt::format("deflate {}", values[0]);
    case H5Z_FILTER_SHUFFLE:
      return "shuffle";
    case H5Z_FILTER_FLETCHER32:
      return "fletcher32";
    case H5Z_FILTER_SZIP:
      return "szip";
    case H5Z_FILTER_NBIT:
      return "nbit";
    case H5Z_FILTER_SCALEOFFSET:
      return "scaleoffset";
    default:
      break;
  }
  std::string name = text[0] != '\0' ? text : fmt::format("filter {}", static_cast<int>(filter));
  if (H5Zfilter_avail(filter) <= 0) name += " (not available here)";
  return name;
}

void describe_dataset(hid_t dataset, ObjectInfo& info) {
  const hdf5::Type type(hdf5::checked(H5Dget_type(dataset), info.path));
  info.type = hdf5::describe_type(type.id()).text;
  const hdf5::Space space(hdf5::checked(H5Dget_space(dataset), info.path));
  hsize_t extents[H5S_MAX_RANK] = {};
  const int rank = H5Sget_simple_extent_dims(space.id(), extents, nullptr);
  hdf5::check(rank, info.path);
  const std::vector<std::int64_t> signed_extents(extents, extents + rank);
  if (rank > max_dimensions)
    info.type += fmt::format(", {} dimensions", rank);
  else if (H5Sget_simple_extent_type(space.id()) == H5S_NULL)
    info.type += ", null dataspace";
  else
    info.shape = Shape(std::span<const std::int64_t>(signed_extents));
  info.stored_bytes = static_cast<std::int64_t>(H5Dget_storage_size(dataset));
  const hdf5::Properties creation(hdf5::checked(H5Dget_create_plist(dataset), info.path));
  if (H5Pget_layout(creation.id()) != H5D_CHUNKED) return;
  if (H5Pget_chunk(creation.id(), rank, extents) != rank)
    throw IoError(info.path + ": the shape of its chunks is damaged");
  info.chunks.assign(extents, extents + rank);
  const int filters = H5Pget_nfilters(creation.id());
  for (int i = 0; i < filters; ++i)
    info.filters.push_back(filter_text(creation.id(), static_cast<unsigned>(i)));
}

class FileLister {
 public:
  explicit FileLister(hid_t file) : file_(file) {}

  void visit(const std::string& path, int depth = 0) {
    if (depth > max_depth)
      throw IoError(path + ": groups lie in groups more than " + std::to_string(max_depth) +
                    " deep");
    const hdf5::Object object(hdf5::checked(H5Oopen(file_, path.c_str(), H5P_DEFAULT), path));
    H5O_info_t identity;
    hdf5::check(H5Oget_info2(object.id(), &identity, H5O_INFO_BASIC), path);
    ObjectInfo info;
    info.path = path;
    const auto [known, is_new] = seen_.emplace(std::pair(identity.fileno, identity.addr), path);
    if (!is_new) {
      info.link = "same as " + known->second;
      objects.push_back(std::move(info));
      return;
    }
    const H5I_type_t kind = H5Iget_type(object.id());
    info.is_group = kind == H5I_GROUP;
    if (kind == H5I_DATASET)
      describe_dataset(object.id(), info);
    else
      info.type = info.is_group ? "group" : "named type";
    info.attributes = describe_attributes(object.id());
    objects.push_back(std::move(info));
    if (kind != H5I_GROUP) return;
    for (const std::string& name : hdf5::link_names(object.id()))
      visit_link(path == "/" ? path + name : path + "/" + name, depth + 1);
  }

  std::vector<ObjectInfo> objects;

 private:
  void visit_link(const std::string& path, int depth) {
    H5L_info_t link;
    hdf5::check(H5Lget_info(file_, path.c_str(), &link, H5P_DEFAULT), path);
    if (link.type == H5L_TYPE_HARD) {
      visit(path, depth);
      return;
    }
    ObjectInfo info;
    info.path = path;
    info.link = "user-defined link";
    if (link.type == H5L_TYPE_SOFT || link.type == H5L_TYPE_EXTERNAL) {
      std::vector<char> value(link.u.val_size + 1, '\0');
      hdf5::check(H5Lget_val(file_, path.c_str(), value.data(), link.u.val_size, H5P_DEFAULT),
                  path);
      info.link = std::string("soft link to ") + value.data();
      if (link.type == H5L_TYPE_EXTERNAL) {
        const char* target_file = "";
        const char* target = "";
        unsigned flags = 0;
        hdf5::check(
            H5Lunpack_elink_val(value.data(), link.u.val_size, &flags, &target_file, &target),
            path);
        info.link = std::string("external link to ") + target_file + ":" + target;
      }
      if (H5Oexists_by_name(file_, path.c_str(), H5P_DEFAULT) <= 0) info.link += " (dangling)";
    }
    info.type = "link";
    objects.push_back(std::move(info));
  }

  hid_t file_;
  /// Objects that have been listed, by file and address: hard links may form cycles.
  std::map<std::pair<unsigned long, haddr_t>, std::string> seen_;
};

void put_object(WireWriter& wire, const ObjectInfo& object) {
  wire.put(object.path);
  wire.put(object.is_group);
  wire.put(object.link);
  wire.put(object.type);
  wire.put(object.shape);
  wire.put(object.chunks);
  wire.put(object.filters);
  wire.put(object.stored_bytes);
  wire.put(static_cast<std::int64_t>(object.attributes.size()));
  for (const AttributeInfo& attribute : object.attributes) {
    wire.put(attribute.name);
    wire.put(attribute.value);
    wire.put(attribute.type);
  }
}

void get_object(WireReader& wire, ObjectInfo& object) {
  wire.get(object.path);
  wire.get(object.is_group);
  wire.get(object.link);
  wire.get(object.type);
  wire.get(object.shape);
  wire.get(object.chunks);
  wire.get(object.filters);
  wire.get(object.stored_bytes);
  for (std::size_t attributes = wire.get_count(); attributes > 0; --attributes) {
    AttributeInfo& attribute = object.attributes.emplace_back();
    wire.get(attribute.name);
    wire.get(attribute.value);
    wire.get(attribute.type);
  }
}

void list_objects(FileLister& lister, const std::string& path) {
  try {
    lister.visit("/");
  } catch (const Error& error) {  // which names the object alone
    throw Error(error.kind(), path + ": " + error.what());
  }
}

}  // namespace

std::string list_file(const std::string& path) {
  const hdf5::Turn turn;
  const hdf5::File file = hdf5::open_serial(path);
  struct stat status {};
  FileLister lister(file.id());
  list_objects(lister, path);
  WireWriter wire;
  wire.put(static_cast<std::int64_t>(::stat(path.c_str(), &status) == 0 ? status.st_size : 0));
  wire.put(static_cast<std::int64_t>(lister.objects.size()));
  for (const ObjectInfo& object : lister.objects) put_object(wire, object);
  return wire.bytes();
}

FileInfo parse_listing(const std::string& path, const std::string& bytes) {
  WireReader wire(bytes);
  FileInfo info;
  info.path = path;
  wire.get(info.bytes);
  for (std::size_t objects = wire.get_count(); objects > 0; --objects)
    get_object(wire, info.objects.emplace_back());
  return info;
}

FileInfo inspect_file(const Context& ctx, const std::string& path,
                      const std::optional<FileCheck>& untrusted) {
  std::string bytes;
  agree_on_root(ctx.comm(), 0, [&] {
    bytes = untrusted ? guard::list_untrusted(path, *untrusted) : list_file(path);
  });
  return parse_listing(path, ctx.comm().broadcast_text(bytes, 0));
}

FileInfo list_file_apart(const std::string& path, const FileCheck& check) {
  return parse_listing(path, guard::list_untrusted(path, check));
}

}  // namespace serried
