// serial
#include "serried/device/thread_pool.hpp"

#include <time.h>

#include <atomic>
#include <chrono>
#include <stdexcept>
#include <thread>
#include <vector>

#include "gtest/gtest.h"
#include "serried/base/error.hpp"

namespace serried {
namespace {

TEST(ThreadPool, every_index_once) {
  for (const int threads : {1, 2, 3, 8}) {
    const ThreadPool pool(threads);
    EXPECT_EQ(pool.threads(), threads);
    for (const std::int64_t count : {0, 1, 2, 7, 1000}) {
      std::vector<std::atomic<int>> calls(static_cast<std::size_t>(count));
      std::atomic<int> strangers{0};
      pool.parallel_for(count, [&](std::int64_t index, int worker) {
        ++calls[static_cast<std::size_t>(index)];
        if (worker < 0 || worker >= threads) ++strangers;
      });
      for (const auto& call : calls) EXPECT_EQ(call, 1);
      EXPECT_EQ(strangers, 0);
    }
  }
}

TEST(ThreadPool, a_worker_number_is_one_thread_at_a_time) {
  const ThreadPool pool(4);
  std::vector<std::int64_t> sums(4, 0);  // not atomic: each worker has its own
  for (int round = 0; round < 200; ++round)
    pool.parallel_for(100, [&](std::int64_t index, int worker) {
      sums[static_cast<std::size_t>(worker)] += index;
    });
  EXPECT_EQ(sums[0] + sums[1] + sums[2] + sums[3], 200 * (99 * 100 / 2));
}

TEST(ThreadPool, work_is_shared) {
  const ThreadPool pool(3);
  // Each task waits until three are running: only three threads can finish this.
  std::atomic<int> running{0};
  pool.parallel_for(3, [&](std::int64_t, int) {
    ++running;
    while (running < 3) std::this_thread::yield();
  });
  EXPECT_EQ(running, 3);
}

TEST(ThreadPool, first_exception_reaches_the_caller) {
  for (const int threads : {1, 4}) {
    const ThreadPool pool(threads);
    for (int round = 0; round < 20; ++round) {
      EXPECT_THROW(pool.parallel_for(100,
                                     [&](std::int64_t index, int) {
                                       if (index % 10 == 3) throw DataError("index");
                                     }),
                   DataError);
      std::atomic<int> calls{0};
      pool.parallel_for(10, [&](std::int64_t, int) { ++calls; });
      EXPECT_EQ(calls, 10);  // the pool works on
    }
  }
}

TEST(ThreadPool, calls_inside_a_task_run_in_line) {
  const ThreadPool pool(3);
  std::atomic<int> calls{0};
  std::atomic<int> moved{0};
  pool.parallel_for(10, [&](std::int64_t, int) {
    const auto thread = std::this_thread::get_id();
    pool.parallel_for(5, [&](std::int64_t, int worker) {
      ++calls;
      if (std::this_thread::get_id() != thread || worker != 0) ++moved;
    });
  });
  EXPECT_EQ(calls, 50);
  EXPECT_EQ(moved, 0);
}

TEST(ThreadPool, calls_from_several_threads_take_turns) {
  const ThreadPool pool(2);
  std::atomic<int> calls{0};
  std::vector<std::thread> callers;
  for (int i = 0; i < 4; ++i)
    callers.emplace_back([&] {
      for (int round = 0; round < 50; ++round)
        pool.parallel_for(20, [&](std::int64_t, int) { ++calls; });
    });
  for (auto& caller : callers) caller.join();
  EXPECT_EQ(calls, 4 * 50 * 20);
}

TEST(ThreadPool, idle_workers_sleep) {
  const ThreadPool pool(4);
  pool.parallel_for(100, [](std::int64_t, int) {});
  const auto cpu_seconds = [] {
    timespec time{};
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
    return static_cast<double>(time.tv_sec) + 1e-9 * static_cast<double>(time.tv_nsec);
  };
  const double before = cpu_seconds();
  std::this_thread::sleep_for(std::chrono::milliseconds(200));
  // One spinning worker would have taken up to 0.2 s of CPU time, three of them more.
  EXPECT_LT(cpu_seconds() - before, 0.02);
}

TEST(ThreadPool, needs_a_thread) {
  EXPECT_THROW(ThreadPool(0), InvalidArgument);
  EXPECT_THROW(ThreadPool(-3), InvalidArgument);
}

}  // namespace
}  // namespace serried
