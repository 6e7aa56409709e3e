// The mean of a field on all ranks, and an error of the library's that arrives here as what it is.
#include <cstdio>

#include "serried/array/statistics.hpp"
#include "serried/io/dataset.hpp"

int main(int argc, char** argv) {
  const serried::Runtime runtime;
  const serried::Context ctx(runtime);
  if (argc != 2) return 2;
  // another process reads the file first: the library finds its program where it lies
  const auto data = serried::Dataset::open(ctx, serried::parse_address(argv[1]),
                                           {.untrusted = serried::FileCheck{}});
  const auto statistics = serried::compute_statistics(ctx, data).front();
  if (ctx.rank() == 0)
    std::printf("%lld values, mean %.17g\n", static_cast<long long>(statistics.count),
                statistics.mean);
  try {
    static_cast<void>(serried::Dataset::open(ctx, serried::parse_address("not_there.h5:/x")));
  } catch (const serried::RankError& error) {
    return error.kind() == serried::ErrorKind::io ? 0 : 1;
  }
  return 1;
}
