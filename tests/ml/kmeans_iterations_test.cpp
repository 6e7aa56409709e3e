// ranks: 1 2 3
// The inertia of each iteration against that of its labels and their means, in long double.
#include <limits>

#include "ml/kmeans_support.hpp"

namespace serried::test {
namespace {

constexpr double nan = std::numeric_limits<double>::quiet_NaN();
constexpr Blobs blobs{900, 3, 6, 50};
constexpr std::int64_t clusters = 5;

bool is_missing(std::int64_t row) {
  return row % 97 == 3;
}

double value(std::int64_t row, std::int64_t feature) {
  return is_missing(row) && feature == 1 ? nan : blobs(row, feature);
}

double weight(std::int64_t row, bool is_weighted) {
  return is_weighted ? 0.5 + static_cast<double>(row % 7) : 1.;
}

/// The sum of squared distances of rows to the means of their clusters.
long double within(const std::vector<std::int32_t>& labels, bool is_weighted) {
  const auto p = static_cast<std::size_t>(blobs.features);
  std::vector<long double> masses(clusters, 0), means(clusters * p, 0);
  const auto each = [&](const auto& f) {
    for (std::int64_t row = 0; row < blobs.rows; ++row) {
      const std::int32_t label = labels[static_cast<std::size_t>(row)];
      if (label >= 0) f(row, static_cast<std::size_t>(label), weight(row, is_weighted));
    }
  };
  each([&](std::int64_t, std::size_t j, double w) { masses[j] += static_cast<long double>(w); });
  each([&](std::int64_t row, std::size_t j, double w) {
    for (std::size_t f = 0; f < p; ++f)
      means[j * p + f] +=
          static_cast<long double>(w * value(row, static_cast<std::int64_t>(f))) / masses[j];
  });
  long double sum = 0;
  each([&](std::int64_t row, std::size_t j, double w) {
    for (std::size_t f = 0; f < p; ++f) {
      const long double d =
          static_cast<long double>(value(row, static_cast<std::int64_t>(f))) - means[j * p + f];
      sum += static_cast<long double>(w) * d * d;
    }
  });
  return sum;
}

TEST(KMeansIterations, inertia_is_that_of_labels_and_their_means) {
  const Context ctx = wide_context(2);
  const Array data = make_array(ctx, blobs.rows, blobs.features, DType::f64, value);
  for (const bool is_weighted : {false, true}) {
    const Array weights =
        make_weights(ctx, blobs.rows, [&](std::int64_t row) { return weight(row, is_weighted); });
    KMeansOptions options{.clusters = clusters,
                          .init = KMeansInit::random,
                          .tolerance = 0,
                          .seed = 5,
                          .drop_missing = true};
    const auto fit = [&] {
      return fit_kmeans(ctx, data, options, is_weighted ? &weights : nullptr);
    };
    const KMeansModel model = fit().model;
    const std::vector<double>& inertia = model.inertia_by_iteration;
    ASSERT_EQ(static_cast<std::int64_t>(inertia.size()), model.iterations);
    ASSERT_GE(model.iterations, 4);
    // labels after i iterations are those that iteration i + 1 begins with
    for (int i = 1; i < model.iterations; ++i) {
      options.max_iterations = i;
      const KMeansFit part = fit();
      const auto labels = ctx.comm().allgather(part.labels.to_host().local<std::int32_t>()).values;
      const auto expected = static_cast<double>(within(labels, is_weighted));
      EXPECT_NEAR(inertia[static_cast<std::size_t>(i)], expected, 1e-9 * expected) << i;
      for (int j = 0; j < i; ++j)
        EXPECT_NEAR(part.model.inertia_by_iteration[static_cast<std::size_t>(j)],
                    inertia[static_cast<std::size_t>(j)], 1e-9 * expected);
    }
    EXPECT_NEAR(inertia.back(), model.inertia, 1e-9 * model.inertia);
    // the same bits on one rank alone
    const Context alone = lone_context();
    const Array same = make_array(alone, blobs.rows, blobs.features, DType::f64, value);
    const Array same_weights =
        make_weights(alone, blobs.rows, [&](std::int64_t row) { return weight(row, is_weighted); });
    options.max_iterations = 300;
    EXPECT_EQ(fit_kmeans(alone, same, options, is_weighted ? &same_weights : nullptr)
                  .model.inertia_by_iteration,
              inertia);
  }
}

}  // namespace
}  // namespace serried::test
