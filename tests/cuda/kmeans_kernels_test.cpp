// serial
// The kernels of k-means on a CUDA device against those of the host: labels and integer sums are
// the same, other numbers agree within what is documented.
#include "serried/device/kmeans_kernels.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "cuda/cuda_support.hpp"
#include "serried/base/philox.hpp"

namespace serried {
namespace {

using test::backends;
using test::DeviceCopy;

constexpr double nan = std::numeric_limits<double>::quiet_NaN();
constexpr double inf = std::numeric_limits<double>::infinity();

double uniform(std::uint64_t stream, std::uint64_t index) {
  return to_unit_interval(philox_words(11, stream, index)[0]);
}

/// Of duplicates, some rows equal a centre; twins have pairs of centres that f32 can hardly tell
/// apart.
enum class Kind { noise, blobs, lattice, duplicates, twins };

struct Case {
  std::int64_t rows, features, clusters;
  Kind kind = Kind::noise;
  double offset = 0, unit = 1;
  bool has_missing = false;
  bool has_weights = false;
};

std::string text(const Case& c) {
  return std::to_string(c.rows) + " x " + std::to_string(c.features) + ", " +
         std::to_string(c.clusters) + " clusters, kind " +
         std::to_string(static_cast<int>(c.kind)) + ", offset " + std::to_string(c.offset) +
         ", unit " + std::to_string(c.unit);
}

template <class T>
struct Problem {
  explicit Problem(const Case& c) {
    const auto n = static_cast<std::uint64_t>(c.rows);
    const auto p = static_cast<std::uint64_t>(c.features);
    for (std::uint64_t i = 0; i < n; ++i)
      for (std::uint64_t f = 0; f < p; ++f) rows.push_back(static_cast<T>(element(c, i, f)));
    if (c.has_missing)
      for (std::uint64_t i = 3; i < n; i += 29)
        rows[i * p + i % p] = static_cast<T>(i % 2 == 0 ? nan : i % 3 == 0 ? inf : -inf);
    if (c.has_weights)
      for (std::uint64_t i = 0; i < n; ++i)
        weights.push_back(i % 17 == 5 ? nan : i % 5 == 0 ? 0 : 2 * uniform(9, i));
    for (std::uint64_t f = 0; f < p; ++f)
      shift.push_back(static_cast<double>(static_cast<T>(c.unit * (c.offset + 0.5))));
    for (std::uint64_t j = 0; j < static_cast<std::uint64_t>(c.clusters); ++j)
      for (std::uint64_t f = 0; f < p; ++f) centers.push_back(center(c, j, f));
    // Equal centres, so that ties occur.
    if (c.clusters > 3) std::copy_n(&centers[p], p, &centers[3 * p]);
    frame = {shift, std::exp2(-std::round(std::log2(c.unit)))};
    shift_padded = shift;
    shift_padded.resize(static_cast<std::size_t>(kmeans_padded(c.features)), 0.);
    const double largest = c.unit * (c.kind == Kind::lattice ? 8 : 4);
    high_scale.assign(static_cast<std::size_t>(c.features),
                      std::exp2(40 - std::ceil(std::log2(largest))));
    high_scale.resize(shift_padded.size(), 0.);
    fixed = {shift_padded, high_scale, 0x1.0p40, 0x1.0p38};
  }
  static double center(const Case& c, std::uint64_t j, std::uint64_t f) {
    switch (c.kind) {
      case Kind::lattice:
        return element(c, 5 * j + 1, f);
      case Kind::twins:
        return element(c, 31 * (j / 2), f) +
               c.unit * 1e-8 * (sizeof(T) == 4 ? 1 : 1e-8) * uniform(5, j * 4096 + f);
      case Kind::duplicates:
        if (j % 2 == 0) return static_cast<double>(static_cast<T>(element(c, j, f)));
        [[fallthrough]];
      default:
        return element(c, 31 * j, f) + 0.1 * c.unit * (uniform(3, j) - 0.5);
    }
  }
  static double element(const Case& c, std::uint64_t i, std::uint64_t f) {
    switch (c.kind) {
      case Kind::noise:
      case Kind::twins:
        return c.unit * (c.offset + uniform(2, i * 4096 + f));
      case Kind::blobs:
        return c.unit *
               (c.offset + uniform(1, i * 7919 % 23 * 4096 + f) + 0.05 * uniform(2, i * 4096 + f));
      case Kind::lattice:
        return c.unit * (c.offset + std::floor(4 * uniform(4, i * 4096 + f)) / 2);
      case Kind::duplicates:
        return c.unit * (c.offset + uniform(2, i % 7 * 4096 + f));
    }
    return 0;
  }
  [[nodiscard]] const double* host_weights() const {
    return weights.empty() ? nullptr : weights.data();
  }

  std::vector<T> rows;
  std::vector<double> weights, shift, centers, shift_padded, high_scale;
  KMeansFrame frame;
  KMeansFixedPoint fixed;
};

/// Sums of all clusters, in host memory.
struct Sums {
  explicit Sums(const Case& c)
      : high(static_cast<std::size_t>(c.clusters * c.features) + 16, 3),
        low(high),
        counts(static_cast<std::size_t>(c.clusters), 5),
        weight_high(counts),
        weight_low(counts) {}
  [[nodiscard]] KMeansSums view() {
    return {high.data(), low.data(), counts.data(), weight_high.data(), weight_low.data()};
  }
  bool operator==(const Sums&) const = default;
  std::vector<std::int64_t> high, low, counts, weight_high, weight_low;
};

template <class T>
const KMeansKernels& host() {
  return backends().host->kernels<KMeansKernels>(dtype_of<T>);
}
template <class T>
const KMeansKernels& cuda() {
  return backends().cuda->kernels<KMeansKernels>(dtype_of<T>);
}

std::vector<Case> cases(bool is_f32) {
  std::vector<Case> list{
      {1, 1, 1},
      {3, 1, 3},
      {700, 1, 8},
      {333, 2, 5, Kind::blobs},
      {333, 3, 100},
      {400, 4, 4, Kind::lattice},
      {257, 5, 3, Kind::duplicates},
      {300, 7, 13, Kind::lattice},
      {1500, 16, 8, Kind::blobs},
      {1500, 16, 64, Kind::lattice},
      {300, 17, 20},
      {700, 32, 64},
      {700, 32, 64, Kind::blobs},
      {500, 32, 70, Kind::duplicates},
      {200, 33, 40},
      {150, 64, 24, Kind::lattice},
      {150, 100, 10},
      {70, 784, 10},
      {70, 784, 64, Kind::blobs},
      {40, 785, 3},
      {70, 16, 1000},
      {20, 100, 1000, Kind::lattice},
      {5, 10000, 3},
      {5, 10001, 9, Kind::blobs},
      {10, 3000, 24},
      {6, 8001, 8, Kind::blobs},
      {40, 4, 15000},
      // More tiles than warps.
      {5000, 6, 50, Kind::blobs, 0, 1, true},
      {9000, 5, 6, Kind::lattice},
      {17000, 2, 3},
      {500, 6, 12, Kind::blobs, 1e6},
      {500, 32, 40, Kind::noise, 0, 0x1.0p-100},
      {500, 8, 6, Kind::blobs, 0, 0x1.0p100},
      {500, 5, 6, Kind::blobs, 0, 1e30},
      {500, 5, 6, Kind::blobs, 0, 1e-30},
      {600, 6, 9, Kind::blobs, 0, 1, true},
      {600, 32, 33, Kind::noise, 0, 1, true, true},
      {600, 2, 5, Kind::lattice, 0, 1, false, true},
      {600, 3, 8, Kind::twins},
      {300, 32, 64, Kind::twins},
      {200, 20, 18, Kind::twins, 100},
      {400, 17, 8, Kind::blobs, 3, 1, true, true},
  };
  if (!is_f32) {
    list.push_back({300, 5, 6, Kind::blobs, 1e4, 1e150});
    list.push_back({300, 5, 6, Kind::blobs, 0, 1e-150});
  }
  return list;
}

/// Assigns three times, to centres that move, and compares labels, counts and sums.
template <class T>
void check_assign(const Case& c, std::size_t offset) {
  const Problem<T> problem(c);
  const auto n = static_cast<std::size_t>(c.rows);
  std::vector<std::int32_t> labels(n, -1);
  const DeviceCopy<T> rows(*backends().cuda, problem.rows, offset);
  const DeviceCopy<double> weights(*backends().cuda, problem.weights, offset);
  const DeviceCopy<std::int32_t> labels_there(*backends().cuda, labels, offset);
  const DeviceCopy<std::int32_t> plain(*backends().cuda, labels, offset);
  Sums sums(c), sums_there(c);
  const KMeansSums view = sums.view(), view_there = sums_there.view();
  std::vector<double> moved = problem.centers;
  for (int round = 0; round < 3; ++round) {
    const auto centers = host<T>().prepare(problem.frame, moved, c.clusters, KMeansUse::assign);
    const auto centers_there =
        cuda<T>().prepare(problem.frame, moved, c.clusters, KMeansUse::assign);
    const KMeansAssigned expected =
        host<T>().assign(*centers, {problem.rows.data(), c.rows}, problem.host_weights(),
                         labels.data(), nullptr, &problem.fixed, &view);
    const double* const w = problem.weights.empty() ? nullptr : weights.data();
    const KMeansAssigned found =
        cuda<T>().assign(*centers_there, {rows.data(), c.rows}, w, labels_there.data(), nullptr,
                         &problem.fixed, &view_there);
    EXPECT_EQ(labels_there.values(), labels) << text(c) << ", round " << round;
    EXPECT_EQ(found.changed, expected.changed) << text(c) << ", round " << round;
    EXPECT_EQ(found.examined, c.rows);
    EXPECT_EQ(sums_there, sums) << text(c) << ", round " << round;
    // Labels alone.
    EXPECT_EQ(cuda<T>()
                  .assign(*centers_there, {rows.data(), c.rows}, w, plain.data(), nullptr, nullptr,
                          nullptr)
                  .changed,
              expected.changed);
    EXPECT_EQ(plain.values(), labels);
    for (std::size_t i = 0; i < moved.size(); ++i)
      moved[i] += c.unit * 0.3 * (uniform(20 + static_cast<std::uint64_t>(round), i) - 0.5);
  }
}

TEST(CudaKMeans, assign_equals_the_host) {
  SERRIED_REQUIRE_CUDA();
  for (const Case& c : cases(true)) {
    check_assign<float>(c, 0);
    check_assign<float>(c, 1);
  }
  for (const Case& c : cases(false)) {
    check_assign<double>(c, 0);
    check_assign<double>(c, 1);
  }
}

template <class T>
void check_two_calls() {
  for (const Case& c : {Case{700, 32, 64, Kind::lattice, 0, 1, true, true},
                        Case{700, 7, 5, Kind::blobs, 0, 1, true, true}}) {
    const Problem<T> problem(c);
    const auto n = static_cast<std::size_t>(c.rows);
    const DeviceCopy<T> rows(*backends().cuda, problem.rows);
    const DeviceCopy<double> weights(*backends().cuda, problem.weights);
    const DeviceCopy<std::int32_t> at_once(*backends().cuda, std::vector<std::int32_t>(n, -1));
    const DeviceCopy<std::int32_t> in_parts(*backends().cuda, std::vector<std::int32_t>(n, -1));
    const auto centers =
        cuda<T>().prepare(problem.frame, problem.centers, c.clusters, KMeansUse::assign);
    Sums sums(c), sums_of_parts(c);
    const KMeansSums view = sums.view(), view_of_parts = sums_of_parts.view();
    cuda<T>().assign(*centers, {rows.data(), c.rows}, weights.data(), at_once.data(), nullptr,
                     &problem.fixed, &view);
    for (const auto& [begin, end] : {std::pair<std::int64_t, std::int64_t>{0, 331}, {331, 700}})
      cuda<T>().assign(*centers, {rows.data() + begin * c.features, end - begin},
                       weights.data() + begin, in_parts.data() + begin, nullptr, &problem.fixed,
                       &view_of_parts);
    EXPECT_EQ(in_parts.values(), at_once.values());
    EXPECT_EQ(sums_of_parts, sums);
  }
}

TEST(CudaKMeans, rows_may_be_given_in_parts) {
  SERRIED_REQUIRE_CUDA();
  check_two_calls<float>();
  check_two_calls<double>();
}

TEST(CudaKMeans, no_rows_and_no_bounds) {
  SERRIED_REQUIRE_CUDA();
  EXPECT_FALSE(cuda<float>().uses_bounds());
  const std::vector<double> shift{0};
  const std::vector<double> centers{1};
  const auto prepared = cuda<float>().prepare({shift, 1}, centers, 1, KMeansUse::assign);
  EXPECT_EQ(cuda<float>()
                .assign(*prepared, {nullptr, 0}, nullptr, nullptr, nullptr, nullptr, nullptr)
                .examined,
            0);
  const KMeansBounds bounds;
  EXPECT_THROW(
      cuda<float>().assign(*prepared, {nullptr, 0}, nullptr, nullptr, &bounds, nullptr, nullptr),
      InvalidArgument);
}

/// Rows whose squares overflow are compared all the same.
TEST(CudaKMeans, huge_rows) {
  SERRIED_REQUIRE_CUDA();
  const std::vector<double> rows{1e200, 1e200, 1e-310, 0, 4, 4};
  const std::vector<double> shift{5, 5};
  const DeviceCopy<double> there(*backends().cuda, rows);
  const DeviceCopy<std::int32_t> labels(*backends().cuda, std::vector<std::int32_t>(3, -1));
  const auto near = cuda<double>().prepare({shift, 0.25}, std::vector<double>{0, 0, 10, 10}, 2,
                                           KMeansUse::assign);
  cuda<double>().assign(*near, {there.data(), 3}, nullptr, labels.data(), nullptr, nullptr,
                        nullptr);
  EXPECT_EQ(labels.values(), (std::vector<std::int32_t>{0, 0, 0}));
  const auto far = cuda<double>().prepare({shift, 0.25}, std::vector<double>{0, 0, 9e199, 9e199}, 2,
                                          KMeansUse::assign);
  cuda<double>().assign(*far, {there.data(), 3}, nullptr, labels.data(), nullptr, nullptr, nullptr);
  EXPECT_EQ(labels.values(), (std::vector<std::int32_t>{1, 0, 0}));
}

template <class T>
void check_distances(const Case& c, std::size_t offset) {
  const Problem<T> problem(c);
  const auto n = static_cast<std::size_t>(c.rows);
  const auto k = static_cast<std::size_t>(c.clusters);
  const auto centers =
      host<T>().prepare(problem.frame, problem.centers, c.clusters, KMeansUse::seed);
  const auto centers_there =
      cuda<T>().prepare(problem.frame, problem.centers, c.clusters, KMeansUse::seed);
  const KMeansRows rows{problem.rows.data(), c.rows};
  const DeviceCopy<T> rows_there(*backends().cuda, problem.rows, offset);
  const KMeansRows there{rows_there.data(), c.rows};

  std::vector<double> all(n * k);
  host<T>().all_distances(*centers, rows, all.data());
  const DeviceCopy<double> all_there(*backends().cuda, n * k, offset);
  cuda<T>().all_distances(*centers_there, there, all_there.data());
  const std::vector<double> all_found = all_there.values();
  std::vector<std::int32_t> own(n);
  for (std::size_t i = 0; i < n; ++i) own[i] = i % 11 == 4 ? -1 : static_cast<std::int32_t>(i % k);
  std::vector<double> own_squares(n);
  host<T>().own_distances(*centers, rows, own.data(), own_squares.data());
  const DeviceCopy<std::int32_t> own_there(*backends().cuda, own, offset);
  const DeviceCopy<double> own_squares_there(*backends().cuda, n, offset);
  cuda<T>().own_distances(*centers_there, there, own_there.data(), own_squares_there.data());
  const std::vector<double> own_found = own_squares_there.values();

  const DeviceCopy<float> candidates_there(*backends().cuda, n * k, offset);
  cuda<T>().candidate_distances(*centers_there, there, candidates_there.data());
  const std::vector<float> candidates = candidates_there.values();
  // Every third row has something near already.
  std::vector<float> squared(n, std::numeric_limits<float>::infinity());
  for (std::size_t i = 0; i < n; i += 3) squared[i] = i % 2 == 0 ? 0.01F : 0;
  const std::vector<float> before = squared;
  std::vector<std::int32_t> nearest(n, 7);
  const DeviceCopy<float> squared_there(*backends().cuda, squared, offset);
  const DeviceCopy<std::int32_t> nearest_there(*backends().cuda, nearest, offset);
  cuda<T>().update_nearest(*centers_there, there, 100, squared_there.data(), nearest_there.data());
  squared = squared_there.values();
  nearest = nearest_there.values();

  std::vector<std::uint8_t> missing(n), missing_found(n);
  const std::int64_t missing_count = host<T>().find_missing(rows, c.features, missing.data());
  EXPECT_EQ(cuda<T>().find_missing(there, c.features, missing_found.data()), missing_count);
  EXPECT_EQ(missing_found, missing) << text(c);
  const double unit2 = problem.frame.scale * problem.frame.scale;
  for (std::size_t i = 0; i < n; ++i) {
    if (missing[i] != 0) {
      EXPECT_EQ(squared[i], 0) << text(c) << ", row " << i;
      EXPECT_EQ(nearest[i], -1);
      for (std::size_t j = 0; j < k; ++j) EXPECT_EQ(candidates[j * n + i], 0);
      continue;
    }
    EXPECT_EQ(own_found[i], own_squares[i]) << text(c) << ", row " << i;
    double least = inf;
    for (std::size_t j = 0; j < k; ++j) {
      const double d = all[i * k + j];
      EXPECT_EQ(all_found[i * k + j], d) << text(c) << ", row " << i << ", centre " << j;
      EXPECT_NEAR(static_cast<double>(candidates[j * n + i]), d * unit2, d * unit2 / 16 + 1e-37)
          << text(c) << ", row " << i << ", centre " << j;
      if (d == 0) {
        EXPECT_EQ(candidates[j * n + i], 0);
      }
      least = std::min(least, d * unit2);
    }
    if (least == 0) {
      EXPECT_EQ(squared[i], 0);
    }
    const auto old = static_cast<double>(before[i]);
    const double expected = std::min(least, old);
    EXPECT_NEAR(static_cast<double>(squared[i]), expected, expected / 16 + 1e-37)
        << text(c) << ", row " << i;
    if (nearest[i] == 7) {
      EXPECT_EQ(squared[i], before[i]);
    } else {
      ASSERT_GE(nearest[i], 100);
      EXPECT_NEAR(all[i * k + static_cast<std::size_t>(nearest[i] - 100)] * unit2, least,
                  least / 8 + 1e-37);
    }
  }
}

TEST(CudaKMeans, distances_agree) {
  SERRIED_REQUIRE_CUDA();
  for (const Case& c : cases(true)) check_distances<float>(c, c.rows % 2 == 0 ? 0 : 1);
  for (const Case& c : cases(false)) check_distances<double>(c, c.rows % 2 == 0 ? 1 : 0);
}

template <class T>
void check_inertia() {
  for (const Case& c : {Case{700, 5, 9, Kind::noise, 0, 1, false, true}, Case{300, 70, 3},
                        Case{2000, 1, 4}, Case{64, 32, 8}}) {
    const Problem<T> problem(c);
    std::vector<std::int32_t> labels(static_cast<std::size_t>(c.rows));
    for (std::size_t i = 0; i < labels.size(); ++i)
      labels[i] = i % 13 == 2 ? -1 : static_cast<std::int32_t>(i * 7 % 3);
    const std::vector<std::int64_t> offsets{0, 1, 33, 64, c.rows * 2 / 3, c.rows};
    const auto centers =
        host<T>().prepare(problem.frame, problem.centers, c.clusters, KMeansUse::assign);
    const auto centers_there =
        cuda<T>().prepare(problem.frame, problem.centers, c.clusters, KMeansUse::assign);
    const DeviceCopy<T> rows(*backends().cuda, problem.rows, 1);
    const DeviceCopy<double> weights(*backends().cuda, problem.weights);
    const DeviceCopy<std::int32_t> labels_there(*backends().cuda, labels, 1);
    const double* const w = problem.weights.empty() ? nullptr : weights.data();
    std::vector<double> expected(10), found(10), alone(4);
    host<T>().leaf_inertia(*centers, {problem.rows.data(), c.rows}, problem.host_weights(),
                           labels.data(), offsets, expected.data());
    cuda<T>().leaf_inertia(*centers_there, {rows.data(), c.rows}, w, labels_there.data(), offsets,
                           found.data());
    for (std::size_t l = 0; l < 5; ++l) {
      const double sum = expected[2 * l] + expected[2 * l + 1];
      EXPECT_NEAR(found[2 * l] + found[2 * l + 1], sum, sum * 1e-15) << text(c) << ", leaf " << l;
    }
    // A leaf's sum does not depend on the others.
    cuda<T>().leaf_inertia(*centers_there, {rows.data() + 33 * c.features, c.rows - 33},
                           w == nullptr ? nullptr : w + 33, labels_there.data() + 33,
                           std::vector<std::int64_t>{0, 31, c.rows * 2 / 3 - 33}, alone.data());
    EXPECT_EQ(alone, std::vector<double>(found.begin() + 4, found.begin() + 8));
  }
}

TEST(CudaKMeans, inertia_of_leaves) {
  SERRIED_REQUIRE_CUDA();
  check_inertia<float>();
  check_inertia<double>();
}

TEST(CudaKMeans, small_steps_of_seeding) {
  SERRIED_REQUIRE_CUDA();
  constexpr std::size_t n = 1000;
  std::vector<float> values(n), by(n);
  std::vector<double> weights(n);
  std::vector<std::int32_t> nearest(n);
  for (std::size_t i = 0; i < n; ++i) {
    values[i] = static_cast<float>(uniform(1, i));
    by[i] = static_cast<float>(uniform(2, i));
    weights[i] = i % 9 == 3 ? nan : uniform(3, i);
    nearest[i] = static_cast<std::int32_t>(i);
  }
  Backend& device = *backends().cuda;
  const DeviceCopy<float> values_there(device, values, 1);
  const DeviceCopy<float> by_there(device, by, 2);
  const DeviceCopy<double> weights_there(device, weights, 1);
  const DeviceCopy<std::int32_t> nearest_there(device, nearest, 1);
  host<float>().lower(by.data(), n, values.data());
  cuda<float>().lower(by_there.data(), n, values_there.data());
  EXPECT_EQ(values_there.values(), values);
  const std::vector<std::int64_t> offsets{0, 1, 64, 500, 1000};
  std::vector<double> expected(4), found(4);
  host<float>().leaf_sums(values.data(), nullptr, offsets, expected.data());
  cuda<float>().leaf_sums(values_there.data(), nullptr, offsets, found.data());
  for (std::size_t l = 0; l < 4; ++l) EXPECT_NEAR(found[l], expected[l], 1e-13 * expected[l]);
  host<float>().drop_missing(weights.data(), n, values.data(), nullptr);
  cuda<float>().drop_missing(weights_there.data(), n, values_there.data(), nullptr);
  EXPECT_EQ(values_there.values(), values);
  host<float>().drop_missing(weights.data(), n, values.data(), nearest.data());
  cuda<float>().drop_missing(weights_there.data(), n, values_there.data(), nearest_there.data());
  EXPECT_EQ(nearest_there.values(), nearest);
  host<float>().leaf_sums(values.data(), weights.data(), offsets, expected.data());
  cuda<float>().leaf_sums(values_there.data(), weights_there.data(), offsets, found.data());
  for (std::size_t l = 0; l < 4; ++l) EXPECT_NEAR(found[l], expected[l], 1e-13 * expected[l]);
}

template <class T>
void check_columns(std::int64_t p, bool has_missing, bool has_weights, bool has_spreads) {
  const Case c{p > 200 ? 60 : 3000, p, 1, Kind::noise, 1, 1, has_missing, has_weights};
  const Problem<T> problem(c);
  const std::vector<std::int64_t> offsets{0, 1, 50, c.rows};
  const auto numbers = static_cast<std::size_t>(3 * p);
  struct Result {
    explicit Result(std::size_t size, std::int64_t features)
        : sums(size),
          squares(size),
          maxima(static_cast<std::size_t>(features) + 1, 0.01),
          usable(3) {}
    std::vector<double> sums, squares, maxima;
    std::vector<std::int64_t> usable;
  };
  Result expected(numbers, p), found(numbers, p), alone(static_cast<std::size_t>(p), p);
  const DeviceCopy<T> rows(*backends().cuda, problem.rows, 1);
  const DeviceCopy<double> weights(*backends().cuda, problem.weights);
  const double* const w = problem.weights.empty() ? nullptr : weights.data();
  const auto squares = [&](Result& r) { return has_spreads ? r.squares.data() : nullptr; };
  const auto maxima = [&](Result& r) { return has_spreads ? r.maxima.data() : nullptr; };
  host<T>().column_sums(problem.rows.data(), problem.host_weights(), p, problem.shift, offsets,
                        expected.sums.data(), squares(expected), maxima(expected),
                        expected.usable.data());
  cuda<T>().column_sums(rows.data(), w, p, problem.shift, offsets, found.sums.data(),
                        squares(found), maxima(found), found.usable.data());
  EXPECT_EQ(found.usable, expected.usable) << text(c);
  EXPECT_EQ(found.maxima, expected.maxima) << text(c);
  for (std::size_t i = 0; i < numbers; ++i) {
    EXPECT_NEAR(found.sums[i], expected.sums[i], 1e-13 * (1 + static_cast<double>(c.rows)))
        << text(c);
    EXPECT_NEAR(found.squares[i], expected.squares[i], 1e-13 * (1 + expected.squares[i]))
        << text(c);
  }
  cuda<T>().column_sums(rows.data() + 50 * p, w == nullptr ? nullptr : w + 50, p, problem.shift,
                        std::vector<std::int64_t>{0, c.rows - 50}, alone.sums.data(),
                        squares(alone), maxima(alone), alone.usable.data());
  EXPECT_EQ(alone.sums, std::vector<double>(found.sums.begin() + 2 * p, found.sums.end()));
  EXPECT_EQ(alone.usable[0], found.usable[2]);
}

TEST(CudaKMeans, column_sums_and_maxima) {
  SERRIED_REQUIRE_CUDA();
  for (const std::int64_t p : {1, 3, 16, 100, 256, 257, 700})
    for (const bool has_missing : {false, true})
      for (const bool has_weights : {false, true}) {
        check_columns<float>(p, has_missing, has_weights, true);
        check_columns<double>(p, has_missing, has_weights, has_weights);
      }
}

}  // namespace
}  // namespace serried
