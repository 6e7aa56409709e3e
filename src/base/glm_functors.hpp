#pragma once

// The families and links of generalised linear models: each is one functor in one of the two lists
// at the end. Formulas are templates over a type of real numbers R: vectors on the host, double on
// a GPU. R has + - * /, comparisons, and, found by its namespace, select(mask, a, b), minimum,
// maximum, absolute, exp, expm1, log, log1p, sqrt, erfc, pow, lgamma. Included by files that are
// compiled for AVX-512 as well: no functions here but templates.
#include "serried/base/glm_family.hpp"

namespace serried::glm {

/// Of rows: the mean, how far it is below 1 (of probabilities, else not used), and its derivative
/// by the linear predictor.
template <class R>
struct Mean {
  R mean;
  R rest;
  R slope;
};

/// log(ratio), ratio = 1 + distance; accurate near 1 as far from it.
template <class R>
R log_ratio(R ratio, R distance) {
  return select(absolute(distance) < R(0.5), log1p(distance), log(ratio));
}
/// y log(y / mean), 0 for y = 0.
template <class R>
R y_log_ratio(R y, R mean) {
  return select(y > R(0), y * log_ratio(y / mean, (y - mean) / mean), R(0));
}
/// y log y, 0 for y = 0.
template <class R>
R y_log_y(R y) {
  return select(y > R(0), y * log(y), R(0));
}

/// Beyond this distance from 0 a logit's mean is its bound but for half a unit in the last place.
inline constexpr double farthest_logit = 36.04365338911715;
inline constexpr double farthest_probit = 8.125890664701906;
inline constexpr double farthest_cloglog = 3.584731779613;  // log(farthest_logit)

template <class R>
R limited(R x, double low, double high) {
  return minimum(maximum(x, R(low)), R(high));
}

// ---- links ----------------------------------------------------------------------------------

struct IdentityLink {
  static constexpr GlmLinkFacts facts{GlmLink::identity, "identity", false, false};
  template <class R>
  static Mean<R> mean(R eta, double) {
    return {eta, R(1) - eta, R(1)};
  }
  template <class R>
  static R predictor(R mean, R, double) {
    return mean;
  }
};

struct LogLink {
  static constexpr GlmLinkFacts facts{GlmLink::log, "log", false, true};
  template <class R>
  static Mean<R> mean(R eta, double) {
    const R mean = exp(eta);
    return {mean, R(0) - expm1(eta), mean};
  }
  template <class R>
  static R predictor(R mean, R, double) {
    return log(mean);
  }
};

struct LogitLink {
  static constexpr GlmLinkFacts facts{GlmLink::logit, "logit", true, true};
  template <class R>
  static Mean<R> mean(R eta, double) {
    const R x = limited(eta, -farthest_logit, farthest_logit);
    const R e = exp(R(0) - absolute(x));
    const R large = R(1) / (R(1) + e);
    const R small = e * large;
    return {select(x < R(0), small, large), select(x < R(0), large, small), small * large};
  }
  template <class R>
  static R predictor(R mean, R rest, double) {
    return log(mean / rest);
  }
};

struct ProbitLink {
  static constexpr GlmLinkFacts facts{GlmLink::probit, "probit", true, true};
  template <class R>
  static Mean<R> mean(R eta, double) {
    const R x = limited(eta, -farthest_probit, farthest_probit);
    const R scaled = x * R(0.70710678118654752440);
    return {R(0.5) * erfc(R(0) - scaled), R(0.5) * erfc(scaled),
            R(0.39894228040143267794) * exp(R(-0.5) * x * x)};
  }
  // near enough to begin with
  template <class R>
  static R predictor(R mean, R rest, double) {
    return R(0.6) * log(mean / rest);
  }
};

struct CloglogLink {
  static constexpr GlmLinkFacts facts{GlmLink::cloglog, "cloglog", true, true};
  template <class R>
  static Mean<R> mean(R eta, double) {
    const R hazard = exp(limited(eta, -farthest_logit, farthest_cloglog));
    const R rest = exp(R(0) - hazard);
    return {R(0) - expm1(R(0) - hazard), rest, hazard * rest};
  }
  template <class R>
  static R predictor(R, R rest, double) {
    return log(R(0) - log(rest));
  }
};

struct LoglogLink {
  static constexpr GlmLinkFacts facts{GlmLink::loglog, "loglog", true, true};
  template <class R>
  static Mean<R> mean(R eta, double) {
    const R hazard = exp(R(0) - limited(eta, -farthest_cloglog, farthest_logit));
    const R mean = exp(R(0) - hazard);
    return {mean, R(0) - expm1(R(0) - hazard), hazard * mean};
  }
  template <class R>
  static R predictor(R mean, R, double) {
    return R(0) - log(R(0) - log(mean));
  }
};

struct InverseLink {
  static constexpr GlmLinkFacts facts{GlmLink::inverse, "inverse", false, false};
  template <class R>
  static Mean<R> mean(R eta, double) {
    const R mean = R(1) / eta;
    return {mean, R(1) - mean, R(0) - mean * mean};
  }
  template <class R>
  static R predictor(R mean, R, double) {
    return R(1) / mean;
  }
};

// A predictor below 0 has no mean under the links that follow: it becomes NaN.
struct InverseSquareLink {
  static constexpr GlmLinkFacts facts{GlmLink::inverse_square, "inverse_square", false, false};
  template <class R>
  static Mean<R> mean(R eta, double) {
    const R mean = R(1) / sqrt(eta);
    return {mean, R(1) - mean, R(-0.5) * mean / eta};
  }
  template <class R>
  static R predictor(R mean, R, double) {
    return R(1) / (mean * mean);
  }
};

struct SquareRootLink {
  static constexpr GlmLinkFacts facts{GlmLink::square_root, "sqrt", false, false};
  template <class R>
  static Mean<R> mean(R eta, double) {
    const R root = select(eta > R(0), eta, R(std::numeric_limits<double>::quiet_NaN()));
    return {root * root, R(1) - root * root, R(2) * root};
  }
  template <class R>
  static R predictor(R mean, R, double) {
    return sqrt(mean);
  }
};

struct PowerLink {
  static constexpr GlmLinkFacts facts{GlmLink::power, "power", false, false};
  template <class R>
  static Mean<R> mean(R eta, double power) {
    const R base = select(eta > R(0), eta, R(std::numeric_limits<double>::quiet_NaN()));
    const R mean = pow(base, R(1 / power));
    return {mean, R(1) - mean, mean / (R(power) * base)};
  }
  template <class R>
  static R predictor(R mean, R, double power) {
    return pow(mean, R(power));
  }
};

// ---- families -------------------------------------------------------------------------------
// deviance: of one row of weight 1. start: a mean to begin with. likelihood: what a row of weight w
// and t trials adds to the log-likelihood whatever the fit is (see ml/glm/likelihood.cpp).

struct Gaussian {
  static constexpr GlmFamilyFacts facts{.family = GlmFamily::gaussian,
                                        .name = "gaussian",
                                        .default_link = GlmLink::identity,
                                        .has_dispersion = true};
  template <class R>
  static R variance(const Mean<R>&, double) {
    return R(1);
  }
  template <class R>
  static R deviance(R y, const Mean<R>& m, double) {
    return (y - m.mean) * (y - m.mean);
  }
  template <class R>
  static R start(R y, R, double) {
    return y;
  }
  template <class R>
  static R likelihood(R, R weight, R, double) {
    return R(0.5) * log(weight);
  }
};

struct Binomial {
  static constexpr GlmFamilyFacts facts{.family = GlmFamily::binomial,
                                        .name = "binomial",
                                        .default_link = GlmLink::logit,
                                        .low = 0,
                                        .allows_low = true,
                                        .mean_low = 0,
                                        .mean_high = 1};
  template <class R>
  static R variance(const Mean<R>& m, double) {
    return m.mean * m.rest;
  }
  template <class R>
  static R deviance(R y, const Mean<R>& m, double) {
    const R failed = R(1) - y;
    return R(2) * (select(y > R(0), y * log(y / m.mean), R(0)) +
                   select(failed > R(0), failed * log(failed / m.rest), R(0)));
  }
  template <class R>
  static R start(R y, R weight, double) {
    return (weight * y + R(0.5)) / (weight + R(1));
  }
  template <class R>
  static R likelihood(R y, R weight, R trials, double) {
    const R successes = y * trials;
    const R choices =
        lgamma(trials + R(1)) - lgamma(successes + R(1)) - lgamma(trials - successes + R(1));
    return weight * (choices / trials + y_log_y(y) + y_log_y(R(1) - y));
  }
};

struct Poisson {
  static constexpr GlmFamilyFacts facts{.family = GlmFamily::poisson,
                                        .name = "poisson",
                                        .default_link = GlmLink::log,
                                        .low = 0,
                                        .allows_low = true,
                                        .mean_low = 0};
  template <class R>
  static R variance(const Mean<R>& m, double) {
    return m.mean;
  }
  template <class R>
  static R deviance(R y, const Mean<R>& m, double) {
    return R(2) * (y_log_ratio(y, m.mean) - (y - m.mean));
  }
  template <class R>
  static R start(R y, R, double) {
    return y + R(0.1);
  }
  template <class R>
  static R likelihood(R y, R weight, R, double) {
    return weight * (y_log_y(y) - y - lgamma(y + R(1)));
  }
};

struct Gamma {
  static constexpr GlmFamilyFacts facts{.family = GlmFamily::gamma,
                                        .name = "gamma",
                                        .default_link = GlmLink::inverse,
                                        .low = 0,
                                        .mean_low = 0,
                                        .has_dispersion = true};
  template <class R>
  static R variance(const Mean<R>& m, double) {
    return m.mean * m.mean;
  }
  template <class R>
  static R deviance(R y, const Mean<R>& m, double) {
    const R distance = (y - m.mean) / m.mean;
    return R(2) * (distance - log_ratio(y / m.mean, distance));
  }
  template <class R>
  static R start(R y, R, double) {
    return y;
  }
  template <class R>
  static R likelihood(R y, R weight, R, double) {
    return R(0) - weight * log(y);
  }
};

struct InverseGaussian {
  static constexpr GlmFamilyFacts facts{.family = GlmFamily::inverse_gaussian,
                                        .name = "inverse_gaussian",
                                        .default_link = GlmLink::inverse_square,
                                        .low = 0,
                                        .mean_low = 0,
                                        .has_dispersion = true};
  template <class R>
  static R variance(const Mean<R>& m, double) {
    return m.mean * m.mean * m.mean;
  }
  template <class R>
  static R deviance(R y, const Mean<R>& m, double) {
    const R distance = (y - m.mean) / m.mean;
    return distance * distance / y;
  }
  template <class R>
  static R start(R y, R, double) {
    return y;
  }
  template <class R>
  static R likelihood(R y, R weight, R, double) {
    return R(-1.5) * weight * log(y);
  }
};

/// digamma(x) for x > 0: eight steps up, then the asymptotic series.
template <class R>
R digamma(R x) {
  R sum = R(0);
  for (int k = 0; k < 8; ++k) sum = sum + R(1) / (x + R(k));
  const R z = x + R(8);
  const R u = R(1) / (z * z);
  const R series =
      u *
      (R(1. / 12) -
       u * (R(1. / 120) -
            u * (R(1. / 252) -
                 u * (R(1. / 240) - u * (R(1. / 132) - u * (R(691. / 32760) - u * R(1. / 12)))))));
  return log(z) - R(0.5) / z - series - sum;
}
template <class R>
R trigamma(R x) {
  R sum = R(0);
  for (int k = 0; k < 8; ++k) sum = sum + R(1) / ((x + R(k)) * (x + R(k)));
  const R z = x + R(8);
  const R u = R(1) / (z * z);
  const R series =
      u * (R(1. / 6) -
           u * (R(1. / 30) -
                u * (R(1. / 42) -
                     u * (R(1. / 30) - u * (R(5. / 66) - u * (R(691. / 2730) - u * R(7. / 6)))))));
  return R(1) / z + R(0.5) * u + series / z + sum;
}

/// Variance mean + mean^2 / theta.
struct NegativeBinomial {
  static constexpr GlmFamilyFacts facts{.family = GlmFamily::negative_binomial,
                                        .name = "negative_binomial",
                                        .default_link = GlmLink::log,
                                        .low = 0,
                                        .allows_low = true,
                                        .mean_low = 0};
  template <class R>
  static R variance(const Mean<R>& m, double theta) {
    return m.mean + m.mean * m.mean / R(theta);
  }
  template <class R>
  static R deviance(R y, const Mean<R>& m, double theta) {
    const R size = R(theta);
    const R sum = m.mean + size;
    return R(2) *
           (y_log_ratio(y, m.mean) - (y + size) * log_ratio((y + size) / sum, (y - m.mean) / sum));
  }
  template <class R>
  static R start(R y, R, double) {
    return select(y > R(0), y, R(1. / 6));
  }
  template <class R>
  static R likelihood(R y, R weight, R, double theta) {
    const R size = R(theta);
    return weight * (lgamma(y + size) - lgamma(size) - lgamma(y + R(1)) + y_log_y(y) -
                     y * log(y + size) - size * log1p(y / size));
  }
  /// First and (negative) second derivative of a row's log-likelihood by theta.
  template <class R>
  static R theta_score(R y, R mean, R theta) {
    return digamma(theta + y) - digamma(theta) - log1p(mean / theta) + (mean - y) / (mean + theta);
  }
  template <class R>
  static R theta_information(R y, R mean, R theta) {
    const R sum = mean + theta;
    return trigamma(theta) - trigamma(theta + y) - R(1) / theta + R(2) / sum -
           (y + theta) / (sum * sum);
  }
};

/// Variance mean^power, 1 < power < 2 (a point mass at 0), or above 2.
struct Tweedie {
  static constexpr GlmFamilyFacts facts{.family = GlmFamily::tweedie,
                                        .name = "tweedie",
                                        .default_link = GlmLink::log,
                                        .low = 0,
                                        .allows_low = true,
                                        .mean_low = 0,
                                        .has_dispersion = true};
  template <class R>
  static R variance(const Mean<R>& m, double power) {
    return pow(m.mean, R(power));
  }
  template <class R>
  static R deviance(R y, const Mean<R>& m, double power) {
    const double a = 1 - power;
    const double b = 2 - power;
    const R mean_b = pow(m.mean, R(b));
    const R y_b = select(y > R(0), pow(y, R(b)), R(0));
    return R(2) * (y_b / R(a * b) - y * (mean_b / m.mean) / R(a) + mean_b / R(b));
  }
  template <class R>
  static R start(R y, R, double) {
    return select(y > R(0), y, R(0.1));
  }
  template <class R>
  static R likelihood(R, R, R, double) {
    return R(0);
  }
};

template <class... Functors>
struct List {
  static constexpr int size = sizeof...(Functors);
};

/// In the order of the enumerations.
using Families =
    List<Gaussian, Binomial, Poisson, Gamma, InverseGaussian, NegativeBinomial, Tweedie>;
using Links = List<IdentityLink, LogLink, LogitLink, ProbitLink, CloglogLink, LoglogLink,
                   InverseLink, InverseSquareLink, SquareRootLink, PowerLink>;

}  // namespace serried::glm
