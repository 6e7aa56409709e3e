#include "base/distributions.hpp"

// Boost would throw classes of its own, which the shared library would show.
#define BOOST_EXCEPTION_DISABLE
#include <algorithm>
#include <boost/math/distributions/chi_squared.hpp>
#include <boost/math/distributions/fisher_f.hpp>
#include <boost/math/distributions/normal.hpp>
#include <boost/math/distributions/students_t.hpp>
#include <boost/math/special_functions/gamma.hpp>
#include <cmath>
#include <limits>

namespace serried {
namespace {

constexpr double nan = std::numeric_limits<double>::quiet_NaN();

// Nothing throws: what has no value is NaN or infinity.
using Policy = boost::math::policies::policy<
    boost::math::policies::domain_error<boost::math::policies::ignore_error>,
    boost::math::policies::pole_error<boost::math::policies::ignore_error>,
    boost::math::policies::overflow_error<boost::math::policies::ignore_error>,
    boost::math::policies::evaluation_error<boost::math::policies::ignore_error>,
    boost::math::policies::promote_double<false>>;
using Normal = boost::math::normal_distribution<double, Policy>;
using Student = boost::math::students_t_distribution<double, Policy>;

template <class Distribution>
double two_sided(const Distribution& distribution, double value) {
  if (std::isnan(value)) return nan;
  if (std::isinf(value)) return 0;
  return 2 * boost::math::cdf(boost::math::complement(distribution, std::abs(value)));
}
template <class Distribution>
double reach(const Distribution& distribution, double level) {
  return boost::math::quantile(boost::math::complement(distribution, (1 - level) / 2));
}

}  // namespace

double normal_two_sided(double z) {
  return two_sided(Normal(), z);
}
double student_two_sided(double t, double df) {
  return df > 0 ? two_sided(Student(df), t) : nan;
}
double normal_reach(double level) {
  return reach(Normal(), level);
}
double student_reach(double level, double df) {
  return df > 0 ? reach(Student(df), level) : nan;
}
double fisher_upper(double f, double df_above, double df_below) {
  if (!(df_above > 0) || !(df_below > 0) || std::isnan(f)) return nan;
  if (std::isinf(f)) return 0;
  const boost::math::fisher_f_distribution<double, Policy> distribution(df_above, df_below);
  return boost::math::cdf(boost::math::complement(distribution, std::max(f, 0.)));
}
double chi_squared_upper(double x, double df) {
  if (!(df > 0) || std::isnan(x)) return nan;
  if (std::isinf(x)) return 0;
  const boost::math::chi_squared_distribution<double, Policy> distribution(df);
  return boost::math::cdf(boost::math::complement(distribution, std::max(x, 0.)));
}
double log_gamma(double x) {
  return boost::math::lgamma(x, Policy());
}

}  // namespace serried
