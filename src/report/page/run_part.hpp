#pragma once

#include <string>

#include "serried/report/page.hpp"

namespace serried::page {

/// Warnings, which stand above everything else; empty where there are none.
[[nodiscard]] std::string warnings_part(const RunReport& run);
/// Where the time went, where the ranks ran, and where everything came from: HTML.
[[nodiscard]] std::string run_part(const RunReport& run, const PageProvenance& provenance);
[[nodiscard]] std::string table_html(const PageTable& table, const std::string& caption);
[[nodiscard]] std::string facts_html(const std::vector<std::pair<std::string, std::string>>& facts);

}  // namespace serried::page
