// serial
// Sums of generalised linear models against their stated order and against long double formulas, on
// every instruction level.
#include "serried/device/glm_kernels.hpp"

#include <bit>
#include <cmath>
#include <cstring>
#include <functional>
#include <limits>
#include <vector>

#include "backend/guarded_memory.hpp"
#include "backend/targets.hpp"
#include "gtest/gtest.h"
#include "serried/base/philox.hpp"
#include "serried/device/backend.hpp"
#include "support/numbers.hpp"

namespace serried::test {
namespace {

using Real = long double;

double noise(std::uint64_t stream, std::int64_t i) {
  return to_unit_interval(philox_words(7, stream, static_cast<std::uint64_t>(i))[0]);
}

/// The linear predictor of a packed row: 8 lanes, folded by halves.
double dot8(const std::vector<double>& a, const std::vector<double>& b) {
  double lanes[8] = {};
  for (std::size_t i = 0; i < a.size(); ++i) lanes[i % 8] = std::fma(a[i], b[i], lanes[i % 8]);
  for (int half = 4; half > 0; half /= 2)
    for (int l = 0; l < half; ++l) lanes[l] += lanes[l + half];
  return lanes[0];
}

template <class T>
class GlmKernelsOf : public testing::Test {};
using Types =
    testing::Types<bool, std::int8_t, std::uint8_t, std::int16_t, std::uint16_t, std::int32_t,
                   std::uint32_t, std::int64_t, std::uint64_t, Half, float, double>;
TYPED_TEST_SUITE(GlmKernelsOf, Types);

// A gaussian model, whose working weight is the weight, so that every product's FMA chain is known.
TYPED_TEST(GlmKernelsOf, products_are_chains_in_the_order_of_the_rows) {
  using T = TypeParam;
  for (const std::string& level : available_targets()) {
    const TargetScope scope(level);
    const auto backend = make_host_backend(1);
    const auto& kernels = backend->kernels<GlmKernels>(dtype_of<T>);
    for (const std::int64_t columns : {1, 2, 3, 6, 7, 8, 9, 14, 15, 16, 23, 31, 50})
      for (const std::int64_t count : {0, 1, 7, 300}) {
        const GuardedMemory<T> x(count * columns, [](std::int64_t i) { return number<T>(i); });
        std::vector<double> shift, scale, coefficients, y, weights, offset;
        for (std::int64_t j = 0; j < columns; ++j) {
          shift.push_back(40 * noise(2, j));
          scale.push_back(std::ldexp(1., static_cast<int>(j % 3) - 4));
          coefficients.push_back(noise(3, j) - 0.5);
        }
        for (std::int64_t i = 0; i < count; ++i) {
          y.push_back(noise(4, i));
          weights.push_back(0.5 + noise(5, i));
          offset.push_back(noise(6, i));
        }
        GlmPass pass;
        pass.intercept = 0.25;
        pass.coefficients = coefficients;
        pass.shift = shift;
        pass.scale = scale;
        const GlmRows rows{x.data(), y.data(), weights.data(), offset.data(), nullptr};
        const GlmSums sums{columns + 1};
        const std::vector<std::int64_t> offsets{0, count / 3, count};
        std::vector<double> payloads(static_cast<std::size_t>(2 * sums.size()), -1.);
        kernels.accumulate(pass, rows, offsets, payloads.data());
        const GlmSlopeSums slope_sums{columns + 1};
        std::vector<double> slopes(static_cast<std::size_t>(2 * slope_sums.size()), -1.);
        kernels.slope(pass, rows, offsets, slopes.data());
        std::vector<double> predictors(static_cast<std::size_t>(count));
        kernels.predict(pass, rows, count, predictors.data());

        std::vector<double> model{pass.intercept};
        model.insert(model.end(), coefficients.begin(), coefficients.end());
        for (std::size_t leaf = 0; leaf < 2; ++leaf) {
          const auto width = static_cast<std::size_t>(columns + 2);
          std::vector<double> products(width * width, 0.);
          for (std::int64_t i = offsets[leaf]; i < offsets[leaf + 1]; ++i) {
            const auto row = static_cast<std::size_t>(i);
            std::vector<double> z{1};
            for (std::int64_t j = 0; j < columns; ++j)
              z.push_back((to_double(x[i * columns + j]) - shift[static_cast<std::size_t>(j)]) *
                          scale[static_cast<std::size_t>(j)]);
            const double predictor = dot8(z, model) + offset[row];
            EXPECT_EQ(predictors[row], predictor) << level << ' ' << columns << ' ' << i;
            z.push_back(y[row] - predictor);
            for (std::size_t a = 0; a < width; ++a)
              for (std::size_t b = a; b < width; ++b)
                products[a * width + b] =
                    std::fma(weights[row] * z[a], z[b], products[a * width + b]);
          }
          const double* found = payloads.data() + static_cast<std::int64_t>(leaf) * sums.size();
          for (std::size_t a = 0; a < width; ++a)
            for (std::size_t b = a; b < width; ++b)
              ASSERT_EQ(*found++, products[a * width + b])
                  << level << ' ' << columns << ' ' << count << ' ' << a << ' ' << b;
          EXPECT_GE(*found, 0) << level;

          const double* slope = slopes.data() + static_cast<std::int64_t>(leaf) * slope_sums.size();
          std::vector<double> slope_chain(width, 0.);
          for (std::int64_t i = offsets[leaf]; i < offsets[leaf + 1]; ++i) {
            const auto row = static_cast<std::size_t>(i);
            const double residual = y[row] - predictors[row];
            for (std::size_t a = 0; a < width; ++a) {
              const std::int64_t j = static_cast<std::int64_t>(a) - 1;
              const double z = a == 0 ? 1
                               : a == width - 1
                                   ? residual
                                   : (to_double(x[i * columns + j]) - shift[a - 1]) * scale[a - 1];
              slope_chain[a] = std::fma(weights[row] * residual, z, slope_chain[a]);
            }
          }
          for (std::size_t a = 0; a < width; ++a)
            ASSERT_EQ(slope[a], slope_chain[a])
                << level << ' ' << columns << ' ' << count << ' ' << a;
          for (const auto& [one, other] : {std::pair(slope_sums.deviance(), sums.deviance()),
                                           std::pair(slope_sums.invalid(), sums.invalid()),
                                           std::pair(slope_sums.extreme(), sums.extreme())})
            ASSERT_EQ(slope[one], payloads[static_cast<std::size_t>(
                                      static_cast<std::int64_t>(leaf) * sums.size() + other)]);
        }
      }
  }
}

struct Row {
  Real mean = 0, slope = 0, variance = 0, deviance = 0;
};

Real erfc_of(Real x) {
  return std::erfc(x);
}

Row link_row(GlmLink link, Real eta, Real power) {
  Row row;
  switch (link) {
    case GlmLink::identity:
      return {eta, 1, 0, 0};
    case GlmLink::log:
      return {std::exp(eta), std::exp(eta), 0, 0};
    case GlmLink::logit: {
      const Real mean = 1 / (1 + std::exp(-eta));
      return {mean, std::exp(-eta) * mean * mean, 0, 0};
    }
    case GlmLink::probit:
      return {erfc_of(-eta / std::sqrt(2.L)) / 2,
              std::exp(-eta * eta / 2) / std::sqrt(2 * std::acos(-1.L)), 0, 0};
    case GlmLink::cloglog:
      return {-std::expm1(-std::exp(eta)), std::exp(eta - std::exp(eta)), 0, 0};
    case GlmLink::loglog:
      return {std::exp(-std::exp(-eta)), std::exp(-eta - std::exp(-eta)), 0, 0};
    case GlmLink::inverse:
      return {1 / eta, -1 / (eta * eta), 0, 0};
    case GlmLink::inverse_square:
      return {1 / std::sqrt(eta), -1 / (2 * eta * std::sqrt(eta)), 0, 0};
    case GlmLink::square_root:
      return {eta * eta, 2 * eta, 0, 0};
    case GlmLink::power:
      return {std::pow(eta, 1 / power), std::pow(eta, 1 / power - 1) / power, 0, 0};
  }
  return row;
}

Real x_log(Real a, Real b) {
  return a > 0 ? a * std::log(b) : 0;
}

void set_family(GlmFamily family, Real y, Real parameter, Row& row) {
  const Real m = row.mean;
  switch (family) {
    case GlmFamily::gaussian:
      row.variance = 1;
      row.deviance = (y - m) * (y - m);
      return;
    case GlmFamily::binomial:
      row.variance = m * (1 - m);
      row.deviance = 2 * (x_log(y, y / m) + x_log(1 - y, (1 - y) / (1 - m)));
      return;
    case GlmFamily::poisson:
      row.variance = m;
      row.deviance = 2 * (x_log(y, y / m) - (y - m));
      return;
    case GlmFamily::gamma:
      row.variance = m * m;
      row.deviance = -2 * (std::log(y / m) - (y - m) / m);
      return;
    case GlmFamily::inverse_gaussian:
      row.variance = m * m * m;
      row.deviance = (y - m) * (y - m) / (y * m * m);
      return;
    case GlmFamily::negative_binomial:
      row.variance = m + m * m / parameter;
      row.deviance =
          2 * (x_log(y, y / m) - (y + parameter) * std::log((y + parameter) / (m + parameter)));
      return;
    case GlmFamily::tweedie: {
      const Real p = parameter;
      row.variance = std::pow(m, p);
      row.deviance = 2 * ((y > 0 ? std::pow(y, 2 - p) : 0) / ((1 - p) * (2 - p)) -
                          y * std::pow(m, 1 - p) / (1 - p) + std::pow(m, 2 - p) / (2 - p));
      return;
    }
  }
}

// One row, an intercept alone: the sums are w, w r, w r^2 and the deviance.
TEST(GlmKernels, families_and_links_agree_with_long_double) {
  std::vector<std::vector<double>> by_level;
  for (const std::string& level : available_targets()) {
    const TargetScope scope(level);
    const auto backend = make_host_backend(1);
    const auto& kernels = backend->kernels<GlmKernels>(DType::f64);
    std::vector<double>& all = by_level.emplace_back();
    for (int f = 0; f < std::ssize(glm_families()); ++f)
      for (int l = 0; l < std::ssize(glm_links()); ++l) {
        GlmPass pass;
        pass.distribution.family = static_cast<GlmFamily>(f);
        pass.distribution.link = static_cast<GlmLink>(l);
        if (!is_allowed(pass.distribution.family, pass.distribution.link)) continue;
        pass.distribution.link_power = -0.6;
        if (pass.distribution.family == GlmFamily::negative_binomial)
          pass.distribution.family_parameter = 1.7;
        if (pass.distribution.family == GlmFamily::tweedie)
          pass.distribution.family_parameter = 1.4;
        const bool is_binomial = pass.distribution.family == GlmFamily::binomial;
        for (const double eta : {-6., -2.5, -0.4, 0.3, 0.9, 1.1, 4., 25.}) {
          pass.intercept = eta;
          for (const double y : {0., 0.25, 1., 3., 40.}) {
            const GlmFamilyFacts& family = facts(pass.distribution.family);
            if ((is_binomial && y > 1) || (!family.allows_low && y == 0 && family.low == 0))
              continue;
            const double weight = 1.5;
            const std::vector<std::int64_t> offsets{0, 1};
            std::vector<double> sums(6);
            kernels.accumulate(pass, {nullptr, &y, &weight, nullptr, nullptr}, offsets,
                               sums.data());
            all.insert(all.end(), sums.begin(), sums.end());
            Row row = link_row(pass.distribution.link, eta, -0.6L);
            // the means of links for probabilities are held back from their bounds
            const GlmLinkFacts& link = facts(pass.distribution.link);
            const bool has_value = eta > 0 || link.has_far_end || link.link == GlmLink::identity ||
                                   link.link == GlmLink::inverse;
            const bool is_valid = link.is_for_probabilities ||
                                  (has_value && std::isfinite(row.mean) &&
                                   row.mean > family.mean_low && row.mean < family.mean_high);
            const auto what = level + ' ' + std::string(family.name) + ' ' +
                              std::string(facts(pass.distribution.link).name) + ' ' +
                              std::to_string(eta) + ' ' + std::to_string(y);
            EXPECT_EQ(sums[4], is_valid ? 0 : 1) << what;
            if (!is_valid) {
              EXPECT_EQ(sums[0], 0) << what;
              EXPECT_EQ(sums[3], 0) << what;
              continue;
            }
            if (is_binomial && std::abs(eta) > 3) continue;
            set_family(pass.distribution.family, y, pass.distribution.family_parameter, row);
            const Real work = weight * row.slope * row.slope / row.variance;
            const Real residual = (y - row.mean) / row.slope;
            const auto near = [&](double got, Real want, Real scale, const char* name) {
              EXPECT_LE(std::abs(got - want), 1e-13L * scale) << what << ' ' << name;
            };
            const Real unit = (std::abs(Real(y)) + std::abs(row.mean)) / std::abs(row.slope);
            near(sums[0], work, work, "weight");
            near(sums[1], work * residual, work * unit, "score");
            near(sums[2], work * residual * residual, work * unit * unit, "pearson");
            near(sums[3], weight * row.deviance,
                 std::max<Real>(weight * row.deviance,
                                1e-2L + weight * (std::abs(Real(y)) + row.mean)),
                 "deviance");
          }
        }
      }
  }
  for (const auto& level : by_level)
    EXPECT_EQ(std::memcmp(level.data(), by_level[0].data(), level.size() * sizeof(double)), 0);
}

TEST(GlmKernels, derivatives_by_theta_are_those_of_the_likelihood) {
  const auto backend = make_host_backend(1);
  const auto& kernels = backend->kernels<GlmKernels>(DType::f64);
  const std::vector<std::int64_t> offsets{0, 1};
  for (const double theta : {0.02, 0.5, 3., 70.})
    for (const double y : {0., 1., 6., 300.})
      for (const double mean : {0.1, 4., 150.}) {
        const double weight = 2;
        const double eta = std::log(mean);
        const GlmDistribution distribution{GlmFamily::negative_binomial, GlmLink::log, theta, 1};
        double sums[2];
        kernels.theta_terms(distribution, {nullptr, &y, &weight, nullptr, nullptr}, &eta, offsets,
                            sums);
        const auto likelihood = [&](Real t) {
          return weight * (std::lgamma(y + t) - std::lgamma(t) + t * std::log(t) -
                           (y + t) * std::log(t + mean));
        };
        const Real h = 1e-4L * theta;
        const Real first = (likelihood(theta + h) - likelihood(theta - h)) / (2 * h);
        const Real second =
            (likelihood(theta + h) - 2 * likelihood(theta) + likelihood(theta - h)) / (h * h);
        const Real unit = weight * (1 + y + mean) / theta;
        EXPECT_NEAR(sums[0], static_cast<double>(first), static_cast<double>(1e-7L * unit))
            << theta << ' ' << y << ' ' << mean;
        EXPECT_NEAR(sums[1], static_cast<double>(-second),
                    static_cast<double>(1e-6L * unit / theta))
            << theta << ' ' << y << ' ' << mean;
      }
}

// A row without weight adds nothing, whatever stands there.
TEST(GlmKernels, rows_without_weight_add_nothing) {
  const auto backend = make_host_backend(1);
  const auto& kernels = backend->kernels<GlmKernels>(DType::f64);
  const std::vector<double> x{1, 2, 1e300, 4}, y{1, 0, 1, 1}, weights{1, 1, 0, 1};
  const std::vector<double> shorter_x{1, 2, 4}, shorter_y{1, 0, 1};
  const std::vector<double> one{0.3}, zero{0}, unit{1};
  GlmPass pass;
  pass.distribution = {GlmFamily::binomial, GlmLink::logit, 0, 1};
  pass.coefficients = one;
  pass.shift = zero;
  pass.scale = unit;
  const GlmSums sums{2};
  std::vector<double> with(static_cast<std::size_t>(sums.size())), without(with.size());
  const std::vector<std::int64_t> four{0, 4}, three{0, 3};
  kernels.accumulate(pass, {x.data(), y.data(), weights.data(), nullptr, nullptr}, four,
                     with.data());
  kernels.accumulate(pass, {shorter_x.data(), shorter_y.data(), nullptr, nullptr, nullptr}, three,
                     without.data());
  for (std::size_t i = 0; i < with.size(); ++i)
    EXPECT_NEAR(with[i], without[i], 1e-14 * std::abs(without[i])) << i;
}

}  // namespace
}  // namespace serried::test
