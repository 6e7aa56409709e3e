// How inputs that are HDF5 files are changed: mostly some bytes in their place. A file whose size
// changes is refused as truncated before anything else is looked at.
#include <algorithm>
#include <array>
#include <random>

#include "fuzz_target.hpp"

extern "C" std::size_t LLVMFuzzerMutate(std::uint8_t* data, std::size_t size, std::size_t max_size);

extern "C" std::size_t LLVMFuzzerCustomMutator(std::uint8_t* data, std::size_t size,
                                               std::size_t max_size, unsigned int seed) {
  std::minstd_rand random(seed);
  std::array<std::uint8_t, 32> window{};
  if (size < window.size() || random() % 16 == 0) return LLVMFuzzerMutate(data, size, max_size);
  const std::size_t length = 1 + random() % window.size();
  std::uint8_t* const place = data + random() % (size - length + 1);
  std::copy_n(place, length, window.data());
  std::copy_n(window.data(), LLVMFuzzerMutate(window.data(), length, length), place);
  return size;
}
