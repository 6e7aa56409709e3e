// host
// timeout: 240
// The rows of a program's memory against the file of the same fields: the same bits, with and
// without ghost cells, with cuts on and off tile boundaries.
#include "serried/array/memory_rows.hpp"

#include <bit>
#include <cstring>

#include "array_support.hpp"
#include "io/h5_files.hpp"
#include "serried/array/statistics.hpp"
#include "serried/base/philox.hpp"
#include "serried/io/dataset.hpp"
#include "serried/io/file_writer.hpp"
#include "serried/ml/kmeans.hpp"

namespace serried {
namespace {

using Index = std::int64_t;

// Three bumps and some noise: a function of the field and the cell alone.
double value_of(std::uint64_t field, Index number) {
  const auto words = philox_words(7, field, static_cast<std::uint64_t>(number));
  return static_cast<double>(number / 97 % 3) + 0.25 * to_unit_interval(words[0]);
}

// Cuts along axis 0: on tiles of planes, or anywhere, with a rank that has none.
std::vector<Index> cuts(Index planes, int ranks, bool is_even) {
  std::vector<Index> begins{0};
  for (int rank = 1; rank < ranks; ++rank)
    begins.push_back(is_even ? planes * rank / ranks / 8 * 8
                             : std::min(planes, planes * rank / (ranks + 1) + (rank > 1 ? 3 : 0)));
  if (!is_even && ranks > 2) begins[2] = begins[1];
  begins.push_back(planes);
  return begins;
}

// One rank's planes of a field inside a larger block of NaN.
template <class T>
class Block {
 public:
  Block(const Shape& shape, RowRange planes, int ghost_planes, int ghost_cells, std::uint64_t field)
      : local_(shape.with_extent(0, planes.size())) {
    std::vector<Index> extents;
    for (int axis = 0; axis < shape.dimensions(); ++axis)
      extents.push_back(local_[axis] + 2 * (axis == 0 ? ghost_planes : ghost_cells));
    const Shape outer{std::span<const Index>(extents)};
    Index stride = sizeof(T);
    strides_.resize(extents.size());
    for (std::size_t axis = extents.size(); axis-- > 0;) {
      strides_[axis] = stride;
      first_ += stride * (axis == 0 ? ghost_planes : ghost_cells);
      stride *= extents[axis];
    }
    cells_.assign(static_cast<std::size_t>(outer.elements()), static_cast<T>(NAN));
    const Index offset = planes.begin * shape.elements(1, shape.dimensions());
    for (Index number = 0; number < local_.elements(); ++number) {
      const auto index = test::index_of(local_, number);
      Index at = first_;
      for (std::size_t axis = 0; axis < index.size(); ++axis) at += index[axis] * strides_[axis];
      cells_[static_cast<std::size_t>(at) / sizeof(T)] =
          static_cast<T>(value_of(field, offset + number));
    }
  }
  [[nodiscard]] MemoryField field() const {
    return {.data = reinterpret_cast<const std::byte*>(cells_.data()) + first_,
            .byte_strides = strides_};
  }
  [[nodiscard]] const Shape& local() const { return local_; }

 private:
  Shape local_;
  std::vector<Index> strides_;
  Index first_ = 0;
  std::vector<T> cells_;
};

void expect_same(const Statistics& a, const Statistics& b) {
  EXPECT_EQ(a.count, b.count);
  EXPECT_EQ(a.nan_count, b.nan_count);
  for (const auto member : {&Statistics::min, &Statistics::max, &Statistics::mean,
                            &Statistics::variance, &Statistics::skewness, &Statistics::kurtosis})
    EXPECT_EQ(std::bit_cast<std::uint64_t>(a.*member), std::bit_cast<std::uint64_t>(b.*member));
  ASSERT_TRUE(a.histogram && b.histogram);
  EXPECT_EQ(a.histogram->edges, b.histogram->edges);
  EXPECT_EQ(a.histogram->counts, b.histogram->counts);
}

void expect_same(const KMeansModel& a, const KMeansModel& b) {
  EXPECT_EQ(a.centers, b.centers);
  EXPECT_EQ(a.sizes, b.sizes);
  EXPECT_EQ(a.inertia, b.inertia);
  EXPECT_EQ(a.iterations, b.iterations);
}

// The files that the memory is compared with.
template <class T>
void write_fields(const Context& ctx, const std::string& path, const Shape& shape) {
  FileWriter writer(ctx, path);
  for (const std::uint64_t field : {0, 1})
    writer.write("/f" + std::to_string(field),
                 Array::from_function(ctx, shape, dtype_of<T>, [&](std::span<const Index> index) {
                   return value_of(field, test::number_of(shape, index));
                 }));
  writer.commit();
}

template <class T>
void expect_bits_of_file(const Shape& shape, Index max_tiles) {
  const test::Folder folder;
  const Context ctx = test::tiled_context(max_tiles);
  const std::string path = folder / "fields.h5";
  write_fields<T>(ctx, path, shape);
  const StatisticsOptions statistics{.bins = 7};
  const KMeansOptions kmeans{.clusters = 3, .seed = 5};
  const Dataset flattened = Dataset::open(ctx, parse_address(path + ":/f0"),
                                          {.samples = {.kind = SampleAxes::Kind::flattened}});
  const Dataset cells =
      Dataset::open(ctx, {parse_address(path + ":/f0"), parse_address(path + ":/f1")},
                    {.samples = {.kind = SampleAxes::Kind::all}});
  const Statistics of_file = compute_statistics(ctx, flattened, statistics).front();
  const KMeansFit fit_of_file = fit_kmeans(ctx, cells, kmeans);
  const std::vector<double> labels_of_file = test::all_values(fit_of_file.labels);

  for (const bool is_even : {true, false})
    for (const auto& [ghost_planes, ghost_cells] : {std::pair{0, 0}, {1, 0}, {2, 2}}) {
      const auto begins = cuts(shape[0], ctx.size(), is_even);
      const auto rank = static_cast<std::size_t>(ctx.rank());
      const RowRange planes{begins[rank], begins[rank + 1]};
      const Block<T> first(shape, planes, ghost_planes, ghost_cells, 0);
      const Block<T> second(shape, planes, ghost_planes, ghost_cells, 1);
      const MemoryField fields[] = {first.field(), second.field()};
      const auto rows =
          MemoryRows::wrap(ctx, {fields, 1}, dtype_of<T>, first.local()).named("field");
      EXPECT_EQ(rows.shape(), shape);
      EXPECT_EQ(rows.row_shape(), flattened.row_shape());
      EXPECT_EQ(rows.rows(), flattened.rows());
      EXPECT_EQ(rows.is_viewed(), ghost_cells == 0 || shape.dimensions() == 1 || planes.is_empty());
      expect_same(compute_statistics(ctx, rows, statistics).front(), of_file);

      const MemoryRows both =
          MemoryRows::wrap(ctx, fields, dtype_of<T>, first.local(), MemoryRowAxes::all);
      EXPECT_FALSE(both.is_viewed());
      EXPECT_EQ(both.row_shape(), (Shape{2}));
      const KMeansFit fit = fit_kmeans(ctx, both, kmeans);
      expect_same(fit.model, fit_of_file.model);
      EXPECT_EQ(test::all_values(fit.labels), labels_of_file);
      // labels as the cells lie
      const Array labels = both.to_holders(fit.labels);
      EXPECT_EQ(labels.local_rows(), both.held_rows());
      EXPECT_EQ(both.held_rows().size(), first.local().elements());
      EXPECT_EQ(test::all_values(labels), labels_of_file);
    }
}

TEST(MemoryRows, bits_of_file_2d) {
  expect_bits_of_file<double>({64, 40}, 16384);
  expect_bits_of_file<double>({64, 40}, 64);
  expect_bits_of_file<float>({61, 37}, 3);
}

TEST(MemoryRows, bits_of_file_3d) {
  expect_bits_of_file<float>({24, 11, 32}, 64);
  expect_bits_of_file<double>({33, 43, 7}, 16384);
}

TEST(MemoryRows, bits_of_file_1d_and_few_rows) {
  expect_bits_of_file<double>({5000}, 64);
  expect_bits_of_file<double>({16, 5}, 16384);
}

TEST(MemoryRows, more_rows_than_tiles_by_default) {
  // tiles of 16 rows, which planes of 1001 cells cut
  expect_bits_of_file<double>({160, 1001}, 16384);
}

TEST(MemoryRows, whole_tiles_are_viewed_where_they_lie) {
  const Context ctx = test::tiled_context(64);
  const Shape shape{64, 40};  // tiles of 64 rows: 8 planes have whole tiles
  const auto begins = cuts(64, ctx.size(), true);
  const auto rank = static_cast<std::size_t>(ctx.rank());
  const Block<double> block(shape, {begins[rank], begins[rank + 1]}, 1, 0, 0);
  const MemoryField field = block.field();
  const std::size_t facts = ctx.recorder().facts().size();
  const MemoryRows rows = MemoryRows::wrap(ctx, {&field, 1}, DType::f64, block.local());
  EXPECT_EQ(rows.moving_rows(), 0);
  EXPECT_EQ(ctx.recorder().facts().size(), facts);
  Buffer scratch;
  const ReadPlan plan = rows.plan(Leaves::single_tiles(rows.layout()), 1, ctx.rank());
  for (std::size_t batch = 0; batch < plan.batches.size(); ++batch) {
    const TileView view = rows.read(plan, static_cast<Index>(batch), scratch);
    if (view.rows.is_empty()) continue;
    EXPECT_EQ(view.data, static_cast<const std::byte*>(field.data) +
                             (view.rows.begin - rows.held_rows().begin) * 8);
  }
  EXPECT_EQ(scratch.bytes(), 0U);
}

TEST(MemoryRows, cells_between_ghost_cells_are_put_together_in_prepared_memory) {
  const Context ctx = test::tiled_context(64);
  const Shape shape{64, 40};
  const auto begins = cuts(64, ctx.size(), true);
  const auto rank = static_cast<std::size_t>(ctx.rank());
  const Block<double> block(shape, {begins[rank], begins[rank + 1]}, 1, 1, 0);
  const MemoryField field = block.field();
  const MemoryRows rows = MemoryRows::wrap(ctx, {&field, 1}, DType::f64, block.local());
  const ReadPlan plan = rows.plan(Leaves::single_tiles(rows.layout()), 1, ctx.rank());
  ASSERT_FALSE(plan.batches.empty());
  Buffer scratch;
  if (!rows.is_viewed()) {
    // a rank without planes has nothing to put together
    EXPECT_THROW((void)rows.read(plan, 0, scratch), InvalidArgument);
  }
  rows.prepare(plan, scratch);
  const std::size_t bytes = scratch.bytes();
  for (std::size_t batch = 0; batch < plan.batches.size(); ++batch) {
    const TileView view = rows.read(plan, static_cast<Index>(batch), scratch);
    for (Index row = view.rows.begin; row < view.rows.end; ++row)
      EXPECT_EQ(view.as<double>()[static_cast<std::size_t>(row - view.rows.begin)],
                value_of(0, row));
  }
  EXPECT_EQ(scratch.bytes(), bytes);
}

TEST(MemoryRows, cut_tiles_are_told) {
  const Context ctx = test::tiled_context(64);
  const auto begins = cuts(61, ctx.size(), false);
  const auto rank = static_cast<std::size_t>(ctx.rank());
  const Block<double> block({61, 37}, {begins[rank], begins[rank + 1]}, 0, 0, 0);
  const MemoryField field = block.field();
  const MemoryRows rows = MemoryRows::wrap(ctx, {&field, 1}, DType::f64, block.local());
  EXPECT_EQ(rows.moving_rows() > 0, ctx.size() > 1);
  bool is_told = false;
  for (const auto& [key, text] : ctx.recorder().facts())
    is_told = is_told || (key == "rows of cut tiles" &&
                          text.starts_with(std::to_string(rows.moving_rows()) + " of 2257"));
  EXPECT_EQ(is_told, ctx.size() > 1 && ctx.rank() == 0);
}

TEST(MemoryRows, what_is_written_between_passes_counts) {
  const Context ctx = test::tiled_context(8);
  std::vector<double> values(13, 1.0);
  const MemoryField field{.data = values.data()};
  const MemoryRows rows = MemoryRows::wrap(ctx, {&field, 1}, DType::f64, {13});
  EXPECT_EQ(compute_statistics(ctx, rows).front().max, 1.0);
  for (double& value : values) value = 2.0 + ctx.rank();
  const Statistics second = compute_statistics(ctx, rows).front();
  EXPECT_EQ(second.min, 2.0);
  EXPECT_EQ(second.max, 1.0 + ctx.size());
  EXPECT_EQ(second.count, 13 * ctx.size());
}

TEST(MemoryRows, of_arrays_and_planes) {
  const Context ctx = test::context();
  const Array array = test::numbered(ctx, {50, 3, 9});
  const MemoryRows planes = MemoryRows::wrap(array, MemoryRowAxes::first);
  EXPECT_EQ(planes.row_shape(), (Shape{3, 9}));
  const auto by_column = compute_statistics(ctx, planes, {.by_column = true});
  const auto expected = compute_statistics(ctx, array, {.by_column = true});
  ASSERT_EQ(by_column.size(), 27U);
  for (std::size_t i = 0; i < by_column.size(); ++i) EXPECT_EQ(by_column[i].mean, expected[i].mean);
  EXPECT_EQ(MemoryRows::wrap(array).row_shape(), (Shape{}));
  EXPECT_THROW((void)MemoryRows::wrap(array.replicate()), InvalidArgument);
  EXPECT_THROW((void)MemoryRows::wrap(test::numbered(ctx, {5, 6}, DType::f64, 1)), InvalidArgument);
}

TEST(MemoryRows, errors_are_the_same_on_all_ranks) {
  const Context ctx = test::context();
  const std::vector<double> data(100);
  const bool is_last = ctx.rank() == ctx.size() - 1;
  const auto text_of = [&](std::vector<MemoryField> fields, const Shape& shape) -> std::string {
    try {
      (void)MemoryRows::wrap(ctx, fields, DType::f64, shape);
    } catch (const InvalidArgument& error) {
      return error.what();
    }
    return "";
  };
  const MemoryField good{.data = data.data()};
  const std::string texts[] = {
      text_of({}, {5}),
      text_of({good}, {}),
      text_of({{.data = is_last ? nullptr : data.data()}}, {5}),
      text_of({{.data = data.data(), .byte_strides = std::vector<Index>(is_last ? 2 : 1, 8)}}, {5}),
      ctx.size() == 1 ? "-" : text_of({good}, {5, is_last ? 2 : 3}),
      ctx.size() == 1 ? "-" : text_of(std::vector(is_last ? 2 : 1, good), {5})};
  for (const std::string& text : texts) {
    EXPECT_NE(text, "");
    for (const std::string& other : ctx.comm().allgather_text(text)) EXPECT_EQ(other, text);
  }
  const MemoryRows rows = MemoryRows::wrap(ctx, {&good, 1}, DType::f64, {5});
  EXPECT_THROW((void)rows.to_holders(test::numbered(ctx, {7000})), InvalidArgument);
}

}  // namespace
}  // namespace serried
