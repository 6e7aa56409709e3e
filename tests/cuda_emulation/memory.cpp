// The memory of the emulated devices.
#include <signal.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <iterator>

#include "emulated_memory.hpp"

namespace serried_emulation {
namespace {

constexpr std::size_t alignment = 256;
constexpr std::size_t red_zone = 256;
constexpr std::size_t step = std::size_t{2} << 20;  // what is opened and closed: huge pages
constexpr std::size_t large = std::size_t{16} << 20;
constexpr int fresh_byte = 0xC5, freed_byte = 0xDB, red_byte = 0xB7;

std::size_t rounded_up(std::size_t bytes, std::size_t unit) {
  return (bytes + unit - 1) / unit * unit;
}

std::size_t number_from_environment(const char* name, std::size_t otherwise) {
  const char* text = std::getenv(name);
  if (text == nullptr || *text == '\0') return otherwise;
  char* end = nullptr;
  const unsigned long long value = std::strtoull(text, &end, 10);
  if (*end != '\0') fail_with("%s is no number: %s", name, text);
  return static_cast<std::size_t>(value);
}

struct sigaction action_before;
std::uintptr_t guarded_begin = 0, guarded_end = 0;

// Says why, then lets the program fault again as it would have without this handler.
void report_fault(int, siginfo_t* info, void*) {
  const auto address = reinterpret_cast<std::uintptr_t>(info->si_addr);
  if (address >= guarded_begin && address < guarded_end) {
    static constexpr char text[] =
        "CUDA emulation: memory of the device was touched by code of the host, or beyond all that "
        "is "
        "allocated\n";
    static_cast<void>(!write(STDERR_FILENO, text, sizeof text - 1));
  }
  sigaction(SIGSEGV, &action_before, nullptr);
}

}  // namespace

std::recursive_mutex& lock() {
  static auto* const mutex = new std::recursive_mutex;  // outlives static objects
  return *mutex;
}

DeviceMemory& DeviceMemory::get() {
  static auto* const memory = new DeviceMemory;
  return *memory;
}

DeviceMemory::DeviceMemory()
    : devices_(static_cast<int>(number_from_environment("SERRIED_EMULATION_DEVICES", 1))),
      capacity_(number_from_environment("SERRIED_EMULATION_MEMORY", std::size_t{2} << 30)),
      is_protected_(number_from_environment("SERRIED_EMULATION_PROTECT", 1) != 0) {
  // Far more addresses than memory, so that neither red zones nor gaps make an allocation fail.
  reserved_ = rounded_up(4 * capacity_ * static_cast<std::size_t>(devices_), step) + 512 * step;
  void* const range = mmap(nullptr, reserved_ + step, PROT_NONE,
                           MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (range == MAP_FAILED) fail("no addresses for the memory of the devices");
  base_ = reinterpret_cast<std::byte*>(rounded_up(reinterpret_cast<std::uintptr_t>(range), step));
  madvise(base_, reserved_, MADV_HUGEPAGE);
  guarded_begin = reinterpret_cast<std::uintptr_t>(base_);
  guarded_end = guarded_begin + reserved_;
  struct sigaction action {};
  action.sa_sigaction = &serried_emulation::report_fault;
  action.sa_flags = SA_SIGINFO;
  sigaction(SIGSEGV, &action, &action_before);
}

std::size_t DeviceMemory::used(int device) const {
  std::size_t sum = 0;
  for (const auto& [address, allocation] : live_)
    if (allocation.device == device) sum += rounded_up(allocation.bytes, alignment);
  return sum;
}

void DeviceMemory::protect(bool is_open) {
  const std::size_t bytes = rounded_up(top_, step);
  if (bytes != 0 && mprotect(base_, bytes, is_open ? PROT_READ | PROT_WRITE : PROT_NONE) != 0)
    fail("mprotect failed");
}

void DeviceMemory::open() {
  if (depth_++ == 0 && is_protected_) protect(true);
}

void DeviceMemory::close() {
  if (--depth_ == 0 && is_protected_) protect(false);
}

void* DeviceMemory::allocate(std::size_t bytes, int device) {
  const DeviceAccess access;
  if (bytes > capacity_ || used(device) + rounded_up(bytes, alignment) > capacity_) return nullptr;
  const std::size_t needed = red_zone + rounded_up(bytes, alignment) + red_zone;
  std::size_t offset = top_;
  auto gap = gaps_.begin();
  while (gap != gaps_.end() && gap->second < needed) ++gap;
  if (gap != gaps_.end()) {
    offset = gap->first;
    if (gap->second > needed) gaps_.emplace(offset + needed, gap->second - needed);
    gaps_.erase(gap);
  } else {
    if (offset + needed > reserved_) return nullptr;
    top_ += needed;
    protect(true);
  }
  std::byte* const begin = base_ + offset + red_zone;
  std::memset(base_ + offset, red_byte, red_zone);
  std::memset(begin, fresh_byte, bytes);
  std::memset(begin + bytes, red_byte, needed - red_zone - bytes);
  const auto address = reinterpret_cast<std::uintptr_t>(begin);
  live_.emplace(address, Allocation{address, bytes, device});
  return begin;
}

bool DeviceMemory::deallocate(void* memory) {
  const DeviceAccess access;
  const auto found = live_.find(reinterpret_cast<std::uintptr_t>(memory));
  if (found == live_.end()) return false;
  const Allocation allocation = found->second;
  check_red_zone(allocation, "when it was freed");
  live_.erase(found);
  auto* const begin = static_cast<std::byte*>(memory) - red_zone;
  std::size_t bytes = red_zone + rounded_up(allocation.bytes, alignment) + red_zone;
  if (bytes < large) std::memset(begin, freed_byte, bytes);
  auto offset = static_cast<std::size_t>(begin - base_);
  if (bytes >= large) {
    const std::size_t first = rounded_up(offset, step), last = (offset + bytes) / step * step;
    madvise(base_ + first, last - first, MADV_DONTNEED);
  }
  // Joined with the gaps on both sides.
  auto next = gaps_.lower_bound(offset);
  if (next != gaps_.end() && next->first == offset + bytes) {
    bytes += next->second;
    next = gaps_.erase(next);
  }
  if (next != gaps_.begin() && std::prev(next)->first + std::prev(next)->second == offset)
    std::prev(next)->second += bytes;
  else
    gaps_.emplace(offset, bytes);
  return true;
}

bool DeviceMemory::has(const void* pointer) const {
  const auto address = reinterpret_cast<std::uintptr_t>(pointer);
  return address >= guarded_begin && address < guarded_end;
}

std::optional<DeviceMemory::Allocation> DeviceMemory::find(const void* pointer,
                                                           std::size_t bytes) const {
  const auto address = reinterpret_cast<std::uintptr_t>(pointer);
  auto after = live_.upper_bound(address);
  if (after == live_.begin()) return std::nullopt;
  const Allocation& allocation = std::prev(after)->second;
  const std::size_t offset = address - allocation.begin;
  if (offset > allocation.bytes || bytes > allocation.bytes - offset) return std::nullopt;
  return allocation;
}

void DeviceMemory::check_red_zone(const Allocation& allocation, const char* after) const {
  const auto* const data = reinterpret_cast<const std::byte*>(allocation.begin);
  const std::size_t end = rounded_up(allocation.bytes, alignment) + red_zone;
  const auto check = [&](std::ptrdiff_t i) {
    if (data[i] != std::byte{red_byte})
      fail_with("red zone overwritten: byte %td of an allocation of %zu bytes, found %s", i,
                allocation.bytes, after);
  };
  for (std::ptrdiff_t i = -static_cast<std::ptrdiff_t>(red_zone); i < 0; ++i) check(i);
  for (std::size_t i = allocation.bytes; i < end; ++i) check(static_cast<std::ptrdiff_t>(i));
}

void DeviceMemory::check_red_zones(const char* after) const {
  for (const auto& [address, allocation] : live_) check_red_zone(allocation, after);
}

DeviceAccess::DeviceAccess() : lock_(lock()) {
  DeviceMemory::get().open();
}

DeviceAccess::~DeviceAccess() {
  DeviceMemory::get().close();
}

void fail_with(const char* format, ...) {
  char text[1024];
  va_list arguments;
  va_start(arguments, format);
  std::vsnprintf(text, sizeof text, format, arguments);
  va_end(arguments);
  fail(text);
}

}  // namespace serried_emulation
