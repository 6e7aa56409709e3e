#pragma once

#include <string>
#include <vector>

#include "help_pages.hpp"

namespace serried::app {

/// Scripts that complete verbs, options, their values, files, and objects in HDF5 files behind the
/// `:`. Local.
[[nodiscard]] std::string bash_completion(const std::vector<HelpPage>& pages);
[[nodiscard]] std::string zsh_completion(const std::vector<HelpPage>& pages);

/// What the scripts ask for objects: the paths in a file that begin as the part of the address
/// behind its first `:`, one a line; groups end in `/`, and what lies in other groups comes when
/// these are named. Another process reads the file, for two seconds at most, so that a damaged file
/// does no harm; where it cannot be read there is nothing. Local; needs no MPI.
[[nodiscard]] std::string matching_objects(const std::string& address);

}  // namespace serried::app
