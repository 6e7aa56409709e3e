// ranks: 1 2 3 4 7
// timeout: 300
#include "serried/array/statistics.hpp"

#include <bit>
#include <cmath>
#include <cstring>
#include <limits>
#include <vector>

#include "backend/targets.hpp"
#include "serried/array/array.hpp"
#include "serried/base/philox.hpp"
#include "support/numbers.hpp"
#include "support/spmd.hpp"
#include "support/value_source.hpp"

namespace serried::test {
namespace {

constexpr double nan = std::numeric_limits<double>::quiet_NaN();
constexpr double inf = std::numeric_limits<double>::infinity();

// All numbers of a result as words, so that -0, NaN and the last bit count.
std::vector<std::uint64_t> words_of(const std::vector<Statistics>& results) {
  std::vector<std::uint64_t> words;
  for (const Statistics& s : results) {
    for (const std::int64_t n : {s.count, s.nan_count, s.min_integer, s.max_integer})
      words.push_back(static_cast<std::uint64_t>(n));
    for (const double x : {s.min, s.max, s.mean, s.variance, s.std, s.skewness, s.kurtosis})
      words.push_back(std::isnan(x) ? 1 : std::bit_cast<std::uint64_t>(x));
    if (!s.histogram) continue;
    for (const double x : s.histogram->edges) words.push_back(std::bit_cast<std::uint64_t>(x));
    for (const std::int64_t n : s.histogram->counts) words.push_back(static_cast<std::uint64_t>(n));
  }
  return words;
}

struct Exact {
  std::int64_t count = 0;
  Quad mean = 0;
  Quad m2 = 0;
  Quad m3 = 0;
  Quad m4 = 0;
};

template <class F>
Exact exact_moments(std::int64_t rows, F value) {
  Exact e;
  for (std::int64_t i = 0; i < rows; ++i)
    if (!is_nan(value(i))) {
      ++e.count;
      e.mean += to_quad(value(i));
    }
  e.mean /= static_cast<Quad>(e.count);
  for (std::int64_t i = 0; i < rows; ++i)
    if (!is_nan(value(i))) {
      const Quad d = to_quad(value(i)) - e.mean;
      e.m2 += d * d;
      e.m3 += d * d * d;
      e.m4 += d * d * d * d;
    }
  return e;
}

void expect_near(double value, double expected, double relative) {
  EXPECT_LE(std::fabs(value - expected), relative * std::fabs(expected))
      << value << " " << expected;
}

void expect_statistics(const Statistics& s, const Exact& e, int ddof, double relative = 1e-13) {
  ASSERT_EQ(s.count, e.count);
  const auto n = static_cast<Quad>(e.count);
  // of numbers that cancel, the mean is good to the spread's last digit
  const double mean = static_cast<double>(e.mean);
  const double deviation = std::sqrt(static_cast<double>(e.m2 / n));
  EXPECT_LE(std::fabs(s.mean - mean), 2e-16 * (std::fabs(mean) + deviation));
  expect_near(s.variance, static_cast<double>(e.m2 / (n - ddof)), relative);
  expect_near(s.std, std::sqrt(static_cast<double>(e.m2 / (n - ddof))), relative);
  const double variance = static_cast<double>(e.m2 / n);
  const double skewness = static_cast<double>(e.m3 / n) / std::pow(variance, 1.5);
  const double kurtosis = static_cast<double>(e.m4 / n) / (variance * variance) - 3;
  EXPECT_NEAR(s.skewness, skewness, 10 * relative * (1 + std::fabs(skewness)));
  EXPECT_NEAR(s.kurtosis, kurtosis, 10 * relative * (4 + std::fabs(kurtosis)));
}

// --- NIST's univariate sets NumAcc1-4: certified mean and standard deviation (ddof 1) ---

struct NistSet {
  const char* name;
  std::int64_t rows;
  double mean;
  double deviation;
  double digits;  // of the deviation that the doubles nearest to the data allow
  double (*value)(std::int64_t);
};

const NistSet nist_sets[] = {
    {"NumAcc1", 3, 10000002, 1, 15.0,
     [](std::int64_t i) { return 10000001.0 + static_cast<double>(i == 1 ? 2 : i / 2); }},
    {"NumAcc2", 1001, 1.2, 0.1, 14.5,
     [](std::int64_t i) { return i == 0       ? 1.2
                                 : i % 2 == 1 ? 1.1
                                              : 1.3; }},
    {"NumAcc3", 1001, 1000000.2, 0.1, 9.4,
     [](std::int64_t i) { return i == 0       ? 1000000.2
                                 : i % 2 == 1 ? 1000000.1
                                              : 1000000.3; }},
    {"NumAcc4", 1001, 10000000.2, 0.1, 8.2,
     [](std::int64_t i) { return i == 0       ? 10000000.2
                                 : i % 2 == 1 ? 10000000.1
                                              : 10000000.3; }},
};

TEST(Statistics, nist_sets_to_the_digits_of_their_doubles) {
  const Context ctx = context();
  for (const NistSet& set : nist_sets) {
    SCOPED_TRACE(set.name);
    const ValueSource<double> source(
        ctx, set.rows, 1, [&](std::int64_t row, std::int64_t) { return set.value(row); });
    const auto result = compute_statistics(ctx, source, {.ddof = 1})[0];
    expect_near(result.mean, set.mean, 3e-16);
    expect_near(result.std, set.deviation, std::pow(10, -set.digits));
    const Exact exact = exact_moments(set.rows, set.value);
    expect_near(result.mean, static_cast<double>(exact.mean), 2e-16);
    expect_near(result.variance, static_cast<double>(exact.m2 / (set.rows - 1)), 1e-14);
  }
}

// --- every dtype against 113-bit arithmetic ---

template <class T>
class StatisticsOf : public testing::Test {};
using Types =
    testing::Types<bool, std::int8_t, std::uint8_t, std::int16_t, std::uint16_t, std::int32_t,
                   std::uint32_t, std::int64_t, std::uint64_t, Half, float, double>;
TYPED_TEST_SUITE(StatisticsOf, Types);

template <class T>
void expect_extrema(const Statistics& s, std::int64_t count, std::int64_t offset,
                    std::int64_t stride) {
  bool is_first = true;
  T low{};
  T high{};
  for (std::int64_t i = 0; i < count; ++i) {
    const T x = number<T>(offset + i * stride, true);
    if (is_nan(x)) continue;
    if (is_first || to_quad(x) < to_quad(low)) low = x;
    if (is_first || to_quad(x) > to_quad(high)) high = x;
    is_first = false;
  }
  EXPECT_EQ(s.min, to_double(low));
  EXPECT_EQ(s.max, to_double(high));
  if constexpr (std::is_integral_v<T>) {
    EXPECT_EQ(s.min_integer, static_cast<std::int64_t>(low));
    EXPECT_EQ(s.max_integer, static_cast<std::int64_t>(high));
  }
}

TYPED_TEST(StatisticsOf, whole_and_by_column_equal_the_exact_ones) {
  using T = TypeParam;
  const Context ctx = context({.max_tiles = 64});
  constexpr std::int64_t rows = 6001;
  constexpr std::int64_t columns = 3;
  const ValueSource<T> source(ctx, rows, columns, [](std::int64_t row, std::int64_t column) {
    return number<T>(row * columns + column, true);
  });
  const auto whole = compute_statistics(ctx, source)[0];
  expect_statistics(
      whole, exact_moments(rows * columns, [](std::int64_t i) { return number<T>(i, true); }), 0);
  expect_extrema<T>(whole, rows * columns, 0, 1);
  EXPECT_EQ(whole.count + whole.nan_count, rows * columns);
  const auto by_column = compute_statistics(ctx, source, {.ddof = 1, .by_column = true});
  ASSERT_EQ(by_column.size(), 3u);
  for (std::int64_t j = 0; j < columns; ++j) {
    const auto& own = by_column[static_cast<std::size_t>(j)];
    expect_statistics(
        own, exact_moments(rows, [j](std::int64_t i) { return number<T>(i * columns + j, true); }),
        1);
    expect_extrema<T>(own, rows, j, columns);
  }
}

// --- the same bits however the work is cut ---

std::vector<StatisticsOptions> option_sets() {
  return {{},
          {.by_column = true},
          {.bins = 7},
          {.by_column = true, .bins = 5},
          {.bins = 12, .range_low = 297, .range_high = 310}};
}

template <class T>
void expect_same_bits(const Context& ctx, std::int64_t rows, std::int64_t columns) {
  const auto value = [columns](std::int64_t row, std::int64_t column) {
    return number<T>(row * columns + column, true);
  };
  const Context self = alone(ctx);
  const Context threaded = on_test_device(
      Context(ctx.comm(), make_host_backend(3), ctx.comm().recorder(), ctx.options()));
  ContextOptions small = ctx.options();
  small.batch_bytes = 1000;
  const Context small_batches =
      on_test_device(Context(ctx.comm(), ctx.backend(), ctx.comm().recorder(), small));
  const ValueSource<T> source(ctx, rows, columns, value);
  const ValueSource<T> own(self, rows, columns, value);
  for (const StatisticsOptions& options : option_sets()) {
    const auto expected = words_of(compute_statistics(self, own, options));
    for (const Context& other : {ctx, threaded, small_batches})
      EXPECT_EQ(words_of(compute_statistics(other, source, options)), expected)
          << rows << " x " << columns;
    for (const auto& level : available_targets()) {
      const TargetScope scope(level);
      EXPECT_EQ(words_of(compute_statistics(ctx, source, options)), expected) << level;
    }
  }
}

TEST(Statistics, same_bits_at_every_cut) {
  for (const std::int64_t max_tiles : {16384, 64, 3}) {
    const Context ctx = context({.max_tiles = max_tiles});
    for (const std::int64_t rows : {1, 2, 3, 50, 1001}) {
      expect_same_bits<float>(ctx, rows, 3);
      expect_same_bits<double>(ctx, rows, 70);
    }
    expect_same_bits<double>(ctx, 40'000, 1);
    expect_same_bits<std::int64_t>(ctx, 9'999, 2);
  }
}

TEST(Statistics, same_bits_above_600_000_rows) {
  expect_same_bits<float>(context(), 600'001, 1);
}

TEST(Statistics, an_array_gives_the_bits_of_a_file) {
  const Context ctx = context();
  const auto value = [](std::span<const std::int64_t> index) {
    return number<double>(index[0] * 5 + index[1]);
  };
  const Array array = Array::from_function(ctx, {33'000, 5}, DType::f64, value);
  const ValueSource<double> source(ctx, 33'000, 5, [](std::int64_t row, std::int64_t column) {
    return number<double>(row * 5 + column);
  });
  for (const StatisticsOptions& options : option_sets())
    EXPECT_EQ(words_of(compute_statistics(ctx, array, options)),
              words_of(compute_statistics(ctx, source, options)));
}

// --- special numbers and shapes ---

Statistics of_values(const Context& ctx, const std::vector<double>& values,
                     const StatisticsOptions& options = {}) {
  const ValueSource<double> source(
      ctx, static_cast<std::int64_t>(values.size()), 1,
      [&](std::int64_t row, std::int64_t) { return values[static_cast<std::size_t>(row)]; });
  return compute_statistics(ctx, source, options)[0];
}

TEST(Statistics, nothing_has_no_mean) {
  const Context ctx = context();
  for (const auto& values : {std::vector<double>{}, std::vector<double>{nan, nan, nan}}) {
    const auto s = of_values(ctx, values, {.bins = 4});
    EXPECT_EQ(s.count, 0);
    EXPECT_EQ(s.nan_count, static_cast<std::int64_t>(values.size()));
    for (const double x : {s.min, s.max, s.mean, s.variance, s.std, s.skewness, s.kurtosis})
      EXPECT_TRUE(std::isnan(x));
    EXPECT_EQ(s.histogram->edges, (std::vector<double>{0, 0.25, 0.5, 0.75, 1}));
    EXPECT_EQ(s.histogram->counts, (std::vector<std::int64_t>(4)));
  }
  const ValueSource<double> no_columns(ctx, 10, 0, [](std::int64_t, std::int64_t) { return 0.0; });
  EXPECT_TRUE(compute_statistics(ctx, no_columns, {.by_column = true}).empty());
  EXPECT_EQ(compute_statistics(ctx, no_columns)[0].count, 0);
}

TEST(Statistics, one_number_has_no_spread) {
  const Context ctx = context();
  const auto s = of_values(ctx, {2.5});
  EXPECT_EQ(s.mean, 2.5);
  EXPECT_EQ(s.variance, 0);
  EXPECT_TRUE(std::isnan(s.skewness));
  EXPECT_TRUE(std::isnan(s.kurtosis));
  const auto sample = of_values(ctx, {2.5}, {.ddof = 1});
  EXPECT_TRUE(std::isnan(sample.variance));
  EXPECT_TRUE(std::isnan(sample.std));
}

TEST(Statistics, constant_data_has_variance_zero) {
  const Context ctx = context({.max_tiles = 64});
  const auto s = of_values(ctx, std::vector<double>(5001, 0.1));
  EXPECT_EQ(s.mean, 0.1);
  EXPECT_EQ(s.variance, 0);
  EXPECT_TRUE(std::isnan(s.skewness));
}

TEST(Statistics, known_small_set) {
  // deviations from the mean 3: -2 -1 0 3; squares 14, cubes 18, fourth powers 98
  const auto s = of_values(context(), {1, 2, nan, 3, 6});
  EXPECT_EQ(s.count, 4);
  EXPECT_EQ(s.nan_count, 1);
  EXPECT_EQ(s.min, 1);
  EXPECT_EQ(s.max, 6);
  EXPECT_EQ(s.mean, 3);
  EXPECT_DOUBLE_EQ(s.variance, 14. / 4);
  EXPECT_DOUBLE_EQ(s.skewness, 18. / 4 / std::pow(14. / 4, 1.5));
  EXPECT_NEAR(s.kurtosis, 98. / 4 / (14. / 4 * 14. / 4) - 3, 1e-15);
}

TEST(Statistics, infinity_gives_the_mean_of_numpy) {
  const Context ctx = context();
  const auto positive = of_values(ctx, {1, inf, 2});
  EXPECT_EQ(positive.mean, inf);
  EXPECT_EQ(positive.min, 1);
  EXPECT_EQ(positive.max, inf);
  EXPECT_TRUE(std::isnan(positive.variance));
  const auto both = of_values(ctx, {1, inf, -inf});
  EXPECT_TRUE(std::isnan(both.mean));
  EXPECT_EQ(both.min, -inf);
  EXPECT_THROW(static_cast<void>(of_values(ctx, {1, inf}, {.bins = 3})), DataError);
  const auto ranged = of_values(ctx, {1, inf, nan, -inf}, {.range_low = 0, .range_high = 10});
  EXPECT_EQ(ranged.histogram->counts, (std::vector<std::int64_t>{0, 1, 0, 0, 0, 0, 0, 0, 0, 0}));
}

TEST(Statistics, wrong_options_are_the_same_error_on_all_ranks) {
  const Context ctx = context();
  const std::vector<double> values{1, 2};
  EXPECT_THROW(static_cast<void>(of_values(ctx, values, {.ddof = -1})), InvalidArgument);
  EXPECT_THROW(static_cast<void>(of_values(ctx, values, {.bins = -1})), InvalidArgument);
  EXPECT_THROW(static_cast<void>(of_values(ctx, values, {.range_low = 1})), InvalidArgument);
  EXPECT_THROW(static_cast<void>(of_values(ctx, values, {.range_low = 2, .range_high = 1})),
               InvalidArgument);
  EXPECT_THROW(static_cast<void>(of_values(ctx, values, {.range_low = 0, .range_high = inf})),
               InvalidArgument);
  // more bins than there are doubles in the range
  EXPECT_THROW(
      static_cast<void>(of_values(
          ctx, values, {.bins = 10, .range_low = 1, .range_high = std::nextafter(1., 2.)})),
      InvalidArgument);
  EXPECT_THROW(static_cast<void>(of_values(ctx, {1, std::nextafter(1., 2.)}, {.bins = 10})),
               DataError);
  const Array complex = Array::zeros(ctx, {4}, DType::c128);
  EXPECT_THROW(static_cast<void>(compute_statistics(ctx, complex)), DataError);
}

TEST(Statistics, a_failing_read_fails_on_all_ranks) {
  const Context ctx = context();
  ValueSource<double> source(ctx, 100, 2, [](std::int64_t, std::int64_t) { return 1.0; });
  source.failing_rank = ctx.size() - 1;
  EXPECT_THROW(static_cast<void>(compute_statistics(ctx, source)), RankError);
}

// --- histograms: numpy.histogram, statement by statement, for f64 ---

struct Counted {
  std::vector<double> edges;
  std::vector<std::int64_t> counts;
};

Counted numpy_histogram(const std::vector<double>& data, std::int64_t bins, double first,
                        double last) {
  if (first == last) {
    first -= 0.5;
    last += 0.5;
  }
  Counted result;
  const double step = (last - first) / static_cast<double>(bins);
  for (std::int64_t i = 0; i <= bins; ++i)
    result.edges.push_back(static_cast<double>(i) * step + first);
  result.edges.back() = last;
  result.counts.resize(static_cast<std::size_t>(bins));
  for (const double x : data) {
    if (!(x >= first && x <= last)) continue;
    const double f_index = ((x - first) / (last - first)) * static_cast<double>(bins);
    auto index = static_cast<std::size_t>(f_index);
    if (index == static_cast<std::size_t>(bins)) --index;
    if (x < result.edges[index]) --index;
    if (x >= result.edges[index + 1] && index != static_cast<std::size_t>(bins - 1)) ++index;
    ++result.counts[index];
  }
  return result;
}

TEST(Histogram, equals_numpys_algorithm) {
  const Context ctx = context({.max_tiles = 64});
  std::vector<double> data;
  for (int i = 0; i < 3000; ++i) data.push_back(0.1 * static_cast<double>(i % 97) - 2.3);
  for (const std::int64_t bins : {1, 2, 3, 10, 49, 97, 1000}) {
    const auto given = numpy_histogram(data, bins, -1.7, 5.5);
    const auto in_range =
        of_values(ctx, data, {.bins = bins, .range_low = -1.7, .range_high = 5.5});
    EXPECT_EQ(in_range.histogram->edges, given.edges);
    EXPECT_EQ(in_range.histogram->counts, given.counts);
    const auto found = numpy_histogram(data, bins, data.front(), 0.1 * 96 - 2.3);
    const auto of_data = of_values(ctx, data, {.bins = bins});
    EXPECT_EQ(of_data.histogram->edges, found.edges);
    EXPECT_EQ(of_data.histogram->counts, found.counts);
  }
}

TEST(Histogram, examples_by_hand) {
  const Context ctx = context();
  // np.histogram([1, 2, 1], bins=[0, 1, 2, 3]) of NumPy's manual
  const auto manual = of_values(ctx, {1, 2, 1}, {.bins = 3, .range_low = 0, .range_high = 3});
  EXPECT_EQ(manual.histogram->counts, (std::vector<std::int64_t>{0, 2, 1}));
  const auto closed = of_values(ctx, {0, 1, 2, 3, 4}, {.bins = 4});
  EXPECT_EQ(closed.histogram->counts, (std::vector<std::int64_t>{1, 1, 1, 2}));
  const auto point = of_values(ctx, {7, 7, 7}, {.bins = 2});
  EXPECT_EQ(point.histogram->edges, (std::vector<double>{6.5, 7, 7.5}));
  EXPECT_EQ(point.histogram->counts, (std::vector<std::int64_t>{0, 3}));
}

template <class T>
std::vector<std::int64_t> tenths(const Context& ctx, const StatisticsOptions& options) {
  const ValueSource<T> source(ctx, 11, 1, [](std::int64_t row, std::int64_t) {
    if constexpr (std::is_same_v<T, Half>)
      return to_half(static_cast<float>(row) / 10);
    else
      return static_cast<T>(static_cast<double>(row) / 10);
  });
  return compute_statistics(ctx, source, options)[0].histogram->counts;
}

TEST(Histogram, floats_have_edges_of_their_own_precision) {
  const Context ctx = context();
  // 0.7f is below 0.7; NumPy's edges for f32 data are f32, so it still lies in the bin [0.7, 0.8)
  const std::vector<std::int64_t> expected{1, 1, 1, 1, 1, 1, 1, 1, 1, 2};
  EXPECT_EQ(tenths<float>(ctx, {.bins = 10, .range_low = 0, .range_high = 1}), expected);
  EXPECT_EQ(tenths<Half>(ctx, {.bins = 10, .range_low = 0, .range_high = 1}), expected);
}

TEST(Histogram, columns_have_their_own_range) {
  const Context ctx = context();
  const ValueSource<std::int16_t> source(ctx, 100, 2, [](std::int64_t row, std::int64_t column) {
    return static_cast<std::int16_t>(column == 0 ? row : -5 * row);
  });
  const auto results = compute_statistics(ctx, source, {.by_column = true, .bins = 4});
  EXPECT_EQ(results[0].histogram->edges, (std::vector<double>{0, 24.75, 49.5, 74.25, 99}));
  EXPECT_EQ(results[0].histogram->counts, (std::vector<std::int64_t>{25, 25, 25, 25}));
  EXPECT_EQ(results[1].histogram->edges.front(), -495);
  EXPECT_EQ(results[1].histogram->edges.back(), 0);
  EXPECT_EQ(results[1].histogram->counts, (std::vector<std::int64_t>{25, 25, 25, 25}));
}

TEST(Histogram, the_second_read_is_named) {
  const auto has_fact = [](const Context& ctx) {
    for (const auto& [key, text] : ctx.recorder().facts())
      if (key == "reads of the data") return text.starts_with("2");
    return false;
  };
  const Context base = context();
  const Context ctx =
      on_test_device(Context(base.comm(), base.backend(), std::make_shared<Recorder>()));
  static_cast<void>(of_values(ctx, {1, 2, 3}, {.range_low = 0, .range_high = 4}));
  EXPECT_FALSE(has_fact(ctx));
  static_cast<void>(of_values(ctx, {1, 2, 3}, {.bins = 2}));
  EXPECT_TRUE(has_fact(ctx));
}

}  // namespace
}  // namespace serried::test
