// ranks: 1 2 3 4 7
// K-means by pieces of the columns has the bits of k-means on whole rows in memory.
#include <unistd.h>

#include <cmath>
#include <filesystem>
#include <limits>

#include "ml/kmeans_support.hpp"
#include "serried/io/file_writer.hpp"
#include "serried/ml/kmeans_wide.hpp"

namespace serried::test {
namespace {

namespace fs = std::filesystem;

constexpr double nan = std::numeric_limits<double>::quiet_NaN();
/// The least number with which seeding measures all distances by the direct form.
constexpr std::int64_t direct_features = 349520;

/// Rows around places, with one column that varies far more than the others.
struct WideBlobs {
  std::int64_t features = 3000;
  std::int64_t places = 3;
  double unit = 1;
  std::int64_t hole = -1;  ///< a row with a NaN in its last column

  double operator()(std::int64_t row, std::int64_t feature) const {
    if (row == hole && feature == features - 1) return nan;
    const auto noise = philox_words(7, 3, static_cast<std::uint64_t>(row * features + feature / 2));
    const auto place =
        philox_words(7, 1, static_cast<std::uint64_t>(row))[0] % static_cast<std::uint64_t>(places);
    const double center =
        to_unit_interval(philox_words(7, 2, place << 32 | static_cast<std::uint64_t>(feature))[0]);
    const double value = center + 0.9 * to_unit_interval(noise[feature % 2 == 0 ? 0 : 1]);
    return unit * (feature == 5 ? 1000 * value : value);
  }
};

double weight_of(std::int64_t row) {
  return row == 2 ? nan : row % 5 == 0 ? 0 : 0.25 + static_cast<double>(row % 7);
}

/// A file of this test's ranks, removed at the end.
class SharedFile {
 public:
  explicit SharedFile(const Context& ctx)
      : ctx_(ctx),
        path_(ctx.comm().broadcast_text(
            (fs::temp_directory_path() / ("serried_wide_" + std::to_string(::getpid()) + ".h5"))
                .string(),
            0)),
        writer_(std::make_unique<FileWriter>(ctx, path_)) {}
  ~SharedFile() {
    if (ctx_.rank() == 0) fs::remove(path_);
  }
  void write(const std::string& name, const Array& array) { writer_->write(name, array); }
  void close() {
    writer_->commit();
    writer_.reset();
  }
  [[nodiscard]] Dataset open(const Context& ctx, const std::string& name,
                             const DatasetOptions& options = {}) const {
    return Dataset::open(ctx, parse_address(path_ + ":" + name), options);
  }

 private:
  Context ctx_;
  std::string path_;
  std::unique_ptr<FileWriter> writer_;
};

Context with_memory(const Context& ctx, std::int64_t bytes) {
  ContextOptions options = ctx.options();
  options.memory_bytes = bytes;
  return ctx.with_options(options);
}

/// A fit by pieces with a multiple of the least memory, its centres put together.
WholeFit fit_wide(const Context& context, const SharedFile& file, const KMeansOptions& options,
                  bool has_weights, double share) {
  const Dataset first = file.open(context, "/x");
  const auto least = least_memory_of_wide_fit(first, options, has_weights);
  EXPECT_TRUE(least.has_value());
  const Context ctx =
      with_memory(context, static_cast<std::int64_t>(share * static_cast<double>(*least)));
  const Dataset data = file.open(ctx, "/x");
  const std::int64_t p = data.row_elements();
  std::optional<Dataset> centers;
  if (options.init == KMeansInit::given)
    centers = file.open(ctx, "/centers", {.dtype = DType::f64});
  std::optional<Dataset> weights;
  if (has_weights)
    weights = file.open(ctx, "/weights", {.samples = {.kind = SampleAxes::Kind::all}});
  std::vector<double> all(static_cast<std::size_t>(options.clusters * p), nan);
  std::int64_t pieces = 0;
  KMeansFit fit = fit_kmeans_wide(
      ctx, data, options, centers ? &*centers : nullptr, weights ? &*weights : nullptr,
      [&](RowRange columns, std::span<const double> values) {
        ++pieces;
        for (std::int64_t j = 0; j < options.clusters; ++j)
          for (std::int64_t f = 0; f < columns.size(); ++f)
            all[static_cast<std::size_t>(j * p + columns.begin + f)] =
                values[static_cast<std::size_t>(j * columns.size() + f)];
      });
  if (share == 1) {
    EXPECT_EQ(pieces, (p + 1023) / 1024);
  }
  const std::size_t head = fit.model.centers.size() / static_cast<std::size_t>(options.clusters);
  EXPECT_EQ(head, 16U);
  for (std::int64_t j = 0; j < options.clusters; ++j)
    for (std::size_t f = 0; f < head; ++f)
      EXPECT_EQ(fit.model.centers[static_cast<std::size_t>(j) * head + f],
                all[static_cast<std::size_t>(j * p) + f]);
  fit.model.centers = std::move(all);
  return whole(fit);
}

/// What is clustered.
struct Case {
  WideBlobs blobs;
  std::int64_t rows = 40;
  DType dtype = DType::f32;
  bool has_weights = false;
  KMeansOptions options;
  /// Of the given centres, by cluster and feature.
  std::function<double(std::int64_t, std::int64_t)> center = {};
};

/// Compares with rows in memory on one rank. @param shares of the least memory.
void expect_bits_of_memory(const Case& c, const ContextOptions& tiles, const std::string& what,
                           std::initializer_list<double> shares = {1., 1.7},
                           std::initializer_list<int> thread_counts = {1, 2}) {
  const WholeFit alone = computed_alone(tiles, [&](const Context& context) {
    const Context ctx = context.on_host();
    KMeansOptions options = c.options;
    for (std::int64_t j = 0; c.center && j < options.clusters; ++j)
      for (std::int64_t f = 0; f < c.blobs.features; ++f)
        options.initial_centers.push_back(c.center(j, f));
    const Array data = make_array(ctx, c.rows, c.blobs.features, c.dtype, c.blobs);
    if (!c.has_weights) return whole(fit_kmeans(ctx, data, options));
    const Array weights = make_weights(ctx, c.rows, weight_of);
    return whole(fit_kmeans(ctx, data, options, &weights));
  });
  const Context ctx = wide_host_context(1, tiles);
  SharedFile file(ctx);
  file.write("/x", make_array(ctx, c.rows, c.blobs.features, c.dtype, c.blobs));
  if (c.has_weights) file.write("/weights", make_weights(ctx, c.rows, weight_of));
  if (c.center)
    file.write("/centers",
               make_array(ctx, c.options.clusters, c.blobs.features, DType::f64, c.center));
  file.close();
  for (const double share : shares)
    for (const int threads : thread_counts)
      expect_same_bits(
          alone, fit_wide(wide_host_context(threads, tiles), file, c.options, c.has_weights, share),
          what + ", share " + std::to_string(share) + ", threads " + std::to_string(threads));
  ctx.comm().barrier();
}

TEST(KMeansWide, random_rows_at_any_ranks_threads_and_tiles) {
  for (const DType dtype : {DType::f32, DType::f64, DType::i16})
    for (const std::int64_t tiles : {std::int64_t{16384}, std::int64_t{3}})
      for (const bool has_weights : {false, true})
        expect_bits_of_memory({.blobs = {.unit = dtype == DType::i16 ? 9. : 1e-9},
                               .rows = 90,
                               .dtype = dtype,
                               .has_weights = has_weights,
                               .options = {.clusters = 4,
                                           .init = KMeansInit::random,
                                           .seed = 5,
                                           .drop_missing = has_weights}},
                              {.max_tiles = tiles},
                              std::string(name(dtype)) + (has_weights ? ", weights" : ""));
}

TEST(KMeansWide, missing_rows_are_left_out) {
  const Case c{.blobs = {.hole = 6},
               .rows = 11,
               .has_weights = true,
               .options = {.clusters = 2, .init = KMeansInit::random, .drop_missing = true}};
  expect_bits_of_memory(c, {}, "holes");
  const Context ctx = wide_host_context();
  SharedFile file(ctx);
  file.write("/x", make_array(ctx, c.rows, c.blobs.features, DType::f64, c.blobs));
  file.close();
  try {
    static_cast<void>(
        fit_kmeans_wide(ctx, file.open(ctx, "/x"), {.clusters = 2, .init = KMeansInit::random}));
    FAIL() << "missing rows were not refused";
  } catch (const DataError& error) {
    EXPECT_NE(std::string(error.what()).find("1 of 11 rows has NaN or Inf; the first is row 6"),
              std::string::npos)
        << error.what();
  }
  ctx.comm().barrier();
}

TEST(KMeansWide, one_cluster_and_as_many_as_rows) {
  for (const std::int64_t clusters : {1, 7})
    expect_bits_of_memory(
        {.rows = 7, .options = {.clusters = clusters, .init = KMeansInit::random, .seed = 1}}, {},
        std::to_string(clusters) + " clusters");
}

TEST(KMeansWide, several_fits) {
  expect_bits_of_memory({.blobs = {.places = 9},
                         .options = {.clusters = 5,
                                     .init = KMeansInit::random,
                                     .n_init = 4,
                                     .max_iterations = 2,
                                     .tolerance = 0}},
                        {}, "several fits", {1.});
}

TEST(KMeansWide, given_centers_also_where_clusters_become_empty) {
  const WideBlobs blobs;
  const auto near = [&](std::int64_t j, std::int64_t f) { return blobs(j, f) + 0.125; };
  // No row is near the last ones; distances to the very last overflow.
  const auto far = [&](std::int64_t j, std::int64_t f) {
    return j == 0 ? blobs(0, f) : j == 3 ? 1e300 : 1e6 * static_cast<double>(j);
  };
  // All overflow, and one is nearest all the same.
  const auto beyond = [](std::int64_t j, std::int64_t) {
    return 1e200 * static_cast<double>(4 - j);
  };
  for (const int iterations : {1, 2, 300})
    for (const auto& center :
         std::vector<std::function<double(std::int64_t, std::int64_t)>>{near, far, beyond})
      for (const bool has_weights : {false, true})
        expect_bits_of_memory({.has_weights = has_weights,
                               .options = {.clusters = 4,
                                           .init = KMeansInit::given,
                                           .max_iterations = iterations,
                                           .drop_missing = has_weights},
                               .center = center},
                              {}, "given, " + std::to_string(iterations), {1.});
}

TEST(KMeansWide, equal_rows_stay_with_their_centers) {
  // Two places of equal rows for three clusters: one stays empty, as no row is far from its centre.
  const auto ctx = wide_host_context();
  const WideBlobs blobs{.places = 2};
  Case c{.rows = 12,
         .options = {.clusters = 3, .init = KMeansInit::given},
         .center = [&](std::int64_t j, std::int64_t f) { return j == 2 ? 1e4 : blobs(j, f); }};
  const auto twin = [&](std::int64_t row, std::int64_t f) { return blobs(row % 2, f) / 3; };
  const WholeFit alone = computed_alone({}, [&](const Context& context) {
    KMeansOptions options = c.options;
    for (std::int64_t j = 0; j < 3; ++j)
      for (std::int64_t f = 0; f < blobs.features; ++f)
        options.initial_centers.push_back(c.center(j, f));
    const Context host = context.on_host();
    return whole(fit_kmeans(host, make_array(host, 12, blobs.features, DType::f32, twin), options));
  });
  SharedFile file(ctx);
  file.write("/x", make_array(ctx, 12, blobs.features, DType::f32, twin));
  file.write("/centers", make_array(ctx, 3, blobs.features, DType::f64, c.center));
  file.close();
  expect_same_bits(alone, fit_wide(ctx, file, c.options, false, 1), "twins");
  ctx.comm().barrier();
}

TEST(KMeansWide, seeding_by_distances) {
  for (const KMeansInit init : {KMeansInit::kmeans_plus_plus, KMeansInit::kmeans_parallel})
    expect_bits_of_memory(
        {.blobs = {.features = direct_features},
         .rows = 9,
         .dtype = init == KMeansInit::kmeans_parallel ? DType::f32 : DType::f64,
         .has_weights = init == KMeansInit::kmeans_parallel,
         .options = {.clusters = 2, .init = init, .max_iterations = 1, .drop_missing = true}},
        {}, "seeding", {16.}, {1});
}

TEST(KMeansWide, prediction) {
  const WideBlobs blobs{.hole = 4};
  const Context ctx = wide_host_context();
  KMeansModel model;
  model.clusters = 5;
  model.features = blobs.features;
  const WideBlobs places{.places = 5};
  for (std::int64_t j = 0; j < 5; ++j)
    for (std::int64_t f = 0; f < blobs.features; ++f) model.centers.push_back(places(j, f));
  const Array rows = make_array(ctx, 33, blobs.features, DType::f32, blobs);
  SharedFile file(ctx);
  file.write("/x", rows);
  file.write("/centers", make_array(ctx, 5, blobs.features, DType::f64, places));
  file.close();
  const KMeansPrediction expected = predict_kmeans(ctx, model, rows, true);
  const auto least = least_memory_of_wide_prediction(file.open(ctx, "/x"), 5);
  ASSERT_TRUE(least.has_value());
  const Context narrow = with_memory(ctx, *least);
  const Dataset centers = file.open(narrow, "/centers", {.dtype = DType::f64});
  const KMeansPredictionSummary got =
      predict_kmeans_wide(narrow, centers, file.open(narrow, "/x"), nullptr, true);
  EXPECT_EQ(got.sizes, expected.sizes);
  EXPECT_EQ(got.inertia, expected.inertia);
  EXPECT_EQ(got.rows_used, 32);
  EXPECT_THROW(static_cast<void>(
                   predict_kmeans_wide(narrow, centers, file.open(narrow, "/x"), nullptr, false)),
               DataError);
  ctx.comm().barrier();
}

TEST(KMeansWide, what_cannot_be_done_is_refused) {
  const Context ctx = wide_host_context();
  SharedFile file(ctx);
  file.write("/x", make_array(ctx, 9, 3000, DType::f32, WideBlobs{}));
  file.write("/few", make_array(ctx, 9, 63, DType::f32, WideBlobs{.features = 63}));
  file.close();
  const Dataset x = file.open(ctx, "/x");
  const KMeansOptions good{.clusters = 2, .init = KMeansInit::random};
  const KMeansOptions batches{.clusters = 2, .init = KMeansInit::random, .batch_rows = 4};
  const KMeansOptions measured{.clusters = 2};
  EXPECT_FALSE(least_memory_of_wide_fit(x, batches, false).has_value());
  EXPECT_FALSE(least_memory_of_wide_fit(x, measured, false).has_value());
  EXPECT_FALSE(least_memory_of_wide_fit(file.open(ctx, "/few"), good, false).has_value());
  EXPECT_FALSE(least_memory_of_wide_prediction(file.open(ctx, "/few"), 2).has_value());
  for (const KMeansOptions& options : {batches, measured})
    EXPECT_THROW(static_cast<void>(fit_kmeans_wide(ctx, x, options)), InvalidArgument);
  const auto least = least_memory_of_wide_fit(x, good, false);
  ASSERT_TRUE(least.has_value());
  const Context narrow = with_memory(ctx, *least - 1);
  EXPECT_THROW(static_cast<void>(fit_kmeans_wide(narrow, file.open(narrow, "/x"), good)),
               InvalidArgument);
  ctx.comm().barrier();
}

}  // namespace
}  // namespace serried::test
