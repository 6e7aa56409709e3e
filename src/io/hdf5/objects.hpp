#pragma once

#include <string>
#include <vector>

#include "io/hdf5/handle.hpp"
#include "io/hdf5/types.hpp"

namespace serried::hdf5 {

/// A dataset, or an openPMD constant component (a group with the attributes `value` and `shape`).
struct DataObject {
  std::string path;
  bool is_constant = false;
  bool is_scale = false;  ///< a NetCDF-4 dimension scale
  ElementType type;
};

/// All datasets and constant components of a file, by name; those behind soft and external links
/// are left out, as are second names of one object. Local.
[[nodiscard]] std::vector<DataObject> list_data(hid_t file);

/// The names of a group's links, in natural order.
/// Local.
[[nodiscard]] std::vector<std::string> link_names(hid_t group);

/// Whether a path leads to an object, through groups and links.
/// Local.
[[nodiscard]] bool is_object(hid_t file, const std::string& path);

/// Whether an open group is an openPMD constant component.
/// Local.
[[nodiscard]] bool is_constant_component(hid_t object);

/// The paths of data objects that a pattern names, in natural order.
/// Local.
[[nodiscard]] std::vector<std::string> expand_object_glob(hid_t file, const std::string& pattern);

/// The path of the file's only numeric data object (dimension scales do not count where there are
/// others). Local.
/// @throws IoError that lists them where there are several or none.
[[nodiscard]] std::string only_data(hid_t file, const std::string& file_name);

/// The error for a path that is not there: lists the data objects there are, with the most similar
/// one. Local.
[[noreturn]] void throw_missing(hid_t file, const std::string& file_name, const std::string& path);

}  // namespace serried::hdf5
