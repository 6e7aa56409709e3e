#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "serried/base/api.hpp"
#include "serried/comm/communicator.hpp"
#include "serried/comm/memory_limit.hpp"
#include "serried/comm/watchdog.hpp"

namespace SERRIED_API serried {

struct RuntimeOptions {
  /// A caller's communicator as a Fortran handle (`MPI_Comm_c2f(comm)`), which may be any int; it
  /// is duplicated, and must have been made by an MPI that runs. Without one: all ranks of the job.
  std::optional<int> fortran_communicator{};
  /// Threads of this rank; 0: decided from the environment, see Runtime::threads.
  int threads = 0;
  /// What the ranks of a node may allocate together, see Runtime::memory_bytes.
  MemoryLimit memory{};
  CommunicatorOptions communicator{};
  /// Without: WatchdogOptions::from_environment().
  std::optional<WatchdogOptions> watchdog{};
};

/// Takes over MPI, or starts it (with MPI_THREAD_MULTIPLE if it can be had), and finds out where
/// this rank stands. An MPI that it starts returns errors instead of ending the job; in one that it
/// takes over the program's own choice for MPI_COMM_WORLD stands. MPI is finalised by the
/// destructor exactly if this object initialised it; but not while an exception unwinds past it,
/// because the other ranks may be elsewhere: the program then reports the exception and calls
/// abort_job.
class Runtime {
 public:
  /// Collective over the job (or over the caller's communicator).
  /// @throws InvalidArgument for threads < 0, and for a memory limit that is none.
  /// @throws Error if MPI cannot be started, or has been finalised before.
  explicit Runtime(const RuntimeOptions& options = {});
  ~Runtime();
  Runtime(const Runtime&) = delete;
  Runtime& operator=(const Runtime&) = delete;

  [[nodiscard]] const Communicator& communicator() const noexcept;
  [[nodiscard]] const std::shared_ptr<Recorder>& recorder() const noexcept;
  /// The rank's number among the ranks of its node, by splitting; and their number.
  [[nodiscard]] int node_rank() const noexcept;
  [[nodiscard]] int node_size() const noexcept;
  [[nodiscard]] const std::string& host_name() const noexcept;
  /// Threads of this rank: the option, OMP_NUM_THREADS, SLURM_CPUS_PER_TASK, else the CPUs of the
  /// rank's mask and cgroup quota divided by the node's ranks whose masks overlap; at least 1. A
  /// value of the environment that is no positive number is ignored with a warning through
  /// recorder(); so is what SLURM_CPUS_PER_TASK has above the CPUs of the mask.
  [[nodiscard]] int threads() const noexcept;
  /// Where the number comes from, e.g. "OMP_NUM_THREADS" or "2 CPUs / 4 ranks".
  [[nodiscard]] const std::string& threads_source() const noexcept;
  /// The memory that each rank may allocate for data: the node's limit divided by the node's ranks;
  /// the least of all nodes, so that it is the same on every rank.
  [[nodiscard]] std::int64_t memory_bytes() const noexcept;
  /// Where the number comes from, e.g. "60 % of 23.1 GiB (available) / 2 ranks".
  [[nodiscard]] const std::string& memory_source() const noexcept;
  /// The CPUs in this rank's mask, e.g. "0-1".
  [[nodiscard]] const std::string& cpu_list() const noexcept;
  [[nodiscard]] bool has_thread_multiple() const;
  /// E.g. "Open MPI 4.1.4".
  [[nodiscard]] const std::string& mpi_library() const noexcept;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

/// Ends the whole job with this exit code, at once; only this process where MPI does not run. For
/// programs only: the library never calls it. Local.
[[noreturn]] void abort_job(int code) noexcept;

}  // namespace serried
