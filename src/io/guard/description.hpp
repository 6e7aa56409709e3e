#pragma once

#include <cstddef>
#include <string>

#include "io/guard/task.hpp"

namespace serried::guard {

/// Takes apart what the process found for Kind::describe. A file that has spoiled the memory of the
/// process may make it say anything; what is returned can be worked with, whatever was said.
/// Local. @throws Error for what no file can cause.
[[nodiscard]] Described take_description(const std::string& bytes, std::size_t addresses,
                                         const DatasetOptions& options);

}  // namespace serried::guard
