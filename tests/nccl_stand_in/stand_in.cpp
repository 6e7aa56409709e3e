// NCCL's functions over MPI and host memory; see README.md.
#include <mpi.h>
#include <nccl.h>

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <functional>
#include <memory>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "device_copy.hpp"

namespace {

/// A piece of device memory and its image in host memory.
struct Image {
  void* device = nullptr;
  std::size_t bytes = 0;
  std::vector<std::byte> host;
  int peer = -1;
};

/// One call: images are taken, MPI works on them, images are written back.
struct Work {
  cudaStream_t stream = nullptr;
  std::deque<Image> sent;
  std::deque<Image> received;
  std::vector<MPI_Request> requests;
  std::function<int(Work&)> post;
  std::function<ncclResult_t(Work&)> finish;
  bool is_posted = false;
};

}  // namespace

struct ncclComm {
  int tag = 0;  // of its messages among all ranks of the job
  int rank = 0;
  int size = 1;
  int calls = 0;
  ncclResult_t failure = ncclSuccess;
  std::deque<std::unique_ptr<Work>> queue;

  // One rank is rank 0 of its own job.
  [[nodiscard]] MPI_Comm world() const { return size == 1 ? MPI_COMM_SELF : MPI_COMM_WORLD; }
};

namespace {

std::string last_error;
int group_depth = 0;
ncclComm* group_comm = nullptr;
std::unique_ptr<Work> group;

ncclResult_t fail(ncclResult_t result, const std::string& text) {
  last_error = text;
  return result;
}

/// What the test asked for.
bool must_fail(ncclComm& comm) {
  const char* const wish = std::getenv("SERRIED_NCCL_STAND_IN_FAIL");
  int rank = 0, call = 0;
  const int now = comm.calls++;
  return wish != nullptr && std::sscanf(wish, "%d:%d", &rank, &call) == 2 && rank == comm.rank &&
         call == now;
}

ncclResult_t enqueue(ncclComm& comm, std::unique_ptr<Work> work) {
  if (comm.failure != ncclSuccess) return comm.failure;
  if (must_fail(comm))
    return comm.failure = fail(ncclSystemError, "a failure that the test asked for");
  comm.queue.push_back(std::move(work));
  return ncclInProgress;
}

/// The front of the queue; ncclInProgress where it is not done.
ncclResult_t advance(Work& work) {
  if (!work.is_posted) {
    if (work.stream != nullptr && !stand_in::wait_for_stream(work.stream))
      return fail(ncclUnhandledCudaError, "waiting for the stream");
    for (Image& image : work.sent) {
      image.host.resize(image.bytes);
      if (!stand_in::copy_to_host(image.host.data(), image.device, image.bytes))
        return fail(ncclUnhandledCudaError, "copying to the host");
    }
    for (Image& image : work.received) image.host.resize(image.bytes);
    if (work.post && work.post(work) != MPI_SUCCESS) return fail(ncclSystemError, "MPI");
    work.is_posted = true;
  }
  int is_done = 0;
  if (MPI_Testall(static_cast<int>(work.requests.size()), work.requests.data(), &is_done,
                  MPI_STATUSES_IGNORE) != MPI_SUCCESS)
    return fail(ncclSystemError, "MPI");
  if (is_done == 0) return ncclInProgress;
  if (work.finish) {
    const ncclResult_t result = work.finish(work);
    if (result != ncclSuccess) return result;
  }
  for (Image& image : work.received)
    if (!stand_in::copy_to_device(image.device, image.host.data(), image.bytes))
      return fail(ncclUnhandledCudaError, "copying to the device");
  return ncclSuccess;
}

ncclResult_t progress(ncclComm& comm) {
  while (comm.failure == ncclSuccess && !comm.queue.empty()) {
    const ncclResult_t result = advance(*comm.queue.front());
    if (result == ncclInProgress) return ncclInProgress;
    if (result != ncclSuccess)
      comm.failure = result;
    else
      comm.queue.pop_front();
  }
  return comm.failure;
}

std::unique_ptr<Work> make_work(cudaStream_t stream, const void* from, std::size_t sent_bytes,
                                void* to, std::size_t received_bytes) {
  auto work = std::make_unique<Work>();
  work->stream = stream;
  work->sent.push_back({const_cast<void*>(from), sent_bytes, {}});
  work->received.push_back({to, received_bytes, {}});
  return work;
}

int send_to(Work& work, const ncclComm& comm, int peer, const void* data, std::size_t bytes) {
  return MPI_Isend(data, static_cast<int>(bytes), MPI_BYTE, peer, comm.tag, comm.world(),
                   &work.requests.emplace_back(MPI_REQUEST_NULL));
}
int receive_from(Work& work, const ncclComm& comm, int peer, void* data, std::size_t bytes) {
  return MPI_Irecv(data, static_cast<int>(bytes), MPI_BYTE, peer, comm.tag, comm.world(),
                   &work.requests.emplace_back(MPI_REQUEST_NULL));
}

/// Posts block r of `from` (or the only one) to each rank r, and receives a block of each. Only
/// messages: a collective of MPI that is given up in the middle would block those that come after.
int exchange_blocks(Work& work, const ncclComm& comm, const std::byte* from, std::size_t stride,
                    std::byte* to, std::size_t bytes) {
  const auto ranks = static_cast<std::size_t>(comm.size);
  work.requests.reserve(2 * ranks);
  int code = MPI_SUCCESS;
  for (std::size_t r = 0; r < ranks; ++r)
    code = std::max(code, receive_from(work, comm, static_cast<int>(r), to + r * bytes, bytes));
  for (std::size_t r = 0; r < ranks; ++r)
    code = std::max(code, send_to(work, comm, static_cast<int>(r), from + r * stride, bytes));
  return code;
}

/// Done when every rank has begun it.
std::unique_ptr<Work> make_barrier(ncclComm& comm) {
  auto work = std::make_unique<Work>();
  work->post = [&comm](Work& w) { return exchange_blocks(w, comm, nullptr, 0, nullptr, 0); };
  return work;
}

std::size_t width(ncclDataType_t type) {
  return type == ncclUint8 ? 1 : 8;
}

/// Folds `ranks` blocks of `count` numbers into the first. Sums of signed numbers have the bits of
/// unsigned ones; extrema are asked for unsigned ones only.
void fold(std::byte* data, std::size_t count, int ranks, ncclRedOp_t op) {
  std::vector<std::uint64_t> total(count), block(count);
  std::memcpy(total.data(), data, count * 8);
  for (int r = 1; r < ranks; ++r) {
    std::memcpy(block.data(), data + static_cast<std::size_t>(r) * count * 8, count * 8);
    for (std::size_t i = 0; i < count; ++i)
      total[i] = op == ncclSum   ? total[i] + block[i]
                 : op == ncclMin ? std::min(total[i], block[i])
                                 : std::max(total[i], block[i]);
  }
  std::memcpy(data, total.data(), count * 8);
}

}  // namespace

ncclResult_t ncclGetVersion(int* version) {
  *version = 22809;
  return ncclSuccess;
}

ncclResult_t ncclGetUniqueId(ncclUniqueId* id) {
  std::random_device device;
  for (char& byte : id->internal) byte = static_cast<char>(device());
  return ncclSuccess;
}

ncclResult_t ncclCommInitRankConfig(ncclComm_t* comm, int ranks, ncclUniqueId id, int rank,
                                    ncclConfig_t* config) {
  int world_rank = 0, world_size = 1;
  MPI_Comm_rank(MPI_COMM_WORLD, &world_rank);
  MPI_Comm_size(MPI_COMM_WORLD, &world_size);
  *comm = nullptr;
  if (config->blocking != 0) return fail(ncclInvalidUsage, "blocking communicators are not there");
  if (ranks != 1 && (ranks != world_size || rank != world_rank))
    return fail(ncclInvalidUsage, "only all ranks of the job, in their order, are joined");
  auto made = std::make_unique<ncclComm>();
  made->rank = rank;
  made->size = ranks;
  std::memcpy(&made->tag, id.internal, sizeof made->tag);
  made->tag &= 0x7ffffff;
  const ncclResult_t result = enqueue(*made, make_barrier(*made));
  *comm = made.release();
  return result;
}

ncclResult_t ncclCommFinalize(ncclComm_t comm) {
  comm->queue.push_back(make_barrier(*comm));
  return comm->failure == ncclSuccess ? ncclInProgress : comm->failure;
}

ncclResult_t ncclCommDestroy(ncclComm_t comm) {
  delete comm;
  return ncclSuccess;
}

// What is pending in MPI keeps its memory until the process ends.
ncclResult_t ncclCommAbort(ncclComm_t comm) {
  static std::vector<std::unique_ptr<ncclComm>> aborted;
  aborted.emplace_back(comm);
  return ncclSuccess;
}

ncclResult_t ncclCommGetAsyncError(ncclComm_t comm, ncclResult_t* state) {
  *state = progress(*comm);
  return ncclSuccess;
}

const char* ncclGetErrorString(ncclResult_t result) {
  switch (result) {
    case ncclSuccess:
      return "no error";
    case ncclUnhandledCudaError:
      return "unhandled cuda error";
    case ncclSystemError:
      return "unhandled system error";
    case ncclInvalidArgument:
      return "invalid argument";
    case ncclInvalidUsage:
      return "invalid usage";
    default:
      return "another error";
  }
}

const char* ncclGetLastError(ncclComm_t) {
  return last_error.c_str();
}

ncclResult_t ncclAllReduce(const void* send, void* receive, size_t count, ncclDataType_t type,
                           ncclRedOp_t op, ncclComm_t comm, cudaStream_t stream) {
  const std::size_t bytes = count * width(type);
  auto work = make_work(stream, send, bytes, receive, bytes);
  auto all = std::make_shared<std::vector<std::byte>>(bytes * static_cast<std::size_t>(comm->size));
  work->post = [=](Work& w) {
    return exchange_blocks(w, *comm, w.sent[0].host.data(), 0, all->data(), bytes);
  };
  work->finish = [=](Work& w) {
    fold(all->data(), count, comm->size, op);
    std::copy_n(all->begin(), bytes, w.received[0].host.begin());
    return ncclSuccess;
  };
  return enqueue(*comm, std::move(work));
}

ncclResult_t ncclReduceScatter(const void* send, void* receive, size_t count, ncclDataType_t type,
                               ncclRedOp_t op, ncclComm_t comm, cudaStream_t stream) {
  const std::size_t bytes = count * width(type);
  const std::size_t all_bytes = bytes * static_cast<std::size_t>(comm->size);
  auto work = make_work(stream, send, all_bytes, receive, bytes);
  auto all = std::make_shared<std::vector<std::byte>>(all_bytes);
  work->post = [=](Work& w) {
    return exchange_blocks(w, *comm, w.sent[0].host.data(), bytes, all->data(), bytes);
  };
  work->finish = [=](Work& w) {
    fold(all->data(), count, comm->size, op);
    std::copy_n(all->begin(), bytes, w.received[0].host.begin());
    return ncclSuccess;
  };
  return enqueue(*comm, std::move(work));
}

ncclResult_t ncclBroadcast(const void* send, void* receive, size_t count, ncclDataType_t type,
                           int root, ncclComm_t comm, cudaStream_t stream) {
  const std::size_t bytes = count * width(type);
  auto work = make_work(stream, send, comm->rank == root ? bytes : 0, receive, bytes);
  work->post = [=](Work& w) {
    if (comm->rank != root) return receive_from(w, *comm, root, w.received[0].host.data(), bytes);
    w.received[0].host = w.sent[0].host;
    w.requests.reserve(static_cast<std::size_t>(comm->size));
    int code = MPI_SUCCESS;
    for (int r = 0; r < comm->size; ++r)
      if (r != root) code = std::max(code, send_to(w, *comm, r, w.sent[0].host.data(), bytes));
    return code;
  };
  return enqueue(*comm, std::move(work));
}

ncclResult_t ncclAllGather(const void* send, void* receive, size_t count, ncclDataType_t type,
                           ncclComm_t comm, cudaStream_t stream) {
  const std::size_t bytes = count * width(type);
  auto work = make_work(stream, send, bytes, receive, bytes * static_cast<std::size_t>(comm->size));
  work->post = [=](Work& w) {
    return exchange_blocks(w, *comm, w.sent[0].host.data(), 0, w.received[0].host.data(), bytes);
  };
  return enqueue(*comm, std::move(work));
}

namespace {

ncclResult_t add_to_group(const void* from, void* to, std::size_t bytes, int peer, ncclComm* comm,
                          cudaStream_t stream) {
  if (group_depth == 0 || (group_comm != nullptr && group_comm != comm))
    return fail(ncclInvalidUsage, "sends and receives stand in a group of one communicator");
  if (!group) group = std::make_unique<Work>();
  group_comm = comm;
  group->stream = stream;
  if (from != nullptr)
    group->sent.push_back({const_cast<void*>(from), bytes, {}, peer});
  else
    group->received.push_back({to, bytes, {}, peer});
  return ncclSuccess;
}

int post_messages(Work& work, const ncclComm& comm) {
  work.requests.reserve(work.sent.size() + work.received.size());
  int code = MPI_SUCCESS;
  for (Image& image : work.received)
    code = std::max(code, receive_from(work, comm, image.peer, image.host.data(), image.bytes));
  for (Image& image : work.sent)
    code = std::max(code, send_to(work, comm, image.peer, image.host.data(), image.bytes));
  return code;
}

}  // namespace

ncclResult_t ncclSend(const void* data, size_t count, ncclDataType_t type, int peer,
                      ncclComm_t comm, cudaStream_t stream) {
  return add_to_group(data, nullptr, count * width(type), peer, comm, stream);
}

ncclResult_t ncclRecv(void* data, size_t count, ncclDataType_t type, int peer, ncclComm_t comm,
                      cudaStream_t stream) {
  return add_to_group(nullptr, data, count * width(type), peer, comm, stream);
}

ncclResult_t ncclGroupStart() {
  ++group_depth;
  return ncclSuccess;
}

ncclResult_t ncclGroupEnd() {
  --group_depth;
  if (group_depth > 0 || !group) return ncclSuccess;
  ncclComm* const comm = std::exchange(group_comm, nullptr);
  group->post = [comm](Work& work) { return post_messages(work, *comm); };
  return enqueue(*comm, std::exchange(group, nullptr));
}
