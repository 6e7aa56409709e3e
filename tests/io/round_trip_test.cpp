// What FileWriter has written, read again by Dataset: every dtype, way of storing and number of
// dimensions.
#include "h5_files.hpp"
#include "serried/io/dataset.hpp"
#include "serried/io/file_writer.hpp"

#include <cstring>

namespace serried::test {
namespace {

std::vector<std::byte> bytes_of(const Context& ctx, const Array& array) {
  const auto size = static_cast<std::size_t>(array.local_rows().size() * array.row_bytes());
  return ctx.comm().allgather(std::span<const std::byte>(array.local_data(), size)).values;
}

TEST(RoundTrip, every_dtype_and_storage) {
  const Folder folder;
  const Context ctx = context({.max_tiles = 16});
  const std::vector<WriteOptions> storages{{},
                                           {.deflate = 3},
                                           {.chunks = {4, 3, 2}},
                                           {.deflate = 9, .chunks = {3, 5, 4}},
                                           {.deflate = 1, .chunks = {50, 1, 7}}};
  int number = 0;
  for (const DType dtype :
       {DType::b8, DType::i8, DType::u8, DType::i16, DType::u16, DType::i32, DType::u32, DType::i64,
        DType::u64, DType::f16, DType::f32, DType::f64}) {
    const Array array =
        Array::from_function(ctx, {17, 5, 7}, dtype, [&](std::span<const std::int64_t> i) {
          const std::int64_t value = (i[0] * 5 + i[1]) * 7 + i[2];
          return static_cast<double>(dtype == DType::b8 ? value % 3 == 0 : value % 120);
        });
    const std::string path = folder / ("f" + std::to_string(number++) + ".h5");
    {
      FileWriter writer(ctx, path);
      int i = 0;
      for (const WriteOptions& options : storages)
        writer.write("/g/d" + std::to_string(i++), array, options);
      writer.commit();
    }
    for (std::size_t i = 0; i < storages.size(); ++i)
      for (const IoMode mode : {IoMode::independent, IoMode::collective}) {
        const Context reading = context({.max_tiles = 16, .io_mode = mode});
        const Dataset data =
            Dataset::open(reading, parse_address(path + ":/g/d" + std::to_string(i)));
        EXPECT_EQ(data.dtype(), dtype);
        EXPECT_EQ(data.shape(), (Shape{17, 5, 7}));
        EXPECT_EQ(bytes_of(reading, data.to_array()), bytes_of(ctx, array))
            << name(dtype) << ' ' << i;
      }
  }
}

TEST(RoundTrip, integer_coordinates_beyond_the_integers_of_f64) {
  const Folder folder;
  const Context ctx = context();
  const std::vector<std::uint64_t> large{std::uint64_t{1} << 63, ~std::uint64_t{0} - 1,
                                         ~std::uint64_t{0}};
  Coordinate coordinate{"t", 0, DType::u64, {0, 0, 0}, {}};
  coordinate.bytes.resize(large.size() * sizeof(large[0]));
  std::memcpy(coordinate.bytes.data(), large.data(), coordinate.bytes.size());
  std::vector<Coordinate> coordinates{coordinate};
  for (const char* name : {"once.h5", "twice.h5"}) {
    const std::string path = folder / name;
    FileWriter writer(ctx, path);
    writer.write("/labels", Array::arange(ctx, 0, 3, 1, DType::i32));
    writer.attach_coordinates("/labels", coordinates);
    writer.commit();
    DatasetOptions options;
    options.samples.kind = SampleAxes::Kind::all;
    const Dataset labels = Dataset::open(ctx, parse_address(path + ":/labels"), options);
    ASSERT_EQ(labels.sample_coordinates().size(), 1u);
    EXPECT_EQ(labels.sample_coordinates()[0].dtype, DType::u64);
    EXPECT_EQ(labels.sample_coordinates()[0].bytes, coordinate.bytes);
    coordinates = labels.sample_coordinates();
  }
}

TEST(RoundTrip, coordinates_of_labels) {
  const Folder folder;
  const Context ctx = context();
  const std::string path = folder / "labels.h5";
  const std::vector<Coordinate> coordinates{
      {"lat", 0, DType::f32, {10, 20.5}, {{"units", "degrees_north"}}},
      {"lon", 1, DType::i16, {1, 2, 3}, {{"units", "degrees_east"}}}};
  {
    FileWriter writer(ctx, path);
    writer.write("/labels", Array::arange(ctx, 0, 6, 1, DType::i32), {.shape = {2, 3}});
    writer.attach_coordinates("/labels", coordinates);
    writer.commit();
  }
  DatasetOptions options;
  options.samples.kind = SampleAxes::Kind::all;
  const Dataset labels = Dataset::open(ctx, parse_address(path + ":/labels[:, 1:]"), options);
  EXPECT_EQ(loaded<std::int32_t>(ctx, labels), (std::vector<std::int32_t>{1, 2, 4, 5}));
  ASSERT_EQ(labels.sample_coordinates().size(), 2u);
  EXPECT_EQ(labels.sample_coordinates()[0].values, (std::vector<double>{10, 20.5}));
  EXPECT_EQ(labels.sample_coordinates()[1].values, (std::vector<double>{2, 3}));
  EXPECT_EQ(labels.sample_coordinates()[1].dtype, DType::i16);
  EXPECT_EQ(labels.sample_coordinates()[0].text_attributes, coordinates[0].text_attributes);
  // the only dataset that is no dimension scale
  EXPECT_EQ(Dataset::open(ctx, parse_address(path)).shape(), (Shape{2, 3}));
}

}  // namespace
}  // namespace serried::test
