// abort_job RANK CODE: that rank ends the job with the code, while the others wait for it. The
// Runtime is a static object: MPI_Abort may call exit(), which destroys it.
#include <cstdlib>
#include <memory>

#include "serried/comm/runtime.hpp"

namespace {
std::unique_ptr<serried::Runtime> runtime;
}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) return 2;
  runtime = std::make_unique<serried::Runtime>();
  if (runtime->communicator().rank() == std::atoi(argv[1])) serried::abort_job(std::atoi(argv[2]));
  runtime->communicator().barrier();
  return 0;
}
