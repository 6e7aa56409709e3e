// Reads the attributes that say how a dataset's raw values are meant (CF, NetCDF-4, openPMD).
#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstring>
#include <limits>
#include <utility>

#include "io/decoding.hpp"
#include "io/hdf5/attributes.hpp"

namespace serried {
namespace {

using hdf5::AttributeValue;

std::optional<AttributeValue> read_one_number(hid_t object, const char* name,
                                              const std::string& dataset) {
  auto value = hdf5::read_attribute(object, name);
  if (!value) return std::nullopt;
  if (!value->is_number || value->count != 1)
    throw DataError(dataset + ": attribute " + name + " should be one number, but it is " +
                    (value->is_number ? std::to_string(value->count) + " numbers" : value->type));
  return value;
}

/// `_Unsigned` says that integers are to be seen with (or without) the other sign.
DType apply_unsigned(hid_t object, DType raw) {
  const auto text = hdf5::read_text_attribute(object, "_Unsigned");
  if (!text) return raw;
  const bool is_unsigned = *text == "true" || *text == "True";
  const bool is_signed = *text == "false" || *text == "False";
  switch (raw) {
    case DType::i8:
      return is_unsigned ? DType::u8 : raw;
    case DType::i16:
      return is_unsigned ? DType::u16 : raw;
    case DType::i32:
      return is_unsigned ? DType::u32 : raw;
    case DType::i64:
      return is_unsigned ? DType::u64 : raw;
    case DType::u8:
      return is_signed ? DType::i8 : raw;
    case DType::u16:
      return is_signed ? DType::i16 : raw;
    case DType::u32:
      return is_signed ? DType::i32 : raw;
    case DType::u64:
      return is_signed ? DType::i64 : raw;
    default:
      return raw;
  }
}

/// The raw value that means "missing"; false where no raw value can equal it (a NaN, or 1e20 on
/// integers).
template <class Raw, class Stored>
bool fill_as_raw(Stored stored, Raw& fill) {
  if constexpr (std::is_same_v<Stored, Half>) {
    return fill_as_raw<Raw, float>(to_float(stored), fill);
  } else if constexpr (std::is_same_v<Stored, bool>) {
    return fill_as_raw<Raw, std::uint8_t>(stored ? 1 : 0, fill);
  } else if constexpr (std::is_same_v<Raw, bool>) {
    return false;  // truth values have no missing ones
  } else if constexpr (std::is_same_v<Raw, Half>) {
    fill = to_half(static_cast<double>(stored));
    return !std::isnan(to_float(fill));
  } else if constexpr (std::is_floating_point_v<Raw>) {
    // 1e20 as f64 stands for the f32 nearest to it; a finite value must not turn into infinity.
    fill = static_cast<Raw>(stored);
    if constexpr (std::is_floating_point_v<Stored>)
      return !std::isnan(stored) && std::isinf(fill) == std::isinf(stored);
    return true;
  } else if constexpr (std::is_floating_point_v<Stored>) {
    // Both bounds are powers of two (or 0), hence exact; NaN fails the comparisons.
    const Stored above = std::ldexp(Stored{1}, std::numeric_limits<Raw>::digits);
    const Stored below = std::is_signed_v<Raw> ? -above : Stored{0};
    if (!(stored >= below && stored < above) || std::trunc(stored) != stored) return false;
    fill = static_cast<Raw>(stored);
    return true;
  } else {
    fill = static_cast<Raw>(stored);
    return std::in_range<Raw>(stored);
  }
}

/// An integer attribute of the data's width has the data's sign: after _Unsigned, -1 is 255.
DType seen_as(DType attribute, DType stored, DType raw) {
  return attribute == stored ? raw : attribute;
}

void add_fills(const AttributeValue& value, DType stored, DecodeRule& rule) {
  visit_real(rule.raw, [&](auto raw_tag) {
    using Raw = typename decltype(raw_tag)::type;
    visit_real(seen_as(value.dtype, stored, rule.raw), [&](auto stored_tag) {
      using Stored = typename decltype(stored_tag)::type;
      for (std::int64_t i = 0; i < value.count; ++i) {
        Stored number{};
        std::memcpy(&number, value.bytes.data() + static_cast<std::size_t>(i) * sizeof(Stored),
                    sizeof(Stored));
        Raw fill{};
        if (!fill_as_raw(number, fill)) continue;
        std::array<std::byte, 8> bytes{};
        std::memcpy(bytes.data(), &fill, sizeof(Raw));
        if (std::find(rule.fills.begin(), rule.fills.end(), bytes) == rule.fills.end())
          rule.fills.push_back(bytes);
      }
    });
  });
}

/// Some producers write a number as text.
std::optional<AttributeValue> number_of_text(const AttributeValue& value) {
  if (!value.is_text || value.texts.size() != 1) return std::nullopt;
  const std::string& text = value.texts.front();
  double number = 0;
  const auto [stop, code] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (code != std::errc{} || stop != text.data() + text.size()) return std::nullopt;
  AttributeValue result;
  result.is_number = true;
  result.dtype = DType::f64;
  result.count = 1;
  result.bytes.resize(sizeof(double));
  std::memcpy(result.bytes.data(), &number, sizeof(double));
  return result;
}

void read_fills(hid_t object, DType stored, const std::string& dataset,
                const std::function<void(const std::string&)>& warn, DecodeRule& rule) {
  for (const char* name : {"_FillValue", "missing_value"}) {
    auto value = hdf5::read_attribute(object, name);
    if (!value) continue;
    if (!value->is_number) {
      const std::string type = value->type;
      value = number_of_text(*value);
      if (!value) {
        warn(dataset + ": attribute " + name + " (" + type + ") is not a number and is left aside");
        continue;
      }
    }
    add_fills(*value, stored, rule);
  }
}

bool is_narrow(DType d) {
  return size_of(d) <= 2 || d == DType::f32;
}

}  // namespace

DecodeRule make_decode_rule(hid_t object, DType raw, const DatasetOptions& options,
                            const std::string& name,
                            const std::function<void(const std::string&)>& warn) {
  DecodeRule rule;
  rule.raw = raw;
  DType decoded = raw;
  if (options.is_decoding && raw != DType::b8 && !is_complex(raw)) {
    rule.raw = decoded = apply_unsigned(object, raw);
    read_fills(object, raw, name, warn, rule);
    const auto scale = read_one_number(object, "scale_factor", name);
    const auto offset = read_one_number(object, "add_offset", name);
    rule.has_scale = scale.has_value();
    rule.has_offset = offset.has_value();
    if (scale) rule.scale = scale->as<double>();
    if (offset) rule.offset = offset->as<double>();
    const bool is_f32_scaled =
        (!scale || scale->dtype == DType::f32) && (!offset || offset->dtype == DType::f32);
    rule.arithmetic = is_narrow(rule.raw) && is_f32_scaled ? DType::f32 : DType::f64;
  }
  if (options.is_si && is_complex(raw))
    throw DataError(name + ": complex numbers are not converted to SI units");
  if (options.is_si) {
    const auto unit = read_one_number(object, "unitSI", name);
    if (unit) {
      rule.has_unit = true;
      rule.unit = unit->as<double>();
      rule.arithmetic = DType::f64;
    } else {
      warn(name + ": there is no attribute unitSI; values are left as they are");
    }
  }
  rule.is_computing = !rule.fills.empty() || rule.has_scale || rule.has_offset || rule.has_unit;
  if (rule.is_computing) decoded = rule.arithmetic;
  rule.result = options.dtype.value_or(decoded);
  return rule;
}

}  // namespace serried
