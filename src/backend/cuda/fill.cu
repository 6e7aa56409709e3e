#include <algorithm>

#include "backend/cuda/fill.hpp"
#include "backend/cuda/launch.hpp"

namespace serried::cuda {
namespace {

__global__ void fill_words(std::uint32_t* memory, std::uint32_t word, std::size_t words) {
  const std::size_t step = static_cast<std::size_t>(gridDim.x) * blockDim.x;
  for (std::size_t i = static_cast<std::size_t>(blockIdx.x) * blockDim.x + threadIdx.x; i < words;
       i += step)
    memory[i] = word;
}

}  // namespace

void fill(CudaDevice& device, void* memory, std::uint32_t word, std::size_t words) {
  if (words == 0) return;
  device.make_current();
  constexpr unsigned threads = 256;
  const std::size_t blocks =
      std::min<std::size_t>((words + threads - 1) / threads, 16 * device.multiprocessors());
  launch("filling memory of the GPU", fill_words, dim3(static_cast<unsigned>(blocks)),
         dim3(threads), 0, device.stream(), static_cast<std::uint32_t*>(memory), word, words);
}

}  // namespace serried::cuda
