// Messages that are late or lost. What becomes of a job then is the watchdog's to say.
#include <chrono>
#include <thread>

#include "serried/base/faults.hpp"
#include "serried/comm/communicator.hpp"
#include "support/spmd.hpp"

namespace serried {
namespace {

class MessageFaults : public testing::Test {
 protected:
  void TearDown() override { faults::set_plan({}); }

  static const Communicator& comm() { return test::runtime().communicator(); }
  static double seconds_since(std::chrono::steady_clock::time_point begin) {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  }
};

TEST_F(MessageFaults, a_late_collective_has_the_same_result) {
  faults::set_plan(faults::parse("send-delay:rank=0,step=2,ms=150"));
  const auto begin = std::chrono::steady_clock::now();
  for (int i = 0; i < 3; ++i)
    EXPECT_EQ(comm().allreduce(std::int64_t{comm().rank() + i}, ReduceOp::sum),
              comm().size() * (comm().size() - 1) / 2 + i * comm().size());
  const double least_s = comm().size() > 1 ? 0.14 : 0;
  EXPECT_GE(seconds_since(begin), least_s);
}

TEST_F(MessageFaults, a_late_message_arrives) {
  if (comm().size() == 1) GTEST_SKIP() << "needs a peer";
  faults::set_plan(faults::parse("send-delay:rank=0,step=1,ms=150,peer=1"));
  const auto begin = std::chrono::steady_clock::now();
  std::vector<std::int64_t> value{7};
  if (comm().rank() == 0) comm().isend(std::span<const std::int64_t>(value), 1, 3).wait();
  if (comm().rank() == 1) {
    value = {0};
    comm().ireceive(std::span(value), 0, 3).wait();
    EXPECT_EQ(value.front(), 7);
    EXPECT_GE(seconds_since(begin), 0.1);
  }
  comm().barrier();
}

TEST_F(MessageFaults, a_lost_message_never_comes_and_the_next_one_does) {
  if (comm().size() == 1) GTEST_SKIP() << "needs a peer";
  faults::set_plan(faults::parse("send-drop:rank=0,step=1,peer=1"));
  if (comm().rank() == 0) {
    for (const std::int64_t value : {1, 2}) {
      auto sending = comm().isend(std::span<const std::int64_t>(&value, 1), 1, 3);
      sending.wait();
    }
  }
  if (comm().rank() == 1) {
    std::vector<std::int64_t> value{0};
    comm().ireceive(std::span(value), 0, 3).wait();
    EXPECT_EQ(value.front(), 2);
  }
  comm().barrier();
}

}  // namespace
}  // namespace serried
