#pragma once

#include <string>
#include <vector>

#include "io/hdf5/handle.hpp"

namespace serried::hdf5 {

/// The files besides `path` that a dataset's elements come from, as far as they are there: the
/// target of an external link, the sources of a virtual dataset, external raw data. Local.
/// @param path the file that was opened.
[[nodiscard]] std::vector<std::string> files_behind(hid_t dataset, const std::string& path);

/// A text that is the same for all names of one object: of an object of the file `path`, opened
/// through links of any kind. Local.
[[nodiscard]] std::string identity_of(hid_t object, const std::string& path);

/// The name of an open object for messages, "file:/path". Forgets HDF5's error stack. Local.
[[nodiscard]] std::string place_of(hid_t object);

}  // namespace serried::hdf5
