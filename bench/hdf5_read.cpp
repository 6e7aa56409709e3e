// Reading a dataset of 1 GiB from the page cache on all ranks of the job, against bare H5Dread
// loops by the same ranks:
//   mpirun -n 2 build/host/bin/bench/hdf5_read [FOLDER [MIB]]
// The file is made in FOLDER (default: the temporary folder) and removed. The ways take turns; rank
// 0 prints the median of 7 repetitions, GB/s over all ranks and the ratio to the bare loop of the
// same kind.
#include <hdf5.h>
#include <mpi.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "serried/array/statistics.hpp"
#include "serried/comm/runtime.hpp"
#include "serried/context.hpp"
#include "serried/io/dataset.hpp"
#include "serried/io/file_writer.hpp"

namespace {

using namespace serried;

constexpr int repetitions = 7;
constexpr std::int64_t columns = 256;

/// How a bare loop opens the file.
enum class Way { serial, parallel_independent, parallel_collective };

/// What each rank would write by hand: its rows in pieces of `piece_rows`, all at different places
/// of one allocation, or into one buffer again and again.
void read_barely(const std::string& path, RowRange rows, Way way, std::int64_t piece_rows,
                 bool is_kept) {
  const hid_t access = H5Pcreate(H5P_FILE_ACCESS);
  if (way != Way::serial) H5Pset_fapl_mpio(access, MPI_COMM_WORLD, MPI_INFO_NULL);
  const hid_t file = H5Fopen(path.c_str(), H5F_ACC_RDONLY, access);
  const hid_t set = H5Dopen2(file, "/x", H5P_DEFAULT);
  const hid_t space = H5Dget_space(set);
  const hid_t transfer = H5Pcreate(H5P_DATASET_XFER);
  if (way == Way::parallel_collective) H5Pset_dxpl_mpio(transfer, H5FD_MPIO_COLLECTIVE);
  const std::int64_t held = is_kept ? rows.size() : std::min(piece_rows, rows.size());
  const std::unique_ptr<float[]> memory(new float[static_cast<std::size_t>(held * columns)]);
  for (std::int64_t at = rows.begin; at < rows.end; at += piece_rows) {
    const hsize_t start[2] = {static_cast<hsize_t>(at), 0};
    const hsize_t count[2] = {static_cast<hsize_t>(std::min(piece_rows, rows.end - at)), columns};
    H5Sselect_hyperslab(space, H5S_SELECT_SET, start, nullptr, count, nullptr);
    const hid_t piece = H5Screate_simple(2, count, nullptr);
    float* to = memory.get() + (is_kept ? (at - rows.begin) * columns : 0);
    if (H5Dread(set, H5T_NATIVE_FLOAT, piece, space, transfer, to) < 0) std::abort();
    H5Sclose(piece);
  }
  H5Pclose(transfer);
  H5Sclose(space);
  H5Dclose(set);
  H5Fclose(file);
  H5Pclose(access);
}

void read_batches(const Context& ctx, const Address& address) {
  const Dataset data = Dataset::open(ctx, address);
  const Leaves leaves(data.layout(), data.row_bytes(), 64);
  const ReadPlan plan = data.plan(leaves, ctx.options().batch_bytes, ctx.rank());
  Buffer scratch;
  for (std::size_t batch = 0; batch < plan.batches.size(); ++batch)
    static_cast<void>(data.read(plan, static_cast<std::int64_t>(batch), scratch));
}

struct Case {
  const char* name;
  int peer;  ///< the number of the bare loop that it is compared with
  std::function<void()> run;
  std::vector<double> seconds{};
};

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

}  // namespace

int main(int argc, char** argv) {
  const Runtime runtime;
  const std::string folder = argc > 1 ? argv[1] : std::filesystem::temp_directory_path().string();
  const std::int64_t bytes = (argc > 2 ? std::atoll(argv[2]) : 1024) << 20;
  const std::string path = folder + "/serried_bench_hdf5_read.h5";
  const Context ctx(runtime);
  const Context collective(runtime, {.io_mode = IoMode::collective});
  const std::int64_t rows = bytes / (columns * 4);
  {
    FileWriter writer(ctx, path);
    writer.write("/x", Array::random_uniform(ctx, {rows, columns}, DType::f32, 1));
    writer.commit();
  }
  const Address address = parse_address(path + ":/x");
  const RowRange mine = Layout::uniform(rows, ctx.size()).rows_of(ctx.rank());
  const std::int64_t batch_rows = ctx.options().batch_bytes / (columns * 4);
  std::vector<Case> cases{
      {"H5Dread, one call", 0, [&] { read_barely(path, mine, Way::serial, rows, true); }},
      {"to_array", 0, [&] { static_cast<void>(Dataset::open(ctx, address).to_array()); }},
      {"H5Dread, 1 MiB each", 2, [&] { read_barely(path, mine, Way::serial, batch_rows, false); }},
      {"batches of 1 MiB", 2, [&] { read_batches(ctx, address); }},
      {"statistics, against one call", 0,
       [&] { static_cast<void>(compute_statistics(ctx, Dataset::open(ctx, address))); }},
      {"H5Dread, MPI-IO independent", 5,
       [&] { read_barely(path, mine, Way::parallel_independent, rows, true); }},
      {"H5Dread, MPI-IO collective", 6,
       [&] { read_barely(path, mine, Way::parallel_collective, rows, true); }},
      {"to_array, collective", 6,
       [&] { static_cast<void>(Dataset::open(collective, address).to_array()); }},
  };
  for (int repetition = 0; repetition <= repetitions; ++repetition)
    for (Case& test : cases) {
      ctx.comm().barrier();
      const auto begin = std::chrono::steady_clock::now();
      test.run();
      ctx.comm().barrier();
      const std::chrono::duration<double> elapsed = std::chrono::steady_clock::now() - begin;
      if (repetition > 0) test.seconds.push_back(elapsed.count());  // the first one warms up
    }
  if (ctx.rank() == 0) {
    std::printf("%d ranks, %lld MiB, f32, contiguous\n", ctx.size(),
                static_cast<long long>(bytes >> 20));
    for (const Case& test : cases) {
      const double own = median(test.seconds);
      std::printf("%-28s %8.3f s %7.2f GB/s %6.2fx\n", test.name, own,
                  static_cast<double>(bytes) / own * 1e-9,
                  own / median(cases[static_cast<std::size_t>(test.peer)].seconds));
    }
    std::filesystem::remove(path);
  }
  return 0;
}
