// Reading datasets whole and in batches, against the values that were written.
#include "serried/io/dataset.hpp"

#include <cmath>
#include <limits>
#include <numeric>

#include "h5_files.hpp"

namespace serried::test {
namespace {

template <class T>
std::vector<T> counted(std::size_t count, int first = 0) {
  std::vector<T> values(count);
  for (std::size_t i = 0; i < count; ++i) values[i] = static_cast<T>(first + static_cast<int>(i));
  return values;
}

DatasetOptions with_axes(std::vector<int> axes) {
  DatasetOptions options;
  options.samples.axes = std::move(axes);
  return options;
}

DatasetOptions with_all() {
  DatasetOptions options;
  options.samples.kind = SampleAxes::Kind::all;
  return options;
}

DatasetOptions raw() {
  DatasetOptions options;
  options.is_decoding = false;
  return options;
}

template <class T>
void expect_type(const Folder& folder, hid_t file_type, const std::string& text) {
  const std::string path = folder / "typed.h5";
  std::vector<T> values{
      T(0), T(1), T(-3), std::numeric_limits<T>::max(), std::numeric_limits<T>::lowest(), T(77)};
  on_root([&] { H5File(path).write<T>("/d", {3, 2}, values, file_type); });
  expect_elements<T>(path + ":/d", values);
  const Dataset data = Dataset::open(context(), parse_address(path + ":d"));
  EXPECT_EQ(data.file_type(), text);
  EXPECT_EQ(data.shape(), (Shape{3, 2}));
}

TEST(Dataset, every_width_and_byte_order) {
  const Folder folder;
  expect_type<std::int8_t>(folder, H5T_STD_I8LE, "i8");
  expect_type<std::uint8_t>(folder, H5T_STD_U8BE, "u8");
  expect_type<std::int16_t>(folder, H5T_STD_I16LE, "i16");
  expect_type<std::int16_t>(folder, H5T_STD_I16BE, "i16 big-endian");
  expect_type<std::uint16_t>(folder, H5T_STD_U16BE, "u16 big-endian");
  expect_type<std::int32_t>(folder, H5T_STD_I32BE, "i32 big-endian");
  expect_type<std::uint32_t>(folder, H5T_STD_U32LE, "u32");
  expect_type<std::int64_t>(folder, H5T_STD_I64BE, "i64 big-endian");
  expect_type<std::uint64_t>(folder, H5T_STD_U64LE, "u64");
  expect_type<float>(folder, H5T_IEEE_F32BE, "f32 big-endian");
  expect_type<float>(folder, H5T_IEEE_F32LE, "f32");
  expect_type<double>(folder, H5T_IEEE_F64BE, "f64 big-endian");
  expect_type<double>(folder, H5T_IEEE_F64LE, "f64");
}

TEST(Dataset, half_and_bfloat_and_24_bits) {
  const Folder folder;
  const std::string path = folder / "half.h5";
  on_root([&] {
    H5File file(path);
    for (const bool is_big : {false, true}) {
      const hid_t half = H5Tcopy(is_big ? H5T_IEEE_F32BE : H5T_IEEE_F32LE);
      require(H5Tset_fields(half, 15, 10, 5, 0, 10));
      require(H5Tset_size(half, 2));
      require(H5Tset_ebias(half, 15));
      file.write<float>(is_big ? "/big" : "/little", {4}, {1.5f, -65504.f, 0x1p-24f, 0.f}, half);
      H5Tclose(half);
    }
    const hid_t brain = H5Tcopy(H5T_IEEE_F32LE);
    require(H5Tset_fields(brain, 15, 7, 8, 0, 7));
    require(H5Tset_size(brain, 2));
    require(H5Tset_ebias(brain, 127));
    file.write<float>("/brain", {3}, {1.5f, -0x1p100f, 3.f}, brain);
    H5Tclose(brain);
    const hid_t narrow = H5Tcopy(H5T_STD_I32LE);
    require(H5Tset_precision(narrow, 24));
    require(H5Tset_size(narrow, 3));
    file.write<std::int32_t>("/narrow", {3}, {-8388608, 8388607, 5}, narrow);
    H5Tclose(narrow);
  });
  const std::vector<Half> halves{to_half(1.5f), to_half(-65504.f), Half{1}, Half{0}};
  expect_elements<Half>(path + ":/little", halves);
  expect_elements<Half>(path + ":/big", halves);
  expect_elements<float>(path + ":/brain", {1.5f, -0x1p100f, 3.f});
  expect_elements<std::int32_t>(path + ":/narrow", {-8388608, 8388607, 5});
}

TEST(Dataset, enums_and_bit_fields) {
  const Folder folder;
  const std::string path = folder / "enum.h5";
  on_root([&] {
    H5File file(path);
    const hid_t boolean = H5Tenum_create(H5T_STD_I8LE);
    std::int8_t value = 0;
    require(H5Tenum_insert(boolean, "FALSE", &value));
    value = 1;
    require(H5Tenum_insert(boolean, "TRUE", &value));
    const std::vector<std::int8_t> bools{1, 0, 0, 1, 1};
    file.write_raw("/bools", {5}, bools.data(), boolean, boolean);
    H5Tclose(boolean);
    const hid_t colours = H5Tenum_create(H5T_STD_I16BE);
    std::int16_t colour = 0;
    const hid_t same = H5Tenum_create(H5T_NATIVE_INT16);
    for (const char* name : {"red", "green", "blue"}) {
      std::int16_t big =
          static_cast<std::int16_t>(__builtin_bswap16(static_cast<std::uint16_t>(colour)));
      require(H5Tenum_insert(colours, name, &big));
      require(H5Tenum_insert(same, name, &colour));
      colour = static_cast<std::int16_t>(colour + 300);
    }
    const std::vector<std::int16_t> values{600, 0, 300};
    file.write_raw("/colours", {3}, values.data(), same, colours);
    H5Tclose(colours);
    H5Tclose(same);
    const std::vector<std::uint8_t> bits{255, 0, 17};
    file.write_raw("/bits", {3}, bits.data(), H5T_NATIVE_B8, H5T_STD_B8LE);
  });
  const Context ctx = context();
  const Dataset bools = Dataset::open(ctx, parse_address(path + ":/bools"));
  EXPECT_EQ(bools.dtype(), DType::b8);
  const Array array = bools.to_array();
  const auto bytes = ctx.comm().allgather(
      std::span<const std::uint8_t>(reinterpret_cast<const std::uint8_t*>(array.local_data()),
                                    static_cast<std::size_t>(array.local_rows().size())));
  EXPECT_EQ(bytes.values, (std::vector<std::uint8_t>{1, 0, 0, 1, 1}));
  expect_elements<std::int16_t>(path + ":/colours", {600, 0, 300});
  expect_elements<std::uint8_t>(path + ":/bits", {255, 0, 17});
}

TEST(Dataset, chunks_and_filters) {
  const Folder folder;
  const std::string path = folder / "chunked.h5";
  const auto values = counted<float>(23 * 7 * 5);
  on_root([&] {
    H5File file(path);
    file.write("/plain", {23, 7, 5}, values, -1, {.chunks = {4, 3, 2}});
    file.write("/packed", {23, 7, 5}, values, H5T_IEEE_F32BE, {{4, 3, 2}, true, 6, true});
    file.write("/beyond", {23, 7, 5}, values, -1, {{64, 16, 5}, true, 1, false});
    file.write("/one", {23, 7, 5}, values, -1, {{1, 1, 1}, false, 1, false});
  });
  for (const char* name : {"/plain", "/packed", "/beyond", "/one"}) {
    expect_elements<float>(path + ":" + name, values);
    expect_elements<float>(path + ":" + name, values, with_all());
  }
}

TEST(Dataset, scalars_and_empty_extents_and_user_blocks) {
  const Folder folder;
  const std::string path = folder / "odd.h5";
  on_root([&] {
    H5File file(path, 1024);
    file.write<double>("/scalar", {}, {2.5});
    file.write<double>("/empty", {0, 3}, {});
    file.write<double>("/flat", {3, 0}, {});
    file.write<double>("/ leading blank/x y", {2}, {1, 2});
  });
  expect_elements<double>(path + ":/scalar", {2.5}, with_all());
  DatasetOptions flattened;
  flattened.samples.kind = SampleAxes::Kind::flattened;
  expect_elements<double>(path + ":/scalar", {2.5}, flattened);
  expect_elements<double>(path + ":/empty", {});
  expect_elements<double>(path + ":/flat", {});
  expect_elements<double>(path + ":/ leading blank/x y", {1, 2});
  const Dataset empty = Dataset::open(context(), parse_address(path + ":/empty"));
  EXPECT_EQ(empty.rows(), 0);
  EXPECT_EQ(empty.row_shape(), Shape{3});
  error_of(ErrorKind::invalid_argument,
           [&] { static_cast<void>(Dataset::open(context(), parse_address(path + ":/scalar"))); });
}

TEST(Dataset, sample_axes_in_any_order) {
  const Folder folder;
  const std::string path = folder / "axes.h5";
  const int n0 = 5, n1 = 4, n2 = 37;
  const auto values = counted<std::int32_t>(static_cast<std::size_t>(n0 * n1 * n2));
  on_root([&] {
    H5File file(path);
    file.write("/d", {5, 4, 37}, values);
    file.write("/z", {5, 4, 37}, values, -1, {{2, 2, 10}, false, 1, false});
  });
  const std::vector<std::vector<int>> orders{{0},    {1},  {2},    {1, 2},    {2, 1},   {0, 2},
                                             {2, 0}, {-1}, {1, 0}, {0, 1, 2}, {2, 1, 0}};
  for (const auto& order : orders) {
    // The oracle: rows run over the listed axes, columns over the others.
    const int extents[] = {n0, n1, n2};
    std::vector<int> axes;
    for (const int axis : order) axes.push_back(axis < 0 ? axis + 3 : axis);
    for (int axis = 0; axis < 3; ++axis)
      if (std::find(axes.begin(), axes.end(), axis) == axes.end()) axes.push_back(axis);
    std::vector<std::int32_t> expected;
    int index[3];
    for (index[axes[0]] = 0; index[axes[0]] < extents[axes[0]]; ++index[axes[0]])
      for (index[axes[1]] = 0; index[axes[1]] < extents[axes[1]]; ++index[axes[1]])
        for (index[axes[2]] = 0; index[axes[2]] < extents[axes[2]]; ++index[axes[2]])
          expected.push_back((index[0] * n1 + index[1]) * n2 + index[2]);
    expect_elements<std::int32_t>(path + ":/d", expected, with_axes(order));
    expect_elements<std::int32_t>(path + ":/z", expected, with_axes(order));
  }
  const Dataset cells = Dataset::open(context(), parse_address(path + ":/d"), with_axes({1, 2}));
  EXPECT_EQ(cells.shape(), (Shape{5, 4, 37}));
  EXPECT_EQ(cells.sample_shape(), (Shape{4, 37}));
  EXPECT_EQ(cells.feature_shape(), Shape{5});
  EXPECT_EQ(cells.rows(), 4 * 37);
  for (const std::vector<int>& wrong : std::vector<std::vector<int>>{{3}, {-4}, {1, 1}, {0, -3}})
    error_of(ErrorKind::invalid_argument, [&] {
      static_cast<void>(Dataset::open(context(), parse_address(path + ":/d"), with_axes(wrong)));
    });
}

TEST(Dataset, flattened_axes_follow_the_shape) {
  const Folder folder;
  const std::string path = folder / "flat.h5";
  on_root([&] {
    H5File file(path);
    file.write("/d", {3, 40, 20, 2}, counted<std::int16_t>(3 * 40 * 20 * 2));
    file.write("/long", {2000, 2}, counted<std::int16_t>(4000));
  });
  DatasetOptions options;
  options.samples.kind = SampleAxes::Kind::flattened;
  const Dataset data = Dataset::open(context(), parse_address(path + ":/d"), options);
  EXPECT_EQ(data.sample_shape(), (Shape{3, 40, 20}));  // 3 * 40 rows would be too few
  EXPECT_EQ(data.feature_shape(), Shape{2});
  EXPECT_EQ(Dataset::open(context(), parse_address(path + ":/long"), options).sample_shape(),
            Shape{2000});
  expect_elements<std::int16_t>(path + ":/d", counted<std::int16_t>(3 * 40 * 20 * 2), options);
}

TEST(Dataset, selections) {
  const Folder folder;
  const std::string path = folder / "select.h5";
  const int n0 = 11, n1 = 6, n2 = 8;
  on_root([&] {
    H5File file(path);
    file.write("/d", {11, 6, 8}, counted<double>(static_cast<std::size_t>(n0 * n1 * n2)));
    file.write("/z", {11, 6, 8}, counted<double>(static_cast<std::size_t>(n0 * n1 * n2)), -1,
               {{3, 4, 5}, true, 4, true});
  });
  const auto expected = [&](int b0, int e0, int s0, int b1, int e1, int s1, int b2, int e2,
                            int s2) {
    std::vector<double> values;
    for (int i = b0; i < e0; i += s0)
      for (int j = b1; j < e1; j += s1)
        for (int k = b2; k < e2; k += s2) values.push_back((i * n1 + j) * n2 + k);
    return values;
  };
  struct Case {
    std::string text;
    Shape shape;
    std::vector<double> values;
  };
  const std::vector<Case> cases{
      {"[0:10]", {10, 6, 8}, expected(0, 10, 1, 0, 6, 1, 0, 8, 1)},
      {"[2:9:3,-1]", {3, 8}, expected(2, 9, 3, 5, 6, 1, 0, 8, 1)},
      {"[..., 3]", {11, 6}, expected(0, 11, 1, 0, 6, 1, 3, 4, 1)},
      {"[::2, 1:3, ::-0]", {}, {}},
      {"[-3:, :-4, 1:100:4]", {3, 2, 2}, expected(8, 11, 1, 0, 2, 1, 1, 8, 4)},
      {"[5, ..., 2:4]", {6, 2}, expected(5, 6, 1, 0, 6, 1, 2, 4, 1)},
      {"[4:4]", {0, 6, 8}, {}},
      {"[7, 2, 1:6]", {5}, expected(7, 8, 1, 2, 3, 1, 1, 6, 1)},
  };
  for (const Case& c : cases) {
    if (c.text == "[::2, 1:3, ::-0]") {
      EXPECT_THROW(static_cast<void>(parse_address(path + ":/d" + c.text)), InvalidArgument);
      continue;
    }
    for (const char* name : {":/d", ":/z"}) {
      expect_elements<double>(path + name + c.text, c.values);
      expect_elements<double>(path + name + c.text, c.values, with_all());
    }
    EXPECT_EQ(Dataset::open(context(), parse_address(path + ":/d" + c.text)).shape(), c.shape)
        << c.text;
  }
  expect_elements<double>(path + ":/d[2,3,4]", {(2. * n1 + 3) * n2 + 4}, with_all());
  for (const char* wrong : {"[11]", "[-12]", "[0,0,0,0]", "[0,...,9]"})
    error_of(ErrorKind::invalid_argument, [&] {
      static_cast<void>(Dataset::open(context(), parse_address(path + ":/d" + wrong)));
    });
}

TEST(Dataset, several_addresses_side_by_side) {
  const Folder folder;
  const std::string path = folder / "uv.h5";
  on_root([&] {
    H5File file(path);
    file.write("/u", {6, 3}, counted<float>(18));
    file.write("/v", {6, 3}, counted<double>(18, 100));
    file.write("/wide", {6, 2, 2}, counted<std::int16_t>(24, 1000));
  });
  const auto u = parse_address(path + ":/u");
  const auto v = parse_address(path + ":/v");
  const auto wide = parse_address(path + ":/wide");
  for (const IoMode mode : {IoMode::independent, IoMode::collective}) {
    const Context ctx = context({.max_tiles = 4, .io_mode = mode});
    const Dataset points = Dataset::open(ctx, std::vector<Address>{u, v}, with_all());
    EXPECT_EQ(points.feature_shape(), Shape{2});
    EXPECT_EQ(points.shape(), (Shape{6, 3, 2}));
    std::vector<double> expected;
    for (int i = 0; i < 18; ++i) expected.insert(expected.end(), {double(i), double(100 + i)});
    EXPECT_EQ(loaded<double>(ctx, points), expected);
    EXPECT_EQ(streamed<double>(ctx, points), expected);

    const Dataset rows = Dataset::open(ctx, std::vector<Address>{u, wide});
    EXPECT_EQ(rows.feature_shape(), Shape{7});
    EXPECT_EQ(rows.dtype(), DType::f32);
    std::vector<float> mixed;
    for (int i = 0; i < 6; ++i) {
      for (int j = 0; j < 3; ++j) mixed.push_back(static_cast<float>(3 * i + j));
      for (int j = 0; j < 4; ++j) mixed.push_back(static_cast<float>(1000 + 4 * i + j));
    }
    EXPECT_EQ(loaded<float>(ctx, rows), mixed);
    EXPECT_EQ(streamed<float>(ctx, rows), mixed);
  }
  const Address shorter = parse_address(path + ":/v[:5]");
  error_of(ErrorKind::invalid_argument, [&] {
    static_cast<void>(Dataset::open(context(), std::vector<Address>{u, shorter}));
  });
  error_of(ErrorKind::invalid_argument,
           [&] { static_cast<void>(Dataset::open(context(), std::vector<Address>{})); });
}

TEST(Dataset, conversion_to_a_dtype) {
  const Folder folder;
  const std::string path = folder / "convert.h5";
  on_root([&] {
    H5File file(path);
    file.write<double>("/d", {4}, {1.75, -2.5, 0, 300});
    file.write<double>("/bad", {2, 2}, {1, 2, NAN, 4});
    file.write<std::int64_t>("/big", {3}, {-1, 5, 1000});
  });
  DatasetOptions options;
  options.dtype = DType::i32;
  expect_elements<std::int32_t>(path + ":/d", {1, -2, 0, 300}, options);
  options.dtype = DType::f32;
  expect_elements<float>(path + ":/big", {-1, 5, 1000}, options);
  options.dtype = DType::i32;
  for (const IoMode mode : {IoMode::independent, IoMode::collective}) {
    const Context ctx = context({.io_mode = mode});
    const Dataset bad = Dataset::open(ctx, parse_address(path + ":/bad"), options);
    const std::string text = error_of(ErrorKind::data, [&] { static_cast<void>(bad.to_array()); });
    EXPECT_NE(text.find("/bad: the value at (1, 0) does not fit i32"), std::string::npos) << text;
    error_of(ErrorKind::data, [&] { static_cast<void>(streamed<std::int32_t>(ctx, bad)); });
  }
  options.dtype = DType::u8;
  error_of(ErrorKind::data, [&] {
    static_cast<void>(Dataset::open(context(), parse_address(path + ":/big"), options).to_array());
  });
}

TEST(Dataset, large_rows_and_many_batches) {
  const Folder folder;
  const std::string path = folder / "large.h5";
  const std::size_t rows = 70000, columns = 8;
  std::vector<std::int32_t> values(rows * columns);
  for (std::size_t i = 0; i < values.size(); ++i)
    values[i] = static_cast<std::int32_t>(i * 2654435761u);
  on_root([&] {
    H5File file(path);
    file.write("/d", {rows, columns}, values);
    file.write("/z", {rows, columns}, values, -1, {{999, 3}, true, 1, false});
  });
  const Context ctx = context();
  for (const char* name : {":/d", ":/z"}) {
    const Dataset data = Dataset::open(ctx, parse_address(path + name));
    EXPECT_EQ(data.layout(), Layout::uniform(static_cast<std::int64_t>(rows), ctx.size()));
    EXPECT_EQ(streamed<std::int32_t>(ctx, data, 16384), values);
    EXPECT_EQ(loaded<std::int32_t>(ctx, data), values);
  }
  EXPECT_EQ(Dataset::open(ctx, parse_address(path + ":/d"), raw()).dtype(), DType::i32);
}

}  // namespace
}  // namespace serried::test
