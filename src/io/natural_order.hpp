#pragma once

#include <string_view>

namespace serried {

/// Whether a stands before b when runs of digits are compared as numbers: run_2 before run_10.
/// Names that differ in leading zeros only are ordered by their text, so the order is total. Local.
[[nodiscard]] bool is_before_naturally(std::string_view a, std::string_view b) noexcept;

}  // namespace serried
