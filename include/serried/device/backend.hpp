#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "serried/base/api.hpp"
#include "serried/base/dtype.hpp"
#include "serried/base/recorder.hpp"
#include "serried/device/kernel_field.hpp"
#include "serried/device/thread_pool.hpp"

namespace SERRIED_API serried {

class DeviceCollectives;
struct DeviceCollectivesOptions;

enum class DeviceKind : unsigned char { host, cuda };

/// One device of one rank: memory and kernels. Implementations live in src/backend/<kind>.
///
/// Memory: what kernels take by row (data, weights, labels, bounds, distances: everything whose
/// size grows with the rows) lies on the device; everything else (spans of offsets, shifts, edges;
/// sums, counts, payloads, Moments) lies in host memory and is complete when the call returns. On
/// the host backend both are the same. Pointers need the alignment of their type, rows no more.
class Backend {
 public:
  virtual ~Backend() = default;

  [[nodiscard]] virtual DeviceKind kind() const noexcept = 0;
  /// E.g. "host (2 threads, AVX-512)".
  [[nodiscard]] virtual std::string description() const = 0;
  /// The instruction level or architecture that kernels run at, e.g. "AVX2", "AVX-512", "sm_90".
  [[nodiscard]] virtual std::string instruction_level() const = 0;

  /// Memory aligned to 64 bytes or more; not initialised.
  /// Local.
  /// @throws DeviceError naming the size where there is not enough.
  [[nodiscard]] virtual void* allocate(std::size_t bytes) = 0;
  virtual void deallocate(void* memory, std::size_t bytes) noexcept = 0;
  /// Copies between this device and host memory. The names say the direction.
  virtual void copy_from_host(void* device, const void* host, std::size_t bytes) = 0;
  virtual void copy_to_host(void* host, const void* device, std::size_t bytes) = 0;
  /// Between two pieces of this device's memory that do not overlap.
  virtual void copy_on_device(void* to, const void* from, std::size_t bytes) = 0;
  virtual void fill_zero(void* memory, std::size_t bytes) = 0;
  /// The same 32-bit word `words` times.
  virtual void fill(void* memory, std::uint32_t word, std::size_t words) = 0;
  /// Largest sum of live allocations so far.
  [[nodiscard]] virtual std::size_t peak_bytes() const noexcept = 0;
  /// What can be allocated here now, other ranks on the same device apart; on the host backend the
  /// largest number, because there ContextOptions::memory_bytes says it.
  [[nodiscard]] virtual std::size_t free_bytes() const = 0;

  /// Some bytes that name a communicator of devices which is about to be made: one rank gets them
  /// and gives them to all. Local.
  /// @throws DeviceError where this backend has no collectives of its own.
  [[nodiscard]] virtual std::string collectives_id() = 0;
  /// Collectives among `ranks` ranks, each with a device of its own; see
  /// serried/device/collectives.hpp. Collective over these ranks.
  /// @param id what collectives_id returned on one of them.
  /// @throws DeviceError as collectives_id, or where the ranks cannot be joined.
  [[nodiscard]] virtual std::unique_ptr<DeviceCollectives> make_collectives(
      const std::string& id, int rank, int ranks, const DeviceCollectivesOptions& options) = 0;

  /// How this device's profiler is told of spans; nothing on the host.
  [[nodiscard]] virtual ProfilerRanges profiler_ranges() const noexcept { return {}; }

  /// The pool that host code on this rank works with.
  [[nodiscard]] virtual const ThreadPool& threads() const noexcept = 0;

  /// The kernels of a field for a dtype, e.g. `backend.kernels<MomentKernels>(DType::f32)`.
  /// Interface classes name their field as `static constexpr KernelField field`. Local.
  /// @throws InvalidArgument where the field does not cover the dtype.
  template <class Kernels>
  [[nodiscard]] const Kernels& kernels(DType dtype) const {
    return *static_cast<const Kernels*>(find_kernels(Kernels::field, dtype));
  }

 private:
  [[nodiscard]] virtual const void* find_kernels(KernelField field, DType dtype) const = 0;
};

/// The host backend.
/// Local.
/// @param threads threads of this rank, at least 1.
/// @throws InvalidArgument if SERRIED_TARGET names an instruction level that this CPU lacks.
[[nodiscard]] std::shared_ptr<Backend> make_host_backend(int threads);

}  // namespace serried
