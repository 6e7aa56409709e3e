#pragma once

#include <cstdint>
#include <memory>

#include "serried/base/api.hpp"
#include "serried/base/recorder.hpp"
#include "serried/comm/communicator.hpp"
#include "serried/comm/runtime.hpp"
#include "serried/device/backend.hpp"

namespace SERRIED_API serried {

/// How HDF5 transfers are made.
enum class IoMode : std::uint8_t { independent, collective };

struct ContextOptions {
  /// Tiles of fresh data (Layout); lowered in tests.
  std::int64_t max_tiles = 16384;
  /// Size of one batch when data is read from a file.
  std::int64_t batch_bytes = std::int64_t{1} << 20;
  IoMode io_mode = IoMode::independent;
  /// What this rank may allocate for data, labels, and reading and writing files; the same on every
  /// rank. Datasets that do not fit are read in batches. 0: the runtime's, or no bound.
  std::int64_t memory_bytes = 0;
  /// Ranks that share this rank's device, itself counted.
  int device_sharers = 1;
};

/// Communicator, device and recorder, passed explicitly to whatever works on them. Copies share all
/// of them. There are always a host backend, for host memory, threads and small work, and a device
/// that passes over data run on; where no other is chosen, the device is the host.
class Context {
 public:
  /// On the host backend, with the runtime's threads.
  /// Local.
  explicit Context(const Runtime& runtime, const ContextOptions& options = {});
  Context(Communicator comm, std::shared_ptr<Backend> backend, std::shared_ptr<Recorder> recorder,
          const ContextOptions& options = {});

  [[nodiscard]] const Communicator& comm() const noexcept { return comm_; }
  /// The host backend.
  [[nodiscard]] const std::shared_ptr<Backend>& backend() const noexcept { return backend_; }
  /// What statistics, sums and k-means run on.
  [[nodiscard]] const std::shared_ptr<Backend>& device() const noexcept { return device_; }
  [[nodiscard]] bool has_device() const noexcept { return device_->kind() != DeviceKind::host; }
  [[nodiscard]] Recorder& recorder() const noexcept { return *recorder_; }
  [[nodiscard]] const ContextOptions& options() const noexcept { return options_; }
  /// The same on another communicator.
  /// Local.
  [[nodiscard]] Context with_communicator(Communicator comm) const;
  /// The same with another device. All ranks must take the same kind.
  /// Local.
  [[nodiscard]] Context with_device(std::shared_ptr<Backend> device) const;
  /// The same with other options.
  /// Local.
  [[nodiscard]] Context with_options(const ContextOptions& options) const;
  /// The same with the host as its device.
  /// Local.
  [[nodiscard]] Context on_host() const { return with_device(backend_); }
  [[nodiscard]] int rank() const noexcept { return comm_.rank(); }
  [[nodiscard]] int size() const noexcept { return comm_.size(); }

 private:
  Communicator comm_;
  std::shared_ptr<Backend> backend_;
  std::shared_ptr<Backend> device_;
  std::shared_ptr<Recorder> recorder_;
  ContextOptions options_;
};

}  // namespace serried
