#pragma once

#include <string>

#include "io/guard/task.hpp"

namespace serried::guard {

/// Has the program serried_check_file do a task, and waits for it: within its limits of time, which
/// are counted while this process runs, and of memory. Returns the bytes of its result.
/// Local.
/// @throws the error that it met; IoError where it crashed, took too long or too much memory;
/// Error (kind internal) where it cannot be found or started.
[[nodiscard]] std::string run_in_process(Task task);

}  // namespace serried::guard
