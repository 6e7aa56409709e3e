// The fixed-point sums of the rows that moved.
#include "backend/cuda/kmeans_functions.hpp"
#include "backend/cuda/launch.hpp"

namespace serried::cuda {
namespace {

using Word = unsigned long long;

struct FixedPair {
  Word high, low;
};

/// Adding 1.5 * 2^52 rounds a double below 2^51 in size to an integer, which then stands in the low
/// bits of the sum.
__device__ __forceinline__ FixedPair to_fixed(double value, double high_scale, double low_scale) {
  constexpr double magic = 0x1.8p52;
  const long long magic_bits = __double_as_longlong(magic);
  const double scaled = value * high_scale;
  const double high = scaled + magic;
  const double rest = scaled - (high - magic);
  const double low = rest * low_scale + magic;
  return {static_cast<Word>(__double_as_longlong(high) - magic_bits),
          static_cast<Word>(__double_as_longlong(low) - magic_bits)};
}

/// 64-bit integers in shared memory as two words: there are no atomic additions of 64 bits there.
struct SharedWords {
  unsigned* words;
  int size;

  __device__ __forceinline__ void add(std::int64_t at, Word value) const {
    const auto low = static_cast<unsigned>(value);
    auto high = static_cast<unsigned>(value >> 32);
    const unsigned old = atomicAdd(words + at, low);
    if (old + low < low) ++high;
    if (high != 0) atomicAdd(words + size + at, high);
  }
};
struct GlobalWords {
  Word* words;

  __device__ __forceinline__ void add(std::int64_t at, Word value) const {
    atomicAdd(words + at, value);
  }
};

/// Rows that a group of lanes has on their way at a time.
constexpr int rows_together = 4;

/// A group of `lanes` lanes moves a row, a lane for each feature.
template <class T, class Words>
__device__ __forceinline__ void move_all(const AssignBatch& batch, const DeviceSums& sums,
                                         const Words& words, std::int64_t count, int lanes) {
  const int lane = static_cast<int>(threadIdx.x) & (lanes - 1);
  const std::int64_t groups = std::int64_t{gridDim.x} * blockDim.x / lanes;
  const std::int64_t group = (std::int64_t{blockIdx.x} * blockDim.x + threadIdx.x) / lanes;
  const int p = sums.features;
  const std::int64_t half = sums.clusters * p;
  const T* const rows = static_cast<const T*>(batch.rows);
  for (std::int64_t first = group; first < count; first += groups * rows_together) {
    MovedRow moved[rows_together];
    std::int32_t to[rows_together];
    double weight[rows_together];
#pragma unroll
    for (int i = 0; i < rows_together; ++i) {
      const std::int64_t at = first + i * groups;
      moved[i] = at < count ? batch.moved[at] : MovedRow{-1, -1};
    }
#pragma unroll
    for (int i = 0; i < rows_together; ++i) {
      to[i] = moved[i].row >= 0 ? batch.labels[moved[i].row] : -1;
      weight[i] = moved[i].row >= 0 && batch.weights != nullptr ? batch.weights[moved[i].row] : 1.;
    }
    for (int f = lane; f < p; f += lanes) {
      T x[rows_together];
#pragma unroll
      for (int i = 0; i < rows_together; ++i)
        x[i] = moved[i].row >= 0 ? rows[std::int64_t{moved[i].row} * p + f] : T{0};
      const double shift = sums.shift[f];
      const double high_scale = sums.high_scale[f];
#pragma unroll
      for (int i = 0; i < rows_together; ++i) {
        const FixedPair pair =
            to_fixed(weight[i] * (static_cast<double>(x[i]) - shift), high_scale, sums.low_scale);
        if (moved[i].from >= 0) {
          const std::int64_t at = std::int64_t{moved[i].from} * p + f;
          words.add(at, 0 - pair.high);
          words.add(half + at, 0 - pair.low);
        }
        if (to[i] >= 0) {
          const std::int64_t at = std::int64_t{to[i]} * p + f;
          words.add(at, pair.high);
          words.add(half + at, pair.low);
        }
      }
    }
    if (lane != 0) continue;
    for (int i = 0; i < rows_together; ++i) {
      const FixedPair pair = to_fixed(weight[i], sums.weight_scale, sums.low_scale);
      for (const bool is_new : {false, true}) {
        const std::int32_t cluster = is_new ? to[i] : moved[i].from;
        if (cluster < 0) continue;
        const std::int64_t at = 2 * half + cluster;
        words.add(at, is_new ? 1 : ~Word{0});
        if (batch.weights == nullptr) continue;
        words.add(at + sums.clusters, is_new ? pair.high : 0 - pair.high);
        words.add(at + 2 * sums.clusters, is_new ? pair.low : 0 - pair.low);
      }
    }
  }
}

template <class T>
__global__ void __launch_bounds__(512, 2)
    move_listed(AssignBatch batch, DeviceSums sums, int lanes, int has_shared) {
  SERRIED_DYNAMIC_SHARED(shared);
  const std::int64_t count = batch.counts->changed;
  // Sums of a block's own pay where it has many rows to move.
  const std::int64_t size = sums.size();
  const std::int64_t terms = count * sums.features / gridDim.x;
  if (has_shared == 0 || terms < 4 * size) {
    move_all<T>(batch, sums, GlobalWords{sums.values}, count, lanes);
    return;
  }
  const SharedWords words{reinterpret_cast<unsigned*>(shared), static_cast<int>(size)};
  for (int i = static_cast<int>(threadIdx.x); i < 2 * words.size; i += static_cast<int>(blockDim.x))
    words.words[i] = 0;
  __syncthreads();
  move_all<T>(batch, sums, words, count, lanes);
  __syncthreads();
  for (int i = static_cast<int>(threadIdx.x); i < words.size; i += static_cast<int>(blockDim.x)) {
    const Word value = Word{words.words[words.size + i]} << 32 | words.words[i];
    if (value != 0) atomicAdd(sums.values + i, value);
  }
}

}  // namespace

template <class T>
void move_rows(CudaDevice& device, const AssignBatch& batch, const DeviceSums& sums) {
  constexpr int threads = 512;
  const cudaDeviceProp& properties = device.properties();
  std::size_t bytes = static_cast<std::size_t>(sums.size()) * sizeof(Word);
  const bool has_shared = bytes <= properties.sharedMemPerBlockOptin;
  if (!has_shared) bytes = 0;
  check(cudaFuncSetAttribute(reinterpret_cast<const void*>(&move_listed<T>),
                             cudaFuncAttributeMaxDynamicSharedMemorySize, static_cast<int>(bytes)),
        "kmeans sums");
  int lanes = 1;
  while (lanes < 32 && lanes < sums.features) lanes *= 2;
  const bool fits_twice = 2 * (bytes + 1024) <= properties.sharedMemPerMultiprocessor;
  launch("kmeans sums", &move_listed<T>,
         dim3(blocks_for(device, batch.row_count, threads / lanes, fits_twice ? 2 : 1)),
         dim3(threads), bytes, device.stream(), batch, sums, lanes, has_shared ? 1 : 0);
}

template void move_rows<float>(CudaDevice&, const AssignBatch&, const DeviceSums&);
template void move_rows<double>(CudaDevice&, const AssignBatch&, const DeviceSums&);

}  // namespace serried::cuda
