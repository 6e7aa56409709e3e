// ranks: 1 2 3
// timeout: 60
// The last rank cannot open the CUDA module.
#include <cstdlib>

#include "gtest/gtest.h"
#include "serried/base/error.hpp"
#include "serried/comm/device_choice.hpp"
#include "support/spmd.hpp"

namespace serried::test {
namespace {

void hide_module_on_last_rank() {
  const Communicator& comm = runtime().communicator();
  if (comm.rank() == comm.size() - 1) setenv("SERRIED_CUDA_MODULE", "/nowhere/module.so", 1);
}

TEST(ChooseDevice, automatic_takes_the_host_where_one_rank_has_no_gpu) {
  hide_module_on_last_rank();
  const int size = runtime().communicator().size();
  const DeviceChoice choice = choose_device(runtime(), {});
  EXPECT_EQ(choice.backend->kind(), DeviceKind::host);
  const std::string& why = choice.explanation.front();
  EXPECT_NE(why.find("the CUDA module cannot be opened: /nowhere/module.so"), std::string::npos)
      << why;
  const std::string rank =
      "rank " + std::to_string(size - 1) + " on " + runtime().host_name() + ": ";
  EXPECT_EQ(why.find(rank) != std::string::npos, size > 1) << why;
}

TEST(ChooseDevice, cuda_is_an_error_on_all_ranks) {
  hide_module_on_last_rank();
  const int size = runtime().communicator().size();
  try {
    static_cast<void>(choose_device(runtime(), {.request = DeviceRequest::cuda}));
    FAIL() << "no error";
  } catch (const RankError& error) {
    EXPECT_EQ(error.kind(), ErrorKind::device);
    EXPECT_EQ(error.rank(), size - 1);
    EXPECT_NE(std::string(error.what()).find("/nowhere/module.so"), std::string::npos)
        << error.what();
  }
}

}  // namespace
}  // namespace serried::test
