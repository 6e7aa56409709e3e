// ranks: 1 2 3 4 7
// Prediction and transformation, and what is refused.
#include <cmath>
#include <limits>

#include "ml/kmeans_support.hpp"
#include "serried/comm/agree.hpp"
#include "support/value_source.hpp"

namespace serried::test {
namespace {

constexpr double nan = std::numeric_limits<double>::quiet_NaN();

KMeansModel model_of(std::int64_t clusters, std::int64_t features, DType dtype = DType::f64) {
  KMeansModel model;
  model.clusters = clusters;
  model.features = features;
  model.dtype = dtype;
  const Blobs blobs{clusters, features, clusters, 0, 0.3, 1, 9};
  for (std::int64_t j = 0; j < clusters; ++j)
    for (std::int64_t f = 0; f < features; ++f) model.centers.push_back(blobs(j, f));
  return model;
}

TEST(KMeansPredict, equals_a_serial_loop) {
  const auto ctx = wide_context();
  for (const DType dtype : {DType::f64, DType::f32, DType::i32})
    for (const std::int64_t p : {1, 3, 17}) {
      const Blobs blobs{2500, p, 6};
      const auto model = model_of(6, p);
      const auto value = [&](std::int64_t row, std::int64_t f) {
        const double x = blobs(row, f);
        return dtype == DType::i32   ? std::floor(x)
               : dtype == DType::f32 ? static_cast<double>(static_cast<float>(x))
                                     : x;
      };
      const auto got = predict_kmeans(ctx, model, make_array(ctx, 2500, p, dtype, value));
      const auto labels = everywhere<std::int32_t>(got.labels);
      std::vector<double> x;
      std::vector<std::int64_t> sizes(6, 0);
      for (std::int64_t i = 0; i < 2500; ++i) {
        for (std::int64_t f = 0; f < p; ++f) x.push_back(value(i, f));
        double best = std::numeric_limits<double>::infinity();
        std::int32_t label = 0;
        for (std::int32_t j = 0; j < 6; ++j) {
          const double d = squared_distance(x.data() + i * p, model.centers.data() + j * p, p);
          if (d < best) {
            best = d;
            label = j;
          }
        }
        EXPECT_EQ(labels[static_cast<std::size_t>(i)], label);
        ++sizes[static_cast<std::size_t>(label)];
      }
      EXPECT_EQ(got.sizes, sizes);
      EXPECT_EQ(got.rows, 2500);
      EXPECT_EQ(got.rows_used, 2500);
      const auto inertia = static_cast<double>(inertia_of(x, model.centers, labels, p));
      EXPECT_NEAR(got.inertia, inertia, 1e-14 * inertia);
      const Array alone = make_array(lone_context(), 2500, p, dtype, value);
      EXPECT_EQ(got.inertia, predict_kmeans(alone.context(), model, alone).inertia);
    }
}

TEST(KMeansPredict, labels_of_a_fit_are_predicted_again) {
  const auto ctx = wide_context();
  for (const DType dtype : {DType::f64, DType::f32}) {
    const Array data = make_array(ctx, Blobs{3000, 4, 7}, dtype);
    for (const int most : {2, 50}) {
      KMeansOptions options{.clusters = 7, .max_iterations = most};
      const auto fit = fit_kmeans(ctx, data, options);
      const auto again = predict_kmeans(ctx, fit.model, data);
      EXPECT_EQ(everywhere<std::int32_t>(fit.labels), everywhere<std::int32_t>(again.labels));
      EXPECT_EQ(fit.model.sizes, again.sizes);
      EXPECT_EQ(fit.model.inertia, again.inertia);
    }
  }
}

TEST(KMeansPredict, missing_rows) {
  const auto ctx = wide_context();
  const auto value = [](std::int64_t row, std::int64_t f) {
    return row % 10 == 3 && f == 1 ? nan : static_cast<double>(row % 4 + f);
  };
  const Array data = make_array(ctx, 200, 2, DType::f64, value);
  const auto model = model_of(3, 2);
  const auto got = predict_kmeans(ctx, model, data, true);
  EXPECT_EQ(got.rows_used, 180);
  const auto labels = everywhere<std::int32_t>(got.labels);
  for (std::size_t i = 0; i < 200; ++i) EXPECT_EQ(labels[i] < 0, i % 10 == 3);
  try {
    static_cast<void>(predict_kmeans(ctx, model, data));
    ADD_FAILURE() << "missing rows were accepted";
  } catch (const DataError& error) {
    EXPECT_NE(std::string(error.what()).find("20 of 200 rows"), std::string::npos) << error.what();
    EXPECT_NE(std::string(error.what()).find("row 3 "), std::string::npos) << error.what();
  }
}

/// Keeps labels in memory.
class LabelSink final : public RowSink {
 public:
  explicit LabelSink(const Context& ctx, int failing_rank = -1)
      : ctx_(ctx), failing_rank_(failing_rank) {}

  void append(RowRange rows, std::span<const std::byte> bytes) noexcept override {
    EXPECT_TRUE(end_ < 0 || rows.begin == end_);
    end_ = rows.end;
    EXPECT_EQ(bytes.size(), static_cast<std::size_t>(rows.size()) * sizeof(std::int32_t));
    const auto* labels = reinterpret_cast<const std::int32_t*>(bytes.data());
    labels_.insert(labels_.end(), labels, labels + rows.size());
  }
  void advance() override {
    agree(ctx_.comm(), [&] {
      if (ctx_.rank() == failing_rank_) throw IoError("the disk is full");
    });
    ++advances_;
  }
  [[nodiscard]] std::int64_t rows_between() const noexcept override { return 100; }

  [[nodiscard]] std::vector<std::int32_t> everywhere() const {
    return ctx_.comm().allgather(std::span<const std::int32_t>(labels_)).values;
  }
  [[nodiscard]] std::int64_t advances() const { return advances_; }

 private:
  Context ctx_;
  int failing_rank_;
  std::vector<std::int32_t> labels_;
  std::int64_t end_ = -1;
  std::int64_t advances_ = 0;
};

TEST(KMeansPredict, labels_may_come_batch_by_batch) {
  const auto value = [](std::int64_t row, std::int64_t f) {
    return row % 700 == 31 && f == 1 ? nan : Blobs{}(row, f);
  };
  const auto model = model_of(5, 3);
  for (const std::int64_t max_tiles : {16384, 64, 3})
    for (const std::int64_t batch_bytes : {1, 3000, 1 << 20})
      for (const int threads : {1, 2}) {
        const auto ctx =
            wide_context(threads, {.max_tiles = max_tiles, .batch_bytes = batch_bytes});
        const ValueSource<double> data(ctx, 9001, 3, value);
        const auto whole = predict_kmeans(ctx, model, data, true);
        LabelSink sink(ctx);
        const auto got = predict_kmeans_into(ctx, model, data, &sink, true);
        EXPECT_EQ(sink.everywhere(), everywhere<std::int32_t>(whole.labels));
        EXPECT_EQ(got.sizes, whole.sizes);
        EXPECT_EQ(got.inertia, whole.inertia);
        EXPECT_EQ(got.rows, 9001);
        EXPECT_EQ(got.rows_used, whole.rows_used);
        EXPECT_EQ(predict_kmeans_into(ctx, model, data, nullptr, true).inertia, whole.inertia);
        try {
          static_cast<void>(predict_kmeans_into(ctx, model, data, nullptr));
          ADD_FAILURE() << "missing rows were accepted";
        } catch (const DataError& error) {
          EXPECT_NE(std::string(error.what()).find("13 of 9001 rows"), std::string::npos)
              << error.what();
          EXPECT_NE(std::string(error.what()).find("row 31 "), std::string::npos) << error.what();
        }
      }
}

TEST(KMeansPredict, batches_of_other_dtypes_and_no_rows) {
  const auto ctx = wide_context(1, {.batch_bytes = 500});
  const auto expect_alike = [&](const TileSource& data) {
    LabelSink sink(ctx);
    const auto whole = predict_kmeans(ctx, model_of(4, 3), data);
    const auto got = predict_kmeans_into(ctx, model_of(4, 3), data, &sink);
    EXPECT_EQ(sink.everywhere(), everywhere<std::int32_t>(whole.labels));
    EXPECT_EQ(got.inertia, whole.inertia);
    EXPECT_EQ(got.sizes, whole.sizes);
  };
  for (const std::int64_t rows : {0, 1, 4000}) {
    expect_alike(make_array(ctx, rows, 3, DType::f32, Blobs{}));
    expect_alike(ValueSource<float>(ctx, rows, 3, [](std::int64_t row, std::int64_t f) {
      return static_cast<float>(Blobs{}(row, f));
    }));
    expect_alike(ValueSource<std::int16_t>(ctx, rows, 3, [](std::int64_t row, std::int64_t f) {
      return static_cast<std::int16_t>(10 * Blobs{}(row, f));
    }));
  }
}

TEST(KMeansPredict, a_sink_that_fails_on_one_rank_is_an_error_on_all) {
  const auto ctx = wide_context(1, {.max_tiles = 64, .batch_bytes = 3000});
  const ValueSource<double> data(ctx, 40000, 3, Blobs{});
  LabelSink good(ctx);
  static_cast<void>(predict_kmeans_into(ctx, model_of(4, 3), data, &good));
  EXPECT_GT(good.advances(), 0);
  LabelSink bad(ctx, ctx.size() - 1);
  try {
    static_cast<void>(predict_kmeans_into(ctx, model_of(4, 3), data, &bad));
    ADD_FAILURE() << "no error";
  } catch (const RankError& error) {
    EXPECT_EQ(error.kind(), ErrorKind::io);
  }
}

TEST(KMeansPredict, squares_beyond_f64_are_refused) {
  const auto ctx = wide_context();
  const auto predict = [&](double row_unit, double center_unit, DType dtype, double other = 0) {
    auto model = model_of(3, 2);
    for (double& value : model.centers) value *= center_unit;
    const Array data = make_array(ctx, 60, 2, dtype, [&](std::int64_t row, std::int64_t f) {
      return row == 41 && other > 0 ? other : row_unit * static_cast<double>(row % 5 + f);
    });
    return predict_kmeans(ctx, model, data);
  };
  EXPECT_THROW(static_cast<void>(predict(1e200, 1, DType::f64)), DataError);
  EXPECT_THROW(static_cast<void>(predict(1, 1, DType::f64, 1e160)), DataError);
  EXPECT_THROW(static_cast<void>(predict(1, 1e200, DType::f64)), DataError);
  EXPECT_THROW(static_cast<void>(predict(1, 1e200, DType::f32)), DataError);
  EXPECT_THROW(static_cast<void>(predict(1e-170, 1e-170, DType::f64)), DataError);
  const auto plain = predict(1, 1, DType::f64);
  for (const double unit : {0x1.0p+500, 0x1.0p-480}) {
    const auto got = predict(unit, unit, DType::f64);
    EXPECT_EQ(got.sizes, plain.sizes);
    EXPECT_EQ(got.inertia, plain.inertia * unit * unit);
  }
}

TEST(KMeansPredict, no_rows) {
  const auto ctx = wide_context();
  const auto got = predict_kmeans(ctx, model_of(3, 2), Array::zeros(ctx, Shape{0, 2}, DType::f64));
  EXPECT_EQ(got.rows, 0);
  EXPECT_EQ(got.inertia, 0);
  EXPECT_EQ(got.sizes, (std::vector<std::int64_t>{0, 0, 0}));
}

TEST(KMeansTransform, distances_to_all_centres) {
  const auto ctx = wide_context();
  for (const DType dtype : {DType::f64, DType::f32, DType::u8}) {
    const auto model = model_of(5, 3, dtype == DType::f32 ? DType::f32 : DType::f64);
    const auto value = [&](std::int64_t row, std::int64_t f) {
      return static_cast<double>((row * 7 + f * 3) % 6);
    };
    const Array got = transform_kmeans(ctx, model, make_array(ctx, 300, 3, dtype, value));
    EXPECT_EQ(got.shape(), (Shape{300, 5}));
    EXPECT_EQ(got.dtype(), model.dtype);
    std::vector<double> distances;
    if (model.dtype == DType::f32)
      for (const float d : everywhere<float>(got)) distances.push_back(static_cast<double>(d));
    else
      distances = everywhere<double>(got);
    for (std::int64_t i = 0; i < 300; ++i) {
      const double x[3] = {value(i, 0), value(i, 1), value(i, 2)};
      for (std::int64_t j = 0; j < 5; ++j) {
        const double d = std::sqrt(squared_distance(x, model.centers.data() + j * 3, 3));
        EXPECT_EQ(distances[static_cast<std::size_t>(i * 5 + j)],
                  model.dtype == DType::f32 ? static_cast<double>(static_cast<float>(d)) : d);
      }
    }
  }
}

template <class E, class F>
void expect_error(const F& f, const std::string& part) {
  try {
    f();
    ADD_FAILURE() << "no error with '" << part << "'";
  } catch (const E& error) {
    EXPECT_NE(std::string(error.what()).find(part), std::string::npos) << error.what();
  }
}

TEST(KMeansErrors, bad_data) {
  const auto ctx = wide_context();
  const auto with = [&](double bad) {
    return make_array(ctx, 100, 2, DType::f64, [=](std::int64_t row, std::int64_t f) {
      return row >= 41 && row < 44 && f == 1 ? bad : static_cast<double>(row);
    });
  };
  KMeansOptions options{.clusters = 3};
  for (const double bad : {nan, std::numeric_limits<double>::infinity()})
    for (const char* part : {"3 of 100 rows", "row 41 "})
      expect_error<DataError>([&] { static_cast<void>(fit_kmeans(ctx, with(bad), options)); },
                              part);
  expect_error<DataError>([&] { static_cast<void>(fit_kmeans(ctx, with(1e200), options)); },
                          "9.7e+199");
  expect_error<DataError>([&] { static_cast<void>(fit_kmeans(ctx, with(1), {.clusters = 101})); },
                          "there are 100");
  expect_error<DataError>(
      [&] {
        static_cast<void>(fit_kmeans(ctx, with(nan), {.clusters = 98, .drop_missing = true}));
      },
      "there are 97 without the 3 missing ones");
  expect_error<DataError>(
      [&] {
        static_cast<void>(fit_kmeans(ctx, Array::zeros(ctx, Shape{0, 2}, DType::f64), options));
      },
      "there are 0");
  expect_error<InvalidArgument>(
      [&] {
        static_cast<void>(fit_kmeans(ctx, Array::zeros(ctx, Shape{9, 2}, DType::c64), options));
      },
      "real numbers");
}

TEST(KMeansErrors, bad_weights) {
  const auto ctx = wide_context();
  const Array data = make_array(ctx, Blobs{100, 2, 3});
  const auto fit = [&](std::int64_t rows, auto f) {
    const Array weights = make_weights(ctx, rows, f);
    static_cast<void>(fit_kmeans(ctx, data, {.clusters = 3}, &weights));
  };
  expect_error<InvalidArgument>([&] { fit(99, [](std::int64_t) { return 1.; }); },
                                "one weight for each of the 100 rows");
  expect_error<DataError>([&] { fit(100, [](std::int64_t i) { return i == 60 ? -1. : 1.; }); },
                          "row 60 (counted from 0) is negative");
  expect_error<DataError>([&] { fit(100, [](std::int64_t) { return 0.; }); },
                          "no weight is above 0");
  expect_error<DataError>([&] { fit(100, [](std::int64_t i) { return i == 7 ? nan : 1.; }); },
                          "row 7 ");
}

TEST(KMeansErrors, bad_options) {
  const auto ctx = wide_context();
  const Array data = make_array(ctx, Blobs{100, 2, 3});
  const auto fit = [&](const KMeansOptions& options) {
    static_cast<void>(fit_kmeans(ctx, data, options));
  };
  expect_error<InvalidArgument>([&] { fit({.clusters = 0}); }, "clusters");
  expect_error<InvalidArgument>([&] { fit({.max_iterations = 0}); }, "iteration");
  expect_error<InvalidArgument>([&] { fit({.n_init = 0}); }, "n_init");
  expect_error<InvalidArgument>([&] { fit({.tolerance = -1}); }, "tolerance");
  expect_error<InvalidArgument>([&] { fit({.tolerance = nan}); }, "tolerance");
  expect_error<InvalidArgument>([&] { fit({.init_candidates = 0}); }, "candidates");
  expect_error<InvalidArgument>([&] { fit({.init_rounds = -1}); }, "rounds");
  expect_error<InvalidArgument>(
      [&] {
        fit({.clusters = 2, .init = KMeansInit::given, .initial_centers = {1, 2, 3}});
      },
      "2 x 2");
  expect_error<InvalidArgument>(
      [&] {
        fit({.clusters = 1, .init = KMeansInit::given, .initial_centers = {1, nan}});
      },
      "NaN");
  expect_error<InvalidArgument>(
      [&] { static_cast<void>(predict_kmeans(ctx, model_of(3, 5), data)); }, "the model has 5");
  expect_error<InvalidArgument>(
      [&] { static_cast<void>(transform_kmeans(ctx, KMeansModel{}, data)); }, "no fitted");
}

TEST(KMeansReport, reads_and_outliers_are_told) {
  const auto ctx = wide_context();
  KMeansOptions options{.clusters = 2,
                        .init = KMeansInit::given,
                        .initial_centers = {0, 0, 3, 3},
                        .max_iterations = 2,
                        .tolerance = 0};
  const auto facts_of = [&](double outlier) {
    auto recorder = std::make_shared<Recorder>();
    const Context own(ctx.comm(), ctx.backend(), recorder);
    const Array data = make_array(own, 1000, 2, DType::f64, [&](std::int64_t row, std::int64_t f) {
      return row == 999 ? outlier : static_cast<double>(row % 7 + f);
    });
    const auto fit = fit_kmeans(own, data, options);
    bool is_told = false;
    for (const auto& [key, value] : recorder->facts())
      if (key == "k-means reads of the data") {
        is_told = true;
        // Two for the columns, the iterations, the inertia, and the one that a warning takes.
        const std::int64_t reads = (outlier > 1e18 ? 4 : 3) + fit.model.iterations;
        EXPECT_EQ(value.substr(0, 2), std::to_string(reads) + " ");
      }
    EXPECT_TRUE(is_told);
    return recorder->messages().size();
  };
  EXPECT_EQ(facts_of(5), 0u);
  EXPECT_EQ(facts_of(1e6), 0u);
  EXPECT_EQ(facts_of(1e20), 1u);
}

TEST(KMeansReport, no_outliers_where_rows_are_their_centres) {
  const auto ctx = wide_context();
  const Blobs blobs{60, 2, 60};
  const auto warnings_of = [&](std::int64_t clusters, std::int64_t places, double weight) {
    auto recorder = std::make_shared<Recorder>();
    const Context own(ctx.comm(), ctx.backend(), recorder);
    const Array data = make_array(own, 60, 2, DType::f64, [&](std::int64_t row, std::int64_t f) {
      return blobs(row % places, f);
    });
    const Array weights = make_weights(own, 60, [&](std::int64_t) { return weight; });
    static_cast<void>(
        fit_kmeans(own, data, {.clusters = clusters}, weight == 1 ? nullptr : &weights));
    return recorder->messages().size();
  };
  EXPECT_EQ(warnings_of(60, 60, 1), 0u);
  EXPECT_EQ(warnings_of(7, 7, 1), 0u);
  EXPECT_EQ(warnings_of(7, 7, 3), 0u);
  EXPECT_EQ(warnings_of(12, 7, 1), 0u);
  EXPECT_EQ(warnings_of(4, 60, 1e30), 0u);
}

}  // namespace
}  // namespace serried::test
