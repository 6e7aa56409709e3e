#pragma once

#include <string>

#include "serried/base/api.hpp"

namespace SERRIED_API serried {

/// Files of this process that have no meaning once it has ended: outputs that are not complete. The
/// list belongs to the process, so that whatever ends it early (a signal, a verdict of the
/// watchdog, abort_job) can remove them. All of these functions are Local and may be called by any
/// thread.

/// From now on remove_temporary_files() removes this file. @param path absolute, or relative to a
/// folder that the process does not leave.
void register_temporary_file(const std::string& path);

/// The file has its final name or is gone; nothing happens for a path that is not in the list.
void forget_temporary_file(const std::string& path) noexcept;

/// Removes every file in the list from its folder. What cannot be removed stays. Waits a tenth of a
/// second at most for a thread that is changing the list, so that it may be called from a thread
/// that ends the process while another one hangs.
void remove_temporary_files() noexcept;

}  // namespace serried
