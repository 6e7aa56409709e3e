#include <cstdio>

#include "serried/array/statistics.hpp"
#include "serried/io/dataset.hpp"

int main() try {
  const serried::Runtime runtime;       // starts MPI, or takes over the one that runs
  const serried::Context ctx(runtime);  // communicator + device + recorder, passed explicitly
  const auto u = serried::Dataset::open(ctx, serried::parse_address("run.h5:/fields/u"));
  const auto statistics = serried::compute_statistics(ctx, u);  // Collective: on every rank
  if (ctx.rank() == 0) std::printf("mean %.17g\n", statistics.front().mean);
} catch (const serried::Error& error) {  // the same on every rank
  std::fprintf(stderr, "%s\n", error.what());
  serried::abort_job(1);
}
