// The files of other people's programs, compared with what a plain H5Dread of rank 0 gives.
#include <cmath>
#include <cstdlib>
#include <cstring>

#include "h5_files.hpp"
#include "serried/io/dataset.hpp"
#include "serried/io/file_info.hpp"

namespace serried::test {
namespace {

class RealFiles : public testing::Test {
 protected:
  void SetUp() override {
    const char* folder = std::getenv("SERRIED_TEST_DATA");
    if (folder == nullptr || !std::filesystem::exists(std::string(folder) + "/README.md"))
      GTEST_SKIP() << "SERRIED_TEST_DATA names no folder with the files";
    folder_ = folder;
  }
  [[nodiscard]] std::string operator/(const std::string& name) const {
    return folder_ + "/" + name;
  }

 private:
  std::string folder_;
};

/// The oracle: the whole dataset on rank 0, converted by HDF5, given to all ranks.
template <class T>
std::vector<T> plainly_read(const std::string& path, const std::string& object) {
  std::vector<T> values;
  on_root([&] {
    const hid_t file = H5Fopen(path.c_str(), H5F_ACC_RDONLY, H5P_DEFAULT);
    require(file);
    const hid_t set = H5Dopen2(file, object.c_str(), H5P_DEFAULT);
    require(set);
    const hid_t space = H5Dget_space(set);
    values.resize(static_cast<std::size_t>(H5Sget_simple_extent_npoints(space)));
    require(H5Dread(set, native_type<T>(), H5S_ALL, H5S_ALL, H5P_DEFAULT, values.data()));
    H5Sclose(space);
    H5Dclose(set);
    H5Fclose(file);
  });
  const Communicator& comm = runtime().communicator();
  const auto size = comm.broadcast(static_cast<std::int64_t>(values.size()), 0);
  values.resize(static_cast<std::size_t>(size));
  comm.broadcast(std::span<T>(values), 0);
  return values;
}

/// NaN equals NaN; bits otherwise.
template <class T>
void expect_same(const std::vector<T>& values, const std::vector<T>& expected,
                 const std::string& what) {
  ASSERT_EQ(values.size(), expected.size()) << what;
  std::size_t differing = 0;
  for (std::size_t i = 0; i < values.size(); ++i) {
    if constexpr (std::is_floating_point_v<T>)
      if (std::isnan(values[i]) && std::isnan(expected[i])) continue;
    if (std::memcmp(&values[i], &expected[i], sizeof(T)) != 0) ++differing;
  }
  EXPECT_EQ(differing, 0u) << what;
}

template <class T>
void expect_as_plainly_read(const std::string& path, const std::string& object) {
  const std::vector<T> expected = plainly_read<T>(path, object);
  DatasetOptions all;
  all.samples.kind = SampleAxes::Kind::all;
  for (const IoMode mode : {IoMode::independent, IoMode::collective}) {
    const Context ctx = context({.io_mode = mode});
    const Dataset data = Dataset::open(ctx, parse_address(path + ":" + object), all);
    ASSERT_EQ(data.dtype(), dtype_of<T>) << object;
    expect_same(loaded<T>(ctx, data), expected, path + object);
    expect_same(streamed<T>(ctx, data, 1 << 14), expected, path + object);
  }
}

TEST_F(RealFiles, sea_surface_temperature) {
  const std::string path = *this / "climate/sst.mnmean.nc";
  std::vector<float> expected = plainly_read<float>(path, "/sst");
  std::size_t missing = 0;
  for (float& value : expected) {
    if (value != -9.96921e+36f && value != -9.97e36f && value > -1e30f) continue;
    value = std::numeric_limits<float>::quiet_NaN();
    ++missing;
  }
  {
    // HDF5 gives all that have one dataset open in a process one chunk cache, so this one is closed
    // again.
    const Context ctx = context();
    const Dataset months = Dataset::open(ctx, parse_address(path + ":/sst"));
    EXPECT_EQ(months.shape(), (Shape{128, 89, 180}));
    EXPECT_EQ(months.dtype(), DType::f32);
    EXPECT_EQ(months.rows(), 128);
    expect_same(loaded<float>(ctx, months), expected, "sst");
    expect_same(streamed<float>(ctx, months, 1 << 16), expected, "sst");
  }
  EXPECT_GT(missing, 0u);

  DatasetOptions options;
  options.samples.axes = {1, 2};
  std::vector<float> cells(expected.size());
  for (std::size_t month = 0; month < 128; ++month)
    for (std::size_t cell = 0; cell < 89 * 180; ++cell)
      cells[cell * 128 + month] = expected[month * 89 * 180 + cell];
  for (const IoMode mode : {IoMode::independent, IoMode::collective}) {
    const Context other = context({.io_mode = mode});
    const Dataset data = Dataset::open(other, parse_address(path + ":/sst"), options);
    EXPECT_EQ(data.sample_shape(), (Shape{89, 180}));
    EXPECT_EQ(data.feature_shape(), Shape{128});
    expect_same(loaded<float>(other, data), cells, "cells");
    expect_same(streamed<float>(other, data, 1 << 18), cells, "cells");
  }
}

TEST_F(RealFiles, coordinates_of_the_sea_surface) {
  const std::string path = *this / "climate/sst.mnmean.nc";
  DatasetOptions options;
  options.samples.axes = {1, 2};
  const Dataset cells =
      Dataset::open(context(), parse_address(path + ":/sst[:,::2,10:20]"), options);
  ASSERT_EQ(cells.sample_coordinates().size(), 2u);
  const Coordinate& lat = cells.sample_coordinates()[0];
  const Coordinate& lon = cells.sample_coordinates()[1];
  EXPECT_EQ(lat.name, "lat");
  EXPECT_EQ(lat.axis, 0);
  EXPECT_EQ(lat.dtype, DType::f32);
  ASSERT_EQ(lat.values.size(), 45u);
  EXPECT_EQ(lat.values[0], 88);
  EXPECT_EQ(lat.values[1], 84);
  EXPECT_EQ(lon.name, "lon");
  EXPECT_EQ(lon.axis, 1);
  ASSERT_EQ(lon.values.size(), 10u);
  EXPECT_EQ(lon.values[0], 20);
  std::string units;
  for (const auto& [name, text] : lat.text_attributes)
    if (name == "units") units = text;
  EXPECT_EQ(units, "degrees_north");
  const Dataset column = Dataset::open(context(), parse_address(path + ":/sst[:,3]"));
  ASSERT_EQ(column.sample_coordinates().size(), 1u);
  EXPECT_EQ(column.sample_coordinates()[0].name, "time");
  EXPECT_EQ(column.sample_coordinates()[0].values.size(), 128u);
}

TEST_F(RealFiles, magnetic_field_of_openpmd) {
  const std::string path = *this / "openpmd/example-femm-3d.h5";
  for (const char* axis : {"x", "y", "z"})
    expect_as_plainly_read<double>(path, std::string("/data/1/meshes/B/") + axis);
  const Context ctx = context();
  const Dataset constant = Dataset::open(ctx, parse_address(path + ":/data/1/meshes/E/x"));
  EXPECT_EQ(constant.shape(), (Shape{47, 47, 47}));
  const std::vector<double> values = loaded<double>(ctx, constant);
  ASSERT_EQ(values.size(), 47u * 47 * 47);
  for (const double value : values) ASSERT_EQ(value, values.front());
  const Dataset vectors = Dataset::open(ctx, parse_address(path + ":/data/1/meshes/B/*"));
  EXPECT_EQ(vectors.shape(), (Shape{3, 47, 47, 47}));
}

TEST_F(RealFiles, enzo_is_big_endian) {
  const std::string path = *this / "enzo/moving7_0010.cpu0000";
  expect_as_plainly_read<float>(path, "/Grid00000001/Density");
  expect_as_plainly_read<float>(path, "/Grid00000001/x-velocity");
  expect_as_plainly_read<double>(path, "/Grid00000001/particle_position_x");
  expect_as_plainly_read<std::int32_t>(path, "/Grid00000001/particle_index");
  const Dataset density = Dataset::open(context(), parse_address(path + ":/Grid00000001/Density"));
  EXPECT_EQ(density.file_type(), "f32 big-endian");
  const FileInfo info = inspect_file(context(), path);
  EXPECT_EQ(info.objects.front().path, "/");
  std::int64_t particles = 0;
  for (const ObjectInfo& object : info.objects)
    if (object.path.ends_with("/particle_mass")) particles += object.shape[0];
  EXPECT_EQ(particles, 9233);
}

TEST_F(RealFiles, small_tables) {
  expect_as_plainly_read<double>(*this / "tables/iris.h5", "/data");
  expect_as_plainly_read<float>(*this / "tables/diabetes.h5", "/x");
  expect_as_plainly_read<float>(*this / "tables/diabetes.h5", "/y");
  EXPECT_EQ(Dataset::open(context(), parse_address(*this / "tables/iris.h5")).shape(),
            (Shape{150, 4}));
}

}  // namespace
}  // namespace serried::test
