#pragma once

#include <cstdint>
#include <functional>
#include <vector>

namespace serried::regression {

/// A function's value and gradient at a place.
struct Slope {
  double value = 0;
  std::vector<double> gradient;
};

struct Descent {
  std::vector<double> place;
  Slope slope;  ///< there
  std::int64_t iterations = 0;
  bool converged = false;
};

/// Minimises a smooth function by limited-memory BFGS with a memory of ten steps (J. Nocedal,
/// "Updating quasi-Newton matrices with limited storage", 1980) and a line search for the strong
/// Wolfe conditions (J. Nocedal and S. Wright, "Numerical Optimization", 2006, algorithms 3.5 and
/// 3.6). Deterministic; it does the same on every rank where `evaluate` gives the same.
/// @param least the fit has converged where no element of the gradient is larger.
[[nodiscard]] Descent minimize(const std::function<Slope(const std::vector<double>&)>& evaluate,
                               std::vector<double> start, double least,
                               std::int64_t max_iterations);

}  // namespace serried::regression
