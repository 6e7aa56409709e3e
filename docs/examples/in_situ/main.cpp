// A simulation that analyses its field every ten steps: its memory, its communicator, no file.
#include <mpi.h>

#include <cmath>
#include <cstdio>
#include <vector>

#include "serried/array/memory_rows.hpp"
#include "serried/array/statistics.hpp"
#include "serried/comm/layout.hpp"
#include "serried/ml/kmeans.hpp"

constexpr std::int64_t n = 300, width = n + 2;  // cells of the square, and with a ghost cell around

// Heat that spreads from two places; `field` is this rank's rows with ghosts around.
void step(std::vector<double>& field, serried::RowRange rows, std::int64_t time) {
  for (std::int64_t i = rows.begin; i < rows.end; ++i)
    for (std::int64_t j = 0; j < n; ++j)
      field[(i - rows.begin + 1) * width + j + 1] =
          std::exp(-((i - 90.) * (i - 90.) + (j - 70.) * (j - 70.)) / (50. + 20. * time)) +
          std::exp(-((i - 200.) * (i - 200.) + (j - 220.) * (j - 220.)) / (90. + 40. * time));
}

int main(int argc, char** argv) {
  MPI_Init(&argc, &argv);
  {
    const serried::Runtime runtime({.fortran_communicator = MPI_Comm_c2f(MPI_COMM_WORLD)});
    const serried::Context ctx(runtime);
    const serried::RowRange rows = serried::Layout::uniform(n, ctx.size()).rows_of(ctx.rank());
    std::vector<double> field((rows.size() + 2) * width, NAN);
    for (std::int64_t time = 0; time <= 20; ++time) {
      step(field, rows, time);
      if (time % 10 != 0) continue;
      const serried::MemoryField own{.data = &field[width + 1], .byte_strides = {width * 8, 8}};
      const auto cells = serried::MemoryRows::wrap(ctx, {&own, 1}, serried::DType::f64,
                                                   {rows.size(), n}, serried::MemoryRowAxes::all);
      const auto statistics = serried::compute_statistics(ctx, cells, {.bins = 8}).front();
      const auto fit = serried::fit_kmeans(ctx, cells, {.clusters = 3});
      if (ctx.rank() == 0)
        std::printf("time %d: mean %.17g, fullest bin %lld, inertia %.17g\n", int(time),
                    statistics.mean, static_cast<long long>(statistics.histogram->counts[0]),
                    fit.model.inertia);
    }
  }
  MPI_Finalize();
}
