#pragma once

#include <string>

#include "serried/array/array.hpp"

namespace serried::app {

/// With so many digits; NaN without a sign, which says nothing. Local.
[[nodiscard]] std::string real_text(double value, int digits);

/// An element of a replicated array: ten digits of floating numbers, all of integers. Local.
[[nodiscard]] std::string element_text(const Array& array, std::int64_t element);

/// A replicated array as NumPy prints it: of more than 1000 elements the first and the last three
/// along each axis; lines of at most 100 columns where the elements allow, each after `indent`.
/// Local.
[[nodiscard]] std::string array_text(const Array& array, const std::string& indent);

}  // namespace serried::app
