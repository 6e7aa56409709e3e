#include "serried/io/file_writer.hpp"

#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "io/hdf5/attributes.hpp"
#include "io/hdf5/errors.hpp"
#include "io/hdf5/open.hpp"
#include "io/hdf5/types.hpp"
#include "serried/comm/agree.hpp"
#include "serried/io/table_file.hpp"
#include "support/spmd.hpp"

namespace serried {
namespace {

namespace fs = std::filesystem;

/// A folder of its own for each case, the same on all ranks; removed at the end.
class FileWriterTest : public testing::Test {
 protected:
  FileWriterTest() {
    std::string name = (fs::temp_directory_path() / "serried_writer_XXXXXX").string();
    if (ctx_.rank() == 0 && ::mkdtemp(name.data()) == nullptr) name.clear();
    folder_ = ctx_.comm().broadcast_text(name, 0);
  }
  ~FileWriterTest() override {
    ctx_.comm().barrier();
    if (ctx_.rank() == 0) fs::remove_all(folder_);
  }
  [[nodiscard]] std::string path(const std::string& name) const { return folder_ + "/" + name; }
  [[nodiscard]] std::int64_t entries() const {
    std::int64_t count = 0;
    ctx_.comm().barrier();
    for ([[maybe_unused]] const auto& entry : fs::directory_iterator(folder_)) ++count;
    ctx_.comm().barrier();
    return count;
  }

  /// Makes an empty file on rank 0.
  [[nodiscard]] std::string made_file(const std::string& name) const {
    if (ctx_.rank() == 0) std::ofstream(path(name)).flush();
    ctx_.comm().barrier();
    return path(name);
  }

  Context ctx_ = test::context();
  std::string folder_;
};

/// Reads a whole dataset serially, by HDF5 alone.
template <class T>
std::vector<T> read_all(const std::string& path, const std::string& dataset,
                        std::vector<hsize_t>& extents) {
  const hdf5::File file(H5Fopen(path.c_str(), H5F_ACC_RDONLY, H5P_DEFAULT));
  const hdf5::DatasetId id(H5Dopen2(file.id(), dataset.c_str(), H5P_DEFAULT));
  const hdf5::Space space(H5Dget_space(id.id()));
  extents.resize(static_cast<std::size_t>(H5Sget_simple_extent_ndims(space.id())));
  H5Sget_simple_extent_dims(space.id(), extents.data(), nullptr);
  std::vector<T> values(static_cast<std::size_t>(H5Sget_simple_extent_npoints(space.id())));
  const hdf5::Type type = hdf5::memory_type(dtype_of<T>);
  if (!values.empty()) {
    EXPECT_GE(H5Dread(id.id(), type.id(), H5S_ALL, H5S_ALL, H5P_DEFAULT, values.data()), 0);
  }
  return values;
}

template <class T>
void expect_round_trip(const Context& ctx, const std::string& path, const Shape& shape,
                       const WriteOptions& options, int split_axis = 0) {
  const auto value = [&](std::span<const std::int64_t> index) {
    double sum = 0;
    for (const std::int64_t i : index) sum = sum * 10 + static_cast<double>(i % 7);
    return static_cast<double>(static_cast<std::int64_t>(sum) % 100);
  };
  const Array array = Array::from_function(ctx, shape, dtype_of<T>, value, split_axis);
  FileWriter writer(ctx, path);
  writer.write("/group/deeper/x", array, options);
  writer.commit();
  std::vector<hsize_t> extents;
  const auto values = read_all<T>(path, "/group/deeper/x", extents);
  const Shape written = options.shape.dimensions() == 0 ? shape : options.shape;
  ASSERT_EQ(std::vector<std::int64_t>(extents.begin(), extents.end()),
            std::vector<std::int64_t>(written.extents().begin(), written.extents().end()));
  std::vector<std::int64_t> index(static_cast<std::size_t>(shape.dimensions()));
  for (std::size_t i = 0; i < values.size(); ++i) {
    auto rest = static_cast<std::int64_t>(i);
    for (int axis = shape.dimensions() - 1; axis >= 0; --axis) {
      index[static_cast<std::size_t>(axis)] = rest % shape[axis];
      rest /= shape[axis];
    }
    ASSERT_EQ(static_cast<double>(values[i]), value(index))
        << shape.to_string() << " element " << i;
  }
}

TEST_F(FileWriterTest, write_round_trips) {
  expect_round_trip<float>(ctx_, path("a.h5"), {10, 7}, {});
  expect_round_trip<double>(ctx_, path("b.h5"), {10, 7, 3}, {.deflate = 4, .chunks = {3, 4, 2}});
  expect_round_trip<std::int16_t>(ctx_, path("c.h5"), {1000}, {.deflate = 9});
  expect_round_trip<std::int32_t>(ctx_, path("d.h5"), {60}, {.deflate = 1, .shape = {4, 5, 3}});
  expect_round_trip<std::uint8_t>(ctx_, path("e.h5"), {1, 5}, {});
  expect_round_trip<std::int64_t>(ctx_, path("f.h5"), {0, 5}, {.deflate = 4});
  expect_round_trip<double>(ctx_, path("g.h5"), {6, 11}, {}, 1);
  EXPECT_EQ(entries(), 7);
}

TEST_F(FileWriterTest, write_large_chunks_across_cuts) {
  expect_round_trip<double>(ctx_, path("large.h5"), {701, 401}, {.deflate = 1});
}

TEST_F(FileWriterTest, write_replicated_and_attributes) {
  {
    FileWriter writer(ctx_, path("r.h5"));
    const std::vector<double> values{1, 2.5, 3, 4, 5, 6};
    writer.write("/centers", {2, 3}, values);
    writer.set_attribute("/centers", "units", std::string("K"));
    writer.set_attribute("/", "inertia", 0.1);
    writer.set_attribute("/", "count", std::int64_t{1} << 40);
    const std::vector<std::int64_t> shape{2, 3};
    writer.set_attribute("/", "shape", std::span<const std::int64_t>(shape));
    writer.set_attribute("/", "inertia", 0.25);  // replaced
    writer.commit();
  }
  const TableFile file(path("r.h5"));
  EXPECT_EQ(file.read_f64("/centers").values, (std::vector<double>{1, 2.5, 3, 4, 5, 6}));
  EXPECT_EQ(file.read_f64("/centers").shape, (Shape{2, 3}));
  EXPECT_EQ(file.text_attribute("/centers", "units"), "K");
  EXPECT_EQ(file.f64_attribute("/", "inertia"), 0.25);
  EXPECT_EQ(file.i64_attribute("/", "count"), (std::vector<std::int64_t>{std::int64_t{1} << 40}));
  EXPECT_EQ(file.i64_attribute("/", "shape"), (std::vector<std::int64_t>{2, 3}));
  EXPECT_THROW((void)file.read_f64("/nothing"), DataError);
  EXPECT_THROW((void)file.text_attribute("/", "inertia"), DataError);
}

TEST_F(FileWriterTest, abandoned_file_takes_what_hdf5_still_writes) {
  hdf5::File file = hdf5::create_parallel(
      ctx_.comm(), ctx_.comm().broadcast_text(made_file("a.h5"), 0), "cannot write a.h5");
  const hdf5::Group group(H5Gcreate2(file.id(), "/g", H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT));
  const hid_t id = file.id();
  hdf5::abandon_parallel(file);
  EXPECT_FALSE(file.is_open());
  EXPECT_GE(H5Fflush(id, H5F_SCOPE_GLOBAL), 0);
  ctx_.comm().barrier();
  EXPECT_EQ(fs::file_size(path("a.h5")), 0u);
}

TEST_F(FileWriterTest, attach_coordinates_makes_dimension_scales) {
  {
    FileWriter writer(ctx_, path("s.h5"));
    writer.write("/labels", Array::zeros(ctx_, {2, 3}, DType::i32));
    writer.attach_coordinates("/labels",
                              {{"lat", 0, DType::f32, {10, 20}, {{"units", "degrees_north"}}},
                               {"lon", 1, DType::f32, {1, 2, 3}, {{"units", "degrees_east"}}}});
    writer.commit();
  }
  const hdf5::File file = hdf5::open_serial(path("s.h5"));
  const hdf5::Object labels(H5Oopen(file.id(), "/labels", H5P_DEFAULT));
  EXPECT_GT(H5Aexists(labels.id(), "DIMENSION_LIST"), 0);
  const hdf5::Object lon(H5Oopen(file.id(), "/lon", H5P_DEFAULT));
  EXPECT_EQ(hdf5::read_text_attribute(lon.id(), "CLASS"), "DIMENSION_SCALE");
  EXPECT_EQ(hdf5::read_text_attribute(lon.id(), "units"), "degrees_east");
  EXPECT_EQ(TableFile(path("s.h5")).read_f64("/lon").values, (std::vector<double>{1, 2, 3}));
}

TEST_F(FileWriterTest, attach_coordinates_whose_names_are_taken) {
  {
    FileWriter writer(ctx_, path("n.h5"));
    writer.write("/x", Array::zeros(ctx_, {2, 2, 2}, DType::i32));
    writer.attach_coordinates("/x", {{"x", 0, DType::f64, {1, 2}, {}},
                                     {"x", 1, DType::f64, {1, 2}, {}},
                                     {"x", 2, DType::f64, {1, 3}, {}}});
    writer.commit();
  }
  const TableFile file(path("n.h5"));
  EXPECT_EQ(file.read_f64("/x_2").values, (std::vector<double>{1, 2}));
  EXPECT_EQ(file.read_f64("/x_3").values, (std::vector<double>{1, 3}));
}

TEST_F(FileWriterTest, write_provenance_says_where_it_comes_from) {
  {
    FileWriter writer(ctx_, path("p.h5"));
    writer.write_provenance(
        {.command_line = "serried test", .inputs = {"no_such_file.h5"}, .seed = "7"});
    writer.commit();
  }
  const TableFile file(path("p.h5"));
  EXPECT_EQ(file.text_attribute("/", "command_line"), "serried test");
  EXPECT_EQ(file.text_attribute("/", "seed"), "7");
  EXPECT_EQ(file.text_attribute("/", "ranks"), std::to_string(ctx_.size()));
  EXPECT_NE(file.text_attribute("/", "libraries").find("HDF5 "), std::string::npos);
  EXPECT_EQ(file.text_attribute("/", "started_utc").size(),
            std::string("2026-01-01T00:00:00Z").size());
  EXPECT_LE(file.text_attribute("/", "started_utc"), file.text_attribute("/", "finished_utc"));
}

TEST_F(FileWriterTest, without_commit_nothing_stays) {
  {
    FileWriter writer(ctx_, path("gone.h5"));
    writer.write("/x", Array::zeros(ctx_, {100}, DType::f64));
    EXPECT_EQ(entries(), 1);  // the temporary file alone
    EXPECT_FALSE(fs::exists(path("gone.h5")));
  }
  EXPECT_EQ(entries(), 0);
}

TEST_F(FileWriterTest, commit_replaces_an_older_file) {
  if (ctx_.rank() == 0) std::system(("echo old > " + path("o.h5")).c_str());
  FileWriter writer(ctx_, path("o.h5"));
  writer.write("/x", Shape{1}, std::vector<double>{3});
  writer.commit();
  EXPECT_EQ(TableFile(path("o.h5")).read_f64("/x").values, (std::vector<double>{3}));
  EXPECT_THROW(writer.write("/y", Shape{1}, std::vector<double>{3}), InvalidArgument);
}

TEST_F(FileWriterTest, errors_are_clear_and_alike) {
  try {
    FileWriter writer(ctx_, path("nowhere/x.h5"));
    FAIL() << "a missing folder was accepted";
  } catch (const RankError& error) {
    EXPECT_EQ(error.kind(), ErrorKind::io);
    EXPECT_NE(std::string(error.what()).find("nowhere"), std::string::npos);
  }
  if (ctx_.rank() == 0) fs::create_directory(path("folder"));
  EXPECT_THROW(FileWriter(ctx_, path("folder")), RankError);
  FileWriter writer(ctx_, path("x.h5"));
  const Array array = Array::zeros(ctx_, {6}, DType::f64);
  EXPECT_THROW(writer.write("/x", array, {.shape = {4, 2}}), InvalidArgument);
  EXPECT_THROW(writer.write("/x", array, {.deflate = 10}), InvalidArgument);
  EXPECT_THROW(writer.write("/x", array, {.chunks = {2, 2}}), InvalidArgument);
  EXPECT_THROW(writer.write("", array), InvalidArgument);
  EXPECT_THROW(writer.set_attribute("/nothing", "a", 1.0), RankError);
  writer.write("/x", array);
  EXPECT_THROW(writer.write("/x", array), RankError);  // twice the same name
}

}  // namespace
}  // namespace serried
