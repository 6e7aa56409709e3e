#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <mutex>
#include <optional>

namespace serried_emulation {

/// One lock for everything: kernels, copies and allocations exclude each other.
std::recursive_mutex& lock();

/// Prints the text, and where in a kernel it happened, and aborts.
[[noreturn]] void fail(const char* text);
[[noreturn]] void fail_with(const char* format, ...) __attribute__((format(printf, 1, 2)));

/// The name of a function of this program, as well as it can be found.
const char* name_of(const void* function);

/// The memory of all devices: one range of addresses, not accessible but while a DeviceAccess is
/// alive. Allocations are filled with garbage and have red zones around them.
class DeviceMemory {
 public:
  struct Allocation {
    std::uintptr_t begin = 0;
    std::size_t bytes = 0;
    int device = 0;
  };

  static DeviceMemory& get();

  [[nodiscard]] int devices() const { return devices_; }
  [[nodiscard]] std::size_t capacity() const { return capacity_; }
  [[nodiscard]] std::size_t used(int device) const;

  /// Null where there is not enough.
  [[nodiscard]] void* allocate(std::size_t bytes, int device);
  /// False if there is no such allocation.
  bool deallocate(void* memory);
  [[nodiscard]] bool has(const void* pointer) const;
  /// The allocation that holds the bytes, or whose end they touch.
  [[nodiscard]] std::optional<Allocation> find(const void* pointer, std::size_t bytes) const;
  /// Aborts if a red zone was written to.
  void check_red_zones(const char* after) const;

 private:
  friend class DeviceAccess;
  DeviceMemory();
  void open();
  void close();
  void protect(bool is_open);
  void check_red_zone(const Allocation& allocation, const char* after) const;

  int devices_ = 1;
  std::size_t capacity_ = 0;
  bool is_protected_ = true;
  std::byte* base_ = nullptr;
  std::size_t reserved_ = 0;
  std::size_t top_ = 0;
  int depth_ = 0;
  std::map<std::uintptr_t, Allocation> live_;
  std::map<std::size_t, std::size_t> gaps_;  // offset -> bytes, below top_
};

/// While one is alive, device memory can be read and written.
class DeviceAccess {
 public:
  DeviceAccess();
  ~DeviceAccess();
  DeviceAccess(const DeviceAccess&) = delete;
  DeviceAccess& operator=(const DeviceAccess&) = delete;

 private:
  std::unique_lock<std::recursive_mutex> lock_;
};

/// Pinned host memory, which kernels may use too.
[[nodiscard]] bool is_pinned(const void* pointer);

}  // namespace serried_emulation
