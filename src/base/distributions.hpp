#pragma once

namespace serried {

/// Distribution functions for tests and intervals. `df` are degrees of freedom above 0; arguments
/// that are NaN, and a `df` that is not above 0, give NaN. Local.

/// P(|Z| >= |z|) for a standard normal Z.
[[nodiscard]] double normal_two_sided(double z);
/// P(|T| >= |t|) for Student's t.
[[nodiscard]] double student_two_sided(double t, double df);
/// The z > 0 with P(|Z| <= z) = level, 0 < level < 1.
[[nodiscard]] double normal_reach(double level);
[[nodiscard]] double student_reach(double level, double df);
/// P(F >= f) for Fisher's F.
[[nodiscard]] double fisher_upper(double f, double df_above, double df_below);
/// P(X >= x) for the chi squared distribution.
[[nodiscard]] double chi_squared_upper(double x, double df);
/// log gamma(x), x > 0.
[[nodiscard]] double log_gamma(double x);

}  // namespace serried
