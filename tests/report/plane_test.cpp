// ranks: 1 2 3
// Planes of fields and of labels against indexing, and the same at any number of ranks.
#include "serried/report/plane.hpp"

#include <numeric>

#include "io/h5_files.hpp"

namespace serried::test {
namespace {

/// 0, 1, 2, ... in C order.
std::vector<double> counted(std::size_t count) {
  std::vector<double> values(count);
  std::iota(values.begin(), values.end(), 0.);
  return values;
}

Plane plane_of(const std::string& address, const PlaneLimits& limits = {}) {
  const Field field = open_field(context(), parse_address(address));
  const auto axes = plane_axes(field.data.shape());
  EXPECT_TRUE(axes.has_value());
  Plane plane = read_plane(context(), field, *axes, limits);
  EXPECT_EQ(plane.values.empty(), context().rank() != 0);
  const Context ctx = context();
  plane.values.resize(static_cast<std::size_t>(plane.rows * plane.columns));
  ctx.comm().broadcast(std::span<double>(plane.values), 0);
  return plane;
}

TEST(Sliced, takes_indices_along_any_axis) {
  const Folder folder;
  const std::string path = folder / "d.h5";
  on_root([&] { H5File(path).write<double>("/d", {6, 5, 4}, counted(120)); });
  for (const char* selection : {"", "[:,:,:]", "[0:6,0:5]"}) {
    const Dataset data = Dataset::open(context(), parse_address(path + ":/d" + selection));
    const std::vector<Slice> slices = {
        {.begin = 1, .end = 6, .step = 2}, {.begin = -2}, {.end = 3}};
    const Dataset part = data.sliced(slices, {.kind = SampleAxes::Kind::axes, .axes = {1}});
    EXPECT_EQ(part.shape(), (Shape{3, 2, 3}));
    std::vector<double> expected;
    for (const int j : {3, 4})
      for (const int i : {1, 3, 5})
        for (const int k : {0, 1, 2}) expected.push_back(20 * i + 4 * j + k);
    EXPECT_EQ(loaded<double>(context(), part), expected);
    EXPECT_EQ(streamed<double>(context(), part), expected);
  }
  // of a selection, whose steps and dropped axes stand
  const Dataset data = Dataset::open(context(), parse_address(path + ":/d[1::2,3]"));
  const std::vector<Slice> slices = {{.begin = 1, .step = 2}, {.begin = 1, .step = 2}};
  EXPECT_EQ(loaded<double>(context(), data.sliced(slices, {.kind = SampleAxes::Kind::all})),
            (std::vector<double>{73, 75}));
  EXPECT_THROW(static_cast<void>(data.sliced(std::vector<Slice>(3), {})), InvalidArgument);
  EXPECT_THROW(static_cast<void>(data.sliced(std::vector<Slice>{{.step = 0}}, {})),
               InvalidArgument);
}

TEST(Sliced, takes_files_of_a_series) {
  const Folder folder;
  on_root([&] {
    for (int file = 0; file < 4; ++file) {
      std::vector<double> values = counted(6);
      for (double& value : values) value += 100 * file;
      H5File(folder / ("s" + std::to_string(file) + ".h5")).write<double>("/d", {2, 3}, values);
    }
  });
  const Dataset data = Dataset::open(context(), parse_address(folder / "s*.h5:/d"));
  const std::vector<Slice> slices = {{.begin = 1, .step = 2}, {.begin = 1}, {.step = 2}};
  EXPECT_EQ(loaded<double>(context(), data.sliced(slices, {})),
            (std::vector<double>{103, 105, 303, 305}));
  EXPECT_THROW(static_cast<void>(data.sliced(std::vector<Slice>{{.begin = 4}}, {})),
               InvalidArgument);
  const Plane plane = plane_of(folder / "s*.h5:/d");
  EXPECT_EQ(plane.values, (std::vector<double>{203, 204, 205, 200, 201, 202}));
  EXPECT_EQ(plane.notes, std::vector<std::string>{"series: index 2 of 0 to 3"});
}

TEST(Plane, axes_are_the_last_ones_that_have_an_extent) {
  const auto axes = [](const Shape& shape) {
    const auto found = plane_axes(shape);
    return found ? std::pair(found->vertical, found->horizontal) : std::pair(-2, -2);
  };
  EXPECT_EQ(axes({3, 4, 5}), std::pair(1, 2));
  EXPECT_EQ(axes({3, 4, 1}), std::pair(0, 1));
  EXPECT_EQ(axes({1, 4, 1}), std::pair(-1, 1));
  EXPECT_EQ(axes({1, 1}), std::pair(-2, -2));
  EXPECT_EQ(axes({}), std::pair(-2, -2));
  EXPECT_EQ(axes({3, 0, 5}), std::pair(-2, -2));
}

TEST(Plane, is_the_middle_and_has_larger_indices_above) {
  const Folder folder;
  const std::string path = folder / "d.h5";
  on_root([&] {
    H5File file(path);
    file.write<std::int16_t>("/d", {5, 3, 4}, std::vector<std::int16_t>(60));
    file.write<double>("/e", {5, 3, 4}, counted(60));
    file.text("/e", "long_name", "Density");
    file.text("/e", "Units", "kg");
  });
  const Plane plane = plane_of(path + ":/e");
  EXPECT_EQ(plane.title, "Density (kg)");
  EXPECT_EQ(plane.notes, std::vector<std::string>{"axis 0: index 2 of 0 to 4"});
  EXPECT_EQ(plane.values, (std::vector<double>{32, 33, 34, 35, 28, 29, 30, 31, 24, 25, 26, 27}));
  EXPECT_EQ(plane.vertical.places, (std::vector<double>{2, 1, 0}));
  EXPECT_EQ(plane.horizontal.title, "axis 2");
  EXPECT_EQ(plane_of(path + ":/d").values, std::vector<double>(12));
}

TEST(Plane, large_fields_are_thinned_alike_along_both_axes) {
  const Folder folder;
  const std::string path = folder / "d.h5";
  on_root([&] { H5File(path).write<double>("/d", {300, 400}, counted(120000)); });
  const Plane plane = plane_of(path + ":/d", {.cells = 30000, .side = 2048});
  EXPECT_EQ(plane.rows, 150);
  EXPECT_EQ(plane.columns, 200);
  for (std::int64_t row = 0; row < plane.rows; ++row)
    for (std::int64_t column = 0; column < plane.columns; ++column)
      ASSERT_EQ(plane.values[static_cast<std::size_t>(row * 200 + column)],
                static_cast<double>((149 - row) * 2 * 400 + column * 2));
  EXPECT_EQ(plane.notes, std::vector<std::string>{"every 2nd row and column is shown"});
  const Plane line = plane_of(path + ":/d[7]", {.cells = 1000, .side = 100});
  EXPECT_EQ(line.columns, 100);
  EXPECT_EQ(line.values[3], 7 * 400 + 12);
  EXPECT_TRUE(line.is_line());
}

TEST(Plane, openpmd_meshes_have_their_axes) {
  const Folder folder;
  const std::string path = folder / "d.h5";
  on_root([&] {
    H5File file(path);
    file.write<double>("/data/1/meshes/B/x", {2, 3}, counted(6));
    file.attribute<double>("/data/1/meshes/B", "gridSpacing", {0.5, 2});
    file.attribute<double>("/data/1/meshes/B", "gridGlobalOffset", {-1, 10});
    file.attribute<double>("/data/1/meshes/B", "gridUnitSI", {1e-3});
    file.text("/data/1/meshes/B", "axisLabels", "[x, y]");
  });
  const Plane plane = plane_of(path + ":/data/1/meshes/B/x");
  EXPECT_EQ(plane.title, "B/x");
  // x is horizontal, whatever the file's order
  EXPECT_EQ(plane.horizontal.title, "x (m)");
  EXPECT_EQ(plane.vertical.title, "y (m)");
  EXPECT_EQ(plane.values, (std::vector<double>{2, 5, 1, 4, 0, 3}));
  ASSERT_EQ(plane.vertical.places.size(), 3u);
  EXPECT_DOUBLE_EQ(plane.vertical.places[0], 14e-3);
  EXPECT_DOUBLE_EQ(plane.horizontal.places[0], -1e-3);
}

TEST(LabelPicks, take_the_middle_plane_from_runs_of_any_length) {
  const Context& ctx = context();
  const std::vector<FieldAxis> axes(3, {.name = "a", .title = "a"});
  for (const Shape& grid : {Shape{5, 6, 7}, Shape{6, 7}, Shape{1, 300, 200}, Shape{2, 2, 2, 3}}) {
    for (const PlaneLimits& limits : {PlaneLimits{}, PlaneLimits{.cells = 20, .side = 6}}) {
      LabelPicks picks(grid, limits);
      PickingSink sink(picks, nullptr);
      const std::int64_t rows = grid.elements();
      const std::int64_t begin = rows * ctx.rank() / ctx.size();
      const std::int64_t end = rows * (ctx.rank() + 1) / ctx.size();
      for (std::int64_t first = begin; first < end; first += 11) {
        std::vector<std::int32_t> labels(
            static_cast<std::size_t>(std::min<std::int64_t>(11, end - first)));
        std::iota(labels.begin(), labels.end(), static_cast<std::int32_t>(first));
        sink.append({first, first + static_cast<std::int64_t>(labels.size())},
                    std::as_bytes(std::span<const std::int32_t>(labels)));
      }
      const Plane plane = picks.gather(ctx, std::vector<FieldAxis>(8, axes[0]), 3);
      if (ctx.rank() != 0) continue;
      const int last = grid.dimensions() - 1;
      std::int64_t base = 0;
      for (int axis = 0; axis < last - 1; ++axis) base = base * grid[axis] + grid[axis] / 2;
      ASSERT_EQ(plane.values.size(), static_cast<std::size_t>(plane.rows * plane.columns));
      EXPECT_LE(plane.rows * plane.columns, limits.cells);
      for (std::int64_t row = 0; row < plane.rows; ++row)
        for (std::int64_t column = 0; column < plane.columns; ++column) {
          const auto y =
              static_cast<std::int64_t>(plane.vertical.places[static_cast<std::size_t>(row)]);
          const auto x =
              static_cast<std::int64_t>(plane.horizontal.places[static_cast<std::size_t>(column)]);
          ASSERT_EQ(plane.values[static_cast<std::size_t>(row * plane.columns + column)],
                    static_cast<double>((base * grid[last - 1] + y) * grid[last] + x));
        }
    }
  }
  EXPECT_FALSE(LabelPicks::has_plane({10}));
  EXPECT_FALSE(LabelPicks::has_plane({10, 1}));
  EXPECT_TRUE(LabelPicks::has_plane({1, 10, 2}));
}

}  // namespace
}  // namespace serried::test
