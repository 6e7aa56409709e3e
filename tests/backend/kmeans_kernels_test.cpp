// ranks: 1
// Kernels against serial loops, on each instruction level that the CPU has, and between the two.
#include <cmath>
#include <cstdlib>
#include <limits>
#include <memory>
#include <numeric>
#include <string>
#include <vector>

#include "serried/base/philox.hpp"
#include "serried/device/backend.hpp"
#include "serried/device/kmeans_kernels.hpp"
#include "support/spmd.hpp"

namespace serried {
namespace {

/// The backend at an instruction level; null where the CPU lacks it.
std::shared_ptr<Backend> backend_at(const std::string& target) {
  ::setenv("SERRIED_TARGET", target.c_str(), 1);
  std::shared_ptr<Backend> backend;
  try {
    backend = make_host_backend(1);
  } catch (const InvalidArgument&) {
  }
  ::unsetenv("SERRIED_TARGET");
  return backend;
}

double uniform(std::uint64_t stream, std::uint64_t index) {
  return to_unit_interval(philox_words(7, stream, index)[0]);
}

/// Rows around 2 * clusters places, with an offset and a unit.
template <class T>
std::vector<T> make_rows(std::int64_t rows, std::int64_t features, double offset, double unit) {
  std::vector<T> values(static_cast<std::size_t>(rows * features));
  for (std::int64_t i = 0; i < rows; ++i)
    for (std::int64_t f = 0; f < features; ++f) {
      const auto place = static_cast<std::uint64_t>(i * 7919 % 23);
      values[static_cast<std::size_t>(i * features + f)] = static_cast<T>(
          unit * (offset + 3 * uniform(1, place * 1000 + static_cast<std::uint64_t>(f)) +
                  uniform(2, static_cast<std::uint64_t>(i * features + f))));
    }
  return values;
}

double direct(const double* x, const double* c, std::int64_t features) {
  double sum = 0;
  for (std::int64_t f = 0; f < features; ++f) sum = std::fma(x[f] - c[f], x[f] - c[f], sum);
  return sum;
}

struct Case {
  std::int64_t rows, features, clusters;
  double offset = 0, unit = 1;
};

const std::vector<Case> cases{
    {1, 1, 1},    {5, 1, 3},        {1000, 1, 8},          {333, 2, 5},          {100, 3, 4},
    {257, 4, 9},  {97, 7, 13},      {500, 8, 8},           {301, 16, 12},        {130, 17, 20},
    {260, 31, 7}, {64, 33, 64},     {40, 130, 11},         {30, 300, 5},         {101, 700, 530},
    {3, 3000, 2}, {200, 5, 6, 1e4}, {200, 5, 6, 0, 1e-30}, {200, 5, 6, 0, 1e30}, {500, 16, 600}};

template <class T>
struct Problem {
  explicit Problem(const Case& c)
      : rows(make_rows<T>(c.rows, c.features, c.offset, c.unit)),
        wide(rows.begin(), rows.end()),
        shift(static_cast<std::size_t>(c.features)) {
    const auto p = static_cast<std::size_t>(c.features);
    for (std::size_t f = 0; f < p; ++f)
      shift[f] = static_cast<double>(static_cast<T>(c.unit * (c.offset + 2)));
    for (std::int64_t j = 0; j < c.clusters; ++j)
      for (std::size_t f = 0; f < p; ++f) {
        const auto row = static_cast<std::size_t>(j * 31 % c.rows);
        centers.push_back(wide[row * p + f] +
                          c.unit * 0.1 * uniform(3, static_cast<std::uint64_t>(j)));
      }
    // Two equal centres, so that ties occur.
    if (c.clusters > 3)
      for (std::size_t f = 0; f < p; ++f) centers[3 * p + f] = centers[p + f];
    frame = {shift, std::exp2(-std::round(std::log2(c.unit)))};
  }
  std::vector<T> rows;
  std::vector<double> wide, shift, centers;
  KMeansFrame frame;
};

template <class T>
std::vector<std::int32_t> labels_by_loop(const Case& c, const Problem<T>& problem) {
  std::vector<std::int32_t> labels;
  for (std::int64_t i = 0; i < c.rows; ++i) {
    double best = std::numeric_limits<double>::infinity();
    std::int32_t label = 0;
    for (std::int64_t j = 0; j < c.clusters; ++j) {
      const double d = direct(problem.wide.data() + i * c.features,
                              problem.centers.data() + j * c.features, c.features);
      if (d < best) {
        best = d;
        label = static_cast<std::int32_t>(j);
      }
    }
    labels.push_back(label);
  }
  return labels;
}

/// Labels alone; returns how many changed.
std::int64_t assign_plainly(const KMeansKernels& kernels, const KMeansCenters& centers,
                            KMeansRows rows, std::vector<std::int32_t>& labels) {
  return kernels.assign(centers, rows, nullptr, labels.data(), nullptr, nullptr, nullptr).changed;
}

class KMeansKernelsTest : public testing::TestWithParam<std::string> {
 protected:
  void SetUp() override {
    backend_ = backend_at(GetParam());
    if (!backend_) GTEST_SKIP() << "this CPU has no " << GetParam();
  }
  template <class T>
  [[nodiscard]] const KMeansKernels& kernels() const {
    return backend_->kernels<KMeansKernels>(dtype_of<T>);
  }

  template <class T>
  void check_assign() const {
    for (const Case& c : cases) {
      if (sizeof(T) == 4 && c.offset != 0) continue;
      const Problem<T> problem(c);
      const auto centers =
          kernels<T>().prepare(problem.frame, problem.centers, c.clusters, KMeansUse::assign);
      std::vector<std::int32_t> labels(static_cast<std::size_t>(c.rows), -1);
      EXPECT_EQ(assign_plainly(kernels<T>(), *centers, {problem.rows.data(), c.rows}, labels),
                c.rows);
      EXPECT_EQ(labels, labels_by_loop(c, problem))
          << c.rows << " x " << c.features << ", " << c.clusters << " clusters, unit " << c.unit;
      // A second time nothing changes; and a row's label does not depend on the rows beside it.
      EXPECT_EQ(assign_plainly(kernels<T>(), *centers, {problem.rows.data(), c.rows}, labels), 0);
      for (std::int64_t i = 0; i < c.rows; i += 17) {
        std::int32_t label = -1;
        kernels<T>().assign(*centers, {problem.rows.data() + i * c.features, 1}, nullptr, &label,
                            nullptr, nullptr, nullptr);
        EXPECT_EQ(label, labels[static_cast<std::size_t>(i)]);
      }
    }
  }

  template <class T>
  void check_distances() const {
    for (const Case& c : cases) {
      const Problem<T> problem(c);
      const auto centers =
          kernels<T>().prepare(problem.frame, problem.centers, c.clusters, KMeansUse::seed);
      const KMeansRows rows{problem.rows.data(), c.rows};
      const auto nk = static_cast<std::size_t>(c.rows * c.clusters);
      std::vector<double> all(nk);
      std::vector<float> candidates(nk);
      kernels<T>().all_distances(*centers, rows, all.data());
      kernels<T>().candidate_distances(*centers, rows, candidates.data());
      std::vector<float> squared(static_cast<std::size_t>(c.rows),
                                 std::numeric_limits<float>::infinity());
      std::vector<std::int32_t> nearest(squared.size(), -1), own(squared.size());
      kernels<T>().update_nearest(*centers, rows, 100, squared.data(), nearest.data());
      for (std::int64_t i = 0; i < c.rows; ++i)
        own[static_cast<std::size_t>(i)] = static_cast<std::int32_t>(i % c.clusters);
      own[0] = -1;
      std::vector<double> own_squares(squared.size());
      kernels<T>().own_distances(*centers, rows, own.data(), own_squares.data());
      EXPECT_EQ(own_squares[0], 0);
      const double unit2 = problem.frame.scale * problem.frame.scale;
      for (std::int64_t i = 0; i < c.rows; ++i) {
        double least = std::numeric_limits<double>::infinity();
        for (std::int64_t j = 0; j < c.clusters; ++j) {
          const double d = direct(problem.wide.data() + i * c.features,
                                  problem.centers.data() + j * c.features, c.features);
          EXPECT_EQ(all[static_cast<std::size_t>(i * c.clusters + j)], d);
          EXPECT_NEAR(candidates[static_cast<std::size_t>(j * c.rows + i)], d * unit2,
                      d * unit2 / 16 + 1e-37);
          least = std::min(least, d * unit2);
          if (i > 0 && j == i % c.clusters) {
            EXPECT_EQ(own_squares[static_cast<std::size_t>(i)], d);
          }
        }
        const auto at = static_cast<std::size_t>(i);
        EXPECT_NEAR(squared[at], least, least / 16 + 1e-37);
        EXPECT_GE(nearest[at], 100);
        EXPECT_NEAR(all[static_cast<std::size_t>(i * c.clusters + nearest[at] - 100)] * unit2,
                    least, least / 8 + 1e-37);
      }
    }
  }

  std::shared_ptr<Backend> backend_;
};

TEST_P(KMeansKernelsTest, assign_equals_the_direct_form) {
  check_assign<double>();
  check_assign<float>();
}

TEST_P(KMeansKernelsTest, distances_equal_the_direct_form) {
  check_distances<double>();
  check_distances<float>();
}

TEST_P(KMeansKernelsTest, f32_far_from_zero_has_the_labels_of_f64) {
  const Case c{4000, 6, 16, 560, 0.5};  // kelvin: mean 280, small spread
  const Problem<float> problem(c);
  const auto centers =
      kernels<float>().prepare(problem.frame, problem.centers, c.clusters, KMeansUse::assign);
  std::vector<std::int32_t> labels(static_cast<std::size_t>(c.rows), -1);
  assign_plainly(kernels<float>(), *centers, {problem.rows.data(), c.rows}, labels);
  EXPECT_EQ(labels, labels_by_loop(c, problem));
}

TEST_P(KMeansKernelsTest, missing_and_huge_rows) {
  constexpr double nan = std::numeric_limits<double>::quiet_NaN();
  constexpr double inf = std::numeric_limits<double>::infinity();
  const std::vector<double> rows{0, 0, nan, 1, 5, inf, 9, 9, 1e200, 1e200, 1e-310, 0, 4, 4};
  const std::vector<double> centers{0, 0, 10, 10};
  const std::vector<double> shift{5, 5};
  const std::vector<double> weights{1, 1, 1, 1, 1, 1, nan};
  const auto prepared = kernels<double>().prepare({shift, 0.25}, centers, 2, KMeansUse::assign);
  std::vector<std::int32_t> labels(7, -1);
  EXPECT_EQ(kernels<double>()
                .assign(*prepared, {rows.data(), 7}, weights.data(), labels.data(), nullptr,
                        nullptr, nullptr)
                .changed,
            4);
  EXPECT_EQ(labels, (std::vector<std::int32_t>{0, -1, -1, 1, 0, 0, -1}));
  // Squares that overflow are compared all the same.
  const std::vector<double> far{0, 0, 9e199, 9e199};
  const auto huge = kernels<double>().prepare({shift, 0.25}, far, 2, KMeansUse::assign);
  std::int32_t label = -1;
  kernels<double>().assign(*huge, {rows.data() + 8, 1}, nullptr, &label, nullptr, nullptr, nullptr);
  EXPECT_EQ(label, 1);
  const auto seeds = kernels<double>().prepare({shift, 0.25}, centers, 2, KMeansUse::seed);
  std::vector<float> squared(7, std::numeric_limits<float>::infinity());
  std::vector<std::int32_t> nearest(7, -1);
  kernels<double>().update_nearest(*seeds, {rows.data(), 7}, 0, squared.data(), nearest.data());
  EXPECT_EQ(squared[0], 0);
  EXPECT_EQ(nearest[0], 0);
  EXPECT_EQ(squared[1], 0);
  EXPECT_EQ(nearest[1], -1);
  EXPECT_EQ(nearest[2], -1);
  EXPECT_EQ(squared[3], 0.125F);
  std::vector<std::uint8_t> is_missing(7);
  EXPECT_EQ(kernels<double>().find_missing({rows.data(), 7}, 2, is_missing.data()), 2);
  EXPECT_EQ(is_missing, (std::vector<std::uint8_t>{0, 1, 1, 0, 0, 0, 0}));
}

TEST_P(KMeansKernelsTest, sums_move_with_the_labels) {
  const Case c{700, 5, 6};
  const Problem<double> problem(c);
  std::vector<double> shift(16, 0.), high_scale(16, 0.), weights;
  for (int f = 0; f < 5; ++f) {
    shift[static_cast<std::size_t>(f)] = problem.shift[static_cast<std::size_t>(f)];
    high_scale[static_cast<std::size_t>(f)] = 0x1.0p30;
  }
  for (std::uint64_t i = 0; i < 700; ++i) weights.push_back(i % 5 == 0 ? 0 : 2 * uniform(9, i));
  const KMeansFixedPoint fixed{shift, high_scale, 0x1.0p30, 0x1.0p30};
  for (const double* w :
       {static_cast<const double*>(nullptr), static_cast<const double*>(weights.data())}) {
    std::vector<std::int64_t> high(30 + 16), low(30 + 16), counts(6), weight_high(6), weight_low(6);
    const KMeansSums sums{high.data(), low.data(), counts.data(), weight_high.data(),
                          weight_low.data()};
    std::vector<std::int32_t> labels(700, -1);
    std::vector<double> moved = problem.centers;
    for (int round = 0; round < 3; ++round) {
      const auto centers =
          kernels<double>().prepare(problem.frame, moved, c.clusters, KMeansUse::assign);
      kernels<double>().assign(*centers, {problem.rows.data(), c.rows}, w, labels.data(), nullptr,
                               &fixed, &sums);
      for (double& value : moved)
        value += 0.2 * uniform(11, static_cast<std::uint64_t>(round + 1)) * value;
    }
    for (std::int64_t j = 0; j < 6; ++j) {
      long double expected[5] = {}, weight = 0;
      std::int64_t count = 0;
      for (std::size_t i = 0; i < 700; ++i) {
        if (labels[i] != j) continue;
        ++count;
        const double wi = w == nullptr ? 1 : w[i];
        weight += wi;
        for (std::size_t f = 0; f < 5; ++f)
          expected[f] += static_cast<long double>(wi * (problem.rows[i * 5 + f] - shift[f]));
      }
      const auto at = static_cast<std::size_t>(j);
      EXPECT_EQ(counts[at], count);
      for (std::size_t f = 0; f < 5; ++f) {
        const long double sum = (static_cast<long double>(high[at * 5 + f]) +
                                 static_cast<long double>(low[at * 5 + f]) / 0x1.0p30L) /
                                0x1.0p30L;
        EXPECT_NEAR(static_cast<double>(sum - expected[f]), 0, 700 * 0x1.0p-60);
      }
      if (w != nullptr) {
        EXPECT_NEAR(static_cast<double>((static_cast<long double>(weight_high[at]) +
                                         static_cast<long double>(weight_low[at]) / 0x1.0p30L) /
                                            0x1.0p30L -
                                        weight),
                    0, 700 * 0x1.0p-60);
      }
    }
  }
}

/// Centres wander; bounds and movers are kept as a fit keeps them, and each label is that of the
/// direct form.
TEST_P(KMeansKernelsTest, bounds_decide_as_the_direct_form_does) {
  for (const Case& c : {Case{700, 2, 8}, Case{500, 17, 30}, Case{300, 40, 64}}) {
    Problem<float> problem(c);
    const auto k = static_cast<std::size_t>(c.clusters);
    const auto p = static_cast<std::size_t>(c.features);
    std::vector<std::int32_t> labels(static_cast<std::size_t>(c.rows), -1);
    std::vector<float> limits(2 * labels.size());
    std::vector<KMeansReach> reaches(k);
    std::int64_t examined = 0;
    constexpr int steps = 40;
    for (int step = 0; step < steps; ++step) {
      // Half of the steps are taken with the first five centres as movers, which go far.
      const std::size_t movers = step % 2 == 0 || step == 0 ? 0 : 5;
      if (step > 0) {
        const std::vector<double> old = problem.centers;
        double most = 0;
        for (std::size_t j = 0; j < k; ++j) {
          double moved = 0;
          for (std::size_t f = 0; f < p; ++f) {
            const auto random = static_cast<std::uint64_t>(step) * 100000 + j * 100 + f;
            problem.centers[j * p + f] += (j < movers ? 0.3 : 0.001) * (uniform(21, random) - 0.5);
            moved += std::pow(problem.centers[j * p + f] - old[j * p + f], 2);
          }
          moved = std::sqrt(moved) * problem.frame.scale;
          reaches[j].own += static_cast<float>(moved * 1.000001);
          if (j >= movers) most = std::max(most, moved);
        }
        for (std::size_t j = 0; j < k; ++j) {
          reaches[j].others += static_cast<float>(most * 1.000001);
          reaches[j].is_mover = j < movers ? 1 : 0;
        }
      }
      const auto centers =
          kernels<float>().prepare(problem.frame, problem.centers, c.clusters, KMeansUse::assign);
      const std::vector<std::int32_t> numbers{0, 1, 2, 3, 4};
      std::unique_ptr<KMeansCenters> moving;
      if (movers > 0)
        moving =
            kernels<float>().prepare(problem.frame, std::span(problem.centers).first(movers * p),
                                     static_cast<std::int64_t>(movers), KMeansUse::assign);
      std::vector<std::int64_t> slacks(static_cast<std::size_t>(kmeans_slack_bins));
      const KMeansBounds bounds{.limits = limits.data(),
                                .reaches = reaches.data(),
                                .is_known = step > 0,
                                .movers = moving.get(),
                                .mover_numbers = numbers.data(),
                                .first_row = 3,
                                .slack_counts = slacks.data()};
      const KMeansAssigned result =
          kernels<float>().assign(*centers, {problem.rows.data(), c.rows}, nullptr, labels.data(),
                                  &bounds, nullptr, nullptr);
      if (step > 0) examined += result.examined;
      EXPECT_EQ(labels, labels_by_loop(c, problem)) << "step " << step;
      EXPECT_EQ(std::accumulate(slacks.begin(), slacks.end(), std::int64_t{0}), (c.rows + 2) / 8);
      // No bound lies on the wrong side.
      for (std::size_t i = 0; i < labels.size(); ++i) {
        const auto label = static_cast<std::size_t>(labels[i]);
        for (std::size_t j = 0; j < k; ++j) {
          const double d =
              problem.frame.scale * std::sqrt(direct(problem.wide.data() + i * p,
                                                     problem.centers.data() + j * p, c.features));
          if (j == label)
            EXPECT_GE(static_cast<double>(limits[2 * i] + reaches[label].own), d);
          else
            EXPECT_LE(static_cast<double>(limits[2 * i + 1] - reaches[label].others), d * 1.000001);
        }
      }
    }
    EXPECT_LT(examined, c.rows * (steps - 1) / 2);
  }
}

TEST(KMeansSlackBins, are_ascending_and_hold_what_they_say) {
  EXPECT_EQ(kmeans_slack_bin(-1), 0);
  EXPECT_EQ(kmeans_slack_bin(0), 0);
  EXPECT_EQ(kmeans_slack_bin(1e30F), kmeans_slack_bins - 1);
  for (int bin = 1; bin < kmeans_slack_bins; ++bin) {
    EXPECT_GT(kmeans_slack(bin), kmeans_slack(bin - 1));
    EXPECT_EQ(kmeans_slack_bin(kmeans_slack(bin)), bin);
    EXPECT_EQ(kmeans_slack_bin(std::nextafter(kmeans_slack(bin), 0.F)), bin - 1);
  }
}

TEST_P(KMeansKernelsTest, column_sums_and_maxima) {
  for (const std::int64_t p : {1, 2, 3, 5, 8, 16, 31, 64, 100}) {
    const std::int64_t n = 203;
    const auto pz = static_cast<std::size_t>(p);
    std::vector<float> rows = make_rows<float>(n, p, 1, 1);
    std::vector<double> weights(static_cast<std::size_t>(n), 1.5);
    rows[10 * pz] = std::numeric_limits<float>::quiet_NaN();
    rows[150 * pz + pz - 1] = std::numeric_limits<float>::infinity();
    weights[60] = std::numeric_limits<double>::quiet_NaN();
    const std::vector<double> shift(pz, 2.5);
    const std::vector<std::int64_t> offsets{0, 50, 51, 120, 203};
    std::vector<double> plain_sums(4 * pz), plain_squares(4 * pz), plain_maxima(pz + 1);
    std::vector<std::int64_t> plain_usable(4);
    kernels<float>().column_sums(rows.data(), nullptr, p, shift, offsets, plain_sums.data(),
                                 plain_squares.data(), plain_maxima.data(), plain_usable.data());
    EXPECT_EQ(plain_usable, (std::vector<std::int64_t>{49, 1, 69, 82}));
    std::vector<double> plain_most(pz + 1);
    for (std::size_t i = 0; i < 203; ++i)
      for (std::size_t f = 0; f < pz && i != 10 && i != 150; ++f) {
        const double size = std::abs(static_cast<double>(rows[i * pz + f]) - 2.5);
        plain_most[f] = std::max(plain_most[f], size);
        plain_most[pz] = std::max(plain_most[pz], size);
      }
    EXPECT_EQ(plain_maxima, plain_most);
    std::vector<double> sums(4 * pz), squares(4 * pz), maxima(pz + 1);
    std::vector<std::int64_t> usable(4);
    kernels<float>().column_sums(rows.data(), weights.data(), p, shift, offsets, sums.data(),
                                 squares.data(), maxima.data(), usable.data());
    EXPECT_EQ(usable, (std::vector<std::int64_t>{49, 1, 68, 82}));
    std::vector<double> most(pz + 1);
    for (std::size_t l = 0; l < 4; ++l)
      for (std::size_t f = 0; f < pz; ++f) {
        double sum = 0, square = 0;
        for (auto i = static_cast<std::size_t>(offsets[l]);
             i < static_cast<std::size_t>(offsets[l + 1]); ++i) {
          if (i == 10 || i == 60 || i == 150) continue;
          const double d = static_cast<double>(rows[i * pz + f]) - 2.5;
          sum += d;
          square += d * d;
          most[f] = std::max(most[f], 1.5 * std::abs(d));
          most[pz] = std::max(most[pz], std::abs(d));
        }
        EXPECT_NEAR(sums[l * pz + f], sum, 1e-12);
        EXPECT_NEAR(squares[l * pz + f], square, 1e-12);
      }
    EXPECT_EQ(maxima, most);
  }
}

INSTANTIATE_TEST_SUITE_P(Target, KMeansKernelsTest, testing::Values("avx2", "avx512"),
                         [](const auto& test) { return test.param; });

/// Everything that reaches a result, as bits.
template <class T>
std::vector<double> everything(const Backend& backend, const Case& c) {
  const Problem<T> problem(c);
  const auto& kernels = backend.kernels<KMeansKernels>(dtype_of<T>);
  const KMeansRows rows{problem.rows.data(), c.rows};
  const auto n = static_cast<std::size_t>(c.rows);
  std::vector<std::int32_t> labels(n, -1), nearest(n, -1);
  std::vector<float> squared(n, std::numeric_limits<float>::infinity());
  std::vector<double> own(n);
  const auto p = static_cast<std::size_t>(c.features);
  std::vector<double> sums(p), squares(p), maxima(p + 1);
  std::int64_t usable = 0;
  const auto k = static_cast<std::size_t>(c.clusters);
  std::vector<std::int64_t> high(k * p + 16), low(k * p + 16), counts(k);
  std::vector<double> shift(problem.shift),
      scales(p + 16, 0x1.0p40 * problem.frame.scale / (c.offset + 1));
  shift.resize(p + 16);
  std::fill(scales.begin() + static_cast<std::ptrdiff_t>(p), scales.end(), 0.);
  const KMeansFixedPoint fixed{shift, scales, 0x1.0p40, 1};
  const KMeansSums out{high.data(), low.data(), counts.data(), nullptr, nullptr};
  const auto centers =
      kernels.prepare(problem.frame, problem.centers, c.clusters, KMeansUse::assign);
  kernels.assign(*centers, rows, nullptr, labels.data(), nullptr, &fixed, &out);
  kernels.own_distances(*centers, rows, labels.data(), own.data());
  const auto seeds = kernels.prepare(problem.frame, problem.centers, c.clusters, KMeansUse::seed);
  kernels.update_nearest(*seeds, rows, 0, squared.data(), nearest.data());
  const std::vector<std::int64_t> offsets{0, c.rows};
  kernels.column_sums(problem.rows.data(), nullptr, c.features, problem.shift, offsets, sums.data(),
                      squares.data(), maxima.data(), &usable);
  std::vector<double> result(own);
  result.insert(result.end(), labels.begin(), labels.end());
  result.insert(result.end(), nearest.begin(), nearest.end());
  result.insert(result.end(), squared.begin(), squared.end());
  result.insert(result.end(), sums.begin(), sums.end());
  result.insert(result.end(), squares.begin(), squares.end());
  result.insert(result.end(), maxima.begin(), maxima.end());
  for (const auto* integers : {&high, &low, &counts})
    for (const std::int64_t value : *integers) {
      result.push_back(static_cast<double>(value >> 32));
      result.push_back(static_cast<double>(value & 0xffffffff));
    }
  return result;
}

TEST(KMeansKernels, same_bits_on_avx2_and_avx512) {
  if (!backend_at("avx512")) GTEST_SKIP() << "this CPU has no AVX-512";
  for (const Case& c : cases) {
    const auto wide = backend_at("avx512");
    const auto f32 = everything<float>(*wide, c);
    const auto f64 = everything<double>(*wide, c);
    const auto narrow = backend_at("avx2");
    EXPECT_EQ(f32, everything<float>(*narrow, c)) << c.rows << " x " << c.features;
    EXPECT_EQ(f64, everything<double>(*narrow, c)) << c.rows << " x " << c.features;
  }
}

}  // namespace
}  // namespace serried
