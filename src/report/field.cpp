// What a file says about a dataset: names, units and coordinates.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <cmath>
#include <cstdlib>

#include "serried/base/error.hpp"
#include "serried/io/file_info.hpp"
#include "serried/report/plane.hpp"

namespace serried {
namespace {

using Attributes = std::vector<AttributeInfo>;

std::string lower(std::string_view text) {
  std::string result(text);
  for (char& c : result) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return result;
}

/// The value of the first of some attributes that is there, whatever the case of its name.
std::string text_of(const Attributes& attributes, std::initializer_list<const char*> names) {
  for (const char* const name : names)
    for (const AttributeInfo& attribute : attributes)
      if (lower(attribute.name) == name && !attribute.value.empty()) return attribute.value;
  return {};
}

/// "[x, y, z]" or "x".
std::vector<std::string> list_of(std::string text) {
  if (text.starts_with('[') && text.ends_with(']')) text = text.substr(1, text.size() - 2);
  std::vector<std::string> items;
  while (!text.empty()) {
    const std::size_t comma = text.find(", ");
    items.push_back(text.substr(0, comma));
    text = comma == std::string::npos ? "" : text.substr(comma + 2);
  }
  return items;
}

bool is_none(const std::string& units) {
  static constexpr std::array<std::string_view, 4> words = {"none", "1", "unitless",
                                                            "dimensionless"};
  return std::ranges::find(words, lower(units)) != words.end();
}

FieldAxis::Role role_of(const FieldAxis& axis, const Attributes& attributes) {
  const std::string letter = lower(text_of(attributes, {"axis"}));
  const std::string name = lower(axis.name);
  const std::string standard = lower(text_of(attributes, {"standard_name"}));
  if (letter == "x" || standard == "longitude" || axis.units.starts_with("degrees_e") ||
      axis.units.starts_with("degree_e") || name == "lon" || name == "longitude")
    return FieldAxis::Role::x;
  if (letter == "y" || standard == "latitude" || axis.units.starts_with("degrees_n") ||
      axis.units.starts_with("degree_n") || name == "lat" || name == "latitude")
    return FieldAxis::Role::y;
  return FieldAxis::Role::other;
}

bool is_strictly_monotone(const std::vector<double>& values) {
  if (values.size() < 2) return !values.empty() && std::isfinite(values.front());
  const bool is_ascending = values[0] < values[1];
  for (std::size_t i = 1; i < values.size(); ++i)
    if (!std::isfinite(values[i - 1]) || !std::isfinite(values[i]) ||
        !(is_ascending ? values[i - 1] < values[i] : values[i - 1] > values[i]))
      return false;
  return std::isfinite(values.front());
}

FieldAxis axis_of(const Coordinate& coordinate) {
  Attributes attributes;
  for (const auto& [name, text] : coordinate.text_attributes)
    attributes.push_back({name, text, "string"});
  FieldAxis axis{.name = coordinate.name};
  axis.title = text_of(attributes, {"long_name", "standard_name"});
  if (axis.title.empty()) axis.title = coordinate.name;
  axis.units = text_of(attributes, {"units"});
  if (is_none(axis.units)) axis.units.clear();
  axis.is_downward = lower(text_of(attributes, {"positive"})) == "down";
  axis.role = role_of(axis, attributes);
  if (is_strictly_monotone(coordinate.values)) axis.places = coordinate.values;
  return axis;
}

/// openPMD's mesh: labels and places of its axes, which are the last ones of the field's.
void add_mesh(const Attributes& attributes, const Shape& shape, std::vector<FieldAxis>& axes) {
  const std::vector<std::string> labels = list_of(text_of(attributes, {"axislabels"}));
  const std::vector<std::string> spacing = list_of(text_of(attributes, {"gridspacing"}));
  const std::vector<std::string> offset = list_of(text_of(attributes, {"gridglobaloffset"}));
  if (labels.empty() || labels.size() > axes.size()) return;
  const std::string unit_text = text_of(attributes, {"gridunitsi"});
  const double unit = unit_text.empty() ? 1 : std::strtod(unit_text.c_str(), nullptr);
  const std::size_t first = axes.size() - labels.size();
  for (std::size_t i = 0; i < labels.size(); ++i) {
    FieldAxis& axis = axes[first + i];
    axis.name = axis.title = labels[i];
    if (labels[i] == "x") axis.role = FieldAxis::Role::x;
    if (labels[i] == "y") axis.role = FieldAxis::Role::y;
    if (spacing.size() != labels.size() || offset.size() != labels.size()) continue;
    const std::int64_t extent = shape[static_cast<int>(first + i)];
    constexpr std::int64_t most = std::int64_t{1} << 20;
    if (extent > most) continue;
    const double step = std::strtod(spacing[i].c_str(), nullptr);
    const double begin = std::strtod(offset[i].c_str(), nullptr);
    std::vector<double> places;
    for (std::int64_t at = 0; at < extent; ++at)
      places.push_back(unit * (begin + static_cast<double>(at) * step));
    if (!is_strictly_monotone(places)) continue;
    axis.places = std::move(places);
    axis.units = "m";
  }
}

/// What an address names in a listing: the object, or the file's only dataset.
const ObjectInfo* find_object(const FileInfo& info, const Address& address) {
  const ObjectInfo* found = nullptr;
  for (const ObjectInfo& object : info.objects) {
    if (!object.link.empty()) continue;
    if (!address.object.empty() && object.path == address.object) return &object;
    if (!address.object.empty() || object.is_group || object.type == "named type") continue;
    if (found != nullptr) return nullptr;
    found = &object;
  }
  return found;
}

/// The file's listing; empty where it cannot be read, as where something else in the file is
/// damaged: a picture does without names. Collective.
FileInfo listing_of(const Context& ctx, const std::string& file,
                    const std::optional<FileCheck>& untrusted) {
  try {
    return inspect_file(ctx, file, untrusted);
  } catch (const RankError& error) {
    if (error.kind() != ErrorKind::io) throw;
    if (ctx.rank() == 0)
      ctx.recorder().say(Severity::warning,
                         fmt::format("pictures have no names and units: {}", error.what()));
    return {};
  }
}

}  // namespace

std::string with_units(const std::string& title, const std::string& units) {
  return units.empty() ? title : title + " (" + units + ")";
}

Field open_field(const Context& ctx, const Address& address,
                 const std::optional<FileCheck>& untrusted) {
  Field field{
      .data = Dataset::open(ctx, address,
                            {.samples = {.kind = SampleAxes::Kind::all}, .untrusted = untrusted})};
  const Shape& shape = field.data.shape();
  for (int axis = 0; axis < shape.dimensions(); ++axis) {
    const std::string name = fmt::format("axis {}", axis);
    field.axes.push_back({.name = name, .title = name});
  }
  const bool is_series = address.is_glob || address.is_object_glob;
  if (is_series && !field.axes.empty()) field.axes[0].name = field.axes[0].title = "series";
  field.title = address.object.substr(address.object.rfind('/') + 1);
  Attributes own, all;
  if (!address.is_object_glob) {
    const FileInfo info = listing_of(ctx, field.data.files().front(), untrusted);
    const ObjectInfo* const object = find_object(info, address);
    if (object != nullptr) {
      const std::string parent = object->path.substr(0, object->path.rfind('/'));
      own = all = object->attributes;
      field.title = object->path.substr(object->path.rfind('/') + 1);
      for (const ObjectInfo& group : info.objects)
        if (group.path == parent && group.is_group && !parent.empty()) {
          all.insert(all.end(), group.attributes.begin(), group.attributes.end());
          // a component of a record
          if (!text_of(group.attributes, {"axislabels"}).empty())
            field.title = parent.substr(parent.rfind('/') + 1) + "/" + field.title;
        }
    }
  }
  const std::string title = text_of(own, {"long_name", "standard_name", "label"});
  if (!title.empty()) field.title = title;
  if (field.title.empty()) field.title = address.text;
  field.units = text_of(own, {"units"});
  if (is_none(field.units)) field.units.clear();
  if (address.selection.empty()) add_mesh(all, shape, field.axes);
  for (const Coordinate& coordinate : field.data.sample_coordinates())
    field.axes[static_cast<std::size_t>(coordinate.axis)] = axis_of(coordinate);
  return field;
}

}  // namespace serried
