#pragma once

#include "io/guard/task.hpp"

namespace serried::guard {

/// Closes what the process has inherited besides descriptors 0 to 3, forbids it to write files and
/// to leave core dumps, and ends it with its parent. Local.
void shut_in(const Task& task);

/// Limits the memory of this process to what it has now and `bytes` more. Sanitizers reserve
/// terabytes: with them nothing is done. Local.
void limit_memory(std::int64_t bytes);

/// The process may compute for so long from now on; then SIGXCPU ends it, also where nobody waits
/// for it any more. Local.
void limit_computing(double seconds);

}  // namespace serried::guard
