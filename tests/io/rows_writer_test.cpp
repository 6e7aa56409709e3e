// ranks: 1 2 3 4 7
// Rows that come batch by batch: the same elements and compressed chunks whatever ranks and
// batches.
#include "serried/io/rows_writer.hpp"

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <map>

#include "h5_files.hpp"
#include "serried/io/file_writer.hpp"
#include "support/value_source.hpp"

namespace serried::test {
namespace {

namespace fs = std::filesystem;

template <class T>
T value_at(std::int64_t element) {
  return static_cast<T>(element * 7 % 101 + element / 50);
}

template <class T>
std::vector<T> values_of(RowRange elements) {
  std::vector<T> values;
  for (std::int64_t i = elements.begin; i < elements.end; ++i) values.push_back(value_at<T>(i));
  return values;
}

/// What a dataset is, and how its rows are spread.
struct Case {
  std::int64_t rows = 0;
  Shape row_shape;
  WriteOptions options;
};

/// How many of `parts` runs the ranks have; the others have no rows.
std::vector<RowRange> spread(std::int64_t rows, int ranks, int kind) {
  std::vector<std::int64_t> cuts;
  for (int rank = 0; rank <= ranks; ++rank)
    cuts.push_back(kind == 0   ? rows * rank / ranks
                   : kind == 1 ? (rank == ranks ? rows : 0)  // all on the last one
                   : kind == 2 ? (rank == 0 ? 0 : rows)      // all on the first
                               : std::min<std::int64_t>(rank * (rank + 1) / 2, rows));
  cuts.back() = rows;
  std::vector<RowRange> runs;
  for (int rank = 0; rank < ranks; ++rank)
    runs.push_back(
        {cuts[static_cast<std::size_t>(rank)], cuts[static_cast<std::size_t>(rank) + 1]});
  return runs;
}

class RowsWriting : public testing::Test {
 protected:
  [[nodiscard]] std::int64_t files() const {
    ctx_.comm().barrier();
    std::int64_t count = 0;
    for ([[maybe_unused]] const auto& entry : fs::directory_iterator(folder_.path())) ++count;
    ctx_.comm().barrier();
    return count;
  }

  template <class T>
  void append(RowsWriter& writer, RowRange rows, std::int64_t row_elements) const {
    const auto values = values_of<T>({rows.begin * row_elements, rows.end * row_elements});
    writer.append(rows, std::as_bytes(std::span(values)));
  }

  /// Writes a case in batches of at most `batch` rows; ranks advance after each.
  template <class T>
  void write(const Case& what, const std::string& path, int kind, std::int64_t batch) {
    FileWriter file(ctx_, path);
    RowsWriter writer =
        file.open_rows("/group/x", what.rows, what.row_shape, dtype_of<T>, what.options);
    const auto runs = spread(what.rows, ctx_.size(), kind);
    std::int64_t batches = 0;
    for (const RowRange& run : runs) batches = std::max(batches, (run.size() + batch - 1) / batch);
    const RowRange own = runs[static_cast<std::size_t>(ctx_.rank())];
    for (std::int64_t i = 0; i < batches; ++i) {
      const std::int64_t begin = std::min(own.begin + i * batch, own.end);
      append<T>(writer, {begin, std::min(begin + batch, own.end)}, what.row_shape.elements());
      writer.advance();
    }
    writer.finish();
    file.set_attribute("/group/x", "number", std::int64_t{3});
    file.commit();
  }

  /// The stored bytes of each chunk, by its place; on rank 0.
  static std::map<std::vector<hsize_t>, std::vector<char>> chunks_of(const std::string& path,
                                                                     const Shape& shape,
                                                                     const Case& what) {
    std::map<std::vector<hsize_t>, std::vector<char>> chunks;
    const hid_t file = H5Fopen(path.c_str(), H5F_ACC_RDONLY, H5P_DEFAULT);
    const hid_t set = H5Dopen2(file, "/group/x", H5P_DEFAULT);
    std::vector<hsize_t> place(static_cast<std::size_t>(shape.dimensions()), 0);
    for (bool is_done = what.options.chunks.empty(); !is_done;) {
      hsize_t bytes = 0;
      require(H5Dget_chunk_storage_size(set, place.data(), &bytes));
      std::vector<char> chunk(bytes);
      std::uint32_t mask = 0;
      require(H5Dread_chunk(set, H5P_DEFAULT, place.data(), &mask, chunk.data()));
      chunks.emplace(place, std::move(chunk));
      is_done = true;
      for (std::size_t axis = place.size(); axis-- > 0 && is_done;) {
        place[axis] += static_cast<hsize_t>(what.options.chunks[axis]);
        is_done = place[axis] >= static_cast<hsize_t>(shape[static_cast<int>(axis)]);
        if (is_done) place[axis] = 0;
      }
    }
    H5Dclose(set);
    H5Fclose(file);
    return chunks;
  }

  template <class T>
  void expect_same_whatever_the_batches(const Case& what) {
    const Shape shape = what.options.shape.dimensions() > 0
                            ? what.options.shape
                            : what.row_shape.with_inserted(0, what.rows);
    const std::vector<hsize_t> extents(shape.extents().begin(), shape.extents().end());
    const auto all = values_of<T>({0, shape.elements()});
    const std::string serial = folder_ / "serial.h5";
    on_root([&] {
      H5File(serial).write<T>("/group/x", extents, all, -1,
                              {.chunks = {what.options.chunks.begin(), what.options.chunks.end()},
                               .is_shuffled = what.options.deflate > 0,
                               .deflate = what.options.deflate});
    });
    for (int kind = 0; kind < 4; ++kind)
      for (const std::int64_t batch : {1, 3, 1000}) {
        if (what.rows > 200 && batch == 1) continue;
        const std::string path = folder_ / "x.h5";
        write<T>(what, path, kind, batch);
        const std::string told = shape.to_string() + ", spread " + std::to_string(kind) +
                                 ", batches of " + std::to_string(batch);
        on_root([&] {
          const hid_t file = H5Fopen(path.c_str(), H5F_ACC_RDONLY, H5P_DEFAULT);
          const hid_t set = H5Dopen2(file, "/group/x", H5P_DEFAULT);
          std::vector<T> read(all.size());
          require(H5Dread(set, native_type<T>(), H5S_ALL, H5S_ALL, H5P_DEFAULT, read.data()));
          H5Dclose(set);
          H5Fclose(file);
          EXPECT_EQ(read, all) << told;
          EXPECT_EQ(chunks_of(path, shape, what), chunks_of(serial, shape, what)) << told;
          fs::remove(path);
        });
      }
    on_root([&] { fs::remove(serial); });
  }

  Folder folder_;
  Context ctx_ = context();
};

TEST_F(RowsWriting, contiguous) {
  expect_same_whatever_the_batches<float>({37, {3}, {}});
  expect_same_whatever_the_batches<std::int16_t>({60, {}, {.shape = {4, 5, 3}}});
  expect_same_whatever_the_batches<std::uint8_t>({1, {2, 2}, {}});
}

TEST_F(RowsWriting, compressed) {
  expect_same_whatever_the_batches<std::int32_t>({101, {}, {.deflate = 4, .chunks = {10}}});
  expect_same_whatever_the_batches<double>({23, {4, 3}, {.deflate = 1, .chunks = {5, 4, 3}}});
  expect_same_whatever_the_batches<float>({23, {4, 3}, {.deflate = 1, .chunks = {5, 3, 2}}});
  expect_same_whatever_the_batches<std::int64_t>({40, {9}, {.deflate = 9, .chunks = {1, 4}}});
  expect_same_whatever_the_batches<std::int32_t>(
      {120, {}, {.deflate = 2, .chunks = {1, 2, 5}, .shape = {4, 6, 5}}});
  expect_same_whatever_the_batches<std::int32_t>(
      {120, {}, {.deflate = 2, .chunks = {3, 6, 5}, .shape = {4, 6, 5}}});
  expect_same_whatever_the_batches<std::uint16_t>({1, {}, {.deflate = 1, .chunks = {1}}});
  expect_same_whatever_the_batches<float>({3000, {2}, {.deflate = 1, .chunks = {700, 2}}});
}

TEST_F(RowsWriting, a_chunk_may_hold_the_rows_of_all_ranks) {
  expect_same_whatever_the_batches<double>({30, {2}, {.deflate = 3, .chunks = {30, 2}}});
}

TEST_F(RowsWriting, chunks_without_compression) {
  expect_same_whatever_the_batches<float>({23, {4}, {.chunks = {5, 3}}});
}

TEST_F(RowsWriting, no_rows) {
  FileWriter file(ctx_, folder_ / "none.h5");
  for (const int deflate : {0, 4}) {
    RowsWriter writer =
        file.open_rows("/x" + std::to_string(deflate), 0, {3}, DType::f32, {.deflate = deflate});
    writer.advance();
    writer.finish();
    RowsWriter narrow =
        file.open_rows("/y" + std::to_string(deflate), 5, {0}, DType::f32, {.deflate = deflate});
    if (ctx_.rank() == 0) narrow.append({0, 5}, {});
    narrow.finish();
  }
  file.commit();
  EXPECT_EQ(Dataset::open(ctx_, parse_address((folder_ / "none.h5") + ":/x4")).shape(),
            (Shape{0, 3}));
}

TEST_F(RowsWriting, other_uses_of_hdf5_between_rounds) {
  on_root([&] {
    H5File(folder_ / "in.h5").write<float>("/in", {90, 3}, values_of<float>({0, 270}));
  });
  for (const IoMode mode : {IoMode::independent, IoMode::collective}) {
    const Context ctx = context({.max_tiles = 45, .batch_bytes = 24, .io_mode = mode});
    const Dataset in = Dataset::open(ctx, parse_address((folder_ / "in.h5") + ":/in"));
    FileWriter file(ctx, folder_ / "out.h5");
    RowsWriter one = file.open_rows("/one", 90, {3}, DType::f32, {.deflate = 1, .chunks = {7, 3}});
    RowsWriter two = file.open_rows("/two", 90, {3}, DType::f32);
    const ReadPlan plan = in.plan(Leaves::single_tiles(in.layout()), 24, ctx.rank());
    Buffer scratch;
    for (std::size_t i = 0; i < plan.batches.size(); ++i) {
      const TileView view = in.read(plan, static_cast<std::int64_t>(i), scratch);
      if (i + 1 < plan.batches.size()) in.prefetch(plan, static_cast<std::int64_t>(i) + 1);
      one.advance();
      two.advance();
      for (RowsWriter* writer : {&one, &two})
        writer->append(view.rows, std::as_bytes(view.as<float>()));
      if (i % 5 == 2) file.set_attribute("/one", "batch", static_cast<std::int64_t>(i));
    }
    two.finish();
    one.finish();
    file.commit();
    for (const char* name : {":/one", ":/two"}) {
      const Dataset out = Dataset::open(ctx, parse_address((folder_ / "out.h5") + name));
      EXPECT_EQ(loaded<float>(ctx, out), values_of<float>({0, 270}));
    }
  }
}

TEST_F(RowsWriting, a_source_is_copied) {
  on_root([&] {
    H5File file(folder_ / "in.h5");
    file.write<float>("/plain", {5003, 7}, values_of<float>({0, 35021}));
    file.write<float>("/packed", {5003, 7}, values_of<float>({0, 35021}), -1,
                      {.chunks = {500, 7}, .deflate = 1});
  });
  for (const IoMode mode : {IoMode::independent, IoMode::collective})
    for (const std::string name : {"/plain", "/packed"}) {
      const Context ctx = context({.max_tiles = 64, .batch_bytes = 2000, .io_mode = mode});
      const Dataset in = Dataset::open(ctx, parse_address((folder_ / "in.h5") + ":" + name));
      FileWriter file(ctx, folder_ / "out.h5");
      file.write("/small", in, {.deflate = 3, .chunks = {40, 7}, .attributes = {{"units", "m"}}});
      file.write("/by_default", in, {.deflate = 1, .chunk_bytes = 3000});
      file.write("/plain", static_cast<const TileSource&>(in));
      const Array array = in.to_array();
      file.write("/array", static_cast<const TileSource&>(array), {.deflate = 1});
      file.commit();
      for (const char* copy : {"/small", "/by_default", "/plain", "/array"}) {
        const auto address = parse_address((folder_ / "out.h5") + ":" + copy);
        EXPECT_EQ(loaded<float>(ctx, Dataset::open(ctx, address)), values_of<float>({0, 35021}))
            << copy;
      }
    }
}

TEST_F(RowsWriting, a_source_that_fails_leaves_no_file) {
  ValueSource<double> source(
      ctx_, 100, 3, [](std::int64_t row, std::int64_t) { return static_cast<double>(row); });
  source.failing_rank = ctx_.size() - 1;
  const std::string text = error_of(ErrorKind::io, [&] {
    FileWriter file(ctx_, folder_ / "x.h5");
    file.write("/x", source, {.deflate = 1});
    file.commit();
  });
  EXPECT_NE(text.find("read failed"), std::string::npos) << text;
  EXPECT_EQ(files(), 0);
}

TEST_F(RowsWriting, wrong_rows_on_one_rank_are_told_on_all) {
  const int failing = ctx_.size() - 1;
  for (const RowRange wrong : {RowRange{4, 6}, RowRange{-1, 1}, RowRange{19, 21}, RowRange{2, 4}}) {
    const std::string text = error_of(ErrorKind::invalid_argument, [&] {
      FileWriter file(ctx_, folder_ / "x.h5");
      RowsWriter writer =
          file.open_rows("/x", 20, {2}, DType::f64, {.deflate = 1, .chunks = {3, 2}});
      if (ctx_.rank() == failing) {
        append<double>(writer, {0, 3}, 2);
        append<double>(writer, wrong, 2);
      }
      writer.advance();
      writer.finish();
    });
    EXPECT_NE(text.find("do not go on behind row 3"), std::string::npos) << text;
  }
  const std::string text = error_of(ErrorKind::invalid_argument, [&] {
    FileWriter file(ctx_, folder_ / "x.h5");
    RowsWriter writer = file.open_rows("/x", 20, {2}, DType::f64);
    if (ctx_.rank() == failing) writer.append({0, 20}, {});
    writer.finish();
  });
  EXPECT_NE(text.find("of 0 bytes"), std::string::npos) << text;
  EXPECT_EQ(files(), 0);
}

TEST_F(RowsWriting, rows_that_are_missing_are_an_error) {
  for (const RowRange there : {RowRange{0, 19}, RowRange{1, 20}, RowRange{0, 0}}) {
    const std::string text = error_of(ErrorKind::invalid_argument, [&] {
      FileWriter file(ctx_, folder_ / "x.h5");
      RowsWriter writer = file.open_rows("/x", 20, {}, DType::f64, {.deflate = 1});
      if (ctx_.rank() == 0 && !there.is_empty()) append<double>(writer, there, 1);
      writer.finish();
    });
    EXPECT_NE(text.find("is missing"), std::string::npos) << text;
  }
  EXPECT_EQ(files(), 0);
}

TEST_F(RowsWriting, a_file_with_unfinished_rows_is_not_committed) {
  const std::string text = error_of(ErrorKind::invalid_argument, [&] {
    FileWriter file(ctx_, folder_ / "x.h5");
    {
      RowsWriter writer = file.open_rows("/x", 20, {}, DType::f64, {.deflate = 1, .chunks = {4}});
      if (ctx_.rank() == 0) append<double>(writer, {0, 9}, 1);
      writer.advance();
    }
    file.commit();
  });
  EXPECT_NE(text.find("not finished"), std::string::npos) << text;
  EXPECT_EQ(files(), 0);
}

TEST_F(RowsWriting, memory_is_that_of_rounds) {
  const std::int64_t many = std::int64_t{1} << 34;
  const WriteOptions packed{.deflate = 4};
  EXPECT_LT(FileWriter::memory_of_rows(many, {}, DType::i32, packed, many), 10 << 20);
  EXPECT_LT(FileWriter::memory_of_rows(many, {}, DType::i32, {}, many), 4 << 20);
  EXPECT_LE(FileWriter::memory_of_rows(1000, {}, DType::i32, packed, 500), 2 * 2000 + 2 * 4000);
  EXPECT_LT(FileWriter::memory_of_rows(many, {}, DType::i32, {.deflate = 4, .chunk_bytes = 1 << 18},
                                       many),
            4 << 20);
  // a chunk of 1 GiB has to be held
  EXPECT_GT(
      FileWriter::memory_of_rows(many, {}, DType::i32, {.deflate = 1, .chunks = {1 << 28}}, many),
      std::int64_t{3} << 30);
}

}  // namespace
}  // namespace serried::test
