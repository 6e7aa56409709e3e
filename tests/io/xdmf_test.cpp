// The text of XDMF, and that its file is whole or absent. (tests/gray_scott/xdmf_test.py has an
// independent reader open such files.)
#include "serried/io/xdmf.hpp"

#include <filesystem>
#include <fstream>
#include <iterator>

#include "h5_files.hpp"
#include "serried/io/text_file.hpp"

namespace serried::test {
namespace {

XdmfGrid field_on(const Shape& shape) {
  return {
      .name = "g",
      .shape = shape,
      .geometry = XdmfUniform{},
      .attributes = {{.name = "u", .data = {.file = "/a/f.h5", .dataset = "/u", .shape = shape}}},
      .time = std::nullopt};
}

bool has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

std::string read_file(const std::string& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

TEST(Xdmf, uniform_grid_of_three_axes) {
  XdmfGrid grid = field_on({4, 5, 6});
  grid.geometry = XdmfUniform{.origin = {1, 2, 3.5}, .spacing = {0.1, 1, 2}};
  const std::string text = to_xdmf("/a/f.xmf", {grid});
  EXPECT_TRUE(has(text, "TopologyType=\"3DCoRectMesh\" Dimensions=\"4 5 6\""));
  EXPECT_TRUE(has(text, ">1 2 3.5<"));
  EXPECT_TRUE(has(text, ">0.1 1 2<"));
  EXPECT_TRUE(has(text,
                  "NumberType=\"Float\" Precision=\"8\" Endian=\"Little\" Dimensions=\"4 5 6\">"
                  "f.h5:/u<"));
  EXPECT_FALSE(has(text, "Collection"));
}

TEST(Xdmf, names_are_relative_and_escaped) {
  XdmfGrid grid = field_on({4, 5});
  grid.name = "a<b> & \"c\"";
  grid.attributes[0].data.file = "/a/x & y/f.h5";
  const std::string text = to_xdmf("/a/out/f.xmf", {grid});
  EXPECT_TRUE(has(text, "Name=\"a&lt;b&gt; &amp; &quot;c&quot;\""));
  EXPECT_TRUE(has(text, ">../x &amp; y/f.h5:/u<"));
  grid.attributes[0].data.file = "/a/x:y/f.h5";
  EXPECT_THROW((void)to_xdmf("/a/out/f.xmf", {grid}), InvalidArgument);
  // names without a folder are those of the working folder
  grid.attributes[0].data.file = "f.h5";
  EXPECT_TRUE(has(to_xdmf("sub/f.xmf", {grid}), ">../f.h5:/u<"));
  EXPECT_TRUE(has(to_xdmf("f.xmf", {grid}), ">f.h5:/u<"));
}

TEST(Xdmf, every_number_type) {
  const std::pair<DType, std::string> types[] = {
      {DType::i8, "Char\" Precision=\"1"},   {DType::u8, "UChar\" Precision=\"1"},
      {DType::i16, "Short\" Precision=\"2"}, {DType::u16, "UShort\" Precision=\"2"},
      {DType::i32, "Int\" Precision=\"4"},   {DType::u32, "UInt\" Precision=\"4"},
      {DType::i64, "Int\" Precision=\"8"},   {DType::u64, "UInt\" Precision=\"8"},
      {DType::f32, "Float\" Precision=\"4"}, {DType::f64, "Float\" Precision=\"8"}};
  XdmfGrid grid = field_on({4, 5});
  grid.attributes[0].data.is_big_endian = true;
  for (const auto& [dtype, text] : types) {
    grid.attributes[0].data.dtype = dtype;
    EXPECT_TRUE(has(to_xdmf("/a/f.xmf", {grid}), "NumberType=\"" + text + "\" Endian=\"Big\""));
  }
  for (const DType dtype : {DType::b8, DType::f16, DType::c64, DType::c128}) {
    grid.attributes[0].data.dtype = dtype;
    EXPECT_THROW((void)to_xdmf("/a/f.xmf", {grid}), InvalidArgument);
  }
}

TEST(Xdmf, what_does_not_go_together_is_refused) {
  const auto refused = [](const XdmfGrid& grid) {
    EXPECT_THROW((void)to_xdmf("/a/f.xmf", {grid}), InvalidArgument);
  };
  EXPECT_THROW((void)to_xdmf("/a/f.xmf", {}), InvalidArgument);
  refused(field_on({4}));
  refused(field_on({2, 3, 4, 5}));
  XdmfGrid grid = field_on({4, 5});
  grid.attributes[0].data.shape = {5, 4};
  refused(grid);
  grid = field_on({4, 5});
  grid.geometry = XdmfUniform{.origin = {1, 2, 3}};
  refused(grid);
  grid.geometry = XdmfRectilinear{.axes = {std::vector<double>(4), std::vector<double>(4)}};
  refused(grid);
  grid.geometry = XdmfRectilinear{.axes = {std::vector<double>(4)}};
  refused(grid);
  grid = field_on({4, 5});
  grid.attributes[0].data.shape = {3, 4, 5};
  refused(grid);
  grid.attributes[0].data.leading_index = 3;
  refused(grid);
  grid.attributes[0].data.leading_index = 2;
  EXPECT_TRUE(has(to_xdmf("/a/f.xmf", {grid}), ">2 0 0 1 1 1 1 4 5<"));
  // a series needs times
  EXPECT_THROW((void)to_xdmf("/a/f.xmf", {grid, grid}), InvalidArgument);
}

TEST(Xdmf, file_is_whole_or_absent) {
  const Folder folder;
  const Context ctx = context();
  const std::string path = folder / "s.xmf";
  std::vector<XdmfGrid> grids;
  for (int step = 0; step < 3; ++step) {
    grids.push_back(field_on({4, 5}));
    grids.back().time = 0.5 * step;
    write_xdmf(ctx, path, grids);
    ctx.comm().barrier();
    EXPECT_EQ(read_file(path), to_xdmf(path, grids));
    ctx.comm().barrier();
  }
  EXPECT_TRUE(has(read_file(path), "<Time Value=\"0.5\"/>"));
  if (ctx.rank() == 0) {
    const auto files = std::filesystem::directory_iterator(folder.path());
    EXPECT_EQ(std::distance(begin(files), end(files)), 1);
  }
  EXPECT_THROW(write_text_file(ctx, folder / "none/s.xmf", "x"), RankError);
  EXPECT_THROW(write_xdmf(ctx, folder.path(), grids), RankError);
}

}  // namespace
}  // namespace serried::test
