#include "command_options.hpp"

#include <fmt/format.h>

#include <array>
#include <cctype>
#include <charconv>
#include <cmath>

namespace serried::app {
namespace {

template <class T>
std::optional<T> whole_number(std::string_view text) {
  T value{};
  const auto result = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || result.ec != std::errc{} || result.ptr != text.data() + text.size())
    return std::nullopt;
  return value;
}

[[noreturn]] void refuse(const std::string& option, const std::string& text,
                         const std::string& needed) {
  throw InvalidArgument(fmt::format("{} {}: {}", option, text.empty() ? "''" : text, needed));
}

std::vector<std::string_view> parts_of(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  for (std::size_t end = text.find(separator); end != std::string_view::npos;
       end = text.find(separator)) {
    parts.push_back(text.substr(0, end));
    text.remove_prefix(end + 1);
  }
  parts.push_back(text);
  return parts;
}

std::vector<int> read_axes(const std::string& option, const std::string& text,
                           const std::string& needed) {
  std::vector<int> axes;
  std::string_view rest = text;
  for (bool is_last = false; !is_last;) {
    const std::size_t comma = rest.find(',');
    is_last = comma == std::string_view::npos;
    const auto axis = whole_number<int>(rest.substr(0, comma));
    if (!axis || *axis < -max_dimensions || *axis >= max_dimensions) refuse(option, text, needed);
    for (const int known : axes)
      if (known == *axis) refuse(option, text, fmt::format("axis {} is named twice", *axis));
    axes.push_back(*axis);
    if (!is_last) rest = rest.substr(comma + 1);
  }
  return axes;
}

}  // namespace

std::int64_t parse_count(const std::string& option, const std::string& text, std::int64_t least) {
  const auto value = whole_number<std::int64_t>(text);
  if (!value || *value < least)
    refuse(option, text, fmt::format("a whole number of at least {} is needed", least));
  return *value;
}

std::uint64_t parse_seed(const std::string& option, const std::string& text) {
  const auto value = whole_number<std::uint64_t>(text);
  if (!value) refuse(option, text, "a whole number from 0 to 18446744073709551615 is needed");
  return *value;
}

double parse_non_negative(const std::string& option, const std::string& text) {
  const auto value = whole_number<double>(text);
  if (!value || !std::isfinite(*value) || *value < 0)
    refuse(option, text, "a number of at least 0 is needed");
  return *value;
}

MemoryLimit parse_memory(const std::string& option, const std::string& text) {
  const auto refuse_it = [&] {
    refuse(option, text,
           "a size such as 4G or 500M (powers of 1024), or a share such as 60% is "
           "needed");
  };
  const std::size_t digits = text.find_first_not_of("0123456789.");
  const auto number = whole_number<double>(std::string_view(text).substr(0, digits));
  std::string unit = digits == std::string::npos ? "" : text.substr(digits);
  if (!number || !(*number > 0)) refuse_it();
  if (unit == "%") {
    const double share = *number / 100;
    if (!(share > 0) || share > 1) refuse_it();
    return {.bytes = 0, .share = share};
  }
  if (unit.ends_with("iB") || unit.ends_with("ib"))
    unit.resize(unit.size() - 2);
  else if (unit.size() > 1 && (unit.ends_with("B") || unit.ends_with("b")))
    unit.pop_back();
  const std::string units = "BKMGTP";
  const std::size_t power =
      unit.size() == 1 ? units.find(static_cast<char>(std::toupper(unit.front()))) : 0;
  if (unit.size() > 1 || power == std::string::npos) refuse_it();
  const double bytes = std::ldexp(*number, 10 * static_cast<int>(power));
  if (bytes < 1 || bytes > 9e18) refuse_it();
  return {.bytes = static_cast<std::int64_t>(bytes)};
}

void parse_every(const std::string& option, const std::string& text, CheckpointWishes& wishes) {
  const std::size_t digits = text.find_first_not_of("0123456789.");
  const std::string_view number = std::string_view(text).substr(0, digits);
  const std::string_view unit =
      digits == std::string::npos ? "" : std::string_view(text).substr(digits);
  const auto iterations = whole_number<std::int64_t>(number);
  const auto time = whole_number<double>(number);
  const double seconds = unit == "s" ? 1 : unit == "min" ? 60 : unit == "h" ? 3600 : 0;
  if (unit.empty() && iterations && *iterations >= 1)
    wishes.every_iterations = *iterations;
  else if (seconds > 0 && time && *time > 0)
    wishes.every_s = *time * seconds;
  else
    refuse(option, text,
           "a number of iterations, such as 10, or a time, such as 90s, 15min or 2h, is needed");
}

std::pair<double, double> parse_range(const std::string& option, const std::string& text) {
  const std::size_t comma = text.find(',');
  const auto low = whole_number<double>(std::string_view(text).substr(0, comma));
  const auto high = comma == std::string::npos
                        ? std::nullopt
                        : whole_number<double>(std::string_view(text).substr(comma + 1));
  if (!low || !high || !std::isfinite(*low) || !std::isfinite(*high))
    refuse(option, text, "two numbers LO,HI are needed, e.g. 0,1.5");
  if (*low > *high) refuse(option, text, "the lower bound must not exceed the upper one");
  return {*low, *high};
}

std::vector<std::int64_t> parse_bins(const std::string& option, const std::string& text) {
  std::vector<std::int64_t> bins;
  for (const std::string_view part : parts_of(text, ',')) {
    const auto count = whole_number<std::int64_t>(part);
    if (!count || *count < 1)
      refuse(option, text, "whole numbers of at least 1 are needed, e.g. 100 or 100,50");
    bins.push_back(*count);
  }
  return bins;
}

std::vector<std::pair<double, double>> parse_ranges(const std::string& option,
                                                    const std::string& text) {
  std::vector<std::pair<double, double>> ranges;
  for (const std::string_view part : parts_of(text, ',')) {
    const std::size_t colon = part.find(':');
    const auto low = whole_number<double>(part.substr(0, colon));
    const auto high = colon == std::string_view::npos
                          ? std::nullopt
                          : whole_number<double>(part.substr(colon + 1));
    if (!low || !high || !std::isfinite(*low) || !std::isfinite(*high))
      refuse(option, text, "two numbers LO:HI are needed, e.g. 0:1.5");
    if (*low > *high) refuse(option, text, "the lower bound must not exceed the upper one");
    ranges.emplace_back(*low, *high);
  }
  return ranges;
}

std::vector<double> parse_quantiles(const std::string& option, const std::string& text) {
  std::vector<double> quantiles;
  for (const std::string_view part : parts_of(text, ',')) {
    const auto q = whole_number<double>(part);
    if (!q || !(*q >= 0 && *q <= 1))
      refuse(option, text, "numbers from 0 to 1 are needed, e.g. 0.01,0.5,0.99");
    quantiles.push_back(*q);
  }
  return quantiles;
}

std::optional<ClusterRange> parse_cluster_range(const std::string& option,
                                                const std::string& text) {
  if (text.find(':') == std::string::npos) return std::nullopt;
  std::vector<std::optional<std::int64_t>> numbers;
  std::string_view rest = text;
  for (bool is_last = false; !is_last;) {
    const std::size_t colon = rest.find(':');
    is_last = colon == std::string_view::npos;
    numbers.push_back(whole_number<std::int64_t>(rest.substr(0, colon)));
    if (!is_last) rest = rest.substr(colon + 1);
  }
  const bool is_good = (numbers.size() == 2 || numbers.size() == 3) && numbers[0] && numbers[1] &&
                       *numbers[0] >= 1 && *numbers[1] >= *numbers[0] &&
                       (numbers.size() == 2 || (numbers[2] && *numbers[2] >= 1));
  if (!is_good)
    refuse(option, text,
           "a range LO:HI or LO:HI:STEP of whole numbers from 1 is needed, LO not above HI, e.g. "
           "2:20");
  return ClusterRange{
      .lowest = *numbers[0], .highest = *numbers[1], .step = numbers.size() == 3 ? *numbers[2] : 1};
}

SampleAxes parse_sample_axes(const std::string& option, const std::string& text) {
  if (text == "all") return {.kind = SampleAxes::Kind::all, .axes = {}};
  return {.kind = SampleAxes::Kind::axes,
          .axes = read_axes(option, text,
                            "axis numbers are needed, e.g. 0 or 1,2 or -1, or the word all")};
}

std::vector<int> parse_axes(const std::string& option, const std::string& text) {
  return read_axes(option, text, "axis numbers are needed, e.g. 0 or 1,2 or -1");
}

int parse_axis(const std::string& option, const std::string& text) {
  const std::vector<int> axes = parse_axes(option, text);
  if (axes.size() != 1) refuse(option, text, "one axis is needed");
  return axes.front();
}

std::vector<std::int64_t> parse_indices(const std::string& option, const std::string& text) {
  std::vector<std::int64_t> indices;
  for (const std::string_view part : parts_of(text, ',')) {
    const auto index = whole_number<std::int64_t>(part);
    if (!index) refuse(option, text, "whole numbers are needed, e.g. 3,1,-1");
    indices.push_back(*index);
  }
  return indices;
}

OutputAddress parse_output(const std::string& option, const std::string& text,
                           const std::string& object) {
  const Address address = parse_address(text);
  if (!address.selection.empty()) refuse(option, text, "an output takes no selection");
  if (address.is_glob || address.is_object_glob)
    refuse(option, text, "an output takes no wildcard");
  if (address.path.empty()) refuse(option, text, "a file name is needed");
  OutputAddress output{.path = address.path,
                       .object = address.object.empty() ? object : address.object};
  if (output.object == "/")
    refuse(option, text, "a dataset name is needed after the ':', e.g. :" + object);
  return output;
}

std::string parse_file_name(const std::string& option, const std::string& text) {
  if (text.empty()) refuse(option, text, "a file name is needed");
  return text;
}

void take_reports(const std::vector<std::string>& texts, CommonOptions& common) {
  for (const std::string& text : texts) {
    if (text == "-") {
      common.has_report = true;
      continue;
    }
    if (!common.page_path.empty() && text != common.page_path)
      refuse("--report", text, "one page can be written, and " + common.page_path + " is another");
    common.page_path = parse_file_name("--report", text);
  }
}

std::vector<Address> parse_addresses(const std::vector<std::string>& texts) {
  std::vector<Address> addresses;
  addresses.reserve(texts.size());
  for (const std::string& text : texts) addresses.push_back(parse_address(text));
  return addresses;
}

std::optional<FileCheck> parse_file_check(const std::string& option, const std::string& text) {
  if (text.empty()) return std::nullopt;
  FileCheck check;
  if (text == "full")
    check.depth = FileCheck::Depth::full;
  else if (text != "metadata")
    refuse(option, text, "metadata or full is needed");
  return check;
}

std::optional<KMeansInit> parse_init_name(const std::string& option, const std::string& text) {
  static constexpr std::array<std::pair<std::string_view, KMeansInit>, 6> names = {{
      {"kmeans-parallel", KMeansInit::kmeans_parallel},
      {"kmeans||", KMeansInit::kmeans_parallel},
      {"k-means||", KMeansInit::kmeans_parallel},
      {"kmeans++", KMeansInit::kmeans_plus_plus},
      {"k-means++", KMeansInit::kmeans_plus_plus},
      {"random", KMeansInit::random},
  }};
  for (const auto& [name, init] : names)
    if (text == name) return init;
  // What has no dot, slash or colon is a misspelt name rather than a file.
  if (text.find_first_of("./:") == std::string::npos)
    refuse(option, text,
           "kmeans-parallel, kmeans++, random, or the address of given centres is needed");
  return std::nullopt;
}

}  // namespace serried::app
