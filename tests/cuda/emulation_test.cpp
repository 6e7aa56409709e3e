// serial
// The emulation of the CUDA runtime keeps the meaning of blocks, warps and barriers.
#include <cuda_runtime.h>

#include <chrono>
#include <cmath>
#include <cstring>
#include <numeric>
#include <vector>

#include "backend/cuda/launch.hpp"
#include "gtest/gtest.h"

namespace serried::test {
namespace {

constexpr unsigned all = 0xffffffffU;

/// Memory of the emulated device, by the calls of the runtime.
template <class T>
class Memory {
 public:
  explicit Memory(std::size_t size) : size_(size) {
    cuda::check(cudaMalloc(&data_, size * sizeof(T)), "cudaMalloc");
  }
  explicit Memory(const std::vector<T>& values) : Memory(values.size()) {
    cuda::check(cudaMemcpy(data_, values.data(), size_ * sizeof(T), cudaMemcpyHostToDevice), "up");
  }
  ~Memory() { static_cast<void>(cudaFree(data_)); }
  Memory(const Memory&) = delete;
  Memory& operator=(const Memory&) = delete;
  [[nodiscard]] T* data() const { return data_; }
  [[nodiscard]] std::vector<T> values() const {
    std::vector<T> result(size_);
    cuda::check(cudaMemcpy(result.data(), data_, size_ * sizeof(T), cudaMemcpyDeviceToHost),
                "down");
    return result;
  }

 private:
  T* data_ = nullptr;
  std::size_t size_;
};

template <class... Parameters, class... Arguments>
void start(void (*kernel)(Parameters...), dim3 grid, dim3 block, Arguments... arguments) {
  cuda::launch("kernel", kernel, grid, block, 0, nullptr, arguments...);
}

__global__ void write_places(uint4* out) {
  const unsigned block = blockIdx.x + gridDim.x * (blockIdx.y + gridDim.y * blockIdx.z);
  const unsigned thread = threadIdx.x + blockDim.x * (threadIdx.y + blockDim.y * threadIdx.z);
  const unsigned threads = blockDim.x * blockDim.y * blockDim.z;
  out[block * threads + thread] = make_uint4(block, threadIdx.x, threadIdx.y, threadIdx.z);
}

TEST(Emulation, every_thread_of_every_block_runs_once_at_its_place) {
  const dim3 grid(3, 2, 2), block(5, 4, 3);
  Memory<uint4> out(12 * 60);
  start(write_places, grid, block, out.data());
  const auto values = out.values();
  for (unsigned i = 0; i < values.size(); ++i) {
    EXPECT_EQ(values[i].x, i / 60);
    EXPECT_EQ(values[i].y + 5 * (values[i].z + 4 * values[i].w), i % 60);
  }
}

// A sum over the block by halves, in static shared memory of a template.
template <class T>
__global__ void sum_block(const T* in, T* out) {
  __shared__ T partial[256];
  partial[threadIdx.x] = in[blockIdx.x * 256 + threadIdx.x];
  for (unsigned half = 128; half > 0; half /= 2) {
    __syncthreads();
    if (threadIdx.x < half) partial[threadIdx.x] += partial[threadIdx.x + half];
  }
  if (threadIdx.x == 0) out[blockIdx.x] = partial[0];
}

TEST(Emulation, barriers_order_what_threads_do_in_shared_memory) {
  std::vector<double> in(7 * 256);
  std::iota(in.begin(), in.end(), 0.0);
  Memory<double> device_in(in), out(7);
  start(sum_block<double>, 7, 256, static_cast<const double*>(device_in.data()), out.data());
  for (std::size_t b = 0; b < 7; ++b)
    EXPECT_EQ(out.values()[b], std::accumulate(&in[b * 256], &in[b * 256] + 256, 0.0));
}

__global__ void leave_early(int* out, unsigned stay) {
  __shared__ int sums[1024];
  if (threadIdx.x >= stay) return;
  sums[threadIdx.x] = static_cast<int>(threadIdx.x);
  __syncthreads();
  if (threadIdx.x % 2 == 1) return;
  const int next = sums[threadIdx.x + 1 < stay ? threadIdx.x + 1 : 0];
  __syncthreads();
  out[threadIdx.x] = next;
}

TEST(Emulation, barriers_do_not_wait_for_threads_that_returned) {
  Memory<int> out(std::vector<int>(1024, -1));
  start(leave_early, 1, 1024, out.data(), 501U);
  const auto values = out.values();
  for (int i = 0; i < 1024; ++i)
    EXPECT_EQ(values[static_cast<std::size_t>(i)],
              i < 501 && i % 2 == 0 ? (i == 500 ? 0 : i + 1) : -1);
}

__global__ void count_votes(int* out) {
  const int t = static_cast<int>(threadIdx.x);
  const int count = __syncthreads_count(t % 3 == 0);
  const int any = __syncthreads_or(t == 77), none = __syncthreads_or(t == 100);
  const int every = __syncthreads_and(t < 100), not_every = __syncthreads_and(t < 99);
  out[t] = count + 1000 * any + 2000 * none + 4000 * every + 8000 * not_every;
}

TEST(Emulation, barriers_count_votes) {
  Memory<int> out(100);
  start(count_votes, 1, 100, out.data());
  for (int value : out.values()) EXPECT_EQ(value, 34 + 1000 + 4000);
}

__global__ void shuffle_all(int* out) {
  const int lane = static_cast<int>(threadIdx.x % 32), value = 100 + lane;
  int* const own = out + threadIdx.x * 8;
  own[0] = __shfl_sync(all, value, 5);
  own[1] = __shfl_sync(all, value, lane + 1, 8);
  own[2] = __shfl_up_sync(all, value, 3);
  own[3] = __shfl_down_sync(all, value, 3, 16);
  own[4] = __shfl_xor_sync(all, value, 6);
  own[5] = static_cast<int>(__shfl_xor_sync(all, static_cast<double>(value) + 0.5, 1) * 2.0);
  own[6] =
      static_cast<int>(__shfl_down_sync(all, 1ULL << 40 | static_cast<unsigned>(value), 16) >> 40);
  own[7] = static_cast<int>(__shfl_sync(all, -1.5F * static_cast<float>(lane), 2));
}

TEST(Emulation, shuffles_move_values_between_lanes) {
  Memory<int> out(64 * 8);
  start(shuffle_all, 1, 64, out.data());
  const auto values = out.values();
  for (int t = 0; t < 64; ++t) {
    const int lane = t % 32;
    const int* const own = &values[static_cast<std::size_t>(t) * 8];
    EXPECT_EQ(own[0], 105);
    EXPECT_EQ(own[1], 100 + lane / 8 * 8 + (lane + 1) % 8);
    EXPECT_EQ(own[2], 100 + (lane < 3 ? lane : lane - 3));
    EXPECT_EQ(own[3], 100 + (lane % 16 + 3 < 16 ? lane + 3 : lane));
    EXPECT_EQ(own[4], 100 + (lane ^ 6));
    EXPECT_EQ(own[5], 2 * (100 + (lane ^ 1)) + 1);
    EXPECT_EQ(own[6], 1);
    EXPECT_EQ(own[7], -3);
  }
}

__global__ void vote_in_parts(unsigned* out) {
  const unsigned lane = threadIdx.x % 32;
  unsigned result = 0;
  if (lane < 20) {
    const unsigned part = 0x000fffffU;
    result = __ballot_sync(part, lane % 2 == 0);
    if (lane < 4) result += __reduce_add_sync(0xfU, lane);
    __syncwarp(part);
  } else {
    const unsigned part = 0xfff00000U;
    result = __ballot_sync(part, lane > 25);
    result |= __any_sync(part, lane == 20) != 0 ? 1U : 0U;
    result |= __all_sync(part, lane == 20) != 0 ? 2U : 0U;
  }
  __syncwarp();
  out[threadIdx.x * 2] = result;
  out[threadIdx.x * 2 + 1] = __match_any_sync(all, lane / 7);
}

TEST(Emulation, parts_of_a_warp_vote_each_by_itself) {
  Memory<unsigned> out(96 * 2);
  start(vote_in_parts, 1, 96, out.data());
  const auto values = out.values();
  for (unsigned t = 0; t < 96; ++t) {
    const unsigned lane = t % 32;
    const unsigned expected = lane < 20 ? 0x55555U + (lane < 4 ? 6U : 0U) : 0xfc000001U;
    EXPECT_EQ(values[t * 2], expected) << lane;
    EXPECT_EQ(values[t * 2 + 1], lane < 28 ? 0x7fU << lane / 7 * 7 : 0xf0000000U) << lane;
  }
}

__global__ void reduce_warp(int* out) {
  const int lane = static_cast<int>(threadIdx.x);
  out[lane * 3] = __reduce_min_sync(all, lane - 16);
  out[lane * 3 + 1] = __reduce_max_sync(all, lane - 40);
  out[lane * 3 + 2] = __reduce_add_sync(all, lane - 16);
}

TEST(Emulation, warps_reduce_integers) {
  Memory<int> out(96);
  start(reduce_warp, 1, 32, out.data());
  const auto values = out.values();
  for (std::size_t lane = 0; lane < 32; ++lane) {
    EXPECT_EQ(values[lane * 3], -16);
    EXPECT_EQ(values[lane * 3 + 1], -9);
    EXPECT_EQ(values[lane * 3 + 2], -16);
  }
}

__global__ void use_dynamic_shared(std::uint64_t* out, unsigned words) {
  SERRIED_DYNAMIC_SHARED(memory);
  auto* const shared = reinterpret_cast<std::uint64_t*>(memory);
  if (threadIdx.x == 0) out[blockIdx.x * 3] = shared[0];  // what was there before
  __syncthreads();
  for (unsigned i = threadIdx.x; i < words; i += blockDim.x) shared[i] = blockIdx.x + i;
  __syncthreads();
  if (threadIdx.x == 0) out[blockIdx.x * 3 + 1] = shared[words - 1];
  if (threadIdx.x == 1) out[blockIdx.x * 3 + 2] = reinterpret_cast<std::uintptr_t>(memory) % 16;
}

TEST(Emulation, dynamic_shared_memory_is_one_per_block_and_holds_garbage_at_first) {
  Memory<std::uint64_t> out(9);
  const unsigned words = 100 << 7;  // 100 KiB
  EXPECT_THROW(
      cuda::launch("too large", use_dynamic_shared, 3, 64, words * 8, nullptr, out.data(), words),
      DeviceError);
  cuda::check(cudaFuncSetAttribute(use_dynamic_shared, cudaFuncAttributeMaxDynamicSharedMemorySize,
                                   words * 8),
              "attribute");
  cuda::launch("large", use_dynamic_shared, 3, 64, words * 8, nullptr, out.data(), words);
  const auto values = out.values();
  for (unsigned block = 0; block < 3; ++block) {
    EXPECT_NE(values[block * 3], 0U);
    EXPECT_NE(values[block * 3], 1U * (block - 1));
    EXPECT_EQ(values[block * 3 + 1], block + words - 1);
    EXPECT_EQ(values[block * 3 + 2], 0U);
  }
}

__global__ void use_atomics(int* ints, unsigned long long* wide, float* reals, unsigned* bits) {
  const int t = static_cast<int>(blockIdx.x * blockDim.x + threadIdx.x);
  atomicAdd(&ints[0], t);
  atomicMin(&ints[1], 5 - t);
  atomicMax(&ints[2], t);
  if (atomicCAS(&ints[3], 0, t + 1) == 0) atomicExch(&ints[4], t + 1);
  atomicAdd(wide, 1ULL << 33);
  atomicAdd(reals, 0.5F);
  atomicOr(bits, 1U << (t % 32));
}

TEST(Emulation, atomics_lose_nothing) {
  Memory<int> ints(std::vector<int>(5));
  Memory<unsigned long long> wide(std::vector<unsigned long long>(1));
  Memory<float> reals(std::vector<float>(1));
  Memory<unsigned> bits(std::vector<unsigned>(1));
  start(use_atomics, 4, 100, ints.data(), wide.data(), reals.data(), bits.data());
  const auto values = ints.values();
  EXPECT_EQ(values[0], 399 * 400 / 2);
  EXPECT_EQ(values[1], 5 - 399);
  EXPECT_EQ(values[2], 399);
  EXPECT_NE(values[3], 0);
  EXPECT_EQ(values[3], values[4]);
  EXPECT_EQ(wide.values()[0], 400ULL << 33);
  EXPECT_EQ(reals.values()[0], 200.0F);
  EXPECT_EQ(bits.values()[0], all);
}

// The last block to arrive sums up; blocks run in any order.
__global__ void finish_in_last_block(unsigned* counter, unsigned* partial, unsigned* out) {
  __shared__ bool is_last;
  if (threadIdx.x == 0) {
    partial[blockIdx.x] = blockIdx.x + 1;
    __threadfence();
    is_last = atomicAdd(counter, 1U) == gridDim.x - 1;
  }
  __syncthreads();
  if (!is_last || threadIdx.x != 0) return;
  for (unsigned i = 0; i < gridDim.x; ++i) *out += partial[i];
}

TEST(Emulation, the_last_block_sees_what_the_others_wrote) {
  Memory<unsigned> counter(std::vector<unsigned>(1)), partial(50), out(std::vector<unsigned>(1));
  start(finish_in_last_block, 50, 32, counter.data(), partial.data(), out.data());
  EXPECT_EQ(out.values()[0], 50U * 51U / 2U);
}

__global__ void race(int* out) {
  __shared__ int last;
  last = static_cast<int>(threadIdx.x);
  __syncthreads();
  out[threadIdx.x] = last;
}

TEST(Emulation, a_seed_varies_the_order_of_threads_so_that_races_show) {
  Memory<int> out(64);
  start(race, 1, 64, out.data());
  if (std::getenv("SERRIED_EMULATION_SEED") == nullptr) {
    EXPECT_EQ(out.values()[0], 63);
  }
  ASSERT_EXIT(
      {
        setenv("SERRIED_EMULATION_SEED", "1", 1);
        int others = 0;
        for (int i = 0; i < 20; ++i) {
          start(race, 1, 64, out.data());
          if (out.values()[0] != 63) ++others;
        }
        std::_Exit(others >= 10 ? 0 : 1);
      },
      testing::ExitedWithCode(0), "");
}

TEST(Emulation, device_functions_are_those_of_cuda) {
  EXPECT_EQ(min(3, 4U), 3U);
  EXPECT_EQ(max(NAN, 2.0), 2.0);
  EXPECT_EQ(__popc(0xf0f0U), 8);
  EXPECT_EQ(__ffs(0), 0);
  EXPECT_EQ(__ffs(8), 4);
  EXPECT_EQ(__clz(1), 31);
  EXPECT_EQ(__clzll(0), 64);
  EXPECT_EQ(__brev(1U), 0x80000000U);
  EXPECT_EQ(__umulhi(0xffffffffU, 0xffffffffU), 0xfffffffeU);
  EXPECT_EQ(__umul64hi(1ULL << 63, 6), 3U);
  EXPECT_EQ(__double2ll_rn(2.5), 2);
  EXPECT_EQ(__double2ll_rn(1e300), std::numeric_limits<long long>::max());
  EXPECT_EQ(__float2int_rz(-3e9F), std::numeric_limits<int>::min());
  EXPECT_EQ(__byte_perm(0x33221100U, 0x77665544U, 0x0617U), 0x00661177U);
  EXPECT_EQ(cospi(0.5), 0.0);
  EXPECT_EQ(sinpi(1.0), 0.0);
  for (double x : {-3.7, -0.25, 0.1, 0.6, 1.3, 123456.7}) {
    double sine = 0, cosine = 0;
    sincospi(x, &sine, &cosine);
    const double turned = std::remainder(x, 2.0) * M_PI;
    EXPECT_NEAR(sine, std::sin(turned), 1e-15);
    EXPECT_NEAR(cosine, std::cos(turned), 1e-15);
  }
}

TEST(Emulation, memory_of_the_device_holds_garbage_and_is_counted) {
  std::size_t before = 0, after = 0, total = 0;
  cuda::check(cudaMemGetInfo(&before, &total), "info");
  {
    const Memory<unsigned char> memory(1000);
    for (unsigned char value : memory.values()) EXPECT_EQ(value, 0xC5);
    cuda::check(cudaMemGetInfo(&after, &total), "info");
    EXPECT_EQ(before - after, 1024U);
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(memory.data()) % 256, 0U);
    cudaPointerAttributes attributes{};
    cuda::check(cudaPointerGetAttributes(&attributes, memory.data() + 999), "attributes");
    EXPECT_EQ(attributes.type, cudaMemoryTypeDevice);
  }
  cuda::check(cudaMemGetInfo(&after, &total), "info");
  EXPECT_EQ(before, after);
  void* memory = nullptr;
  EXPECT_EQ(cudaMalloc(&memory, total + 1), cudaErrorMemoryAllocation);
  EXPECT_EQ(cudaGetLastError(), cudaErrorMemoryAllocation);
  EXPECT_EQ(cudaGetLastError(), cudaSuccess);
}

TEST(Emulation, what_cannot_be_started_is_an_error) {
  Memory<int> out(4096);
  EXPECT_THROW(start(race, 0, 32, out.data()), DeviceError);
  EXPECT_THROW(start(race, 1, 1025, out.data()), DeviceError);
  EXPECT_THROW(start(race, dim3(1, 65536), 32, out.data()), DeviceError);
  EXPECT_THROW(start(race, 1, dim3(64, 32), out.data()), DeviceError);
}

__global__ void write_at(unsigned char* out, int i) {
  out[i] = 1;
}
__global__ void wait_for_nobody() {
  if (threadIdx.x < 10) return;
  if (threadIdx.x == 50)
    __syncwarp();
  else
    __syncthreads();
}
__global__ void name_returned_lanes(int* out) {
  if (threadIdx.x >= 16) return;
  out[threadIdx.x] = __shfl_xor_sync(all, 1, 1);
}
__global__ void mix_operations(int* out) {
  if (threadIdx.x % 2 == 0)
    out[threadIdx.x] = __any_sync(all, 1);
  else
    out[threadIdx.x] = __all_sync(all, 1);
}
__global__ void overflow_stack(int* out) {
  volatile char large[70000];
  for (int i = 0; i < 70000; i += 1000) large[i] = static_cast<char>(i);
  __syncthreads();
  out[0] = large[1000];
}

TEST(EmulationDeath, misuse_of_memory_ends_the_program) {
  Memory<unsigned char> memory(1000);
  EXPECT_DEATH(start(write_at, 1, 1, memory.data(), 1000), "red zone.*byte 1000.*of 1000 bytes");
  EXPECT_DEATH(start(write_at, 1, 1, memory.data(), -1), "write_at.*red zone.*byte -1 ");
  EXPECT_DEATH(memory.data()[3] = 1, "touched by code of the host");
  EXPECT_DEATH(static_cast<void>(cudaFree(memory.data() + 1)), "no allocation of the device");
  unsigned char here[8] = {};
  EXPECT_DEATH(start(write_at, 1, 1, &here[0], 0), "argument 1 of .*write_at.*memory of the host");
  EXPECT_DEATH(static_cast<void>(cudaMemcpy(memory.data() + 990, here, 20, cudaMemcpyHostToDevice)),
               "not within one allocation");
  EXPECT_DEATH(static_cast<void>(cudaMemcpy(memory.data(), here, 8, cudaMemcpyDeviceToHost)),
               "direction");
}

TEST(EmulationDeath, waits_that_cannot_end_are_told) {
  Memory<int> out(64);
  EXPECT_DEATH(
      start(wait_for_nobody, 1, 64),
      "block \\(0,0,0\\).*wait_for_nobody.*deadlock: threads 10-49, 51-63 wait in "
      "__syncthreads; threads 50 wait in __syncwarp for the lanes of 0xffffffff; 10 of 64");
  EXPECT_DEATH(start(name_returned_lanes, 1, 32, out.data()), "returned.*ffff");
  EXPECT_DEATH(start(mix_operations, 1, 32, out.data()), "__any_sync and __all_sync");
  EXPECT_DEATH(start(overflow_stack, 1, 2, out.data()), "");
}

__global__ void wait_often(int* out) {
  for (int i = 0; i < 20; ++i) __syncthreads();
  out[threadIdx.x] = 1;
}

TEST(Emulation, barriers_are_cheap) {
  Memory<int> out(256);
  start(wait_often, 1, 256, out.data());
  const auto begin = std::chrono::steady_clock::now();
  start(wait_often, 100, 256, out.data());
  const std::chrono::duration<double, std::micro> time = std::chrono::steady_clock::now() - begin;
  RecordProperty("microseconds_per_block", std::to_string(time.count() / 100));
  std::printf("%.1f microseconds for 20 barriers of 256 threads\n", time.count() / 100);
  EXPECT_LT(time.count() / 100, 10000.0);  // far more than it takes, for crowded machines
}

}  // namespace
}  // namespace serried::test
