#pragma once

#include <filesystem>
#include <functional>
#include <string_view>

namespace serried::comm {

/// Visits this process's control group and its ancestors in each mounted hierarchy (version 2, and
/// version 1 with this controller), innermost first. What cannot be read is left out. Local.
/// @param root where proc and the control groups are mounted; "/" but in tests
void visit_control_groups(
    const std::filesystem::path& root, std::string_view controller,
    const std::function<void(const std::filesystem::path& group, bool is_version_2)>& visit);

}  // namespace serried::comm
