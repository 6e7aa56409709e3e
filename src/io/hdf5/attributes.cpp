#include "io/hdf5/attributes.hpp"

#include <algorithm>
#include <functional>

#include "io/hdf5/collective.hpp"
#include "io/hdf5/errors.hpp"
#include "io/hdf5/injected.hpp"
#include "io/hdf5/sources.hpp"
#include "serried/base/error.hpp"
#include "serried/comm/agree.hpp"

namespace serried::hdf5 {
namespace {

/// A fixed-length text ends at its first NUL; those padded with blanks lose them.
std::string trim_fixed(const char* data, std::size_t size, H5T_str_t padding) {
  std::string text(data, size);
  if (padding == H5T_STR_SPACEPAD) return text.substr(0, text.find_last_not_of(' ') + 1);
  return text.substr(0, text.find('\0'));
}

/// More than any file in use has; a damaged one can claim anything.
constexpr std::int64_t max_bytes = std::int64_t{1} << 31;

/// @throws IoError if `count` values of `size` bytes are more than an attribute has.
void require_size(std::int64_t count, std::size_t size, const std::string& name) {
  if (count > max_bytes / static_cast<std::int64_t>(std::clamp<std::size_t>(size, 1, max_bytes)))
    throw IoError("attribute " + name + " is damaged: it claims " + std::to_string(count) +
                  " values of " + std::to_string(size) + " bytes");
}

void read_texts(hid_t attribute, hid_t type, AttributeValue& value) {
  const auto count = static_cast<std::size_t>(value.count);
  if (H5Tis_variable_str(type) > 0) {
    Type memory(H5Tcopy(H5T_C_S1));
    check(H5Tset_size(memory.id(), H5T_VARIABLE), "cannot make a text type");
    H5Tset_cset(memory.id(), H5Tget_cset(type));
    std::vector<char*> pointers(count, nullptr);
    check(H5Aread(attribute, memory.id(), pointers.data()), "cannot read a text attribute");
    for (const char* text : pointers) value.texts.emplace_back(text != nullptr ? text : "");
    const Space space(H5Aget_space(attribute));
    H5Dvlen_reclaim(memory.id(), space.id(), H5P_DEFAULT, pointers.data());
    return;
  }
  const std::size_t size = H5Tget_size(type);
  std::vector<char> data(size * count + 1);
  check(H5Aread(attribute, type, data.data()), "cannot read a text attribute");
  for (std::size_t i = 0; i < count; ++i)
    value.texts.push_back(trim_fixed(data.data() + i * size, size, H5Tget_strpad(type)));
}

extern "C" herr_t serried_collect_attribute(hid_t /*object*/, const char* name,
                                            const H5A_info_t* /*info*/, void* names) {
  try {
    static_cast<std::vector<std::string>*>(names)->emplace_back(name);
  } catch (...) {
    return -1;  // no exception may pass through HDF5's C code
  }
  return 0;
}

/// What an attribute is made of.
struct AttributeParts {
  Type type;
  Space space;
};

/// The collective calls that put an attribute in place of one of that name. `make_parts` is Local;
/// `values` may be null where there are none.
void write_attribute(const Communicator& comm, hid_t object, const std::string& name,
                     const std::function<AttributeParts()>& make_parts, const void* values,
                     const std::string& where) {
  const std::string what = "cannot write attribute " + name + " of " + where;
  AttributeParts parts;
  int exists = 0;
  agree(comm, [&] {
    parts = make_parts();
    exists = H5Aexists(object, name.c_str());
    check(exists, "cannot look for attribute " + name + " of " + where);
  });
  if (comm.broadcast(exists, 0) > 0) agree_on_status(comm, H5Adelete(object, name.c_str()), what);
  Attribute attribute(H5Acreate2(object, name.c_str(), parts.type.id(), parts.space.id(),
                                 H5P_DEFAULT, H5P_DEFAULT));
  agree_on_status(comm, attribute.id(), what);
  if (values != nullptr)
    agree_on_status(comm, H5Awrite(attribute.id(), parts.type.id(), values), what);
  agree_on_status(comm, attribute.reset(), what);
}

/// As read_attribute, but for errors, which do not say whose attribute it is.
std::optional<AttributeValue> read_nameless(hid_t object, const std::string& name) {
  const htri_t exists = H5Aexists(object, name.c_str());
  check(exists, "cannot look for attribute " + name);
  if (exists == 0) return std::nullopt;
  const Attribute attribute(
      checked(alone(faults::Kind::read, [&] { return H5Aopen(object, name.c_str(), H5P_DEFAULT); }),
              "cannot open attribute " + name));
  const Type type(checked(H5Aget_type(attribute.id()), "cannot read attribute " + name));
  const Space space(checked(H5Aget_space(attribute.id()), "cannot read attribute " + name));
  const ElementType element = describe_type(type.id());
  AttributeValue value;
  value.type = element.text;
  value.count = std::max<std::int64_t>(H5Sget_simple_extent_npoints(space.id()), 0);
  hsize_t extents[H5S_MAX_RANK] = {};
  const int rank = H5Sget_simple_extent_dims(space.id(), extents, nullptr);
  if (rank > 0) value.shape.assign(extents, extents + rank);
  if (element.is_text) {
    value.is_text = true;
    require_size(value.count, std::max(H5Tget_size(type.id()), sizeof(char*)), name);
    if (value.count > 0) read_texts(attribute.id(), type.id(), value);
    return value;
  }
  const bool is_wide_float = H5Tget_class(type.id()) == H5T_FLOAT && !element.is_number;
  if ((!element.is_number && !is_wide_float) || is_complex(element.dtype)) return value;
  value.is_number = true;
  value.dtype = is_wide_float ? DType::f64 : element.dtype;
  require_size(value.count, size_of(value.dtype), name);
  value.bytes.resize(static_cast<std::size_t>(value.count) * size_of(value.dtype));
  const Type memory = is_wide_float ? memory_type(DType::f64) : memory_type(element);
  if (value.count > 0)
    check(H5Aread(attribute.id(), memory.id(), value.bytes.data()),
          "cannot read attribute " + name);
  return value;
}

}  // namespace

std::optional<AttributeValue> read_attribute(hid_t object, const std::string& name) {
  try {
    return read_nameless(object, name);
  } catch (const IoError& error) {
    throw IoError(place_of(object) + ": " + error.what());
  }
}

std::vector<std::string> attribute_names(hid_t object) {
  std::vector<std::string> names;
  hsize_t index = 0;
  check(
      H5Aiterate2(object, H5_INDEX_NAME, H5_ITER_NATIVE, &index, serried_collect_attribute, &names),
      "cannot list attributes");
  std::sort(names.begin(), names.end());
  return names;
}

std::optional<std::string> read_text_attribute(hid_t object, const std::string& name) {
  const auto value = read_attribute(object, name);
  if (!value || !value->is_text || value->texts.size() != 1) return std::nullopt;
  return value->texts.front();
}

void write_text_attribute(const Communicator& comm, hid_t object, const std::string& name,
                          const std::string& value, const std::string& where) {
  const auto make_parts = [&] {
    const std::string what = "cannot make the type of attribute " + name;
    AttributeParts parts{Type(checked(H5Tcopy(H5T_C_S1), what)),
                         Space(checked(H5Screate(H5S_SCALAR), what))};
    check(H5Tset_size(parts.type.id(), H5T_VARIABLE), what);
    check(H5Tset_cset(parts.type.id(), H5T_CSET_UTF8), what);
    return parts;
  };
  const char* text = value.c_str();
  write_attribute(comm, object, name, make_parts, &text, where);
}

void write_number_attribute(const Communicator& comm, hid_t object, const std::string& name,
                            DType dtype, const void* values, std::int64_t count, bool is_scalar,
                            const std::string& where) {
  const auto make_parts = [&] {
    const std::string what = "cannot make the shape of attribute " + name;
    const hsize_t extent = static_cast<hsize_t>(count);
    return AttributeParts{
        memory_type(dtype),
        Space(checked(is_scalar ? H5Screate(H5S_SCALAR) : H5Screate_simple(1, &extent, nullptr),
                      what))};
  };
  write_attribute(comm, object, name, make_parts, count > 0 ? values : nullptr, where);
}

}  // namespace serried::hdf5
