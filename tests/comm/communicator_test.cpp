#include "serried/comm/communicator.hpp"

#include <numeric>

#include "support/spmd.hpp"

namespace serried {
namespace {

TEST(Communicator, allreduce_one_value) {
  const Communicator& comm = test::runtime().communicator();
  const int size = comm.size();
  EXPECT_EQ(comm.allreduce(comm.rank() + 1, ReduceOp::sum), size * (size + 1) / 2);
  EXPECT_EQ(comm.allreduce(comm.rank(), ReduceOp::max), size - 1);
}

}  // namespace
}  // namespace serried
