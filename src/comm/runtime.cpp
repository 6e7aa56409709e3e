#include "serried/comm/runtime.hpp"

#include <mpi.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <exception>
#include <functional>
#include <thread>
#include <utility>

#include "base/host_name.hpp"
#include "comm/host_cpus.hpp"
#include "comm/memory_share.hpp"
#include "comm/mpi_support.hpp"
#include "comm/mpi_version.hpp"
#include "comm/thread_count.hpp"
#include "comm/watch/call_board.hpp"
#include "comm/watch/start_watch.hpp"
#include "comm/watch/watchdog_thread.hpp"
#include "serried/base/error.hpp"
#include "serried/base/faults.hpp"
#include "serried/base/temporary_files.hpp"

namespace serried {
namespace {

/// Starts MPI unless it runs; true if this call did.
bool start_mpi() {
  int is_finalized = 0;
  comm::check(MPI_Finalized(&is_finalized), "MPI_Finalized");
  if (is_finalized != 0)
    throw Error(ErrorKind::internal,
                "MPI has been finalised in this process; it cannot be started again");
  int is_initialized = 0;
  comm::check(MPI_Initialized(&is_initialized), "MPI_Initialized");
  if (is_initialized != 0) return false;
  int provided = 0;
  comm::check(MPI_Init_thread(nullptr, nullptr, MPI_THREAD_MULTIPLE, &provided), "MPI_Init_thread");
  // MPICH gives the errors of MPI_Test to these, whatever communicator a request belongs to.
  for (const MPI_Comm comm : {MPI_COMM_WORLD, MPI_COMM_SELF})
    comm::check(MPI_Comm_set_errhandler(comm, MPI_ERRORS_RETURN), "MPI_Comm_set_errhandler");
  return true;
}

std::optional<std::string> read_variable(const char* name) {
  const char* const value = std::getenv(name);
  if (value == nullptr || *value == '\0') return std::nullopt;
  return std::string(value);
}

/// The CPUs and quotas of all ranks of the node, in node rank order.
std::vector<comm::RankCpus> exchange_cpus(const Communicator& node) {
  struct Quota {
    double cpus;
    std::uint64_t group;
  };
  const std::vector<int> own = comm::cpus_of_this_process();
  const comm::CpuQuota quota = comm::read_cpu_quota();
  const auto masks = node.allgather(std::span<const int>(own));
  const auto quotas = node.allgather(Quota{quota.cpus, std::hash<std::string>{}(quota.group)});
  std::vector<comm::RankCpus> ranks;
  for (int r = 0; r < node.size(); ++r) {
    const auto mask = masks.piece(r);
    const Quota& its = quotas[static_cast<std::size_t>(r)];
    ranks.push_back({{mask.begin(), mask.end()}, its.cpus, its.group});
  }
  return ranks;
}

/// This rank's share, or that of the node which offers its ranks least. Collective.
comm::MemoryShare share_of_memory(const MemoryLimit& limit, int node_ranks,
                                  const Communicator& all) {
  comm::NodeMemory node = comm::read_node_memory();
  node.slurm_mem_per_node = read_variable("SLURM_MEM_PER_NODE");
  node.slurm_mem_per_cpu = read_variable("SLURM_MEM_PER_CPU");
  node.slurm_cpus_on_node = read_variable("SLURM_CPUS_ON_NODE");
  comm::MemoryShare share = comm::decide_memory_share(limit, node, node_ranks);
  const std::int64_t own = share.bytes;
  // the ranks of one node differ too: each looks at its own moment
  const auto offers = all.allgather(own);
  const auto least = std::ranges::min_element(offers) - offers.begin();
  share.bytes = offers[static_cast<std::size_t>(least)];
  share.source = all.broadcast_text(share.source, static_cast<int>(least));
  return share;
}

/// Whether the node has a core for each of its ranks: the union of their masks, within their quota.
bool has_core_for_each(const std::vector<comm::RankCpus>& ranks) {
  std::vector<int> all;
  double quota = comm::RankCpus::no_quota;
  for (const comm::RankCpus& rank : ranks) {
    all.insert(all.end(), rank.cpus.begin(), rank.cpus.end());
    quota = std::min(quota, rank.quota_cpus);
  }
  std::sort(all.begin(), all.end());
  all.erase(std::unique(all.begin(), all.end()), all.end());
  return static_cast<double>(ranks.size()) <= std::min(static_cast<double>(all.size()), quota);
}

}  // namespace

struct Runtime::Impl {
  // Ends MPI after the members below have let go of their communicators.
  struct MpiSession {
    bool is_owner = start_mpi();
    int exceptions_before = std::uncaught_exceptions();
    [[nodiscard]] bool will_finalize() const {
      return is_owner && std::uncaught_exceptions() <= exceptions_before && comm::is_mpi_running();
    }
    ~MpiSession() {
      if (will_finalize()) MPI_Finalize();
    }
  };
  // Watches until MPI has ended.
  std::unique_ptr<comm::WatchdogThread> watchdog;
  MpiSession session;
  std::shared_ptr<Recorder> recorder = std::make_shared<Recorder>();
  std::unique_ptr<Communicator> communicator;
  std::unique_ptr<Communicator> ending;  ///< what ranks meet on before they end MPI
  int node_rank = 0;
  int node_size = 1;
  std::string host_name = serried::host_name();
  comm::ThreadCount threads;
  comm::MemoryShare memory;
  std::string cpu_list;
  std::string mpi_library = comm::mpi_library_version();

  /// Collective.
  void start_watchdog(const WatchdogOptions& its, const Communicator& all,
                      const Communicator& node) {
    const int ranks_per_host = all.allreduce(its.ranks_per_host, ReduceOp::max);
    std::unique_ptr<Communicator> host;
    if (ranks_per_host > 0) host = node.split(node.rank() / ranks_per_host, node.rank());
    auto start = comm::WatchdogThread::start(all, host ? *host : node, its);
    if (!start.warning.empty() && all.rank() == 0) recorder->say(Severity::warning, start.warning);
    watchdog = std::move(start.watchdog);
  }
};

Runtime::Runtime(const RuntimeOptions& options) {
  if (options.threads < 0)
    throw InvalidArgument("a rank needs at least 1 thread, not " + std::to_string(options.threads));
  if (options.memory.bytes < 0 ||
      (options.memory.bytes == 0 && !(options.memory.share > 0 && options.memory.share <= 1)))
    throw InvalidArgument(
        "a memory limit must be a number of bytes above 0, or a share from 0 to 1");
  const WatchdogOptions watchdog =
      options.watchdog ? *options.watchdog : WatchdogOptions::from_environment();
  auto start_watch = std::make_unique<comm::StartWatch>(watchdog);
  impl_ = std::make_unique<Impl>();
  int job_rank = 0;
  comm::check(MPI_Comm_rank(MPI_COMM_WORLD, &job_rank), "MPI_Comm_rank");
  faults::set_rank(job_rank);
  const int handle = options.fortran_communicator.value_or(MPI_Comm_c2f(MPI_COMM_WORLD));

  comm::ThreadCountInputs inputs;
  CommunicatorOptions communicator_options = options.communicator;
  {
    const auto all = Communicator::from_fortran_handle(handle, nullptr, options.communicator);
    const Communicator node = all.split_node();
    impl_->node_rank = node.rank();
    impl_->node_size = node.size();
    inputs.node_ranks = exchange_cpus(node);
    constexpr int brief_spin = 200;
    if (communicator_options.spin_polls == 0 && has_core_for_each(inputs.node_ranks))
      communicator_options.spin_polls = brief_spin;
    impl_->start_watchdog(watchdog, all, node);
    start_watch.reset();
  }
  impl_->communicator = std::make_unique<Communicator>(
      Communicator::from_fortran_handle(handle, impl_->recorder, communicator_options));
  impl_->ending = std::make_unique<Communicator>(impl_->communicator->duplicate());
  inputs.option = options.threads;
  inputs.omp_num_threads = read_variable("OMP_NUM_THREADS");
  inputs.slurm_cpus_per_task = read_variable("SLURM_CPUS_PER_TASK");
  inputs.node_rank = impl_->node_rank;
  impl_->threads = comm::decide_thread_count(inputs);
  for (const std::string& warning : impl_->threads.warnings)
    impl_->recorder->say(Severity::warning, warning);
  impl_->memory = share_of_memory(options.memory, impl_->node_size, *impl_->communicator);
  for (const std::string& warning : impl_->memory.warnings)
    impl_->recorder->say(Severity::warning, warning);
  impl_->cpu_list =
      comm::cpu_list_text(inputs.node_ranks[static_cast<std::size_t>(impl_->node_rank)].cpus);
}

Runtime::~Runtime() {
  if (!impl_->session.will_finalize()) return;
  comm::board::set_mode(comm::RankMode::ended);
  try {
    // In MPI_Finalize nothing could be done for a rank that waits for one which never comes: Open
    // MPI's launcher does not survive the end of a job there.
    impl_->ending->barrier();
  } catch (const std::exception&) {
    // After a verdict MPI is not finalised. Launchers take the first exit code that they see: that
    // of a rank which has an error to report, not that of one which has left the program in peace.
    std::this_thread::sleep_for(std::chrono::milliseconds(500));
  }
}

const Communicator& Runtime::communicator() const noexcept {
  return *impl_->communicator;
}
const std::shared_ptr<Recorder>& Runtime::recorder() const noexcept {
  return impl_->recorder;
}
int Runtime::node_rank() const noexcept {
  return impl_->node_rank;
}
int Runtime::node_size() const noexcept {
  return impl_->node_size;
}
const std::string& Runtime::host_name() const noexcept {
  return impl_->host_name;
}
int Runtime::threads() const noexcept {
  return impl_->threads.threads;
}
const std::string& Runtime::threads_source() const noexcept {
  return impl_->threads.source;
}
std::int64_t Runtime::memory_bytes() const noexcept {
  return impl_->memory.bytes;
}
const std::string& Runtime::memory_source() const noexcept {
  return impl_->memory.source;
}
const std::string& Runtime::cpu_list() const noexcept {
  return impl_->cpu_list;
}
bool Runtime::has_thread_multiple() const {
  return impl_->communicator->has_thread_multiple();
}
const std::string& Runtime::mpi_library() const noexcept {
  return impl_->mpi_library;
}

void abort_job(int code) noexcept {
  remove_temporary_files();
  if (comm::is_mpi_running()) {
    comm::board::set_mode(comm::RankMode::aborting);
    comm::note_abort();
    MPI_Abort(MPI_COMM_WORLD, code);
  }
  std::_Exit(code);
}

}  // namespace serried
