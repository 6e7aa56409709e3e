#pragma once

#include <sys/mman.h>
#include <unistd.h>

#include <cstddef>
#include <cstdint>
#include <new>

namespace serried::test {

/// Elements made by a function of their index, ending exactly before a page that must not be
/// touched, so that a kernel which reads beyond its data crashes.
template <class T>
class GuardedMemory {
 public:
  template <class Make>
  GuardedMemory(std::int64_t count, Make make) {
    const auto page = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
    const std::size_t wanted = static_cast<std::size_t>(count) * sizeof(T);
    const std::size_t used = (wanted + page - 1) / page * page;
    bytes_ = used + page;
    map_ = mmap(nullptr, bytes_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (map_ == MAP_FAILED) throw std::bad_alloc();
    auto* begin = static_cast<std::byte*>(map_);
    mprotect(begin + used, page, PROT_NONE);
    data_ = reinterpret_cast<T*>(begin + used - wanted);
    for (std::int64_t i = 0; i < count; ++i) data_[i] = make(i);
  }
  ~GuardedMemory() { munmap(map_, bytes_); }
  GuardedMemory(const GuardedMemory&) = delete;
  GuardedMemory& operator=(const GuardedMemory&) = delete;

  [[nodiscard]] const T* data() const { return data_; }
  [[nodiscard]] const T& operator[](std::int64_t i) const { return data_[i]; }

 private:
  std::size_t bytes_ = 0;
  void* map_ = nullptr;
  T* data_ = nullptr;
};

}  // namespace serried::test
