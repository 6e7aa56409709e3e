#pragma once

#include <string_view>

namespace serried::page {

/// The files that stand in every page; chart_js is empty where the build has not found Chart.js.
[[nodiscard]] std::string_view style_css() noexcept;
[[nodiscard]] std::string_view script_js() noexcept;
[[nodiscard]] std::string_view chart_js() noexcept;

}  // namespace serried::page
