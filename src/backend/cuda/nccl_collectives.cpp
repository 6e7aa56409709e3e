#include "backend/cuda/nccl_collectives.hpp"

#include "serried/base/error.hpp"

// NCCL is no part of the CUDA Toolkit everywhere; without its header the module has no collectives.
#if __has_include(<nccl.h>)

#include <sched.h>

#include <algorithm>
#include <chrono>
#include <cstring>
#include <exception>
#include <thread>
#include <utility>
#include <vector>

#include "backend/cuda/launch.hpp"
#include "backend/cuda/nccl_library.hpp"

namespace serried::cuda {
namespace {

[[noreturn]] void throw_failure(ncclResult_t result, const char* what, ncclComm_t comm) {
  const NcclLibrary& nccl = nccl_library();
  std::string text = std::string("NCCL, ") + what + ": " + nccl.error_string(result);
  const char* const detail = nccl.last_error(comm);
  if (detail != nullptr && *detail != '\0') text += std::string(" (") + detail + ')';
  throw DeviceError(text);
}

/// What a rank does between two looks: nothing, then it yields its core, then it sleeps.
class Pause {
 public:
  void operator()() {
    if (looks_ < spins) {
      ++looks_;
      __builtin_ia32_pause();
    } else if (looks_ < spins + yields) {
      ++looks_;
      sched_yield();
    } else {
      std::this_thread::sleep_for(std::chrono::microseconds(50));
    }
  }

 private:
  static constexpr int spins = 500;
  static constexpr int yields = 500;
  int looks_ = 0;
};

class NcclCollectives final : public DeviceCollectives {
 public:
  NcclCollectives(CudaDevice& device, const std::string& id, int rank, int ranks,
                  const DeviceCollectivesOptions& options)
      : nccl_(nccl_library()), device_(device), options_(options), rank_(rank), ranks_(ranks) {
    ncclUniqueId unique_id;
    if (id.size() != sizeof unique_id.internal)
      throw InvalidArgument("these " + std::to_string(id.size()) + " bytes are no id of NCCL");
    std::memcpy(unique_id.internal, id.data(), sizeof unique_id.internal);
    ncclConfig_t config = NCCL_CONFIG_INITIALIZER;
    config.blocking = 0;
    device_.make_current();
    check(cudaEventCreateWithFlags(&is_done_, cudaEventDisableTiming), "a CUDA event");
    try {
      settle(nccl_.init_rank(&comm_, ranks, unique_id, rank, &config), "joining the ranks");
    } catch (...) {
      abort();
      static_cast<void>(cudaEventDestroy(is_done_));
      throw;
    }
  }

  ~NcclCollectives() override {
    // While an exception unwinds the other ranks may be elsewhere.
    if (std::uncaught_exceptions() > exceptions_before_ || !is_finalized())
      abort();
    else
      static_cast<void>(nccl_.destroy(std::exchange(comm_, nullptr)));
    static_cast<void>(cudaEventDestroy(is_done_));
  }

  void allreduce(std::uint64_t* values, std::int64_t count, DeviceReduceOp op) override {
    run("a reduction", count == 0, [&] {
      return nccl_.all_reduce(values, values, size(count), ncclUint64, op_of(op), comm_,
                              device_.stream());
    });
  }

  void reduce_scatter(const std::int64_t* values, std::int64_t* result,
                      std::int64_t count) override {
    run("a reduction by blocks", count == 0, [&] {
      return nccl_.reduce_scatter(values, result, size(count), ncclInt64, ncclSum, comm_,
                                  device_.stream());
    });
  }

  void broadcast(void* data, std::int64_t bytes, int root) override {
    if (root < 0 || root >= ranks_)
      throw InvalidArgument("the root of a broadcast, " + std::to_string(root) + ", is none of " +
                            std::to_string(ranks_) + " ranks");
    run("a broadcast", bytes == 0, [&] {
      return nccl_.broadcast(data, data, size(bytes), ncclUint8, root, comm_, device_.stream());
    });
  }

  void allgather(const void* piece, void* all, std::int64_t bytes) override {
    run("gathering", bytes == 0, [&] {
      return nccl_.all_gather(piece, all, size(bytes), ncclUint8, comm_, device_.stream());
    });
  }

  void allgather_pieces(const void* piece, void* all,
                        std::span<const std::int64_t> offsets) override {
    const auto own = static_cast<std::size_t>(rank_);
    const std::vector<Part> sent(static_cast<std::size_t>(ranks_),
                                 {0, offsets[own + 1] - offsets[own]});
    exchange("gathering pieces", piece, sent, all, parts(offsets));
  }

  void alltoall(const void* send, std::span<const std::int64_t> send_offsets, void* receive,
                std::span<const std::int64_t> receive_offsets) override {
    exchange("an exchange", send, parts(send_offsets), receive, parts(receive_offsets));
  }

  void abort() noexcept override {
    if (comm_ != nullptr) static_cast<void>(nccl_.abort(std::exchange(comm_, nullptr)));
  }

 private:
  struct Part {
    std::int64_t begin = 0;
    std::int64_t bytes = 0;
  };

  static std::size_t size(std::int64_t count) { return static_cast<std::size_t>(count); }
  static ncclRedOp_t op_of(DeviceReduceOp op) {
    return op == DeviceReduceOp::sum ? ncclSum : op == DeviceReduceOp::min ? ncclMin : ncclMax;
  }
  [[nodiscard]] std::vector<Part> parts(std::span<const std::int64_t> offsets) const {
    std::vector<Part> result;
    for (int r = 0; r < ranks_; ++r) {
      const auto i = static_cast<std::size_t>(r);
      result.push_back({offsets[i], offsets[i + 1] - offsets[i]});
    }
    return result;
  }

  void look() {
    if (options_.poll) options_.poll();
  }

  [[nodiscard]] ncclResult_t state(const char* what) const {
    ncclResult_t state = ncclSuccess;
    const ncclResult_t result = nccl_.get_async_error(comm_, &state);
    if (result != ncclSuccess) throw_failure(result, what, comm_);
    return state;
  }

  /// Waits until NCCL has taken the call that returned `result`.
  void settle(ncclResult_t result, const char* what) {
    Pause pause;
    while (result == ncclInProgress) {
      look();
      result = state(what);
      if (result == ncclInProgress) pause();
    }
    if (result != ncclSuccess) throw_failure(result, what, comm_);
  }

  /// Waits for what is enqueued.
  void wait(const char* what) {
    {
      const auto lock = device_.lock();
      device_.make_current();
      check(cudaEventRecord(is_done_, device_.stream()), what);
    }
    Pause pause;
    for (cudaError_t status = cudaEventQuery(is_done_); status != cudaSuccess;
         status = cudaEventQuery(is_done_)) {
      if (status != cudaErrorNotReady) check(status, what);
      static_cast<void>(cudaGetLastError());  // "not ready" would be taken for somebody's failure
      look();
      if (const ncclResult_t result = state(what);
          result != ncclSuccess && result != ncclInProgress)
        throw_failure(result, what, comm_);
      pause();
    }
  }

  /// Enqueues one operation and waits for it.
  template <class Enqueue>
  void run(const char* what, bool is_empty, Enqueue enqueue) {
    if (comm_ == nullptr)
      throw DeviceError(std::string("NCCL, ") + what +
                        ": an earlier failure ended the communicator");
    if (is_empty) return;
    try {
      look();
      ncclResult_t result;
      {
        const auto lock = device_.lock();
        device_.make_current();
        result = enqueue();
      }
      settle(result, what);
      wait(what);
    } catch (...) {
      abort();
      throw;
    }
  }

  /// Grouped sends and receives, of at most round_bytes for each pair of ranks in a round. A pair
  /// whose pieces are all through takes no part in later rounds, on both sides alike.
  void exchange(const char* what, const void* from, const std::vector<Part>& sent, void* to,
                const std::vector<Part>& received) {
    const auto* const send = static_cast<const std::byte*>(from);
    auto* const receive = static_cast<std::byte*>(to);
    const auto own = static_cast<std::size_t>(rank_);
    if (sent[own].bytes != received[own].bytes)
      throw InvalidArgument("a rank sends itself as much as it receives from itself");
    const auto copy_own = [&] {
      if (sent[own].bytes > 0 && send + sent[own].begin != receive + received[own].begin)
        device_.copy(receive + received[own].begin, send + sent[own].begin, size(sent[own].bytes));
      return ncclSuccess;
    };
    run(what, sent[own].bytes == 0, copy_own);
    std::int64_t longest = 0;
    for (std::size_t r = 0; r < sent.size(); ++r)
      if (r != own) longest = std::max({longest, sent[r].bytes, received[r].bytes});
    for (std::int64_t begin = 0; begin < longest; begin += options_.round_bytes)
      run(what, false, [&] { return enqueue_round(begin, send, sent, receive, received); });
  }

  ncclResult_t enqueue_round(std::int64_t begin, const std::byte* send,
                             const std::vector<Part>& sent, std::byte* receive,
                             const std::vector<Part>& received) {
    const auto in_round = [&](const Part& part) {
      return std::clamp<std::int64_t>(part.bytes - begin, 0, options_.round_bytes);
    };
    ncclResult_t first = nccl_.group_start();
    const auto note = [&first](ncclResult_t result) {
      if (first == ncclSuccess && result != ncclInProgress) first = result;
    };
    for (int step = 1; step < ranks_; ++step) {
      const int next = (rank_ + step) % ranks_;
      const int previous = (rank_ + ranks_ - step) % ranks_;
      const Part& out = sent[static_cast<std::size_t>(next)];
      const Part& in = received[static_cast<std::size_t>(previous)];
      if (in_round(out) > 0)
        note(nccl_.send(send + out.begin + begin, size(in_round(out)), ncclUint8, next, comm_,
                        device_.stream()));
      if (in_round(in) > 0)
        note(nccl_.receive(receive + in.begin + begin, size(in_round(in)), ncclUint8, previous,
                           comm_, device_.stream()));
    }
    // A group is always closed: NCCL counts them for each thread.
    const ncclResult_t last = nccl_.group_end();
    return first == ncclSuccess ? last : first;
  }

  /// Lets the peers have what is still on its way. Waits for them, but not for ever.
  [[nodiscard]] bool is_finalized() noexcept {
    if (comm_ == nullptr) return false;
    try {
      device_.make_current();
      const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(10);
      Pause pause;
      ncclResult_t result = nccl_.finalize(comm_);
      while (result == ncclInProgress && std::chrono::steady_clock::now() < deadline) {
        result = state("the end");
        pause();
      }
      return result == ncclSuccess;
    } catch (...) {
      return false;
    }
  }

  const NcclLibrary& nccl_;
  CudaDevice& device_;
  DeviceCollectivesOptions options_;
  int rank_;
  int ranks_;
  int exceptions_before_ = std::uncaught_exceptions();
  ncclComm_t comm_ = nullptr;
  cudaEvent_t is_done_ = nullptr;
};

}  // namespace

std::string nccl_version() {
  return nccl_library().version;
}

std::string make_nccl_id(const CudaDevice& device) {
  const NcclLibrary& nccl = nccl_library();
  device.make_current();
  ncclUniqueId id;
  const ncclResult_t result = nccl.get_unique_id(&id);
  if (result != ncclSuccess) throw_failure(result, "a new communicator", nullptr);
  return {id.internal, sizeof id.internal};
}

std::unique_ptr<DeviceCollectives> make_nccl_collectives(CudaDevice& device, const std::string& id,
                                                         int rank, int ranks,
                                                         const DeviceCollectivesOptions& options) {
  return std::make_unique<NcclCollectives>(device, id, rank, ranks, options);
}

}  // namespace serried::cuda

#else

namespace serried::cuda {
namespace {

[[noreturn]] void throw_no_header() {
  throw DeviceError("this build has no NCCL: its header nccl.h was not found");
}

}  // namespace

std::string nccl_version() {
  throw_no_header();
}

std::string make_nccl_id(const CudaDevice&) {
  throw_no_header();
}

std::unique_ptr<DeviceCollectives> make_nccl_collectives(CudaDevice&, const std::string&, int, int,
                                                         const DeviceCollectivesOptions&) {
  throw_no_header();
}

}  // namespace serried::cuda

#endif
