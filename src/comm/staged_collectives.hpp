#pragma once

#include <cstdint>
#include <exception>
#include <memory>
#include <vector>

#include "serried/comm/communicator.hpp"
#include "serried/device/backend.hpp"
#include "serried/device/collectives.hpp"

namespace serried::comm {

/// DeviceCollectives through host memory and MPI, in pieces. A rank on which something fails goes
/// on with whatever its host memory holds until all pieces are through, then throws: so the others
/// do not wait for it.
class StagedCollectives final : public DeviceCollectives {
 public:
  StagedCollectives(Communicator comm, std::shared_ptr<Backend> backend,
                    DeviceCollectivesOptions options);

  void allreduce(std::uint64_t* values, std::int64_t count, DeviceReduceOp op) override;
  void reduce_scatter(const std::int64_t* values, std::int64_t* result,
                      std::int64_t count) override;
  void broadcast(void* data, std::int64_t bytes, int root) override;
  void allgather(const void* piece, void* all, std::int64_t bytes) override;
  void allgather_pieces(const void* piece, void* all,
                        std::span<const std::int64_t> offsets) override;
  void alltoall(const void* send, std::span<const std::int64_t> send_offsets, void* receive,
                std::span<const std::int64_t> receive_offsets) override;
  void abort() noexcept override {}

 private:
  /// Runs Local work unless something has failed before; keeps what it throws.
  template <class Work>
  void attempt(Work work);
  /// Between two pieces.
  void look();
  /// Throws what was kept.
  void finish();
  void copy_own(void* to, const void* from, std::int64_t bytes);

  Communicator comm_;
  std::shared_ptr<Backend> backend_;
  DeviceCollectivesOptions options_;
  std::int64_t words_;               ///< longest piece for each of the ranks
  std::vector<std::uint64_t> host_;  ///< what is sent: words_ for each rank
  std::exception_ptr failure_;
};

}  // namespace serried::comm
