// CF and NetCDF-4 attributes, openPMD's constants and units.
#include <cmath>
#include <limits>

#include "h5_files.hpp"
#include "serried/io/dataset.hpp"

namespace serried::test {
namespace {

constexpr double nan = std::numeric_limits<double>::quiet_NaN();

/// Like expect_elements, with NaN equal to NaN.
template <class T>
void expect_decoded(const std::string& address, const std::vector<double>& expected,
                    const DatasetOptions& options = {}) {
  const Context ctx = context({.max_tiles = 4});
  const Dataset data = Dataset::open(ctx, parse_address(address), options);
  ASSERT_EQ(data.dtype(), dtype_of<T>) << address;
  for (const auto& values : {loaded<T>(ctx, data), streamed<T>(ctx, data, 16)}) {
    ASSERT_EQ(values.size(), expected.size()) << address;
    for (std::size_t i = 0; i < values.size(); ++i) {
      if (std::isnan(expected[i]))
        EXPECT_TRUE(std::isnan(values[i])) << address << ' ' << i << ": " << values[i];
      else
        EXPECT_EQ(values[i], static_cast<T>(expected[i])) << address << ' ' << i;
    }
  }
}

DatasetOptions raw() {
  DatasetOptions options;
  options.is_decoding = false;
  return options;
}

TEST(Decoding, fill_and_missing_values) {
  const Folder folder;
  const std::string path = folder / "cf.nc";
  on_root([&] {
    H5File file(path);
    file.write<std::int16_t>("/both", {5}, {1, -99, -98, 3, 0});
    file.attribute<std::int16_t>("/both", "_FillValue", {-99});
    file.attribute<std::int16_t>("/both", "missing_value", {-98});
    file.write<std::int32_t>("/wide", {3}, {1, -99, 16777217});
    file.attribute<std::int32_t>("/wide", "_FillValue", {-99});
    file.write<std::int32_t>("/nan_fill", {3}, {1, 0, -5});
    file.attribute<float>("/nan_fill", "_FillValue", {NAN});
    file.write<std::int32_t>("/huge_fill", {2}, {1, INT32_MAX});
    file.attribute<double>("/huge_fill", "missing_value", {1e20});
    file.write<float>("/f32", {4}, {1, 1e20f, -9.97e36f, 2});
    file.attribute<double>("/f32", "_FillValue", {1e20});
    file.attribute<float>("/f32", "missing_value", {-9.97e36f});
    file.write<double>("/several", {4}, {1, 2, 3, 4});
    file.attribute<double>("/several", "missing_value", {2, 4});
    file.write<double>("/nan", {3}, {1, NAN, 3});
    file.attribute<double>("/nan", "_FillValue", {NAN});
    file.write<float>("/text", {3}, {1, -999, 3});
    file.text("/text", "missing_value", "-999");
    file.write<float>("/words", {2}, {1, 2});
    file.text("/words", "missing_value", "none");
    file.write<std::int64_t>("/exact", {3}, {9007199254740993, 9007199254740992, 1});
    file.attribute<std::int64_t>("/exact", "_FillValue", {9007199254740993});
  });
  expect_decoded<float>(path + ":/both", {1, nan, nan, 3, 0});
  expect_decoded<std::int16_t>(path + ":/both", {1, -99, -98, 3, 0}, raw());
  expect_decoded<double>(path + ":/wide", {1, nan, 16777217});
  expect_decoded<std::int32_t>(path + ":/nan_fill", {1, 0, -5});
  expect_decoded<std::int32_t>(path + ":/huge_fill", {1, INT32_MAX});
  expect_decoded<float>(path + ":/f32", {1, nan, nan, 2});
  expect_decoded<double>(path + ":/several", {1, nan, 3, nan});
  expect_decoded<double>(path + ":/nan", {1, nan, 3});
  expect_decoded<float>(path + ":/text", {1, nan, 3});
  expect_decoded<float>(path + ":/words", {1, 2});
  expect_decoded<double>(path + ":/exact", {nan, 9007199254740992., 1});
  const Context ctx = context();
  static_cast<void>(Dataset::open(ctx, parse_address(path + ":/words")));
  if (ctx.rank() == 0) {
    ASSERT_FALSE(ctx.recorder().messages().empty());
    EXPECT_NE(ctx.recorder().messages().back().second.find("missing_value (string)"),
              std::string::npos);
  }
}

TEST(Decoding, scale_offset_and_their_types) {
  const Folder folder;
  const std::string path = folder / "packed.nc";
  on_root([&] {
    H5File file(path);
    file.write<std::int16_t>("/f32", {3}, {1, 2, -32768});
    file.attribute<float>("/f32", "scale_factor", {0.1f});
    file.attribute<float>("/f32", "add_offset", {273.15f});
    file.attribute<std::int16_t>("/f32", "_FillValue", {-32768});
    file.write<std::int16_t>("/f64", {3}, {1, 2, 3});
    file.attribute<double>("/f64", "scale_factor", {-0.1});
    file.write<std::int32_t>("/i32", {2}, {1, 2});
    file.attribute<float>("/i32", "add_offset", {0.5f});
    file.write<float>("/float", {2}, {1, 2});
    file.attribute<double>("/float", "scale_factor", {3});
    file.write<std::int16_t>("/two", {2}, {1, 2});
    file.attribute<double>("/two", "scale_factor", {3, 4});
    file.write<std::int16_t>("/word", {2}, {1, 2});
    file.text("/word", "add_offset", "much");
  });
  expect_decoded<float>(path + ":/f32", {1.f * 0.1f + 273.15f, 2.f * 0.1f + 273.15f, nan});
  expect_decoded<double>(path + ":/f64", {1 * -0.1, 2 * -0.1, 3 * -0.1});
  expect_decoded<double>(path + ":/i32", {1.5, 2.5});
  expect_decoded<double>(path + ":/float", {3, 6});
  for (const char* name : {":/two", ":/word"})
    error_of(ErrorKind::data,
             [&] { static_cast<void>(Dataset::open(context(), parse_address(path + name))); });
  DatasetOptions as_f64;
  as_f64.dtype = DType::f64;
  expect_decoded<double>(path + ":/f32",
                         {double(1.f * 0.1f + 273.15f), double(2.f * 0.1f + 273.15f), nan}, as_f64);
}

TEST(Decoding, unsigned_views) {
  const Folder folder;
  const std::string path = folder / "unsigned.nc";
  on_root([&] {
    H5File file(path);
    file.write<std::int8_t>("/u8", {4}, {-1, 0, 127, -128});
    file.text("/u8", "_Unsigned", "true");
    file.write<std::int8_t>("/filled", {4}, {-1, 0, 127, -2});
    file.text("/filled", "_Unsigned", "true");
    file.attribute<std::int8_t>("/filled", "_FillValue", {-1});
    file.attribute<float>("/filled", "scale_factor", {2.f});
    file.write<std::uint16_t>("/i16", {2}, {65535, 1});
    file.text("/i16", "_Unsigned", "false");
  });
  expect_decoded<std::uint8_t>(path + ":/u8", {255, 0, 127, 128});
  expect_decoded<float>(path + ":/filled", {nan, 0, 254, 508});
  expect_decoded<std::int16_t>(path + ":/i16", {-1, 1});
  expect_decoded<std::int8_t>(path + ":/u8", {-1, 0, 127, -128}, raw());
}

TEST(Decoding, openpmd_constants_and_units) {
  const Folder folder;
  const std::string path = folder / "openpmd.h5";
  on_root([&] {
    H5File file(path);
    for (const char* step : {"2", "10", "1"}) {
      const std::string base = std::string("/data/") + step + "/fields/E";
      file.group(base + "/x");
      file.attribute<double>(base + "/x", "value", {std::stod(step)});
      file.attribute<std::uint64_t>(base + "/x", "shape", {2, 3});
      file.attribute<double>(base + "/x", "unitSI", {10});
      file.write<float>(base + "/y", {2}, {1, 2});
      file.attribute<double>(base + "/y", "unitSI", {0.5});
      file.group(base + "/count");
      file.attribute<std::int32_t>(base + "/count", "value", {7});
      file.attribute<std::uint64_t>(base + "/count", "shape", {3});
    }
  });
  expect_decoded<double>(path + ":/data/2/fields/E/x", std::vector<double>(6, 2.));
  expect_decoded<std::int32_t>(path + ":/data/2/fields/E/count", {7, 7, 7});
  expect_decoded<double>(path + ":/data/*/fields/E/x[1]", {1, 1, 1, 2, 2, 2, 10, 10, 10});
  expect_decoded<float>(path + ":/data/*/fields/E/y", {1, 2, 1, 2, 1, 2});
  DatasetOptions si;
  si.is_si = true;
  expect_decoded<double>(path + ":/data/2/fields/E/x", std::vector<double>(6, 20.), si);
  expect_decoded<double>(path + ":/data/*/fields/E/y", {.5, 1, .5, 1, .5, 1}, si);
  DatasetOptions columns;  // each cell's series in time
  columns.samples.axes = {1};
  expect_decoded<double>(path + ":/data/*/fields/E/x[0]", {1, 2, 10, 1, 2, 10, 1, 2, 10}, columns);
  const Dataset series = Dataset::open(context(), parse_address(path + ":/data/*/fields/E/x"));
  EXPECT_EQ(series.shape(), (Shape{3, 2, 3}));
}

}  // namespace
}  // namespace serried::test
