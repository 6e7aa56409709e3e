#include "io/guard/limits.hpp"

#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <charconv>
#include <cmath>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

namespace serried::guard {
namespace {

#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SERRIED_HAS_SHADOW_MEMORY
#endif
#endif
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SERRIED_HAS_SHADOW_MEMORY
#endif
#ifdef SERRIED_HAS_SHADOW_MEMORY
constexpr bool has_shadow_memory = true;
#else
constexpr bool has_shadow_memory = false;
#endif

void close_others() {
  std::vector<int> numbers;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator("/proc/self/fd", error)) {
    const std::string name = entry.path().filename();
    int number = 0;
    const auto [end, code] = std::from_chars(name.data(), name.data() + name.size(), number);
    if (code == std::errc{} && number > 3) numbers.push_back(number);
  }
  for (const int number : numbers) ::close(number);
}

void set_limit(__rlimit_resource which, rlim_t soft) {
  rlimit limit{};
  ::getrlimit(which, &limit);
  limit.rlim_cur = std::min(soft, limit.rlim_max);
  ::setrlimit(which, &limit);
}

}  // namespace

void shut_in(const Task& task) {
  close_others();
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() != static_cast<pid_t>(task.parent)) ::_exit(1);  // it has ended already
  set_limit(RLIMIT_FSIZE, 0);
  set_limit(RLIMIT_CORE, 0);
  // a core dump that a program takes from the kernel knows no limit; leak detection needs to trace
  if (!has_shadow_memory) ::prctl(PR_SET_DUMPABLE, 0);
}

void limit_memory(std::int64_t bytes) {
  if (has_shadow_memory) return;
  std::ifstream file("/proc/self/statm");
  std::int64_t pages = 0;
  file >> pages;
  set_limit(RLIMIT_AS, static_cast<rlim_t>(pages * ::sysconf(_SC_PAGESIZE) + bytes));
}

void limit_computing(double seconds) {
  rusage used{};
  ::getrusage(RUSAGE_SELF, &used);
  // the parent counts more exactly, and comes first
  set_limit(RLIMIT_CPU, static_cast<rlim_t>(used.ru_utime.tv_sec + used.ru_stime.tv_sec) +
                            static_cast<rlim_t>(std::ceil(std::min(seconds, 1e9))) + 3);
}

}  // namespace serried::guard
