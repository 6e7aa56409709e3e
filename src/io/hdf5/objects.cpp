#include "io/hdf5/objects.hpp"

#include <algorithm>

#include "io/glob.hpp"
#include "io/hdf5/attributes.hpp"
#include "io/hdf5/errors.hpp"
#include "io/natural_order.hpp"
#include "serried/base/error.hpp"
#include "serried/base/similar_names.hpp"

namespace serried::hdf5 {
namespace {

constexpr std::size_t max_listed = 20;

/// No exception may pass through HDF5's C code: a failed callback ends the walk with -1.
extern "C" herr_t serried_collect_object(hid_t /*object*/, const char* name, const H5O_info_t* info,
                                         void* paths) {
  if (info->type != H5O_TYPE_DATASET && info->type != H5O_TYPE_GROUP) return 0;
  try {
    static_cast<std::vector<std::string>*>(paths)->push_back(std::string("/") + name);
  } catch (...) {
    return -1;
  }
  return 0;
}

extern "C" herr_t serried_collect_link(hid_t /*group*/, const char* name,
                                       const H5L_info_t* /*info*/, void* names) {
  try {
    static_cast<std::vector<std::string>*>(names)->emplace_back(name);
  } catch (...) {
    return -1;
  }
  return 0;
}

std::vector<std::string> split_path(const std::string& path) {
  std::vector<std::string> parts;
  std::string part;
  for (std::size_t i = 0; i < path.size(); ++i) {
    if (path[i] == '\\' && i + 1 < path.size()) {
      part += path.substr(i++, 2);
    } else if (path[i] == '/') {
      if (!part.empty()) parts.push_back(std::move(part));
      part.clear();
    } else {
      part += path[i];
    }
  }
  if (!part.empty()) parts.push_back(part);
  return parts;
}

std::string last_name(const std::string& path) {
  return path.substr(path.rfind('/') + 1);
}

/// A dataset of the same name elsewhere, or one whose path is nearly the same.
std::string most_similar(const std::vector<DataObject>& objects, const std::string& path) {
  std::vector<std::string> paths;
  for (const DataObject& object : objects) {
    if (last_name(object.path) == last_name(path)) return object.path;
    paths.push_back(object.path);
  }
  return similar_name(path, paths);
}

std::string list_text(const std::vector<DataObject>& objects) {
  std::string text;
  for (std::size_t i = 0; i < std::min(objects.size(), max_listed); ++i)
    text += (i == 0 ? "" : ", ") + objects[i].path;
  if (objects.size() > max_listed)
    text += ", and " + std::to_string(objects.size() - max_listed) + " more";
  return text;
}

bool is_data(hid_t file, const std::string& path) {
  const Object object(H5Oopen(file, path.c_str(), H5P_DEFAULT));
  if (!object.is_open()) return false;
  return H5Iget_type(object.id()) == H5I_DATASET || is_constant_component(object.id());
}

}  // namespace

std::vector<DataObject> list_data(hid_t file) {
  std::vector<std::string> paths;
  check(H5Ovisit2(file, H5_INDEX_NAME, H5_ITER_INC, serried_collect_object, &paths, H5O_INFO_BASIC),
        "cannot list the file");
  std::vector<DataObject> objects;
  for (const std::string& path : paths) {
    const Object object(H5Oopen(file, path.c_str(), H5P_DEFAULT));
    if (!object.is_open()) continue;
    DataObject found;
    found.path = path == "/." ? "/" : path;
    if (H5Iget_type(object.id()) == H5I_DATASET) {
      const Type type(checked(H5Dget_type(object.id()), path));
      found.type = describe_type(type.id());
      found.is_scale = read_text_attribute(object.id(), "CLASS") == "DIMENSION_SCALE";
    } else if (is_constant_component(object.id())) {
      found.is_constant = true;
      const auto value = read_attribute(object.id(), "value");
      found.type.is_number = value->is_number;
      found.type.text = value->type;
    } else {
      continue;
    }
    objects.push_back(std::move(found));
  }
  return objects;
}

std::vector<std::string> link_names(hid_t group) {
  std::vector<std::string> names;
  hsize_t index = 0;
  check(H5Literate(group, H5_INDEX_NAME, H5_ITER_NATIVE, &index, serried_collect_link, &names),
        "cannot list a group");
  std::sort(names.begin(), names.end(), is_before_naturally);
  return names;
}

bool is_object(hid_t file, const std::string& path) {
  std::string prefix;
  for (std::size_t at = 0; at < path.size();) {
    const std::size_t next = std::min(path.find('/', at + 1), path.size());
    prefix = path.substr(0, next);
    if (prefix.back() != '/') {
      if (H5Lexists(file, prefix.c_str(), H5P_DEFAULT) <= 0) return false;
      // A soft or external link may lead nowhere, and a dataset has nothing below it.
      if (H5Oexists_by_name(file, prefix.c_str(), H5P_DEFAULT) <= 0) return false;
    }
    at = next;
  }
  return true;
}

bool is_constant_component(hid_t object) {
  return H5Iget_type(object) == H5I_GROUP && H5Aexists(object, "value") > 0 &&
         H5Aexists(object, "shape") > 0;
}

std::vector<std::string> expand_object_glob(hid_t file, const std::string& pattern) {
  std::vector<std::string> paths = {""};
  for (const std::string& part : split_path(pattern)) {
    std::vector<std::string> longer;
    for (const std::string& path : paths) {
      const Object group(H5Oopen(file, path.empty() ? "/" : path.c_str(), H5P_DEFAULT));
      if (!group.is_open() || H5Iget_type(group.id()) != H5I_GROUP) continue;
      for (const std::string& name : link_names(group.id()))
        if (is_name_match(part, name)) longer.push_back(path + "/" + name);
    }
    paths = std::move(longer);
  }
  std::erase_if(paths, [&](const std::string& path) { return !is_data(file, path); });
  std::sort(paths.begin(), paths.end(), is_before_naturally);
  return paths;
}

std::string only_data(hid_t file, const std::string& file_name) {
  std::vector<DataObject> numeric;
  for (DataObject& object : list_data(file))
    if (object.type.is_number) numeric.push_back(std::move(object));
  if (numeric.empty()) throw IoError(file_name + ": there is no numeric dataset in this file");
  std::vector<DataObject> variables = numeric;
  std::erase_if(variables, [](const DataObject& object) { return object.is_scale; });
  const std::vector<DataObject>& candidates = variables.empty() ? numeric : variables;
  if (candidates.size() > 1)
    throw IoError(file_name + ": the file has several datasets, name one (" + file_name + ":" +
                  candidates.front().path + "): " + list_text(candidates));
  return candidates.front().path;
}

void throw_missing(hid_t file, const std::string& file_name, const std::string& path) {
  const std::vector<DataObject> objects = list_data(file);
  if (objects.empty())
    throw IoError(file_name + ": there is no dataset " + path + ", nor any other in this file");
  std::string text = file_name + ": there is no dataset " + path;
  const std::string similar = most_similar(objects, path);
  if (!similar.empty()) text += "; did you mean " + similar + "?";
  throw IoError(text + (similar.empty() ? "; " : " ") + "The file has: " + list_text(objects));
}

}  // namespace serried::hdf5
