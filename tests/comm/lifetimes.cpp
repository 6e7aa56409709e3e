// lifetimes WAY: objects that are destroyed late, in another order, or while an exception unwinds
// on one rank. Ends with code 0, or 3 where a rank fails on purpose.
#include <mpi.h>

#include <algorithm>
#include <cstdio>
#include <functional>
#include <memory>
#include <random>
#include <stdexcept>
#include <string>
#include <vector>

#include "serried/array/array.hpp"
#include "serried/array/statistics.hpp"
#include "serried/comm/runtime.hpp"
#include "serried/context.hpp"

namespace {

using namespace serried;

/// Memory for a request that is never completed: it stays until the process ends.
std::span<int> outliving_memory() {
  static auto& all = *new std::vector<std::unique_ptr<int>>;
  all.push_back(std::make_unique<int>());
  return {all.back().get(), 1};
}

/// Everything that shares ownership of a communicator, destroyed in any order.
struct Objects {
  explicit Objects(int order) {
    RuntimeOptions options;
    options.fortran_communicator = MPI_Comm_c2f(MPI_COMM_WORLD);
    keep(std::make_shared<Runtime>(options));
    auto& runtime = *std::static_pointer_cast<Runtime>(all_.back());
    auto ctx = std::make_shared<Context>(runtime);
    keep(ctx);
    keep(std::make_shared<Communicator>(ctx->comm().duplicate()));
    keep(std::make_shared<Communicator>(ctx->comm().split_node()));
    keep(std::shared_ptr<Communicator>(ctx->comm().split(ctx->rank() % 2, 0)));
    auto array = std::make_shared<Array>(Array::zeros(*ctx, Shape{1000, 3}, DType::f64));
    keep(array);
    keep(std::make_shared<std::vector<Statistics>>(compute_statistics(*ctx, *array)));
    // a message that nobody sends, and a collective that not all ranks have begun
    keep(std::make_shared<Communicator::Request>(
        ctx->comm().ireceive(std::span<int>(value_), ctx->rank(), 3)));
    std::shuffle(all_.begin(), all_.end(), std::mt19937(static_cast<unsigned>(order)));
  }
  ~Objects() {
    while (!all_.empty()) all_.pop_back();
  }
  Objects(const Objects&) = delete;
  Objects& operator=(const Objects&) = delete;

 private:
  void keep(std::shared_ptr<void> object) { all_.push_back(std::move(object)); }
  std::vector<std::shared_ptr<void>> all_;
  std::span<int> value_ = outliving_memory();
};

int rank_of_world() {
  int rank = 0;
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  return rank;
}

void start_mpi() {
  int level = 0;
  MPI_Init_thread(nullptr, nullptr, MPI_THREAD_MULTIPLE, &level);
}

int destroy_after_finalize(int order) {
  start_mpi();
  auto objects = std::make_unique<Objects>(order);
  MPI_Finalize();
  objects.reset();
  return 0;
}

int destroy_before_finalize(int order) {
  start_mpi();
  {
    const Objects first(order);
    const Objects second(order + 1);
  }
  MPI_Finalize();
  return 0;
}

int unwind_on_one_rank(int order) {
  start_mpi();
  try {
    const Objects objects(order);
    if (rank_of_world() == 0) throw std::runtime_error("on purpose");
    MPI_Barrier(MPI_COMM_WORLD);
  } catch (const std::runtime_error&) {
    abort_job(3);
  }
  return 0;
}

/// The same where Serried has started MPI.
int unwind_past_runtime(int) {
  try {
    const Runtime runtime;
    const Context ctx(runtime);
    const Array array = Array::zeros(ctx, Shape{1000, 3}, DType::f64);
    if (ctx.rank() == 0) throw std::runtime_error("on purpose");
    ctx.comm().barrier();
  } catch (const std::exception&) {
    abort_job(3);
  }
  return 0;
}

int destroy_static(int) {
  static std::unique_ptr<Objects> objects;
  start_mpi();
  objects = std::make_unique<Objects>(0);
  MPI_Finalize();
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 3) return 2;
  const std::string way = argv[1];
  const int order = std::stoi(argv[2]);
  if (way == "after_finalize") return destroy_after_finalize(order);
  if (way == "before_finalize") return destroy_before_finalize(order);
  if (way == "unwind") return unwind_on_one_rank(order);
  if (way == "unwind_past_runtime") return unwind_past_runtime(order);
  if (way == "static") return destroy_static(order);
  return 2;
}
