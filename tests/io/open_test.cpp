// Series of files, and everything that can be wrong with an input.
#include <fcntl.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>

#include "h5_files.hpp"
#include "serried/io/dataset.hpp"
#include "serried/io/file_info.hpp"

namespace serried::test {
namespace {

std::string open_error(ErrorKind kind, const std::string& address) {
  return error_of(kind,
                  [&] { static_cast<void>(Dataset::open(context(), parse_address(address))); });
}

void expect_text(const std::string& text, const std::string& part) {
  EXPECT_NE(text.find(part), std::string::npos) << text;
}

TEST(Series, files_in_natural_order) {
  const Folder folder;
  std::vector<float> expected;
  on_root([&] {
    for (const int step : {10, 2, 1}) {
      H5File file(folder / ("run_" + std::to_string(step) + ".h5"));
      std::vector<float> values(4 * 5);
      for (std::size_t i = 0; i < values.size(); ++i)
        values[i] = static_cast<float>(100 * step + static_cast<int>(i));
      file.write("/u", {4, 5}, values);
      file.write<double>("/t", {}, {double(step)});
    }
  });
  for (const int step : {1, 2, 10})
    for (int i = 0; i < 20; ++i) expected.push_back(static_cast<float>(100 * step + i));
  const std::string glob = folder / "run_*.h5";
  expect_elements<float>(glob + ":/u", expected);
  DatasetOptions all;
  all.samples.kind = SampleAxes::Kind::all;
  expect_elements<float>(glob + ":/u", expected, all);
  DatasetOptions flattened;
  flattened.samples.kind = SampleAxes::Kind::flattened;
  expect_elements<float>(glob + ":/u", expected, flattened);
  expect_elements<double>(glob + ":/t", {1, 2, 10});
  expect_elements<float>(glob + ":/u[1,2:4]", {107, 108, 207, 208, 1007, 1008}, all);

  std::vector<float> transposed;  // rows: cells, columns: steps
  for (int i = 0; i < 20; ++i)
    for (const int step : {1, 2, 10}) transposed.push_back(static_cast<float>(100 * step + i));
  DatasetOptions cells;
  cells.samples.axes = {1, 2};
  expect_elements<float>(glob + ":/u", transposed, cells);

  const Dataset series = Dataset::open(context(), parse_address(glob + ":/u"), flattened);
  EXPECT_EQ(series.shape(), (Shape{3, 4, 5}));
  EXPECT_EQ(series.sample_shape(), (Shape{3, 4, 5}));
  EXPECT_GE(series.layout().rows_of(runtime().communicator().rank()).size(),
            60 / 4);  // no rank is idle
  ASSERT_EQ(series.files().size(), 3u);
  EXPECT_EQ(series.files()[2], folder / "run_10.h5");
  EXPECT_EQ(Dataset::open(context(), parse_address((folder / "run_1?.h5") + ":/u")).shape(),
            (Shape{1, 4, 5}));
}

TEST(Series, that_do_not_fit_together) {
  const Folder folder;
  on_root([&] {
    H5File(folder / "a1.h5").write<float>("/u", {4, 5}, std::vector<float>(20));
    H5File(folder / "a2.h5").write<float>("/u", {3, 5}, std::vector<float>(15));
    H5File(folder / "b1.h5").write<float>("/u", {2}, {1, 2});
    H5File(folder / "b2.h5").write<std::int32_t>("/u", {2}, {3, 16777217});
    H5File(folder / "b3.h5").write<float>("/other", {2}, {1, 2});
  });
  expect_text(open_error(ErrorKind::data, (folder / "a*.h5") + ":/u"), "a2.h5:/u has shape (3, 5)");
  expect_elements<float>((folder / "a*.h5") + ":/u[-3:]", std::vector<float>(30));
  expect_elements<double>((folder / "b[12].h5") + ":/u", {1, 2, 3, 16777217});
  expect_text(open_error(ErrorKind::io, (folder / "b*.h5") + ":/u"),
              "b3.h5: there is no dataset /u");
  expect_text(open_error(ErrorKind::io, (folder / "c*.h5") + ":/u"), "no file matches");
  expect_text(open_error(ErrorKind::io, (folder / "a1.h5") + ":/x*"), "no dataset matches /x*");
  expect_text(open_error(ErrorKind::io, (folder / "a1.h5[0:3]")), "a selection comes after");
}

TEST(Series, more_files_than_are_kept_open) {
  const Folder folder;
  constexpr int count = 66;
  on_root([&] {
    for (int i = 0; i < count; ++i) {
      H5File file(folder / ("s" + std::to_string(i) + ".h5"));
      file.write<std::int32_t>("/v", {3}, {3 * i, 3 * i + 1, 3 * i + 2});
    }
  });
  std::vector<std::int32_t> expected(3 * count);
  std::vector<std::int32_t> columns;
  for (int i = 0; i < 3 * count; ++i) expected[static_cast<std::size_t>(i)] = i;
  for (int j = 0; j < 3; ++j)
    for (int i = 0; i < count; ++i) columns.push_back(3 * i + j);
  expect_elements<std::int32_t>((folder / "s*.h5") + ":/v", expected);
  DatasetOptions options;
  options.samples.axes = {1};
  expect_elements<std::int32_t>((folder / "s*.h5") + ":/v", columns, options);
}

TEST(Open, missing_files_and_folders) {
  const Folder folder;
  expect_text(open_error(ErrorKind::io, (folder / "no.h5") + ":/u"),
              "no.h5: there is no such file");
  expect_text(open_error(ErrorKind::io, (folder / "gone/no.h5") + ":/u"),
              "there is no folder " + (folder / "gone"));
  expect_text(open_error(ErrorKind::io, folder.path() + ":/u"), "this is a folder");
  error_of(ErrorKind::io, [&] { static_cast<void>(inspect_file(context(), folder / "no.h5")); });
}

TEST(Open, files_that_are_no_hdf5) {
  const Folder folder;
  on_root([&] {
    std::ofstream(folder / "text.h5")
        << "these are words, and enough of them to be longer than a signature";
    std::ofstream(folder / "empty.h5");
    std::ofstream(folder / "classic.nc") << "CDF\001 and so on";
  });
  expect_text(open_error(ErrorKind::io, folder / "text.h5"), "not an HDF5 file");
  expect_text(open_error(ErrorKind::io, folder / "empty.h5"), "the file is empty");
  expect_text(open_error(ErrorKind::io, folder / "classic.nc"), "NetCDF-3");
  error_of(ErrorKind::io, [&] { static_cast<void>(inspect_file(context(), folder / "text.h5")); });
}

TEST(Open, truncated_and_damaged_files) {
  const Folder folder;
  const std::string path = folder / "cut.h5";
  std::int64_t whole = 0;
  on_root([&] {
    { H5File(path).write<double>("/d", {10000}, std::vector<double>(10000)); }
    whole = static_cast<std::int64_t>(std::filesystem::file_size(path));
    std::filesystem::copy_file(path, folder / "head.h5");
    std::filesystem::resize_file(path, static_cast<std::uintmax_t>(whole / 2));
    std::filesystem::resize_file(folder / "head.h5", 20);
  });
  whole = runtime().communicator().broadcast(whole, 0);
  const std::string text = open_error(ErrorKind::io, path + ":/d");
  expect_text(text, "truncated: it has " + std::to_string(whole / 2) + " bytes and should have " +
                        std::to_string(whole));
  expect_text(open_error(ErrorKind::io, (folder / "head.h5") + ":/d"), "damaged");
}

TEST(Open, missing_datasets_are_listed) {
  const Folder folder;
  const std::string path = folder / "list.h5";
  on_root([&] {
    H5File file(path);
    file.write<float>("/fields/pressure", {2}, {1, 2});
    file.write<float>("/fields/velocity", {2}, {1, 2});
    file.group("/fields/empty");
    H5File many(folder / "many.h5");
    for (int i = 0; i < 30; ++i) many.write<float>("/d" + std::to_string(i), {1}, {1});
    H5File(folder / "none.h5").group("/g");
  });
  const std::string text = open_error(ErrorKind::io, path + ":/fields/presure");
  expect_text(text, "there is no dataset /fields/presure; did you mean /fields/pressure?");
  expect_text(text, "/fields/pressure, /fields/velocity");
  expect_text(open_error(ErrorKind::io, path + ":/velocity"), "did you mean /fields/velocity?");
  expect_text(open_error(ErrorKind::io, path + ":/fields"), "it is a group");
  expect_text(open_error(ErrorKind::io, path + ":/fields/pressure/below"), "there is no dataset");
  expect_text(open_error(ErrorKind::io, path), "several datasets");
  expect_text(open_error(ErrorKind::io, (folder / "many.h5") + ":/x"), "and 10 more");
  expect_text(open_error(ErrorKind::io, folder / "none.h5"), "no numeric dataset");
  expect_elements<float>(path + ":fields/pressure", {1, 2});
}

TEST(Open, elements_that_are_no_numbers) {
  const Folder folder;
  const std::string path = folder / "words.h5";
  on_root([&] {
    H5File file(path);
    const hid_t text = H5Tcopy(H5T_C_S1);
    require(H5Tset_size(text, H5T_VARIABLE));
    const std::vector<const char*> words{"one", "two"};
    file.write_raw("/words", {2}, words.data(), text, text);
    H5Tclose(text);
    const hid_t complex = H5Tcreate(H5T_COMPOUND, 16);
    require(H5Tinsert(complex, "r", 0, H5T_NATIVE_DOUBLE));
    require(H5Tinsert(complex, "i", 8, H5T_NATIVE_FLOAT));
    const double z[4] = {1, 2, 3, 4};
    file.write_raw("/complex", {2}, z, complex, complex);
    H5Tclose(complex);
    const hid_t pair = H5Tcreate(H5T_COMPOUND, 8);
    require(H5Tinsert(pair, "key", 0, H5T_NATIVE_INT));
    require(H5Tinsert(pair, "value", 4, H5T_NATIVE_INT));
    const int pairs[2] = {1, 2};
    file.write_raw("/pairs", {1}, pairs, pair, pair);
    H5Tclose(pair);
    const long double wide[1] = {1};
    file.write_raw("/wide", {1}, wide, H5T_NATIVE_LDOUBLE, H5T_NATIVE_LDOUBLE);
    file.write<float>("/number", {1}, {4});
  });
  expect_text(open_error(ErrorKind::data, path + ":/words"), "strings are not numbers");
  expect_text(open_error(ErrorKind::data, path + ":/complex"), "whose parts differ");
  expect_text(open_error(ErrorKind::data, path + ":/pairs"), "compound");
  expect_text(open_error(ErrorKind::data, path + ":/wide"), "do not fit f64");
  expect_elements<float>(path, {4});  // the only numeric one
}

/// One chunk of a dataset is destroyed behind HDF5's back: fletcher32 finds out, on the rank that
/// reads it.
TEST(Open, a_read_that_fails_on_one_rank_fails_on_all) {
  const Folder folder;
  const std::string path = folder / "bitrot.h5";
  std::vector<std::int32_t> values(64 * 1024);
  for (std::size_t i = 0; i < values.size(); ++i)
    values[i] = static_cast<std::int32_t>(i ^ 0x5a5a5a5a);
  on_root([&] {
    { H5File(path).write("/d", {64, 1024}, values, -1, {{1, 1024}, false, 0, true}); }
    // The chunk of row 50 begins with values[50 * 1024].
    std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
    std::string bytes((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
    const std::string row(reinterpret_cast<const char*>(&values[50 * 1024]), 4096);
    const std::size_t at = bytes.find(row);
    if (at == std::string::npos) throw std::runtime_error("row not found");
    file.clear();
    file.seekp(static_cast<std::streamoff>(at + 100));
    file.put('!');
  });
  for (const IoMode mode : {IoMode::independent, IoMode::collective}) {
    const Context ctx = context({.io_mode = mode});
    const Dataset data = Dataset::open(ctx, parse_address(path + ":/d"));
    expect_text(error_of(ErrorKind::io, [&] { static_cast<void>(data.to_array()); }),
                "/d cannot be read");
    expect_text(error_of(ErrorKind::io,
                         [&] { static_cast<void>(streamed<std::int32_t>(ctx, data, 4096)); }),
                "/d cannot be read");
    // and the ranks still agree
    const Dataset half = Dataset::open(ctx, parse_address(path + ":/d[:50]"));
    EXPECT_EQ(loaded<std::int32_t>(ctx, half),
              std::vector<std::int32_t>(values.begin(), values.begin() + 50 * 1024));
  }
}

/// Failures in batches between two agreements: zeros until then, the error at the latest in the
/// last batch.
TEST(Open, a_failed_batch_gives_zeros_until_ranks_agree) {
  const Folder folder;
  const std::string path = folder / "late.h5";
  on_root([&] {
    std::vector<double> values(4096, 1.);
    values[1000] = NAN;  // does not fit i32
    H5File(path).write("/d", {4096}, values);
  });
  DatasetOptions options;
  options.dtype = DType::i32;
  const Context ctx = context({.max_tiles = 4096});
  const Dataset data = Dataset::open(ctx, parse_address(path + ":/d"), options);
  const ReadPlan plan = data.plan(Leaves(data.layout(), 16384, 8), 32, ctx.rank());
  ASSERT_GT(plan.batches.size(), 64u);
  Buffer scratch;
  bool has_thrown = false;
  bool has_failed = false;
  for (std::size_t batch = 0; batch < plan.batches.size() && !has_thrown; ++batch) {
    try {
      const TileView view = data.read(plan, static_cast<std::int64_t>(batch), scratch);
      has_failed = has_failed || view.rows.contains(1000);
      for (const std::int32_t value : view.as<std::int32_t>()) EXPECT_EQ(value, has_failed ? 0 : 1);
    } catch (const RankError& error) {
      has_thrown = true;
      EXPECT_EQ(error.kind(), ErrorKind::data);
    }
  }
  EXPECT_TRUE(has_thrown);
}

}  // namespace
}  // namespace serried::test
