#include "ml/regression/lbfgs.hpp"

#include <algorithm>
#include <cmath>
#include <deque>
#include <optional>

namespace serried::regression {
namespace {

using Values = std::vector<double>;
constexpr std::size_t memory = 10;
// Of the Wolfe conditions: how much of the slope's promise a step must keep, and how flat it must
// be at its end.
constexpr double least_descent = 1e-4;
constexpr double most_slope = 0.9;
constexpr int most_trials = 40;
/// Of a value, relative: sums of many rows.
constexpr double rounding = 1e-12;

double dot(const Values& a, const Values& b) {
  double sum = 0;
  for (std::size_t i = 0; i < a.size(); ++i) sum += a[i] * b[i];
  return sum;
}

double largest(const Values& a) {
  double most = 0;
  for (const double value : a) most = std::max(most, std::abs(value));
  return most;
}

struct Update {
  Values step;
  Values change;  ///< of the gradient
  double curvature = 0;
};

/// The direction of descent by what the last steps tell of the curvature.
Values direction_of(const Values& gradient, const std::deque<Update>& updates) {
  Values q = gradient;
  std::vector<double> shares(updates.size());
  for (std::size_t u = updates.size(); u-- > 0;) {
    shares[u] = dot(updates[u].step, q) / updates[u].curvature;
    for (std::size_t i = 0; i < q.size(); ++i) q[i] -= shares[u] * updates[u].change[i];
  }
  const double scale = updates.empty() ? 1 / std::max(1., std::sqrt(dot(gradient, gradient)))
                                       : updates.back().curvature /
                                             dot(updates.back().change, updates.back().change);
  for (double& value : q) value *= scale;
  for (std::size_t u = 0; u < updates.size(); ++u) {
    const double share = dot(updates[u].change, q) / updates[u].curvature;
    for (std::size_t i = 0; i < q.size(); ++i) q[i] += (shares[u] - share) * updates[u].step[i];
  }
  for (double& value : q) value = -value;
  return q;
}

/// The function along a line.
struct Point {
  double length = 0;
  double value = 0;
  double derivative = 0;
};

class LineSearch {
 public:
  LineSearch(const std::function<Slope(const Values&)>& evaluate, const Values& from,
             const Slope& slope_there, const Values& direction)
      : evaluate_(evaluate),
        from_(from),
        direction_(direction),
        start_{0, slope_there.value, dot(slope_there.gradient, direction)} {}

  /// Whether a length was found that lowers the function; then place and slope are there.
  bool run() {
    Point former = start_;
    Point point = at(1);
    for (int trial = 0; trial < most_trials; ++trial) {
      if (!is_low_enough(point) || (trial > 0 && is_higher(point, former)))
        return between(former, point);
      if (std::abs(point.derivative) <= -most_slope * start_.derivative) return true;
      if (point.derivative >= 0) return between(point, former);
      former = point;
      point = at(2 * point.length);
    }
    return is_low_enough(point);
  }

  Values place;
  Slope slope;

 private:
  [[nodiscard]] Point at(double length) {
    place = from_;
    for (std::size_t i = 0; i < place.size(); ++i) place[i] += length * direction_[i];
    slope = evaluate_(place);
    return {length, slope.value, dot(slope.gradient, direction_)};
  }
  /// Where rounding of the values hides their descent, the slopes tell of it (W. Hager and H.
  /// Zhang, "A new conjugate gradient method with guaranteed descent", 2005).
  [[nodiscard]] bool is_low_enough(const Point& p) const {
    if (!std::isfinite(p.value)) return false;
    if (p.value <= start_.value + least_descent * p.length * start_.derivative) return true;
    return !is_higher(p, start_) && p.derivative <= (2 * least_descent - 1) * start_.derivative;
  }
  [[nodiscard]] bool is_higher(const Point& a, const Point& b) const {
    return a.value > b.value + rounding * std::abs(start_.value);
  }

  /// @param low the better end of an interval with a length that will do.
  bool between(Point low, Point high) {
    for (int trial = 0; trial < most_trials; ++trial) {
      const Point point = at(middle(low, high));
      if (!is_low_enough(point) || is_higher(point, low)) {
        high = point;
      } else {
        if (std::abs(point.derivative) <= -most_slope * start_.derivative) return true;
        if (point.derivative * (high.length - low.length) >= 0) high = low;
        low = point;
      }
      if (std::abs(high.length - low.length) <= 1e-15 * std::max(high.length, low.length)) break;
    }
    // rounding hides what is left to gain
    if (low.length == 0) return false;
    static_cast<void>(at(low.length));
    return true;
  }

  /// Where a parabola through both is least, kept away from the ends.
  [[nodiscard]] static double middle(const Point& low, const Point& high) {
    const double width = high.length - low.length;
    const double curve = high.value - low.value - low.derivative * width;
    double share = curve > 0 ? -low.derivative * width / (2 * curve) : 0.5;
    if (!(share >= 0.1 && share <= 0.9)) share = 0.5;
    return low.length + share * width;
  }

  const std::function<Slope(const Values&)>& evaluate_;
  const Values& from_;
  const Values& direction_;
  Point start_;
};

}  // namespace

Descent minimize(const std::function<Slope(const Values&)>& evaluate, Values start, double least,
                 std::int64_t max_iterations) {
  Descent descent{std::move(start), {}, 0, false};
  descent.slope = evaluate(descent.place);
  std::deque<Update> updates;
  while (descent.iterations < max_iterations) {
    if (largest(descent.slope.gradient) <= least) {
      descent.converged = true;
      return descent;
    }
    const Values direction = direction_of(descent.slope.gradient, updates);
    LineSearch search(evaluate, descent.place, descent.slope, direction);
    ++descent.iterations;
    if (!search.run()) {
      if (updates.empty()) return descent;
      updates.clear();  // steepest descent, once
      continue;
    }
    Update update;
    for (std::size_t i = 0; i < descent.place.size(); ++i) {
      update.step.push_back(search.place[i] - descent.place[i]);
      update.change.push_back(search.slope.gradient[i] - descent.slope.gradient[i]);
    }
    update.curvature = dot(update.step, update.change);
    if (update.curvature > 0) updates.push_back(std::move(update));
    if (updates.size() > memory) updates.pop_front();
    descent.place = std::move(search.place);
    descent.slope = std::move(search.slope);
  }
  descent.converged = largest(descent.slope.gradient) <= least;
  return descent;
}

}  // namespace serried::regression
