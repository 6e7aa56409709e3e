#include "array/histogram/bin_edges.hpp"

#include <cmath>
#include <sstream>
#include <string>

#include "serried/base/error.hpp"
#include "serried/base/half.hpp"

namespace serried {
namespace {

// The value in the precision of a floating dtype. Rounding the f64 result of one operation on f16
// or f32 numbers gives the correctly rounded result, as f64 has more than twice their digits.
double round_to(DType dtype, double value) {
  if (dtype == DType::f32) return static_cast<double>(static_cast<float>(value));
  if (dtype == DType::f16) return static_cast<double>(to_float(to_half(static_cast<float>(value))));
  return value;
}

std::string describe_range(double low, double high, std::int64_t bins) {
  std::ostringstream text;
  text.precision(17);
  text << "a range of [" << low << ", " << high << "] cannot be cut into " << bins
       << " bins of finite size";
  return text.str();
}

}  // namespace

std::vector<double> make_bin_edges(DType dtype, double low, double high, std::int64_t bins,
                                   bool is_range_of_data) {
  const DType compute = is_range_of_data ? dtype : DType::f64;
  const auto rounded = [compute](double value) { return round_to(compute, value); };
  const double first = low == high ? rounded(low - 0.5) : low;
  const double last = low == high ? rounded(high + 0.5) : high;
  // numpy.linspace
  const auto n = static_cast<double>(bins);
  const double delta = rounded(last - first);
  const double step = rounded(delta / rounded(n));
  std::vector<double> edges(static_cast<std::size_t>(bins + 1));
  for (std::int64_t i = 0; i <= bins; ++i) {
    const double position = rounded(static_cast<double>(i));
    const double offset =
        step == 0 ? rounded(rounded(position / rounded(n)) * delta) : rounded(position * step);
    edges[static_cast<std::size_t>(i)] = round_to(dtype, rounded(offset + first));
  }
  edges.back() = round_to(dtype, last);
  for (std::size_t i = 0; i + 1 < edges.size(); ++i) {
    if (edges[i] < edges[i + 1] && std::isfinite(edges[i]) && std::isfinite(edges[i + 1])) continue;
    const std::string text = describe_range(low, high, bins);
    if (is_range_of_data) throw DataError(text);
    throw InvalidArgument(text);
  }
  return edges;
}

}  // namespace serried
