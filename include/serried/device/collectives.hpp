#pragma once

#include <cstdint>
#include <functional>
#include <span>

#include "serried/base/api.hpp"

namespace SERRIED_API serried {

/// Reductions of 64-bit integers, exact in any order. Sums are modulo 2^64. There is no
/// floating-point sum: its bits would depend on the number of ranks.
enum class DeviceReduceOp : std::uint8_t { sum, min, max };

struct DeviceCollectivesOptions {
  /// Called again and again by a rank that waits, from the thread that waits. It may throw, e.g.
  /// where a deadline has passed or a peer has failed: what runs is then given up, and the
  /// exception passes on. It must not use the device.
  std::function<void()> poll{};
  /// Longest piece between two ranks in one round of allgather_pieces and alltoall. The same on all
  /// ranks, at least 1. Lowered in tests.
  std::int64_t round_bytes = std::int64_t{64} << 20;
};

/// Operations among the devices of several ranks, made by a Backend. All data pointers are memory
/// of that backend's device; spans of offsets are host memory. Each operation is Collective, begins
/// after what was enqueued on the device before, and returns when its result is there. One thread
/// at a time, in one order, the same on all ranks. Counts are int64 without limit; counts of 0 are
/// legal. Must not outlive its backend.
///
/// If an operation throws, the communicator is aborted on this rank; every later call throws a
/// DeviceError. Other ranks may then wait until their poll throws: DeviceCommunicator sees to that.
/// @throws DeviceError with the library's text, and whatever `poll` throws.
class DeviceCollectives {
 public:
  virtual ~DeviceCollectives() = default;

  /// Element-wise, in place; every rank gets the result.
  /// Collective.
  virtual void allreduce(std::uint64_t* values, std::int64_t count, DeviceReduceOp op) = 0;
  /// Block r of `values` (`count` elements each, one block for each rank), summed over all ranks,
  /// comes to rank r. `result` may be this rank's own block. Collective.
  virtual void reduce_scatter(const std::int64_t* values, std::int64_t* result,
                              std::int64_t count) = 0;
  /// Root's bytes on every rank.
  /// Collective.
  virtual void broadcast(void* data, std::int64_t bytes, int root) = 0;
  /// `bytes` bytes of every rank, in rank order. `piece` may be this rank's own place in `all`.
  /// Collective.
  virtual void allgather(const void* piece, void* all, std::int64_t bytes) = 0;
  /// Pieces of any length: that of rank r comes to [offsets[r], offsets[r + 1]) of `all`. Offsets
  /// are in bytes, size() + 1 of them, the same on all ranks. `piece` may be this rank's own place.
  /// Collective.
  virtual void allgather_pieces(const void* piece, void* all,
                                std::span<const std::int64_t> offsets) = 0;
  /// Sends bytes [send_offsets[r], send_offsets[r + 1]) of `send` to rank r, and receives from rank
  /// r what comes to [receive_offsets[r], receive_offsets[r + 1]) of `receive`; both sides know the
  /// length. `send` and `receive` do not overlap. Collective.
  virtual void alltoall(const void* send, std::span<const std::int64_t> send_offsets, void* receive,
                        std::span<const std::int64_t> receive_offsets) = 0;

  /// Gives up what runs and ends the communicator on this rank.
  /// Local.
  virtual void abort() noexcept = 0;
};

}  // namespace serried
