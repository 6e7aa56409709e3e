// serial
#include "serried/base/faults.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <cstdlib>
#include <memory>
#include <new>
#include <string>
#include <thread>
#include <vector>

#include "serried/base/error.hpp"
#include "serried/device/backend.hpp"
#include "serried/device/buffer.hpp"

namespace serried {
namespace {

using faults::Fault;
using faults::Kind;

/// What is wrong with a text; empty where nothing is.
std::string refusal(const std::string& text) {
  try {
    static_cast<void>(faults::parse(text));
    return {};
  } catch (const InvalidArgument& error) {
    return error.what();
  }
}

class Faults : public testing::Test {
 protected:
  void TearDown() override {
    faults::set_plan({});
    faults::set_rank(0);
  }
};

TEST_F(Faults, parse_reads_every_part) {
  const auto plan = faults::parse("read:rank=1,step=3;send-delay:step=2,rank=0,ms=250,peer=4");
  EXPECT_FALSE(plan.is_counting);
  ASSERT_EQ(plan.faults.size(), 2U);
  EXPECT_EQ(plan.faults[0].kind, Kind::read);
  EXPECT_EQ(plan.faults[0].rank, 1);
  EXPECT_EQ(plan.faults[0].step, 3);
  EXPECT_EQ(plan.faults[1].kind, Kind::send_delay);
  EXPECT_EQ(plan.faults[1].delay.count(), 250);
  EXPECT_EQ(plan.faults[1].peer, 4);
  EXPECT_EQ(plan.faults[0].peer, Fault::any_peer);
  EXPECT_EQ(faults::parse("send-delay:rank=0,step=1").faults[0].delay.count(), 1000);
  EXPECT_TRUE(faults::parse("count").is_counting);
  EXPECT_EQ(faults::parse("count;allocate:rank=0,step=1").faults.size(), 1U);
}

TEST_F(Faults, parse_refuses_everything_else) {
  for (const char* text : {"",
                           ";",
                           "read",
                           "read:",
                           "read:rank=1",
                           "read:step=1",
                           "reads:rank=0,step=1",
                           "read:rank=0,step=0",
                           "read:rank=-1,step=1",
                           "read:rank=0,step=1,",
                           "read:rank=0,step=1;",
                           "read:rank=0,step=1x",
                           "read:rank=0,step=",
                           "read:rank=0,step",
                           "read:rank= 0,step=1",
                           "read:rank=0,step=1,step=2",
                           "read:rank=0,step=1,ms=5",
                           "read:rank=0,step=1,peer=1",
                           "send-drop:rank=0,step=1,ms=5",
                           "send-delay:rank=0,step=1,ms=-1",
                           "counts",
                           "count:rank=0",
                           "read:rank=0,step=99999999999999999999",
                           "read:rank=0,step=1,rest=2",
                           "READ:rank=0,step=1"})
    EXPECT_NE(refusal(text), "") << text;
}

TEST_F(Faults, parse_names_what_is_wrong) {
  EXPECT_NE(refusal("read:rank=0,step=two").find("'two'"), std::string::npos);
  EXPECT_NE(refusal("reed:rank=0,step=2").find("'reed'"), std::string::npos);
  EXPECT_NE(refusal("read:rank=0").find("'step' is missing"), std::string::npos);
}

TEST_F(Faults, is_due_once_at_its_step_of_its_kind) {
  faults::set_plan(faults::parse("read:rank=0,step=2"));
  std::vector<bool> reads;
  for (int i = 0; i < 4; ++i) {
    EXPECT_FALSE(faults::is_due(Kind::write));
    reads.push_back(faults::is_due(Kind::read));
  }
  EXPECT_EQ(reads, (std::vector<bool>{false, true, false, false}));
  EXPECT_EQ(faults::events(Kind::read), 4);
  EXPECT_EQ(faults::events(Kind::write), 4);
  EXPECT_EQ(faults::events(Kind::allocate), 0);
}

TEST_F(Faults, is_due_on_its_rank_alone) {
  faults::set_plan(faults::parse("write:rank=1,step=1"));
  EXPECT_FALSE(faults::is_due(Kind::write));
  faults::set_plan(faults::parse("write:rank=1,step=1"));
  faults::set_rank(1);
  EXPECT_TRUE(faults::is_due(Kind::write));
  EXPECT_EQ(faults::cause(Kind::write), "injected fault (write 1 of rank 1)");
}

TEST_F(Faults, several_faults_each_count_for_themselves) {
  faults::set_plan(faults::parse("read:rank=0,step=1;read:rank=0,step=3;write:rank=0,step=1"));
  EXPECT_TRUE(faults::is_due(Kind::read));
  EXPECT_FALSE(faults::is_due(Kind::read));
  EXPECT_TRUE(faults::is_due(Kind::write));
  EXPECT_TRUE(faults::is_due(Kind::read));
}

TEST_F(Faults, on_send_delays_and_drops) {
  faults::set_plan(faults::parse("send-delay:rank=0,step=2,ms=7;send-drop:rank=0,step=1,peer=3"));
  const auto first = faults::on_send(1);
  EXPECT_EQ(first.delay.count(), 0);
  EXPECT_FALSE(first.is_dropped);
  // the second message, and the first to rank 3
  const auto second = faults::on_send(3);
  EXPECT_EQ(second.delay.count(), 7);
  EXPECT_TRUE(second.is_dropped);
  EXPECT_FALSE(faults::on_send(3).is_dropped);
  EXPECT_FALSE(faults::on_send(Fault::any_peer).is_dropped);
}

TEST_F(Faults, threads_count_together) {
  constexpr int threads = 4;
  constexpr int events = 1000;
  faults::set_plan(faults::parse("read:rank=0,step=" + std::to_string(threads * events)));
  std::atomic<int> due = 0;
  {
    std::vector<std::jthread> all;
    for (int t = 0; t < threads; ++t)
      all.emplace_back([&] {
        for (int i = 0; i < events; ++i) due += faults::is_due(Kind::read) ? 1 : 0;
      });
  }
  EXPECT_EQ(due, 1);
}

TEST_F(Faults, the_environment_is_read_at_the_first_event) {
  // Each in a new process, because the environment is read once.
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_EXIT(
      {
        ::setenv("SERRIED_FAULT", "read:rank=5,step=1;write:rank=0,step=1", 1);
        // the runtime of this program has said that it is rank 0, and knows better
        ::setenv("OMPI_COMM_WORLD_RANK", "5", 1);
        std::exit(!faults::is_due(Kind::read) && faults::is_due(Kind::write) ? 0 : 1);
      },
      testing::ExitedWithCode(0), "");
  EXPECT_EXIT(
      {
        ::setenv("SERRIED_FAULT", "nonsense", 1);
        try {
          static_cast<void>(faults::is_due(Kind::read));
        } catch (const InvalidArgument&) {
          std::exit(0);
        }
        std::exit(1);
      },
      testing::ExitedWithCode(0), "");
  EXPECT_EXIT(
      {
        ::setenv("SERRIED_FAULT", "count", 1);
        static_cast<void>(faults::is_due(Kind::write));
        static_cast<void>(faults::on_send(0));
        std::exit(0);
      },
      testing::ExitedWithCode(0), "events of rank 0: allocate=0 read=0 write=1 send=1\n");
}

TEST_F(Faults, memory_fails_as_memory_does) {
  const std::shared_ptr<Backend> backend = make_host_backend(1);
  faults::set_plan(faults::parse("allocate:rank=0,step=2;allocate:rank=0,step=3"));
  EXPECT_NO_THROW(Buffer(backend, 64));
  Buffer buffer;
  EXPECT_THROW(buffer.reserve(backend, 64), DeviceError);
  EXPECT_EQ(buffer.bytes(), 0U);
  EXPECT_THROW(faults::before_allocation(), std::bad_alloc);
  EXPECT_NO_THROW(buffer.reserve(backend, 64));
  EXPECT_NO_THROW(Buffer(backend, 0));
  EXPECT_EQ(faults::events(Kind::allocate), 4);
}

}  // namespace
}  // namespace serried
