// serial
// Each case runs in a child: signals and their thread belong to a whole process.
#include "serried/base/signals.hpp"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <functional>
#include <thread>

#include "serried/base/temporary_files.hpp"

namespace serried {
namespace {

namespace fs = std::filesystem;

class Signals : public testing::Test {
 protected:
  void SetUp() override {
#ifdef __SANITIZE_THREAD__
    GTEST_SKIP() << "ThreadSanitizer knows no threads in children of a process that has some";
#endif
  }
};

/// What waitpid says of a child that does this and then exits with 0, or with 9 after 10 seconds.
int status_of(const std::function<void()>& act) {
  const pid_t child = fork();
  if (child == 0) {
    alarm(10);
    act();
    _exit(0);
  }
  int status = 0;
  waitpid(child, &status, 0);
  return status;
}

void expect_exit(int status, int code) {
  ASSERT_TRUE(WIFEXITED(status)) << "signal " << (WIFSIGNALED(status) ? WTERMSIG(status) : 0);
  EXPECT_EQ(WEXITSTATUS(status), code);
}

void expect_signal(int status, int number) {
  ASSERT_TRUE(WIFSIGNALED(status));
  EXPECT_EQ(WTERMSIG(status), number);
}

void wait_until(const std::function<bool()>& is_so) {
  while (!is_so()) std::this_thread::sleep_for(std::chrono::milliseconds(1));
}

TEST_F(Signals, usr1_sets_the_flag_and_calls_back_each_time) {
  expect_exit(status_of([] {
                block_signals();
                std::atomic<int> calls{0};
                watch_signals([&] { ++calls; });
                if (is_stop_requested()) _exit(1);
                kill(getpid(), SIGUSR1);
                wait_until([&] { return calls == 1; });
                if (!is_stop_requested()) _exit(2);
                kill(getpid(), SIGUSR1);
                wait_until([&] { return calls == 2; });
              }),
              0);
}

TEST_F(Signals, usr1_that_comes_before_the_watch_is_not_lost) {
  expect_exit(status_of([] {
                block_signals();
                kill(getpid(), SIGUSR1);
                watch_signals();
                wait_until(is_stop_requested);
              }),
              0);
}

TEST_F(Signals, usr1_that_was_ignored_is_taken) {
  expect_exit(status_of([] {
                signal(SIGUSR1, SIG_IGN);
                kill(getpid(), SIGUSR1);
                block_signals();
                watch_signals();
                kill(getpid(), SIGUSR1);
                wait_until(is_stop_requested);
              }),
              0);
}

TEST_F(Signals, term_and_int_end_the_process_by_the_signal_and_remove_temporary_files) {
  for (const int number : {SIGTERM, SIGINT}) {
    const std::string path =
        (fs::temp_directory_path() / ("serried_signals_" + std::to_string(getpid()))).string();
    const int status = status_of([&] {
      block_signals();
      watch_signals();
      std::ofstream(path) << "x";
      register_temporary_file(path);
      kill(getpid(), number);
      while (true) pause();
    });
    expect_signal(status, number);
    EXPECT_FALSE(fs::exists(path));
  }
}

TEST_F(Signals, int_that_was_ignored_stays_so) {
  expect_exit(status_of([] {
                signal(SIGINT, SIG_IGN);
                block_signals();
                watch_signals();
                kill(getpid(), SIGINT);
                kill(getpid(), SIGUSR1);
                wait_until(is_stop_requested);
                std::this_thread::sleep_for(std::chrono::milliseconds(100));
              }),
              0);
}

TEST_F(Signals, children_get_the_former_mask_back) {
  expect_exit(status_of([] {
                block_signals();
                block_signals();  // a second call changes nothing
                watch_signals();
                const int status = status_of([] {
                  kill(getpid(), SIGTERM);
                  _exit(1);
                });
                _exit(WIFSIGNALED(status) && WTERMSIG(status) == SIGTERM ? 0 : 1);
              }),
              0);
}

}  // namespace
}  // namespace serried
