#pragma once

#include <string>
#include <vector>

#include "serried/report/plane.hpp"

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
/// dates (proleptic Gregorian calendar), unless they span less than 60 days; "degrees..." by
/// multiples of 15, 30, 45, 60, 90 or 180 where they span more than 40. Local.
[[nodiscard]] std::vector<Tick> ticks_between(double low, double high, int count,
                                              const std::string& units);

/// The ticks of an axis: whole numbers where its places are indices. Local.
/// @param axis has at least one place.
[[nodiscard]] std::vector<Tick> ticks_of(const PlaneAxis& axis, int count);

/// Whether numbers in these units are told as dates.
[[nodiscard]] bool are_dates(const std::string& units);
/// "1997-05-01" for numbers in units since a date; else the number with 6 digits.
[[nodiscard]] std::string place_text(double value, const std::string& units);

/// Where a value lies among places that ascend or descend, counted in places: 1.5 is in the middle
/// between the second and the third. Local. At least one place.
[[nodiscard]] double position_among(const std::vector<double>& places, double value);

}  // namespace serried::picture
