#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>

namespace serried::kmeans {

/// Adds numbers from 0 to 2^bits, each cut off to two integers, so that no order changes the sum;
/// larger ones count as 2^bits.
class FixedSum {
 public:
  FixedSum(int bits, std::int64_t most_numbers)
      : scale_(std::ldexp(
            1., 62 - bits -
                    static_cast<int>(std::bit_width(static_cast<std::uint64_t>(most_numbers))))),
        most_(std::ldexp(1., bits)) {}

  using Pair = std::array<std::int64_t, 2>;
  void add(double value, Pair& sum) const {
    const double scaled = std::min(value, most_) * scale_;
    const double high = std::floor(scaled);
    sum[0] += static_cast<std::int64_t>(high);
    sum[1] += static_cast<std::int64_t>((scaled - high) * low_scale);
  }
  [[nodiscard]] double value(const Pair& sum) const {
    return (static_cast<double>(sum[0]) + static_cast<double>(sum[1]) / low_scale) / scale_;
  }

 private:
  static constexpr double low_scale = 0x1.0p22;
  double scale_;
  double most_;
};

/// The rule of the end. The inertia is smoothed with the mean of the batches so far, until these
/// are half an epoch or 200; before that no fit ends. The first step's is left out: it is that of
/// the initial centres. A plain value: all that it knows stands in its members.
struct Improvement {
  /// scikit-learn's default.
  static constexpr std::int64_t most_steps_without = 10;
  /// Ours, so that the number of steps does not grow with the data: share of a step's inertia in
  /// the smoothed one, at least.
  static constexpr double least_share = 0.005;

  double smoothed = 0;  ///< inertia of the batches
  double least = std::numeric_limits<double>::infinity();
  std::int64_t steps_without = 0;

  /// Takes the mean inertia of a step's rows. Returns whether the fit has stopped improving.
  /// @param step its number, from 1 on.
  /// @param batch_share the share of a batch in the rows.
  bool has_ended(std::int64_t step, double mean_inertia, double batch_share) {
    const auto steps = static_cast<double>(step - 1);
    if (step == 1) return false;
    const double share = std::clamp(2 * batch_share, least_share, 1.);
    smoothed += std::max(share, 1 / steps) * (mean_inertia - smoothed);
    if (steps * share < 1 || smoothed < least) {
      least = smoothed;
      steps_without = 0;
    } else {
      ++steps_without;
    }
    return steps_without >= most_steps_without;
  }
};

}  // namespace serried::kmeans
