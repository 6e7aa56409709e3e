// host
#include "serried/ml/kmeans_file.hpp"

#include <unistd.h>

#include <filesystem>

#include "support/spmd.hpp"

namespace serried {
namespace {

namespace fs = std::filesystem;

std::string shared_path(const Context& ctx, const std::string& name) {
  return ctx.comm().broadcast_text(
      (fs::temp_directory_path() / (name + std::to_string(::getpid()) + ".h5")).string(), 0);
}

TEST(KMeansFile, save_and_load_give_the_same_model) {
  const Context ctx = test::context();
  const std::string path = shared_path(ctx, "serried_model_");
  KMeansModel model;
  model.clusters = 2;
  model.features = 6;
  model.dtype = DType::f32;
  for (int i = 0; i < 12; ++i) model.centers.push_back(0.1 * i);
  model.sizes = {5, std::int64_t{1} << 33};
  model.inertia = 0.1;
  model.iterations = 17;
  model.converged = true;
  model.rows = 100;
  model.rows_used = 98;
  model.feature_shape = {2, 3};
  save_kmeans(ctx, path, model);
  const KMeansModel loaded = load_kmeans(ctx, path);
  EXPECT_EQ(loaded.clusters, model.clusters);
  EXPECT_EQ(loaded.features, model.features);
  EXPECT_EQ(loaded.dtype, model.dtype);
  EXPECT_EQ(loaded.centers, model.centers);
  EXPECT_EQ(loaded.sizes, model.sizes);
  EXPECT_EQ(loaded.inertia, model.inertia);
  EXPECT_EQ(loaded.iterations, model.iterations);
  EXPECT_EQ(loaded.converged, model.converged);
  EXPECT_EQ(loaded.rows, model.rows);
  EXPECT_EQ(loaded.rows_used, model.rows_used);
  EXPECT_EQ(loaded.feature_shape, model.feature_shape);
  ctx.comm().barrier();
  if (ctx.rank() == 0) fs::remove(path);
}

TEST(KMeansFile, load_refuses_other_files) {
  const Context ctx = test::context();
  EXPECT_THROW((void)load_kmeans(ctx, "/nowhere/model.h5"), RankError);
  const std::string path = shared_path(ctx, "serried_no_model_");
  {
    FileWriter writer(ctx, path);
    writer.write("/centers", Shape{1}, std::vector<double>{3});
    writer.commit();
  }
  try {
    (void)load_kmeans(ctx, path);
    FAIL() << "a file without a model was accepted";
  } catch (const RankError& error) {
    EXPECT_EQ(error.kind(), ErrorKind::data);
    EXPECT_NE(std::string(error.what()).find("holds no k-means model"), std::string::npos)
        << error.what();
  }
  ctx.comm().barrier();
  if (ctx.rank() == 0) fs::remove(path);
}

}  // namespace
}  // namespace serried
