#pragma once

#include <string>
#include <vector>

namespace serried::picture {

/// A mark at an axis.
struct Tick {
  double value = 0;
  std::string text;
};

/// About `count` round numbers from low to high, both of which may be the larger one; at least one.
/// Local.
[[nodiscard]] std::vector<Tick> ticks_between(double low, double high, int count);

/// As ticks_between, for numbers in units: "days since 1800-01-01" and the like are marked by
/// dates (proleptic Gregorian calendar), unless they span less than 60 days. Local.
[[nodiscard]] std::vector<Tick> ticks_between(double low, double high, int count,
                                              const std::string& units);

/// Whether numbers in these units are told as dates.
[[nodiscard]] bool are_dates(const std::string& units);
/// "1997-05-01" for numbers in units since a date; else the number with 6 digits.
[[nodiscard]] std::string place_text(double value, const std::string& units);

/// Where a value lies among places that ascend or descend, counted in places: 1.5 is in the middle
/// between the second and the third. Local. At least one place.
[[nodiscard]] double position_among(const std::vector<double>& places, double value);

}  // namespace serried::picture
