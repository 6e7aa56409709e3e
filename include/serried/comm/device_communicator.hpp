#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>

#include "serried/base/api.hpp"
#include "serried/comm/communicator.hpp"
#include "serried/comm/device_path.hpp"
#include "serried/device/collectives.hpp"

namespace SERRIED_API serried {

/// Collectives on the memory of each rank's device, by NCCL or through host memory and MPI; the
/// results are the same bits. The operations are those of DeviceCollectives (which says what each
/// does), and keep its rules: device pointers, host offsets, the result is there on return, one
/// thread in one order; MPI sees host memory only, and NCCL and MPI never move device memory at the
/// same time.
///
/// Each operation ends with an agreement (an allreduce of 32 bytes), and a rank that fails tells
/// those that wait: so a failure on one rank is the same RankError on all, within a moment. After
/// it the object takes no more operations. Staging takes host memory for one piece of a round.
/// @throws InvalidArgument for wrong arguments, alike on all ranks and before anything is sent.
/// @throws RankError on all ranks, with the ErrorKind of the cause.
class DeviceCommunicator {
 public:
  /// Collective. Makes the communicator of NCCL where `choice` says so. Without ranks to talk to
  /// nothing is sent.
  /// @param choice what choose_device_path said; the same on all ranks.
  /// @param options its poll is called while this rank waits; where it throws, the operation fails
  /// on all ranks. While staging it is called between two pieces.
  DeviceCommunicator(const Communicator& comm, std::shared_ptr<Backend> backend,
                     DevicePathChoice choice, const DeviceCollectivesOptions& options = {});
  ~DeviceCommunicator();
  DeviceCommunicator(DeviceCommunicator&&) noexcept;
  DeviceCommunicator& operator=(DeviceCommunicator&&) noexcept;

  [[nodiscard]] const DevicePathChoice& choice() const noexcept;
  [[nodiscard]] int rank() const noexcept;
  [[nodiscard]] int size() const noexcept;

  /// Collective, all of them; see DeviceCollectives.
  void allreduce(std::uint64_t* values, std::int64_t count, DeviceReduceOp op);
  /// The sum of signed integers, modulo 2^64.
  void allreduce_sum(std::int64_t* values, std::int64_t count);
  void reduce_scatter(const std::int64_t* values, std::int64_t* result, std::int64_t count);
  void broadcast(void* data, std::int64_t bytes, int root);
  void allgather(const void* piece, void* all, std::int64_t bytes);
  void allgather_pieces(const void* piece, void* all, std::span<const std::int64_t> offsets);
  void alltoall(const void* send, std::span<const std::int64_t> send_offsets, void* receive,
                std::span<const std::int64_t> receive_offsets);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace serried
