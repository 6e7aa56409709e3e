#pragma once

#include <string>
#include <vector>

#include "io/guard/task.hpp"

namespace serried::guard {

/// What list_file returns, of a file that this process does not open.
/// Local. @throws as check_table_file.
[[nodiscard]] std::string list_untrusted(const std::string& path, const FileCheck& check);

/// What read_metadata and read_annotations return, of files that this process does not open.
/// options.untrusted is set.
/// Local. @throws as check_table_file.
[[nodiscard]] Described describe_untrusted(const std::vector<Address>& addresses,
                                           const DatasetOptions& options);

}  // namespace serried::guard
