// broken_ranks WAY [SECONDS]: ranks that go wrong in one way. Prints what each rank believes, and
// ends as programs of Serried do. Without a fault each prints "fine".
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <functional>
#include <map>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "serried/base/error.hpp"
#include "serried/comm/runtime.hpp"

namespace {

using serried::Communicator;
using serried::ReduceOp;

struct Case {
  const Communicator& comm;
  bool is_odd;  ///< the last rank, which goes wrong
  double seconds;
};

void sleep_s(double seconds) {
  std::this_thread::sleep_for(std::chrono::duration<double>(seconds));
}

/// What a healthy program does before and after.
void work(const Communicator& comm) {
  for (int i = 0; i < 20; ++i) static_cast<void>(comm.allreduce(i, ReduceOp::sum));
}

void call_other_collective(const Case& c) {
  if (c.is_odd)
    c.comm.barrier();
  else
    static_cast<void>(c.comm.allreduce(1, ReduceOp::sum));
}

void call_other_operation(const Case& c) {
  const int value = c.comm.allreduce(c.comm.rank() + 1, c.is_odd ? ReduceOp::max : ReduceOp::sum);
  std::printf("rank %d got %d\n", c.comm.rank(), value);
}

void call_other_count(const Case& c) {
  std::vector<int> values(c.is_odd ? 4 : 8, 1);
  c.comm.allreduce(std::span<int>(values), ReduceOp::sum);
}

void call_other_root(const Case& c) {
  const int value = c.comm.broadcast(c.comm.rank(), c.is_odd ? c.comm.size() - 1 : 0);
  std::printf("rank %d got %d\n", c.comm.rank(), value);
}

void call_other_communicator(const Case& c) {
  const Communicator other = c.comm.duplicate();
  if (c.is_odd)
    other.barrier();
  else
    c.comm.barrier();
}

void receive_from_nobody(const Case& c) {
  int value = 0;
  if (c.is_odd) c.comm.receive(std::span<int>(&value, 1), 0, 5);
}

void throw_and_catch(const Case& c) {
  try {
    if (c.is_odd) throw std::runtime_error("not the others");
    static_cast<void>(c.comm.allreduce(1, ReduceOp::sum));
  } catch (const std::runtime_error&) {
  }
}

void return_early(const Case&) {}

void compute(const Case& c) {
  if (c.is_odd) sleep_s(c.seconds);
}

void wait_busily(const Case& c) {
  const auto end = std::chrono::steady_clock::now() + std::chrono::duration<double>(c.seconds);
  for (;;) {
    const int is_over = std::chrono::steady_clock::now() > end ? 1 : 0;
    if (c.comm.allreduce(is_over, ReduceOp::max) != 0) return;
  }
}

}  // namespace

int main(int argc, char** argv) {
  std::setvbuf(stdout, nullptr, _IOLBF, 0);
  const std::map<std::string, std::function<void(const Case&)>> ways{
      {"nothing", [](const Case&) {}},
      {"other_collective", call_other_collective},
      {"other_operation", call_other_operation},
      {"other_count", call_other_count},
      {"other_root", call_other_root},
      {"other_communicator", call_other_communicator},
      {"receive_from_nobody", receive_from_nobody},
      {"throw_and_catch", throw_and_catch},
      {"return_early", return_early},
      {"start_late", [](const Case&) {}},
      {"compute", compute},
      {"wait", wait_busily}};
  const std::string way = argc > 1 ? argv[1] : "nothing";
  const bool is_foreign = std::getenv("BROKEN_RANKS_FOREIGN") != nullptr;
  int rank = 0;
  try {
    // Before MPI runs only the launcher knows who one is.
    const char* const launched = std::getenv("OMPI_COMM_WORLD_RANK");
    const char* const pmi = std::getenv("PMI_RANK");
    if (way == "start_late" && std::atoi(launched ? launched : pmi ? pmi : "0") == 1)
      sleep_s(argc > 2 ? std::atof(argv[2]) : 0);
    serried::WatchdogOptions watchdog = serried::WatchdogOptions::from_environment();
    if (!is_foreign)
      watchdog.handler = [&rank](const serried::WatchdogVerdict& verdict) {
        serried::end_on_verdict(verdict, "broken_ranks", rank);
      };
    const serried::Runtime runtime({.threads = 1, .watchdog = watchdog});
    const Communicator& comm = runtime.communicator();
    rank = comm.rank();
    std::printf("rank %d process %d\n", rank, static_cast<int>(::getpid()));
    work(comm);
    const Case c{comm, rank == comm.size() - 1, argc > 2 ? std::atof(argv[2]) : 0};
    ways.at(way)(c);
    if (way == "return_early" && c.is_odd) return 0;
    work(comm);
    comm.compare_calls();
    std::printf("rank %d publishes\n", rank);
  } catch (const serried::Error& error) {
    if (serried::has_verdict() && !is_foreign) sleep_s(30);  // the watchdog's thread ends this
    std::fprintf(stderr, "broken_ranks: rank %d: %s\n", rank, error.what());
    if (serried::has_verdict()) std::_Exit(serried::exit_code(error.kind()));
    serried::abort_job(serried::exit_code(error.kind()));
  } catch (const std::exception& error) {
    std::fprintf(stderr, "broken_ranks: rank %d: %s\n", rank, error.what());
    serried::abort_job(1);
  }
  std::printf("rank %d fine\n", rank);
  return 0;
}
