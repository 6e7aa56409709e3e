#include "serried/ml/kmeans_file.hpp"

#include <cmath>
#include <utility>

#include "ml/kmeans_reading.hpp"
#include "serried/comm/agree.hpp"
#include "serried/io/table_file.hpp"

namespace serried {
namespace {

/// What is in a model file besides the arrays; broadcast as it is.
struct Header {
  std::int64_t clusters = 0;
  std::int64_t features = 0;
  DType dtype = DType::f64;
  double inertia = 0;
  std::int64_t iterations = 0;
  std::int64_t converged = 0;
  std::int64_t rows = 0;
  std::int64_t rows_used = 0;
  std::int64_t feature_axes = 0;
};

KMeansModel parse_model(const TableFile& file, bool has_centers) {
  if (file.text_attribute("/", "model") != "kmeans")
    throw DataError("its attribute 'model' is not 'kmeans'");
  KMeansModel model;
  const Shape shape = file.shape_of("/centers");
  const auto sizes = file.read_i64("/sizes");
  if (shape.dimensions() != 2 || sizes.shape.dimensions() != 1 || shape[0] != sizes.shape[0])
    throw DataError("/centers is " + shape.to_string() + ", /sizes is " + sizes.shape.to_string());
  model.clusters = shape[0];
  model.features = shape[1];
  if (model.clusters < 1 || model.features < 1) throw DataError("/centers is " + shape.to_string());
  if (has_centers) model.centers = file.read_f64("/centers").values;
  for (const double value : model.centers)
    if (!std::isfinite(value)) throw DataError("/centers has NaN or Inf");
  model.sizes = sizes.values;
  model.feature_shape = file.i64_attribute("/centers", "feature_shape");
  if (Shape(model.feature_shape).elements() != model.features)
    throw DataError("its feature_shape does not fit /centers");
  model.dtype = parse_dtype(file.text_attribute("/", "dtype"));
  if (model.dtype != DType::f32 && model.dtype != DType::f64)
    throw DataError("its dtype is not f32 or f64");
  model.inertia = file.f64_attribute("/", "inertia");
  model.iterations = file.i64_attribute("/", "iterations").at(0);
  model.converged = file.i64_attribute("/", "converged").at(0) != 0;
  model.rows = file.i64_attribute("/", "rows").at(0);
  model.rows_used = file.i64_attribute("/", "rows_used").at(0);
  return model;
}

}  // namespace

KMeansModel read_kmeans(const std::string& path, bool has_centers) {
  const TableFile file(path);
  try {
    return parse_model(file, has_centers);
  } catch (const IoError&) {
    throw;
  } catch (const Error& error) {
    throw DataError(path + " holds no k-means model: " + error.what());
  }
}

void save_kmeans(const Context& ctx, const std::string& path, const KMeansModel& model,
                 const Provenance& provenance) {
  FileWriter writer(ctx, path);
  write_kmeans(writer, model, provenance);
  writer.commit();
}

void write_kmeans(FileWriter& writer, const KMeansModel& model, const Provenance& provenance) {
  writer.write("/centers", Shape{model.clusters, model.features}, model.centers);
  write_kmeans_beside_centers(writer, model, provenance);
}

void write_kmeans_beside_centers(FileWriter& writer, const KMeansModel& model,
                                 const Provenance& provenance) {
  writer.write("/sizes", Shape{model.clusters}, model.sizes);
  const std::vector<std::int64_t> own_shape{model.features};
  writer.set_attribute(
      "/centers", "feature_shape",
      std::span<const std::int64_t>(model.feature_shape.empty() ? own_shape : model.feature_shape));
  writer.set_attribute("/", "model", std::string("kmeans"));
  writer.set_attribute("/", "dtype", std::string(name(model.dtype)));
  writer.set_attribute("/", "inertia", model.inertia);
  writer.set_attribute("/", "iterations", model.iterations);
  writer.set_attribute("/", "converged", static_cast<std::int64_t>(model.converged ? 1 : 0));
  writer.set_attribute("/", "rows", model.rows);
  writer.set_attribute("/", "rows_used", model.rows_used);
  writer.write_provenance(provenance);
}

namespace {

KMeansModel load(const Context& ctx, const std::string& path, bool has_centers,
                 const std::optional<FileCheck>& untrusted) {
  const Communicator& comm = ctx.comm();
  KMeansModel model;
  agree_on_root(comm, 0, [&] {
    if (untrusted) check_table_file(path, *untrusted);
    model = read_kmeans(path, has_centers);
  });
  const Header header =
      comm.broadcast(Header{model.clusters, model.features, model.dtype, model.inertia,
                            model.iterations, model.converged ? 1 : 0, model.rows, model.rows_used,
                            static_cast<std::int64_t>(model.feature_shape.size())},
                     0);
  model.clusters = header.clusters;
  model.features = header.features;
  model.dtype = header.dtype;
  model.inertia = header.inertia;
  model.iterations = header.iterations;
  model.converged = header.converged != 0;
  model.rows = header.rows;
  model.rows_used = header.rows_used;
  if (has_centers)
    model.centers.resize(static_cast<std::size_t>(header.clusters * header.features));
  model.sizes.resize(static_cast<std::size_t>(header.clusters));
  model.feature_shape.resize(static_cast<std::size_t>(header.feature_axes));
  comm.broadcast(std::span<double>(model.centers), 0);
  comm.broadcast(std::span<std::int64_t>(model.sizes), 0);
  comm.broadcast(std::span<std::int64_t>(model.feature_shape), 0);
  return model;
}

}  // namespace

KMeansModel load_kmeans(const Context& ctx, const std::string& path,
                        const std::optional<FileCheck>& untrusted) {
  return load(ctx, path, true, untrusted);
}

KMeansModel load_kmeans_without_centers(const Context& ctx, const std::string& path,
                                        const std::optional<FileCheck>& untrusted) {
  return load(ctx, path, false, untrusted);
}

}  // namespace serried
