#include "page_text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>

namespace serried::app {
namespace {

std::string extremum_text(DType dtype, const Statistics& s, double value, std::int64_t integer) {
  if (s.count == 0 || is_floating(dtype)) return number_text(value);
  if (dtype == DType::u64) return fmt::format("{}", static_cast<std::uint64_t>(integer));
  return fmt::format("{}", integer);
}

}  // namespace

std::string number_text(double value) {
  return fmt::format("{:.8g}", value);
}

std::string min_text(DType dtype, const Statistics& statistics) {
  return extremum_text(dtype, statistics, statistics.min, statistics.min_integer);
}

std::string max_text(DType dtype, const Statistics& statistics) {
  return extremum_text(dtype, statistics, statistics.max, statistics.max_integer);
}

std::string extents_text(const Shape& shape) {
  if (shape.dimensions() == 0) return "one number";
  std::string text;
  for (const std::int64_t extent : shape.extents())
    text += (text.empty() ? "" : " \u00d7 ") + grouped_digits(extent);
  return text;
}

std::string short_address(const Address& address) {
  const std::string& text = address.text;
  const std::size_t folder = address.path.rfind('/');
  const bool is_as_typed = text.starts_with(address.path);
  return folder == std::string::npos || !is_as_typed ? text : text.substr(folder + 1);
}

std::string names_text(const std::vector<Address>& addresses) {
  constexpr std::size_t most = 3;
  if (addresses.size() > most) return fmt::format("{} datasets", addresses.size());
  std::string text;
  for (std::size_t i = 0; i < addresses.size(); ++i)
    text += (i == 0 ? "" : i + 1 < addresses.size() ? ", " : " and ") + short_address(addresses[i]);
  return text;
}

std::string share_text(std::int64_t part, std::int64_t whole) {
  return fmt::format("{:.1f} %", 100 * static_cast<double>(part) /
                                     static_cast<double>(std::max<std::int64_t>(1, whole)));
}

PlaneLimits page_limits(std::size_t pictures) {
  constexpr std::int64_t all = 720000;  // cells, of about a byte each where they are noise
  constexpr std::int64_t most = 360000;
  const auto count = static_cast<std::int64_t>(std::max<std::size_t>(1, pictures));
  return {.cells = std::min(most, all / count), .side = 1500};
}

}  // namespace serried::app
