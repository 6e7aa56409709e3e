#include "io/hdf5/attributes.hpp"

#include <algorithm>

#include "io/hdf5/errors.hpp"

namespace serried::hdf5 {
namespace {

/// A fixed-length text ends at its first NUL; those padded with blanks lose them.
std::string trim_fixed(const char* data, std::size_t size, H5T_str_t padding) {
  std::string text(data, size);
  if (padding == H5T_STR_SPACEPAD) return text.substr(0, text.find_last_not_of(' ') + 1);
  return text.substr(0, text.find('\0'));
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
  static_cast<std::vector<std::string>*>(names)->emplace_back(name);
  return 0;
}

void replace_attribute(hid_t object, const std::string& name) {
  if (H5Aexists(object, name.c_str()) > 0)
    check(H5Adelete(object, name.c_str()), "cannot replace attribute " + name);
}

}  // namespace

std::optional<AttributeValue> read_attribute(hid_t object, const std::string& name) {
  const htri_t exists = H5Aexists(object, name.c_str());
  check(exists, "cannot look for attribute " + name);
  if (exists == 0) return std::nullopt;
  const Attribute attribute(
      checked(H5Aopen(object, name.c_str(), H5P_DEFAULT), "cannot open attribute " + name));
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
    if (value.count > 0) read_texts(attribute.id(), type.id(), value);
    return value;
  }
  const bool is_wide_float = H5Tget_class(type.id()) == H5T_FLOAT && !element.is_number;
  if (!element.is_number && !is_wide_float) return value;
  value.is_number = true;
  value.dtype = is_wide_float ? DType::f64 : element.dtype;
  value.bytes.resize(static_cast<std::size_t>(value.count) * size_of(value.dtype));
  const Type memory = is_wide_float ? memory_type(DType::f64) : memory_type(element);
  if (value.count > 0)
    check(H5Aread(attribute.id(), memory.id(), value.bytes.data()),
          "cannot read attribute " + name);
  return value;
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

void write_text_attribute(hid_t object, const std::string& name, const std::string& value) {
  replace_attribute(object, name);
  const std::string what = "cannot write attribute " + name;
  const Type type(checked(H5Tcopy(H5T_C_S1), what));
  check(H5Tset_size(type.id(), H5T_VARIABLE), what);
  check(H5Tset_cset(type.id(), H5T_CSET_UTF8), what);
  const Space space(checked(H5Screate(H5S_SCALAR), what));
  const Attribute attribute(checked(
      H5Acreate2(object, name.c_str(), type.id(), space.id(), H5P_DEFAULT, H5P_DEFAULT), what));
  const char* text = value.c_str();
  check(H5Awrite(attribute.id(), type.id(), &text), what);
}

void write_number_attribute(hid_t object, const std::string& name, DType dtype, const void* values,
                            std::int64_t count, bool is_scalar) {
  replace_attribute(object, name);
  const std::string what = "cannot write attribute " + name;
  const Type type = memory_type(dtype);
  const hsize_t extent = static_cast<hsize_t>(count);
  const Space space(
      checked(is_scalar ? H5Screate(H5S_SCALAR) : H5Screate_simple(1, &extent, nullptr), what));
  const Attribute attribute(checked(
      H5Acreate2(object, name.c_str(), type.id(), space.id(), H5P_DEFAULT, H5P_DEFAULT), what));
  if (count > 0) check(H5Awrite(attribute.id(), type.id(), values), what);
}

}  // namespace serried::hdf5
