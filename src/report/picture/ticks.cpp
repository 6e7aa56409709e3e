#include "report/picture/ticks.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <optional>

namespace serried::picture {
namespace {

/// A zero of time and the length of a unit, as CF writes them: "days since 1800-1-1 00:00:00".
struct TimeUnits {
  double unit_days = 1;
  double zero_days = 0;  ///< since 1970-01-01
};

double days_since_epoch(const std::chrono::year_month_day& date) {
  return static_cast<double>(std::chrono::sys_days(date).time_since_epoch().count());
}

std::optional<TimeUnits> time_units(const std::string& units) {
  const std::size_t since = units.find(" since ");
  if (since == std::string::npos) return {};
  static constexpr std::array<std::pair<std::string_view, double>, 9> known = {
      {{"day", 1},
       {"days", 1},
       {"hour", 1. / 24},
       {"hours", 1. / 24},
       {"minute", 1. / 1440},
       {"minutes", 1. / 1440},
       {"second", 1. / 86400},
       {"seconds", 1. / 86400},
       {"s", 1. / 86400}}};
  const auto* const unit = std::ranges::find(known, std::string_view(units).substr(0, since),
                                             [](const auto& entry) { return entry.first; });
  int year = 0;
  unsigned month = 0, day = 0;
  int hour = 0, minute = 0;
  double second = 0;
  const int read = std::sscanf(units.c_str() + since + 7, "%d-%u-%u%*1[ T]%d:%d:%lf", &year, &month,
                               &day, &hour, &minute, &second);
  const std::chrono::year_month_day date{std::chrono::year(year), std::chrono::month(month),
                                         std::chrono::day(day)};
  if (unit == known.end() || read < 3 || !date.ok() || std::abs(year) > 9999) return {};
  return TimeUnits{
      .unit_days = unit->second,
      .zero_days = days_since_epoch(date) + hour / 24. + minute / 1440. + second / 86400.};
}

std::chrono::year_month_day date_of(double days) {
  return std::chrono::sys_days(
      std::chrono::days(static_cast<std::int64_t>(std::floor(days + 1e-9))));
}

double days_of(int year, unsigned month) {
  return days_since_epoch(
      {std::chrono::year(year), std::chrono::month(month), std::chrono::day(1)});
}

/// 1, 2 or 5 times a power of ten, at least `least`.
double round_step(double least) {
  const double power = std::pow(10, std::floor(std::log10(least)));
  for (const double factor : {1., 2., 5.})
    if (least <= factor * power * (1 + 1e-9)) return factor * power;
  return 10 * power;
}

std::vector<Tick> whole_ticks(double low, double high, int step) {
  std::vector<Tick> ticks;
  for (int value = static_cast<int>(std::ceil(low / step)) * step; value <= high; value += step)
    ticks.push_back({static_cast<double>(value), fmt::format("{}", value)});
  return ticks;
}

/// First days of years or months.
std::vector<Tick> date_ticks(double low, double high, int count, const TimeUnits& units) {
  const double first = units.zero_days + low * units.unit_days;
  const double last = units.zero_days + high * units.unit_days;
  const auto add = [&](std::vector<Tick>& ticks, int year, unsigned month, std::string text) {
    const double days = days_of(year, month);
    if (days >= first && days <= last)
      ticks.push_back({(days - units.zero_days) / units.unit_days, std::move(text)});
  };
  const int first_year = static_cast<int>(date_of(first).year());
  const int last_year = static_cast<int>(date_of(last).year());
  std::vector<Tick> ticks;
  if ((last - first) / 366 >= count) {
    const auto step =
        static_cast<int>(std::max(1., round_step(0.8 * (last - first) / 365.25 / count)));
    for (int year = first_year / step * step; year <= last_year; year += step)
      add(ticks, year, 1, fmt::format("{}", year));
    return ticks;
  }
  unsigned step = 12;
  for (const unsigned months : {6U, 3U, 2U, 1U})
    if ((last - first) / 30.5 / months <= count) step = months;
  for (int year = first_year; year <= last_year; ++year)
    for (unsigned month = 1; month <= 12; month += step)
      add(ticks, year, month, fmt::format("{}-{:02}", year, month));
  return ticks;
}

}  // namespace

std::vector<Tick> ticks_between(double low, double high, int count) {
  if (low > high) std::swap(low, high);
  const double span = high - low;
  if (!std::isfinite(low) || !std::isfinite(high) || !(span > 1e-12 * std::abs(high)) ||
      !std::isfinite(span) || span < 1e-300)
    return {{low, fmt::format("{:.6g}", low)}};
  const double step = round_step(span / std::max(1, count));
  const double largest = std::max(std::abs(low), std::abs(high));
  const int decimals = static_cast<int>(std::max(0., -std::floor(std::log10(step) + 1e-9)));
  std::vector<Tick> ticks;
  for (double i = std::ceil(low / step - 1e-9); i * step <= high + 1e-9 * step; ++i) {
    const double value = i * step + 0.;
    std::string text = largest >= 1e7 || decimals > 5
                           ? fmt::format("{:.6g}", value)
                           : fmt::format("{:.{}f}", value == 0 ? 0. : value, decimals);
    ticks.push_back({value, std::move(text)});
  }
  if (ticks.empty()) ticks.push_back({low, fmt::format("{:.6g}", low)});
  return ticks;
}

std::vector<Tick> ticks_of(const PlaneAxis& axis, int count) {
  const double low = std::min(axis.places.front(), axis.places.back());
  const double high = std::max(axis.places.front(), axis.places.back());
  if (axis.are_indices) count = static_cast<int>(std::clamp(high - low, 1., 1. * count));
  return ticks_between(low, high, count, axis.units);
}

bool are_dates(const std::string& units) {
  return time_units(units).has_value();
}

std::vector<Tick> ticks_between(double low, double high, int count, const std::string& units) {
  const auto time = time_units(units);
  if (low > high) std::swap(low, high);
  if (time && (high - low) * time->unit_days >= 60 &&
      std::abs(time->zero_days + high * time->unit_days) < 3e6 &&
      std::abs(time->zero_days + low * time->unit_days) < 3e6) {
    std::vector<Tick> ticks = date_ticks(low, high, count, *time);
    if (!ticks.empty()) return ticks;
  }
  // degrees are divided as on maps
  if (units.starts_with("degree") && high - low > 40 && high - low <= 1080)
    for (const int step : {15, 30, 45, 60, 90, 180})
      if ((high - low) / step <= count + 1 || step == 180) return whole_ticks(low, high, step);
  return ticks_between(low, high, count);
}

std::string place_text(double value, const std::string& units) {
  const auto time = time_units(units);
  const double days = time ? time->zero_days + value * time->unit_days : 0;
  if (!time || !(std::abs(days) < 3e6)) return fmt::format("{:.6g}", value);
  const std::chrono::year_month_day date = date_of(days);
  return fmt::format("{:04}-{:02}-{:02}", static_cast<int>(date.year()),
                     static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()));
}

double position_among(const std::vector<double>& places, double value) {
  const std::size_t count = places.size();
  if (count < 2) return 0;
  const bool is_ascending = places.front() < places.back();
  std::size_t right = 1;  // the first place beyond the value, but never the first of all
  while (right + 1 < count && (is_ascending ? places[right] < value : places[right] > value))
    ++right;
  const double step = places[right] - places[right - 1];
  return static_cast<double>(right - 1) + (step != 0 ? (value - places[right - 1]) / step : 0);
}

}  // namespace serried::picture
