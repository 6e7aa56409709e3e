// ranks: 1 2 3 4 7
// Scores of labels against their definitions in long double, and their bits between numbers of
// ranks, threads, tiles and instruction levels.
#include <cmath>
#include <functional>
#include <limits>
#include <map>

#include "ml/kmeans_support.hpp"
#include "serried/ml/cluster_scores.hpp"

namespace serried::test {
namespace {

constexpr double nan = std::numeric_limits<double>::quiet_NaN();

using LabelOf = std::function<std::int64_t(std::int64_t row)>;

struct Case {
  std::string name;
  Blobs blobs;
  LabelOf label;
};

std::int64_t place(const Blobs& blobs, std::int64_t row) {
  return static_cast<std::int64_t>(philox_words(blobs.seed, 1, static_cast<std::uint64_t>(row))[0] %
                                   static_cast<std::uint64_t>(blobs.places));
}

Case by_place(const std::string& name, const Blobs& blobs) {
  return {name, blobs, [blobs](std::int64_t row) { return place(blobs, row); }};
}

std::vector<Case> cases() {
  return {
      by_place("blobs", {900, 3, 5}),
      by_place("one feature", {700, 1, 4}),
      by_place("many rows", {3000, 2, 9, 0, 1.}),
      by_place("wide rows", {60, 700, 4}),
      by_place("far from zero", {500, 3, 6, 1e4}),
      by_place("small unit", {500, 3, 6, 0, 0.3, 1e-30}),
      {"two rows left out",
       {300, 3, 4},
       [](std::int64_t row) { return row == 0 || row == 299 ? -1 - row : row % 3; }},
      {"labels with gaps", {300, 3, 4}, [](std::int64_t row) { return 7 + row % 4 * 100000000; }},
      {"singletons",
       {40, 2, 4},
       [](std::int64_t row) { return std::max<std::int64_t>(0, row - 35); }},
      {"three rows", {3, 2, 3}, [](std::int64_t row) { return row / 2; }},
  };
}

Array labels_array(const Context& ctx, std::int64_t rows, const LabelOf& label,
                   DType dtype = DType::i32) {
  return Array::from_function(ctx, Shape{rows}, dtype, [&](std::span<const std::int64_t> index) {
    return static_cast<double>(label(index[0]));
  });
}

ClusterScores score(const Context& ctx, const Case& c, DType dtype = DType::f64,
                    const ClusterScoresOptions& options = {}) {
  return score_clusters(ctx, make_array(ctx, c.blobs, dtype),
                        labels_array(ctx, c.blobs.rows, c.label), options);
}

struct Expected {
  long double silhouette = 0;
  long double davies_bouldin = 0;
  long double calinski_harabasz = 0;
};

/// The definitions, as loops.
Expected expected_of(const std::vector<std::vector<double>>& x,
                     const std::vector<std::int64_t>& labels) {
  const std::size_t n = x.size(), p = x.front().size();
  std::map<std::int64_t, std::vector<std::size_t>> members;
  for (std::size_t i = 0; i < n; ++i) members[labels[i]].push_back(i);
  const auto distance = [p](const auto& a, const auto& b) {
    long double sum = 0;
    for (std::size_t f = 0; f < p; ++f) {
      const long double d = static_cast<long double>(a[f]) - static_cast<long double>(b[f]);
      sum += d * d;
    }
    return std::sqrt(sum);
  };
  Expected expected;
  std::vector<long double> mean(p, 0);
  std::map<std::int64_t, std::vector<long double>> means;
  std::map<std::int64_t, long double> spreads;
  for (const auto& row : x)
    for (std::size_t f = 0; f < p; ++f)
      mean[f] += static_cast<long double>(row[f]) / static_cast<long double>(n);
  long double within = 0, between = 0;
  for (const auto& [label, rows] : members) {
    auto& center = means[label];
    center.assign(p, 0);
    const auto size = static_cast<long double>(rows.size());
    for (const std::size_t i : rows)
      for (std::size_t f = 0; f < p; ++f) center[f] += static_cast<long double>(x[i][f]) / size;
    for (const std::size_t i : rows) {
      const long double d = distance(x[i], center);
      spreads[label] += d / size;
      within += d * d;
    }
    between += size * distance(center, mean) * distance(center, mean);
  }
  const auto k = static_cast<long double>(members.size());
  for (const auto& [a, center] : means) {
    long double largest = 0;
    for (const auto& [b, other] : means)
      if (a != b) largest = std::max(largest, (spreads[a] + spreads[b]) / distance(center, other));
    expected.davies_bouldin += largest / k;
  }
  expected.calinski_harabasz = between / within * (static_cast<long double>(n) - k) / (k - 1);
  for (std::size_t i = 0; i < n; ++i) {
    if (members[labels[i]].size() == 1) continue;
    long double inside = 0, nearest = std::numeric_limits<long double>::infinity();
    for (const auto& [label, rows] : members) {
      long double sum = 0;
      for (const std::size_t j : rows) sum += distance(x[i], x[j]);
      if (label == labels[i])
        inside = sum / static_cast<long double>(rows.size() - 1);
      else
        nearest = std::min(nearest, sum / static_cast<long double>(rows.size()));
    }
    expected.silhouette +=
        (nearest - inside) / std::max(nearest, inside) / static_cast<long double>(n);
  }
  return expected;
}

Expected expected_of(const Case& c, DType dtype) {
  std::vector<std::vector<double>> x;
  std::vector<std::int64_t> labels;
  for (std::int64_t i = 0; i < c.blobs.rows; ++i) {
    if (c.label(i) < 0) continue;
    labels.push_back(c.label(i));
    x.emplace_back();
    for (std::int64_t f = 0; f < c.blobs.features; ++f) {
      const double value = c.blobs(i, f);
      x.back().push_back(dtype == DType::f32 ? static_cast<double>(static_cast<float>(value))
                                             : value);
    }
  }
  return expected_of(x, labels);
}

void expect_near(const std::optional<double>& value, long double expected, const Case& c) {
  ASSERT_TRUE(value.has_value()) << c.name;
  EXPECT_NEAR(*value, static_cast<double>(expected),
              1e-13 * (1 + c.blobs.offset) * std::abs(static_cast<double>(expected)))
      << c.name;
}

void expect_same_bits(const ClusterScores& a, const ClusterScores& b, const std::string& what) {
  EXPECT_EQ(a.silhouette, b.silhouette) << what;
  EXPECT_EQ(a.davies_bouldin, b.davies_bouldin) << what;
  EXPECT_EQ(a.calinski_harabasz, b.calinski_harabasz) << what;
  EXPECT_EQ(a.silhouette_rows, b.silhouette_rows) << what;
}

/// What one rank alone computes, told to the others.
template <class F>
ClusterScores scored_alone(const ContextOptions& options, const F& compute) {
  const Communicator& comm = runtime().communicator();
  const auto own = comm.split(comm.rank(), 0);
  ClusterScores scores;
  if (comm.rank() == 0) scores = compute(context_of(*own, 1, options));
  for (auto* value : {&scores.silhouette, &scores.davies_bouldin, &scores.calinski_harabasz}) {
    const int has_value = comm.broadcast(value->has_value() ? 1 : 0, 0);
    const double number = comm.broadcast(value->value_or(0), 0);
    *value = has_value != 0 ? std::optional<double>(number) : std::nullopt;
  }
  scores.silhouette_rows = comm.broadcast(scores.silhouette_rows, 0);
  return scores;
}

TEST(ClusterScores, equal_their_definitions) {
  const Context ctx = wide_context();
  for (const Case& c : cases())
    for (const DType dtype : {DType::f64, DType::f32}) {
      if (dtype == DType::f32 && c.name == "far from zero") continue;
      const ClusterScores scores = score(ctx, c, dtype);
      const Expected expected = expected_of(c, dtype);
      expect_near(scores.silhouette, expected.silhouette, c);
      expect_near(scores.davies_bouldin, expected.davies_bouldin, c);
      expect_near(scores.calinski_harabasz, expected.calinski_harabasz, c);
    }
}

TEST(ClusterScores, the_silhouette_alone_has_the_same_bits) {
  const Context ctx = wide_context();
  for (const Case& c : cases())
    for (const std::int64_t rows : {std::int64_t{10000}, std::int64_t{31}}) {
      const ClusterScoresOptions options{.silhouette_sample = rows, .seed = 4};
      EXPECT_EQ(mean_silhouette(ctx, make_array(ctx, c.blobs, DType::f64),
                                labels_array(ctx, c.blobs.rows, c.label), options),
                score(ctx, c, DType::f64, options).silhouette)
          << c.name;
    }
  const Case one = by_place("one cluster", {50, 2, 1});
  EXPECT_FALSE(mean_silhouette(ctx, make_array(ctx, one.blobs, DType::f64),
                               labels_array(ctx, one.blobs.rows, one.label)));
  EXPECT_THROW(static_cast<void>(mean_silhouette(ctx, make_array(ctx, one.blobs, DType::f64),
                                                 labels_array(ctx, 3, one.label))),
               InvalidArgument);
}

TEST(ClusterScores, same_bits_at_any_ranks_threads_and_tiles) {
  for (const Case& c : cases())
    for (const DType dtype : {DType::f64, DType::f32})
      for (const std::int64_t tiles : {std::int64_t{16384}, std::int64_t{64}, std::int64_t{3}}) {
        const ContextOptions options{.max_tiles = tiles};
        const ClusterScoresOptions sample{.silhouette_sample = 251, .seed = 4};
        const auto compute = [&](const Context& ctx) { return score(ctx, c, dtype, sample); };
        const ClusterScores alone = scored_alone(options, compute);
        expect_same_bits(alone, compute(wide_context(1, options)), c.name);
        expect_same_bits(alone, compute(wide_context(2, options)), c.name + ", 2 threads");
      }
}

TEST(ClusterScores, same_bits_on_avx2_and_avx512) {
  for (const Case& c : cases()) {
    const ClusterScores narrow = score(wide_context(1, {}, "avx2"), c);
    try {
      expect_same_bits(narrow, score(wide_context(1, {}, "avx512"), c), c.name);
    } catch (const InvalidArgument&) {
      ::unsetenv("SERRIED_TARGET");
      GTEST_SKIP() << "this CPU has no AVX-512";
    }
  }
}

TEST(ClusterScores, units_and_order_of_labels_change_nothing) {
  const Context ctx = wide_context();
  const Blobs plain{800, 3, 6};
  Blobs small = plain;
  small.unit = 0x1.0p-50;
  const ClusterScores scores = score(ctx, by_place("plain", plain));
  expect_same_bits(scores, score(ctx, by_place("small", small)), "unit");
  const Case turned{"turned", plain,
                    [&](std::int64_t row) { return 5 - place(plain, row) + 1000; }};
  const ClusterScores other = score(ctx, turned);
  EXPECT_EQ(other.silhouette, scores.silhouette);
  EXPECT_EQ(other.calinski_harabasz.has_value(), true);
  EXPECT_NEAR(*other.davies_bouldin, *scores.davies_bouldin, 1e-15);
  const Array data = make_array(ctx, plain);
  for (const DType dtype : {DType::i64, DType::u8, DType::i16})
    expect_same_bits(
        scores,
        score_clusters(ctx, data,
                       labels_array(
                           ctx, 800, [&](std::int64_t row) { return place(plain, row); }, dtype)),
        std::string(name(dtype)));
}

TEST(ClusterScores, the_silhouette_of_a_sample_is_that_of_its_rows) {
  const Context ctx = wide_context();
  const Case c = by_place("", {1000, 2, 4});
  const ClusterScores all = score(ctx, c);
  EXPECT_EQ(all.silhouette_rows, 1000);
  std::vector<double> sampled;
  for (std::uint64_t seed = 0; seed < 8; ++seed) {
    const ClusterScores scores =
        score(ctx, c, DType::f64, {.silhouette_sample = 300, .seed = seed});
    EXPECT_EQ(scores.silhouette_rows, 300);
    EXPECT_NEAR(*scores.silhouette, *all.silhouette, 0.05);
    EXPECT_EQ(scores.davies_bouldin, all.davies_bouldin);
    sampled.push_back(*scores.silhouette);
  }
  EXPECT_NE(sampled[0], sampled[1]);
  // Of three rows there are silhouettes only if they lie in two clusters.
  const Case halves{"", {1000, 2, 4}, [](std::int64_t row) { return row < 990 ? 0 : 1; }};
  EXPECT_FALSE(score(ctx, halves, DType::f64, {.silhouette_sample = 3}).silhouette.has_value());
  EXPECT_TRUE(score(ctx, halves).silhouette.has_value());
}

TEST(ClusterScores, no_value_where_undefined) {
  const Context ctx = wide_context();
  const auto has_none = [&](std::int64_t rows, const LabelOf& label) {
    const ClusterScores scores = score(ctx, {"", {rows, 2, 3}, label});
    return !scores.silhouette && !scores.davies_bouldin && !scores.calinski_harabasz;
  };
  EXPECT_TRUE(has_none(50, [](std::int64_t) { return 3; }));
  EXPECT_TRUE(has_none(50, [](std::int64_t row) { return row; }));
  EXPECT_TRUE(has_none(50, [](std::int64_t) { return -1; }));
  EXPECT_TRUE(has_none(50, [](std::int64_t row) { return row < 2 ? row : -1; }));
  EXPECT_TRUE(has_none(1, [](std::int64_t) { return 0; }));
  EXPECT_TRUE(has_none(0, [](std::int64_t) { return 0; }));
  EXPECT_FALSE(has_none(50, [](std::int64_t row) { return row < 3 ? row / 2 : -1; }));
}

TEST(ClusterScores, equal_rows) {
  const Context ctx = wide_context();
  const Blobs places{4, 3, 4, 0.1};
  // Four places, each a cluster: nothing lies beside its mean, whatever rounding does to the mean.
  for (const double offset : {0., 1e3, -1e9}) {
    const Array data = make_array(ctx, 330, 3, DType::f64, [&](std::int64_t row, std::int64_t f) {
      return offset + places(row % 4, f);
    });
    const auto of_place = [](std::int64_t row) { return row % 4; };
    const ClusterScores scores = score_clusters(ctx, data, labels_array(ctx, 330, of_place));
    EXPECT_EQ(scores.silhouette, 1.);
    EXPECT_EQ(scores.davies_bouldin, 0.);
    EXPECT_EQ(scores.calinski_harabasz, 1.);
  }
  // All in one place, in two clusters.
  const Array same = Array::full(ctx, Shape{50, 2}, DType::f64, 0.7);
  const ClusterScores scores =
      score_clusters(ctx, same, labels_array(ctx, 50, [](std::int64_t row) { return row % 2; }));
  EXPECT_EQ(scores.silhouette, 0.);
  EXPECT_EQ(scores.davies_bouldin, 0.);
  EXPECT_EQ(scores.calinski_harabasz, 1.);
}

TEST(ClusterScores, rows_left_out_may_hold_anything) {
  const Context ctx = wide_context();
  const Blobs blobs{300, 3, 4};
  const auto is_out = [](std::int64_t row) { return row % 10 == 3; };
  const Array data = make_array(ctx, 300, 3, DType::f64, [&](std::int64_t row, std::int64_t f) {
    return is_out(row) ? (row % 20 == 3 ? nan : 1e30) : blobs(row, f);
  });
  const auto label = [&](std::int64_t row) { return is_out(row) ? -1 : place(blobs, row); };
  std::vector<std::int64_t> kept;
  for (std::int64_t i = 0; i < 300; ++i)
    if (!is_out(i)) kept.push_back(i);
  const auto number = [&](std::int64_t row) { return kept[static_cast<std::size_t>(row)]; };
  const Array rest = make_array(ctx, 270, 3, DType::f64, [&](std::int64_t row, std::int64_t f) {
    return blobs(number(row), f);
  });
  const ClusterScores with = score_clusters(ctx, data, labels_array(ctx, 300, label));
  const ClusterScores without = score_clusters(
      ctx, rest, labels_array(ctx, 270, [&](std::int64_t row) { return label(number(row)); }));
  EXPECT_EQ(with.silhouette, without.silhouette);
  EXPECT_NEAR(*with.davies_bouldin, *without.davies_bouldin, 1e-14);
  EXPECT_NEAR(*with.calinski_harabasz, *without.calinski_harabasz,
              1e-14 * *without.calinski_harabasz);
}

TEST(ClusterScores, wrong_input_is_refused) {
  const Context ctx = wide_context();
  const Array data = make_array(ctx, Blobs{30, 2, 3});
  const auto labels = [&](std::int64_t rows, const LabelOf& label, DType dtype = DType::i64) {
    return labels_array(ctx, rows, label, dtype);
  };
  const auto mod = [](std::int64_t row) { return row % 3; };
  EXPECT_THROW(static_cast<void>(score_clusters(ctx, data, labels(29, mod))), InvalidArgument);
  EXPECT_THROW(static_cast<void>(score_clusters(ctx, data, data)), InvalidArgument);
  EXPECT_THROW(static_cast<void>(score_clusters(ctx, data, labels(30, mod, DType::f64))),
               InvalidArgument);
  EXPECT_THROW(
      static_cast<void>(score_clusters(ctx, data, labels(30, mod), {.silhouette_sample = 0})),
      InvalidArgument);
  EXPECT_THROW(
      static_cast<void>(score_clusters(
          ctx, data, labels(30, [](std::int64_t row) { return row == 7 ? 1LL << 31 : 0; }))),
      DataError);
  const Array holed = make_array(ctx, 30, 2, DType::f64, [](std::int64_t row, std::int64_t) {
    return row == 17 ? nan : static_cast<double>(row);
  });
  try {
    static_cast<void>(score_clusters(ctx, holed, labels(30, mod)));
    ADD_FAILURE() << "NaN was taken";
  } catch (const DataError& error) {
    EXPECT_NE(std::string(error.what()).find("row 17"), std::string::npos) << error.what();
  }
}

}  // namespace
}  // namespace serried::test
