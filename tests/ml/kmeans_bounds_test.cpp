// ranks: 1 2 3 4 7
// Bounds decide rows without a look at them, and change no bit.
#include <limits>
#include <string>

#include "ml/kmeans_support.hpp"

namespace serried::test {
namespace {

/// Rows compared with all centres, and all rows, as the report tells them.
std::pair<std::int64_t, std::int64_t> compared(const Context& ctx) {
  for (const auto& [key, value] : ctx.recorder().facts())
    if (key == "k-means rows compared with all centres")
      return {std::stoll(value), std::stoll(value.substr(value.find(" of ") + 4))};
  return {-1, -1};
}

struct Fits {
  WholeFit bounded, plain;
  std::int64_t compared_rows, all_rows;
};

/// The same fit with and without bounds.
Fits fit_both(const Context& ctx, const Array& data, KMeansOptions options,
              const Array* weights = nullptr) {
  options.tolerance = 0;
  Fits fits;
  fits.bounded = whole(fit_kmeans(ctx, data, options, weights));
  std::tie(fits.compared_rows, fits.all_rows) = compared(ctx);
  options.bounds = KMeansBoundsUse::off;
  fits.plain = whole(fit_kmeans(ctx, data, options, weights));
  const auto [plainly_compared, all] = compared(ctx);
  EXPECT_EQ(plainly_compared, all);
  return fits;
}

const std::vector<Blobs> data_sets{
    {.rows = 3000, .features = 2, .places = 8},
    {.rows = 2500, .features = 33, .places = 40, .spread = 0.6},
    {.rows = 2000, .features = 5, .places = 12, .offset = 300, .spread = 0.05},
    {.rows = 2000, .features = 16, .places = 10, .spread = 0.01, .unit = 1e-9},
    {.rows = 1500, .features = 3, .places = 1, .spread = 1},  // one cloud: bounds decide little
    {.rows = 70, .features = 4, .places = 9},
    {.rows = 5, .features = 2, .places = 2}};

TEST(KMeansBounds, change_no_bit) {
  for (const Blobs& blobs : data_sets)
    for (const DType dtype : {DType::f32, DType::f64})
      for (const std::int64_t clusters : {1, 3, 8, 41}) {
        if (clusters > blobs.rows) continue;
        for (const int threads : {1, 2}) {
          const Context ctx = wide_context(threads);
          const Array data = make_array(ctx, blobs, dtype);
          const Fits fits =
              fit_both(ctx, data, {.clusters = clusters, .init = KMeansInit::random, .seed = 5});
          expect_same_bits(fits.bounded, fits.plain,
                           std::to_string(blobs.rows) + " rows, " + std::to_string(clusters) +
                               " clusters, " + std::string(name(dtype)));
        }
      }
}

TEST(KMeansBounds, decide_rows_and_do_so_alike_at_any_number_of_ranks) {
  for (const bool is_f32 : {true, false}) {
    const Blobs blobs{.rows = 20000, .features = 16, .places = 50, .spread = 0.35};
    const KMeansOptions options{.clusters = 50, .init = KMeansInit::random, .seed = 1};
    const DType dtype = is_f32 ? DType::f32 : DType::f64;
    const Context ctx = wide_context();
    const Fits fits = fit_both(ctx, make_array(ctx, blobs, dtype), options);
    expect_same_bits(fits.bounded, fits.plain, "wide");
    if (!ctx.has_device()) {
      EXPECT_LT(2 * fits.compared_rows, fits.all_rows);
    }
    const Context alone = lone_context();
    const Fits own = fit_both(alone, make_array(alone, blobs, dtype), options);
    EXPECT_EQ(own.compared_rows, fits.compared_rows);
    expect_same_bits(own.bounded, fits.bounded, "alone");
  }
}

TEST(KMeansBounds, weights_missing_rows_and_duplicates) {
  const Context ctx = wide_context();
  const Blobs blobs{.rows = 4000, .features = 4, .places = 10, .spread = 0.1};
  const Array data =
      make_array(ctx, blobs.rows, blobs.features, DType::f64, [&](std::int64_t i, std::int64_t f) {
        if (i % 17 == 3 && f == i % 4) return std::numeric_limits<double>::quiet_NaN();
        // every fifth row stands in the middle between two others, or twice
        if (i % 5 == 0) return (blobs(i % 50, f) + blobs(i % 40 + 50, f)) / 2;
        return blobs(i, f);
      });
  const Array weights = make_weights(ctx, blobs.rows, [](std::int64_t i) {
    return i % 23 == 1 ? std::numeric_limits<double>::infinity() : static_cast<double>(i % 3);
  });
  for (const std::int64_t clusters : {2, 10, 30}) {
    const KMeansOptions options{
        .clusters = clusters, .init = KMeansInit::random, .seed = 2, .drop_missing = true};
    for (const Array* w : {static_cast<const Array*>(nullptr), &weights}) {
      const Fits fits = fit_both(ctx, data, options, w);
      expect_same_bits(fits.bounded, fits.plain, std::to_string(clusters));
    }
  }
}

/// Points on a small grid: many rows are equally far from several centres.
TEST(KMeansBounds, ties) {
  const Context ctx = wide_context();
  for (const DType dtype : {DType::f32, DType::f64}) {
    const Array data = make_array(ctx, 5000, 2, dtype, [](std::int64_t i, std::int64_t f) {
      return static_cast<double>((f == 0 ? i : i / 7) * 37 % 11);
    });
    for (const std::int64_t clusters : {4, 16, 60}) {
      const Fits fits =
          fit_both(ctx, data, {.clusters = clusters, .init = KMeansInit::random, .seed = 3});
      expect_same_bits(fits.bounded, fits.plain, std::to_string(clusters));
    }
  }
}

}  // namespace
}  // namespace serried::test
