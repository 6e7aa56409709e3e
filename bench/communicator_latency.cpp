// Latency of Serried's polled operations against MPI's own blocking calls, on all ranks of the job:
//   mpirun -n 2 build/host/bin/bench/communicator_latency [CALLS]
// Prints microseconds per call on rank 0 (the median of 9 repetitions, the kinds taking turns) and
// the ratio to bare MPI.
#include <mpi.h>
#include <time.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <memory>
#include <string_view>
#include <thread>
#include <vector>

#include "serried/comm/runtime.hpp"

namespace {

using serried::Communicator;
using serried::ReduceOp;

constexpr int repetitions = 9;

double microseconds_per_call(int calls, const std::function<void()>& call) {
  MPI_Barrier(MPI_COMM_WORLD);
  const auto begin = std::chrono::steady_clock::now();
  for (int i = 0; i < calls; ++i) call();
  const std::chrono::duration<double, std::micro> elapsed =
      std::chrono::steady_clock::now() - begin;
  return elapsed.count() / calls;
}

double cpu_seconds() {
  timespec now{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) * 1e-9;
}

/// What the process computes while its main thread sleeps.
double idle_cpu_share(double seconds) {
  const double begin = cpu_seconds();
  std::this_thread::sleep_for(std::chrono::duration<double>(seconds));
  return (cpu_seconds() - begin) / seconds;
}

struct Case {
  const char* name;
  std::function<void()> bare;
  std::function<void()> polled;
  std::function<void()> recorded;
};

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

void run(const Case& test, int calls, bool is_printing) {
  std::array<std::vector<double>, 3> times;
  for (int repetition = 0; repetition < repetitions; ++repetition) {
    times[0].push_back(microseconds_per_call(calls, test.bare));
    times[1].push_back(microseconds_per_call(calls, test.polled));
    times[2].push_back(microseconds_per_call(calls, test.recorded));
  }
  if (!is_printing) return;
  const double bare = median(times[0]);
  const double polled = median(times[1]);
  const double recorded = median(times[2]);
  std::printf("%-22s %10.2f %10.2f %6.2fx %10.2f %6.2fx\n", test.name, bare, polled, polled / bare,
              recorded, recorded / bare);
}

}  // namespace

int main(int argc, char** argv) {
  const int calls = argc > 1 ? std::atoi(argv[1]) : 2000;
  const serried::Runtime runtime;
  const auto recorder = std::make_shared<serried::Recorder>();
  serried::CommunicatorOptions options;
  options.spin_polls = runtime.communicator().options().spin_polls;
  const int handle = runtime.communicator().fortran_handle();
  const auto plain = Communicator::from_fortran_handle(handle, nullptr, options);
  const auto recording = Communicator::from_fortran_handle(handle, recorder, options);
  const bool is_first = plain.rank() == 0;

  std::int64_t value = 1;
  std::vector<std::uint8_t> large(std::size_t{1} << 22);
  const auto bare_broadcast = [&](std::size_t bytes) {
    MPI_Bcast(large.data(), static_cast<int>(bytes), MPI_BYTE, 0, MPI_COMM_WORLD);
  };
  const auto broadcast = [&](const Communicator& comm, std::size_t bytes) {
    comm.broadcast(std::span(large).first(bytes), 0);
  };
  std::vector<std::int64_t> counts(131072);
  const auto bare_allreduce = [&](std::size_t count) {
    MPI_Allreduce(MPI_IN_PLACE, counts.data(), static_cast<int>(count), MPI_INT64_T, MPI_MAX,
                  MPI_COMM_WORLD);
  };
  const auto allreduce = [&](const Communicator& comm, std::size_t count) {
    comm.allreduce(std::span(counts).first(count), ReduceOp::max);
  };
  const std::vector<Case> cases{
      {"allreduce 8 B",
       [&] {
         value = 1;
         MPI_Allreduce(MPI_IN_PLACE, &value, 1, MPI_INT64_T, MPI_SUM, MPI_COMM_WORLD);
       },
       [&] { value = plain.allreduce(std::int64_t{1}, ReduceOp::sum); },
       [&] { value = recording.allreduce(std::int64_t{1}, ReduceOp::sum); }},
      {"allreduce 32 KiB", [&] { bare_allreduce(4096); }, [&] { allreduce(plain, 4096); },
       [&] { allreduce(recording, 4096); }},
      {"allreduce 1 MiB", [&] { bare_allreduce(131072); }, [&] { allreduce(plain, 131072); },
       [&] { allreduce(recording, 131072); }},
      {"barrier", [] { MPI_Barrier(MPI_COMM_WORLD); }, [&] { plain.barrier(); },
       [&] { recording.barrier(); }},
      {"broadcast 8 B", [&] { bare_broadcast(8); }, [&] { broadcast(plain, 8); },
       [&] { broadcast(recording, 8); }},
      {"broadcast 4 MiB", [&] { bare_broadcast(large.size()); },
       [&] { broadcast(plain, large.size()); }, [&] { broadcast(recording, large.size()); }}};
  if (is_first) {
    std::printf("%s, %d ranks, %d on this node, CPUs of rank 0: %s, polls before yielding: %d\n",
                runtime.mpi_library().c_str(), plain.size(), runtime.node_size(),
                runtime.cpu_list().c_str(), options.spin_polls);
    std::printf("%-22s %10s %10s %7s %10s %7s\n", "microseconds per call", "MPI", "Serried",
                "ratio", "recorded", "ratio");
  }
  for (const Case& test : cases)
    run(test, &test == &cases.back() ? calls / 20 + 1 : calls, is_first);

  recorder->set_max_spans(0);
  const double span_us = microseconds_per_call(
      100000, [&] { recorder->span("allreduce", serried::Activity::communication).add_bytes(8); });
  if (is_first) std::printf("%-22s %10.3f\n", "one recorder span", span_us);
  const double share = idle_cpu_share(5);
  const auto worst = plain.allreduce(static_cast<std::int64_t>(share * 1e9), ReduceOp::max);
  if (is_first)
    std::printf(
        "%-22s %10.4f %% of a core (the rank that takes most; SERRIED_WATCHDOG=off for "
        "none)\n",
        "watchdog", static_cast<double>(worst) / 1e7);
  return 0;
}
