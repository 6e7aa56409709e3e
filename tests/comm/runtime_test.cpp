#include "serried/comm/runtime.hpp"

#include <algorithm>
#include <cstdlib>
#include <optional>
#include <set>

#include "comm/host_cpus.hpp"
#include "serried/base/error.hpp"
#include "support/spmd.hpp"

namespace serried {
namespace {

/// Sets or (nullptr) removes a variable for as long as it lives.
class Variable {
 public:
  Variable(const char* name, const char* value) : name_(name) {
    if (const char* const old = std::getenv(name)) old_ = old;
    set(value);
  }
  ~Variable() { set(old_ ? old_->c_str() : nullptr); }
  Variable(const Variable&) = delete;
  Variable& operator=(const Variable&) = delete;

 private:
  void set(const char* value) const {
    if (value != nullptr)
      setenv(name_, value, 1);
    else
      unsetenv(name_);
  }
  const char* name_;
  std::optional<std::string> old_;
};

const Communicator& world() {
  return test::runtime().communicator();
}

TEST(Runtime, second_runtime_leaves_mpi_running) {
  {
    const Runtime second;
    EXPECT_EQ(second.communicator().size(), world().size());
    EXPECT_EQ(second.communicator().rank(), world().rank());
    EXPECT_EQ(second.communicator().allreduce(1, ReduceOp::sum), world().size());
  }
  EXPECT_EQ(world().allreduce(1, ReduceOp::sum), world().size());
}

TEST(Runtime, works_on_a_callers_communicator) {
  const auto part = world().split(world().rank() == 0 ? 0 : 1, 0);
  const Runtime runtime({.fortran_communicator = part->fortran_handle()});
  EXPECT_EQ(runtime.communicator().size(), part->size());
  EXPECT_EQ(runtime.communicator().rank(), part->rank());
  EXPECT_NE(runtime.communicator().fortran_handle(), part->fortran_handle());
  EXPECT_EQ(runtime.node_size(), part->size());
  EXPECT_EQ(runtime.communicator().allreduce(world().rank(), ReduceOp::sum),
            part->allreduce(world().rank(), ReduceOp::sum));
}

TEST(Runtime, node_ranks_are_a_permutation) {
  const Runtime& runtime = test::runtime();
  const auto node_ranks = world().allgather(runtime.node_rank());
  EXPECT_EQ(std::set<int>(node_ranks.begin(), node_ranks.end()).size(), node_ranks.size());
  EXPECT_EQ(runtime.node_size(), world().size());  // the test programs run on one host
  EXPECT_FALSE(runtime.host_name().empty());
  const auto names = world().allgather_text(runtime.host_name());
  for (const std::string& name : names) EXPECT_EQ(name, names[0]);
}

TEST(Runtime, describes_the_mpi_library_and_the_cpus) {
  const Runtime& runtime = test::runtime();
  EXPECT_NE(runtime.mpi_library().find("MPI"), std::string::npos);
  EXPECT_LT(runtime.mpi_library().size(), 40U);
  EXPECT_EQ(runtime.cpu_list(), comm::cpu_list_text(comm::cpus_of_this_process()));
  EXPECT_FALSE(runtime.cpu_list().empty());
}

TEST(Runtime, threads_by_option_and_environment) {
  {
    const Variable omp("OMP_NUM_THREADS", "3,1");
    const Variable slurm("SLURM_CPUS_PER_TASK", "5");
    EXPECT_EQ(Runtime({.threads = 2}).threads(), 2);
    const Runtime by_omp;
    EXPECT_EQ(by_omp.threads(), 3);
    EXPECT_EQ(by_omp.threads_source(), "OMP_NUM_THREADS");
    EXPECT_TRUE(by_omp.recorder()->messages().empty());
  }
  {
    const Variable omp("OMP_NUM_THREADS", "many");
    const Variable slurm("SLURM_CPUS_PER_TASK", "1");
    const Runtime by_slurm;
    EXPECT_EQ(by_slurm.threads(), 1);
    EXPECT_EQ(by_slurm.threads_source(), "SLURM_CPUS_PER_TASK");
    const auto messages = by_slurm.recorder()->messages();
    ASSERT_EQ(messages.size(), 1U);
    EXPECT_EQ(messages[0].first, Severity::warning);
  }
  EXPECT_THROW(Runtime({.threads = -1}), InvalidArgument);
}

TEST(Runtime, threads_of_the_machine_do_not_exceed_it) {
  const Variable omp("OMP_NUM_THREADS", nullptr);
  const Variable slurm("SLURM_CPUS_PER_TASK", nullptr);
  const Runtime runtime;
  EXPECT_GE(runtime.threads(), 1);
  const auto cpus = static_cast<int>(comm::cpus_of_this_process().size());
  EXPECT_LE(runtime.threads(), std::max(1, cpus));
  EXPECT_NE(runtime.threads_source().find("CPU"), std::string::npos) << runtime.threads_source();
}

TEST(Runtime, unwinding_does_not_end_mpi) {
  EXPECT_THROW(
      {
        const Runtime inner;
        throw DataError("on one rank, say");
      },
      DataError);
  EXPECT_EQ(world().allreduce(1, ReduceOp::sum), world().size());
}

}  // namespace
}  // namespace serried
