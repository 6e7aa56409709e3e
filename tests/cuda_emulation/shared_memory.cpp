// Fills the shared memory of a block with garbage before the block begins.
#include <link.h>

#include <algorithm>
#include <cstring>
#include <map>
#include <vector>

#include "emulated_block.hpp"

namespace serried_emulation {
namespace {

// What a kernel was seen to use of static_shared(). All kernels' variables together are large, so
// that all of them are filled and looked at before and after a few blocks only.
struct Use {
  std::size_t begin = ~std::size_t{0};
  std::size_t end = 0;
  std::uint64_t blocks = 0;
};

Use& use_of(const void* kernel) {
  static auto* const uses = new std::map<const void*, Use>;
  return (*uses)[kernel];
}

bool is_whole(const Use& use) {
  return use.blocks < 4 || use.blocks % 256 == 0;
}

// Makes sure that a host thread has this module's thread-local memory.
thread_local volatile char anchor;

// This module's thread-local memory, which the __shared__ variables of all its kernels are. A
// program's own may hold other things, and is left alone.
std::span<std::byte> static_shared() {
  static_cast<void>(anchor);
  struct Search {
    std::uintptr_t address;
    std::span<std::byte> found;
  } search{reinterpret_cast<std::uintptr_t>(&fill_static_shared), {}};
  dl_iterate_phdr(
      [](dl_phdr_info* info, std::size_t, void* data) {
        auto& s = *static_cast<Search*>(data);
        bool is_here = false;
        std::size_t bytes = 0;
        for (int i = 0; i < info->dlpi_phnum; ++i) {
          const auto& header = info->dlpi_phdr[i];
          if (header.p_type == PT_LOAD &&
              s.address - info->dlpi_addr - header.p_vaddr < header.p_memsz)
            is_here = true;
          if (header.p_type == PT_TLS) bytes = header.p_memsz;
        }
        if (is_here && info->dlpi_name != nullptr && *info->dlpi_name != '\0' &&
            info->dlpi_tls_data != nullptr)
          s.found = {static_cast<std::byte*>(info->dlpi_tls_data), bytes};
        return is_here ? 1 : 0;
      },
      &search);
  return search.found;
}

bool is_garbage(std::span<const std::byte> memory, std::size_t word) {
  return std::memcmp(memory.data() + word * sizeof garbage, &garbage, sizeof garbage) == 0;
}

}  // namespace

void fill_with_garbage(std::span<std::byte> memory) {
  static const std::vector<std::uint64_t> pattern(512, garbage);
  const std::size_t piece = pattern.size() * sizeof garbage;
  for (std::size_t at = 0; at < memory.size(); at += piece)
    std::memcpy(memory.data() + at, pattern.data(), std::min(piece, memory.size() - at));
}

void fill_static_shared(const void* kernel) {
  const std::span<std::byte> shared = static_shared();
  const Use& use = use_of(kernel);
  if (is_whole(use))
    fill_with_garbage(shared);
  else if (use.begin < use.end)
    fill_with_garbage(shared.subspan(use.begin, use.end - use.begin));
}

void look_at_static_shared(const void* kernel) {
  Use& use = use_of(kernel);
  if (is_whole(use)) {
    const std::span<const std::byte> shared = static_shared();
    const std::size_t words = shared.size() / sizeof garbage;
    std::size_t first = 0, last = words;
    while (first < words && is_garbage(shared, first)) ++first;
    while (last > first && is_garbage(shared, last - 1)) --last;
    if (first < last) {
      use.begin = std::min(use.begin, first * sizeof garbage);
      use.end = std::max(use.end, last == words ? shared.size() : last * sizeof garbage);
    }
  }
  ++use.blocks;
}

}  // namespace serried_emulation
