// A program of somebody else: the sum of all ranks' numbers, and the version of the library.
#include <cstdint>
#include <iostream>

#include "serried/base/build_info.hpp"
#include "serried/base/version.hpp"
#include "serried/comm/runtime.hpp"

int main() {
  const serried::Runtime runtime;
  const serried::Communicator& comm = runtime.communicator();
  const std::int64_t sum = comm.allreduce(std::int64_t{1} << comm.rank(), serried::ReduceOp::sum);
  if (comm.rank() == 0)
    std::cout << "serried " << serried::build_info().version << " on " << comm.size() << " ranks\n";
  const bool is_right = sum == (std::int64_t{1} << comm.size()) - 1 &&
                        serried::build_info().version == SERRIED_VERSION_STRING;
  return is_right ? 0 : 1;
}
