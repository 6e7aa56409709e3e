// ranks: 1 2 3 4
// timeout: 300
// Selections of any shape and step, several of one dataset: their values, how often chunks are
// decompressed for them, and how much is read.
#include <algorithm>
#include <fstream>
#include <random>
#include <set>

#include "counted_chunks.hpp"

namespace serried::test {
namespace {

using Indices = std::vector<std::int64_t>;

/// One address: its text, and the indices that it selects along each axis of the file.
struct Selected {
  std::string text;
  std::vector<Indices> axes;
};

/// What several addresses select of one dataset, with sample axes in common.
struct Case {
  std::vector<std::int64_t> extents;
  std::vector<bool> is_dropped;
  std::vector<int> samples;  ///< axes of the file
  std::vector<Selected> parts;
};

class Draw {
 public:
  explicit Draw(unsigned seed) : engine_(seed) {}

  std::int64_t number(std::int64_t least, std::int64_t most) {
    return std::uniform_int_distribution<std::int64_t>(least, most)(engine_);
  }

  Case a_case() {
    Case result;
    const auto axes = static_cast<std::size_t>(number(1, 4));
    const std::int64_t most[] = {300, 40, 14, 9};
    std::vector<std::int64_t> rows;  // by sample axis
    for (std::size_t i = 0; i < axes; ++i) {
      result.extents.push_back(number(1, most[axes - 1]));
      if (i == 0 || number(0, 2) == 0) result.samples.push_back(static_cast<int>(i));
      rows.push_back(number(1, std::max<std::int64_t>(1, result.extents[i] / number(1, 3))));
    }
    std::shuffle(result.samples.begin(), result.samples.end(), engine_);
    for (std::size_t i = 0; i < axes; ++i)
      result.is_dropped.push_back(std::ranges::find(result.samples, static_cast<int>(i)) ==
                                      result.samples.end() &&
                                  number(0, 1) == 0);
    const std::int64_t parts = number(1, 5);
    for (std::int64_t part = 0; part < parts; ++part) {
      if (part > 0 && number(0, 5) == 0) {
        result.parts.push_back(result.parts.back());  // the same once more
        continue;
      }
      Selected selected;
      for (std::size_t i = 0; i < axes; ++i) {
        const bool is_sample =
            std::ranges::find(result.samples, static_cast<int>(i)) != result.samples.end();
        add_axis(selected, result.extents[i], is_sample ? rows[i] : -1, result.is_dropped[i]);
      }
      result.parts.push_back(std::move(selected));
    }
    return result;
  }

 private:
  /// An index, or a range of `count` indices (-1: any number), written in one of Python's ways.
  void add_axis(Selected& selected, std::int64_t extent, std::int64_t count, bool is_index) {
    std::string& text = selected.text;
    text += text.empty() ? "" : ",";
    const auto bound = [&](std::int64_t at) {
      return std::to_string(number(0, 1) == 0 ? at - extent : at);
    };
    if (is_index) {
      const std::int64_t at = number(0, extent - 1);
      text += bound(at);
      selected.axes.push_back({at});
      return;
    }
    if (count < 0) count = number(1, extent);
    const std::int64_t step = count == 1 ? 1 : number(1, (extent - 1) / (count - 1));
    const std::int64_t begin = number(0, extent - 1 - (count - 1) * step);
    const std::int64_t last = begin + (count - 1) * step;
    Indices& indices = selected.axes.emplace_back();
    for (std::int64_t i = 0; i < count; ++i) indices.push_back(begin + i * step);
    if (number(0, 3) == 0) {
      text += bound(last) + ':' + (begin > 0 ? bound(begin - 1) : "") + ":-" + std::to_string(step);
      std::ranges::reverse(indices);
      return;
    }
    text += bound(begin) + ':' + (last + 1 < extent ? bound(last + 1) : "");
    if (step > 1) text += ':' + std::to_string(step);
  }

  std::mt19937 engine_;
};

/// The elements that a case selects, row by row, as numbers counted in C order.
template <class T>
std::vector<T> expected_elements(const Case& wanted) {
  const std::size_t axes = wanted.extents.size();
  std::vector<T> result;
  // counts through indices of the listed axes, the last one fastest
  const auto visit = [&](const Selected& part, const std::vector<int>& over, Indices at,
                         const auto& body) {
    while (true) {
      body(at);
      std::size_t i = over.size();
      while (i > 0) {
        const auto axis = static_cast<std::size_t>(over[i - 1]);
        if (++at[axis] < static_cast<std::int64_t>(part.axes[axis].size())) break;
        at[axis] = 0;
        --i;
      }
      if (i == 0) return;
    }
  };
  std::vector<int> features;
  for (std::size_t i = 0; i < axes; ++i)
    if (std::ranges::find(wanted.samples, static_cast<int>(i)) == wanted.samples.end())
      features.push_back(static_cast<int>(i));
  visit(wanted.parts.front(), wanted.samples, Indices(axes, 0), [&](const Indices& row) {
    for (const Selected& part : wanted.parts)
      visit(part, features, row, [&](const Indices& at) {
        std::int64_t number = 0;
        for (std::size_t i = 0; i < axes; ++i)
          number = number * wanted.extents[i] + part.axes[i][static_cast<std::size_t>(at[i])];
        result.push_back(static_cast<T>(number));
      });
  });
  return result;
}

DatasetOptions options_of(const Case& wanted) {
  DatasetOptions options;
  options.samples.axes.clear();
  for (const int axis : wanted.samples)
    options.samples.axes.push_back(static_cast<int>(
        axis - std::count(wanted.is_dropped.begin(), wanted.is_dropped.begin() + axis, true)));
  return options;
}

std::vector<Address> addresses_of(const Case& wanted, const std::string& path) {
  std::vector<Address> addresses;
  for (const Selected& part : wanted.parts)
    addresses.push_back(parse_address(path + ":/x[" + part.text + "]"));
  return addresses;
}

/// Chunks that hold selected elements.
std::int64_t chunks_of(const Case& wanted, const std::vector<hsize_t>& chunks) {
  std::set<Indices> touched;
  for (const Selected& part : wanted.parts) {
    std::set<Indices> of_part{{}};
    for (std::size_t i = 0; i < chunks.size(); ++i) {
      std::set<Indices> longer;
      for (const Indices& begin : of_part)
        for (const std::int64_t index : part.axes[i]) {
          Indices all = begin;
          all.push_back(index / static_cast<std::int64_t>(chunks[i]));
          longer.insert(std::move(all));
        }
      of_part = std::move(longer);
    }
    touched.merge(of_part);
  }
  return static_cast<std::int64_t>(touched.size());
}

class Selections : public ::testing::TestWithParam<IoMode> {
 protected:
  Selections() { register_counting_filter(); }

  [[nodiscard]] Context with() const { return context({.max_tiles = 16, .io_mode = GetParam()}); }
  [[nodiscard]] Dataset open(const Context& ctx, const std::vector<std::string>& selections,
                             const DatasetOptions& options = {}) const {
    std::vector<Address> addresses;
    for (const std::string& text : selections)
      addresses.push_back(parse_address(path_ + ":/x[" + text + "]"));
    return Dataset::open(ctx, addresses, options);
  }
  /// Decompressions of reading selections into memory, and batch by batch.
  struct Counts {
    std::int64_t in_memory = 0;
    std::int64_t in_batches = 0;
  };
  [[nodiscard]] Counts count(const std::vector<std::string>& selections,
                             const DatasetOptions& options = {}) const {
    const Context ctx = with();
    Counts counts;
    for (std::int64_t* result : {&counts.in_memory, &counts.in_batches}) {
      const Dataset data = open(ctx, selections, options);
      static_cast<void>(counted());
      if (result == &counts.in_memory)
        static_cast<void>(loaded<float>(ctx, data));
      else
        static_cast<void>(streamed<float>(ctx, data));
      *result = counted();
    }
    return counts;
  }

  Folder folder_;
  std::string path_ = folder_ / "selections.h5";
};

TEST_P(Selections, of_random_shapes_and_steps) {
  Draw draw(5);
  for (int trial = 0; trial < 60; ++trial) {
    const Case wanted = draw.a_case();
    const std::vector<hsize_t> extents(wanted.extents.begin(), wanted.extents.end());
    std::vector<hsize_t> chunks;
    if (trial % 3 != 0)
      for (const std::int64_t extent : wanted.extents)
        chunks.push_back(static_cast<hsize_t>(draw.number(1, extent)));
    const bool is_counted = trial % 3 == 1;
    write(path_, extents, chunks, is_counted);
    const Context ctx = with();
    DatasetOptions options = options_of(wanted);
    const auto addresses = addresses_of(wanted, path_);
    const Dataset data = Dataset::open(ctx, addresses, options);
    const auto expected = expected_elements<float>(wanted);
    static_cast<void>(counted());
    ASSERT_EQ(loaded<float>(ctx, data), expected) << data.describe() << ", trial " << trial;
    if (is_counted) {
      EXPECT_EQ(counted(), chunks_of(wanted, chunks)) << data.describe() << ", trial " << trial;
    }
    ASSERT_EQ(streamed<float>(ctx, data), expected) << data.describe() << ", trial " << trial;
    options.dtype = DType::f64;
    const Dataset converted = Dataset::open(ctx, addresses, options);
    ASSERT_EQ(loaded<double>(ctx, converted), expected_elements<double>(wanted))
        << data.describe() << ", trial " << trial;
  }
}

/// Reads of more than HDF5 brings at a time where elements are picked from it.
TEST_P(Selections, larger_than_a_slab) {
  for (const bool is_chunked : {false, true}) {
    write(path_, {150000, 12}, is_chunked ? std::vector<hsize_t>{7000, 5} : std::vector<hsize_t>{});
    const Context ctx = with();
    const Dataset data = open(ctx, {"1:-1:2,3", "2::2,:9:4", ":-2:2,3"});
    ASSERT_EQ(data.row_elements(), 5);
    const Array array = data.to_array();
    const auto values = array.local<float>();
    const RowRange rows = array.layout().rows_of(ctx.rank());
    std::int64_t wrong = 0;
    for (std::int64_t row = rows.begin; row < rows.end; ++row) {
      const std::int64_t even = 2 * row * 12;
      const std::int64_t expected[] = {even + 12 + 3, even + 24, even + 24 + 4, even + 24 + 8,
                                       even + 3};
      for (std::int64_t i = 0; i < 5; ++i)
        wrong += values[static_cast<std::size_t>((row - rows.begin) * 5 + i)] !=
                 static_cast<float>(expected[i]);
    }
    EXPECT_EQ(wrong, 0);
  }
}

TEST_P(Selections, columns_decompress_each_chunk_once) {
  write(path_, {1000, 24}, {64, 8});
  std::vector<std::string> columns;
  for (int column = 0; column < 24; ++column) columns.push_back(":," + std::to_string(column));
  Counts counts = count(columns);
  EXPECT_EQ(counts.in_memory, 16 * 3);
  EXPECT_EQ(counts.in_batches, 16 * 3);
  counts = count({":,20", ":,0", ":,3:6", ":,-24", ":,1:7:2"});
  EXPECT_EQ(counts.in_memory, 16 * 2) << "the chunks in the middle hold nothing";
  EXPECT_EQ(counts.in_batches, 16 * 2);
}

TEST_P(Selections, slices_of_the_leading_axis_decompress_each_chunk_once) {
  write(path_, {12, 400, 5}, {6, 50, 5});
  DatasetOptions options;
  options.samples.axes = {1};
  const Counts counts = count({"0:3", "3:6", "-6:", "2:9"}, options);
  EXPECT_EQ(counts.in_memory, 2 * 8);
  EXPECT_EQ(counts.in_batches, 2 * 8);
}

TEST_P(Selections, rows_side_by_side_decompress_each_chunk_once_in_memory) {
  write(path_, {1200, 3}, {70, 3});
  EXPECT_EQ(count({":600", "600:"}).in_memory, 18);
  EXPECT_EQ(count({":-1", "1:"}).in_memory, 18);
  EXPECT_EQ(count({":800", "400:"}).in_memory, 18);
  EXPECT_EQ(count({"::2", "1::2"}).in_memory, 18);
  EXPECT_EQ(count({":300", "0:900:3", "-300:"}).in_memory, 18);
}

TEST_P(Selections, rows_with_a_lag_are_decompressed_again_only_at_the_cuts) {
  write(path_, {1200, 3}, {20, 3});
  const int ranks = runtime().communicator().size();
  EXPECT_LE(count({":-2", "1:-1", "2:"}).in_batches, 60 + 4 * (ranks - 1));
}

TEST_P(Selections, names_of_one_dataset_are_one_dataset) {
  write(path_, {1000, 4}, {100, 4});
  on_root([&] {
    const H5File file(path_, 0, false);
    require(H5Lcreate_hard(file.id(), "/x", file.id(), "/y", H5P_DEFAULT, H5P_DEFAULT));
    require(H5Lcreate_soft("/x", file.id(), "/z", H5P_DEFAULT, H5P_DEFAULT));
    std::filesystem::create_symlink(path_, folder_ / "other.h5");
  });
  const Context ctx = with();
  const Dataset data = Dataset::open(
      ctx, {parse_address(path_ + ":/x[:,0]"), parse_address(path_ + ":y[:,1]"),
            parse_address(path_ + ":/z[:,2]"), parse_address(folder_ / "other.h5" + ":/x[:,3]")});
  static_cast<void>(counted());
  std::vector<float> expected(4000);
  std::iota(expected.begin(), expected.end(), 0.f);
  EXPECT_EQ(loaded<float>(ctx, data), expected);
  EXPECT_EQ(counted(), 10);
}

TEST_P(Selections, a_series_of_files_by_columns) {
  for (int number = 0; number < 3; ++number)
    write(folder_ / ("part" + std::to_string(number) + ".h5"), {400, 20}, {90, 20});
  const Context ctx = with();
  DatasetOptions options;
  options.samples.axes = {0, 1};
  const std::string series = folder_ / "part*.h5";
  const Dataset data = Dataset::open(
      ctx, {parse_address(series + ":/x[:,3]"), parse_address(series + ":/x[:,17]")}, options);
  std::vector<float> expected;
  for (int number = 0; number < 3; ++number)
    for (int row = 0; row < 400; ++row)
      for (const int column : {3, 17}) expected.push_back(static_cast<float>(row * 20 + column));
  static_cast<void>(counted());
  EXPECT_EQ(loaded<float>(ctx, data), expected);
  EXPECT_EQ(counted(), 3 * 5);
}

/// Bytes that reads of this rank's program have brought, as the run report has them.
std::int64_t reported_bytes(const Context& ctx) {
  std::int64_t bytes = 0;
  for (const auto& phase : ctx.recorder().phases()) bytes += phase.second.file_bytes;
  return ctx.comm().allreduce(bytes, ReduceOp::sum);
}

/// Bytes that this process has asked the system for.
std::int64_t asked_bytes() {
  std::ifstream file("/proc/self/io");
  std::string name;
  std::int64_t bytes = 0;
  file >> name >> bytes;
  return bytes;
}

TEST_P(Selections, little_more_is_read_than_asked_for) {
  write(path_, {1000, 4096}, {});
  struct {
    std::vector<std::string> selections;
    std::int64_t most;
  } const cases[] = {
      {{":,0"}, 1000 * 4},                           // far apart: only what is asked for
      {{":,100:200", ":,150:250"}, 1000 * 150 * 4},  // the union
      {{":,10", ":,4000"}, 1000 * 2 * 4},
      {{"::10"}, 100 * 4096 * 4},
      {{":50,::1024"}, 50 * 4096 * 4},  // within a page of each other: all of them
      {{":50,::2048"}, 50 * 2 * 4},
      {{":500", ":500", ":500"}, 500 * 4096 * 4},
      {{"10:500", "11:501", "12:502"}, (490 + 2 * runtime().communicator().size()) * 4096 * 4},
  };
  for (const auto& [selections, most] : cases) {
    const Context ctx = with();
    const Dataset data = open(ctx, selections);
    const std::int64_t before = reported_bytes(ctx);
    const std::int64_t asked_before = asked_bytes();
    static_cast<void>(data.to_array());
    const std::int64_t asked = ctx.comm().allreduce(asked_bytes() - asked_before, ReduceOp::sum);
    EXPECT_LE(reported_bytes(ctx) - before, most) << data.describe();
    // HDF5 reads 512 bytes at least; the rest is for metadata and for MPI
    if (GetParam() == IoMode::independent) {
      EXPECT_LE(asked, 2 * most + 1000 * 512 * 2 + ctx.size() * (1 << 20)) << data.describe();
    }
  }
}

TEST_P(Selections, need_one_slab_more_memory) {
  write(path_, {1000, 4096}, {});
  const Context ctx = with();
  const std::int64_t plain = open(ctx, {":,:"}).reading_bytes();
  EXPECT_LE(open(ctx, {":,::2000"}).reading_bytes(), plain + (1 << 20));
  EXPECT_LE(open(ctx, {":,0", ":,7", "::1,-1"}).reading_bytes(), plain + (1 << 20));
  write(path_, {1000, 64}, {1000, 64});
  const Dataset one = open(ctx, {":,:"});
  std::vector<std::string> columns;
  for (int column = 0; column < 64; ++column) columns.push_back(":," + std::to_string(column));
  EXPECT_LE(open(ctx, columns).reading_bytes(), one.reading_bytes() + 2 * (1 << 20))
      << "one chunk cache, and a chunk's values once";
}

TEST_P(Selections, a_value_that_does_not_fit_is_named) {
  write(path_, {600, 10}, {});
  const Context ctx = with();
  DatasetOptions options;
  options.dtype = DType::u8;
  const Dataset data = open(ctx, {":60:2,1", ":60:2,3"}, options);
  const std::string text = error_of(ErrorKind::data, [&] { static_cast<void>(data.to_array()); });
  // the first element above 255 is (26, 1) in one column, (26, 3) in the other
  EXPECT_NE(text.find("the value at (26, "), std::string::npos) << text;
  EXPECT_EQ(streamed<std::uint8_t>(ctx, open(ctx, {":24:2,1", ":24:2,3"}, options)).size(), 24U)
      << "values that are not selected may be anything";
}

INSTANTIATE_TEST_SUITE_P(Modes, Selections,
                         ::testing::Values(IoMode::independent, IoMode::collective),
                         [](const auto& mode) {
                           return mode.param == IoMode::independent ? "independent" : "collective";
                         });

}  // namespace
}  // namespace serried::test
