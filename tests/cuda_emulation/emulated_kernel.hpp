#pragma once

#include <cstdint>
#include <cstring>
#include <tuple>
#include <type_traits>
#include <utility>

#include "emulated_api.hpp"
#include "emulated_types.hpp"

// What a kernel sees: its place in the grid, barriers, warp operations, atomics; and how the host
// starts it. The threads of a block are fibers of one host thread.

extern uint3 threadIdx;
extern uint3 blockIdx;
extern dim3 blockDim;
extern dim3 gridDim;
constexpr int warpSize = 32;

/// The memory that the launch asked for, aligned to 16 bytes, the same for all threads of a block.
void* serried_emulated_dynamic_shared();

namespace serried_emulation {

enum class WarpOperation : int {
  sync,
  shuffle,
  ballot,
  any,
  all,
  match_any,
  add,
  add_unsigned,
  min,
  min_unsigned,
  max,
  max_unsigned,
  bit_and,
  bit_or,
  bit_xor,
};

/// Waits for all threads of the block that have not returned.
/// @return how many said yes in the low 32 bits, how many arrived in the high 32 bits.
std::uint64_t wait_for_block(bool predicate);
/// Waits for the lanes of the mask.
/// @param source the lane whose value a shuffle gives this lane.
std::uint64_t wait_for_warp(WarpOperation operation, unsigned mask, std::uint64_t value,
                            int source = 0);
int lane();
/// Lets other threads of the block run, if they can.
void yield();

/// Where the order of threads is varied, each atomic operation may let others go first.
extern bool is_order_varied;
void vary_order();
inline void interleave() {
  if (is_order_varied) vary_order();
}

cudaError_t run(const cudaLaunchConfig_t& config, const void* kernel, void (*invoke)(const void*),
                const void* call);
/// Aborts if a kernel is given a pointer to the host's memory.
void check_argument(const void* pointer, int position, const void* kernel);
[[noreturn]] void fail(const char* text);

template <class T>
void check_if_pointer(const T& value, int position, const void* kernel) {
  if constexpr (std::is_pointer_v<T>) {
    if constexpr (!std::is_function_v<std::remove_pointer_t<T>>)
      check_argument(value, position, kernel);
  }
}

template <class T>
std::uint64_t to_bits(T value) {
  static_assert(std::is_arithmetic_v<T> && (sizeof(T) == 4 || sizeof(T) == 8),
                "warp operations move numbers of 4 or 8 bytes");
  std::uint64_t bits = 0;
  std::memcpy(&bits, &value, sizeof value);
  return bits;
}

template <class T>
T from_bits(std::uint64_t bits) {
  T value;
  std::memcpy(&value, &bits, sizeof value);
  return value;
}

// Small integers travel as int, as on the device.
template <class T>
using Moved = std::conditional_t<(sizeof(T) < 4), int, T>;

template <class T>
Moved<T> shuffle(unsigned mask, T value, int source) {
  return from_bits<Moved<T>>(
      wait_for_warp(WarpOperation::shuffle, mask, to_bits(static_cast<Moved<T>>(value)), source));
}

}  // namespace serried_emulation

template <class... Parameters, class... Arguments>
cudaError_t cudaLaunchKernelEx(const cudaLaunchConfig_t* config, void (*kernel)(Parameters...),
                               Arguments&&... arguments) {
  static_assert((std::is_trivially_copyable_v<Parameters> && ...),
                "parameters of a kernel are copied byte by byte");
  static_assert((sizeof(Parameters) + ... + 0) <= 4096, "parameters of a kernel: 4 KiB at most");
  struct Call {
    void (*kernel)(Parameters...);
    std::tuple<Parameters...> values;
  };
  const Call call{kernel, std::tuple<Parameters...>(static_cast<Parameters>(arguments)...)};
  const auto* const address = reinterpret_cast<const void*>(kernel);
  std::apply(
      [&](const Parameters&... values) {
        [[maybe_unused]] int position = 0;
        (serried_emulation::check_if_pointer(values, ++position, address), ...);
      },
      call.values);
  return serried_emulation::run(
      *config, address,
      [](const void* c) {
        const Call& self = *static_cast<const Call*>(c);
        std::apply(self.kernel, self.values);
      },
      &call);
}

inline void __syncthreads() {
  serried_emulation::wait_for_block(false);
}
inline int __syncthreads_count(int predicate) {
  return static_cast<int>(serried_emulation::wait_for_block(predicate != 0) & 0xffffffffU);
}
inline int __syncthreads_or(int predicate) {
  return __syncthreads_count(predicate) != 0;
}
inline int __syncthreads_and(int predicate) {
  const std::uint64_t counts = serried_emulation::wait_for_block(predicate != 0);
  return (counts & 0xffffffffU) == counts >> 32;
}
inline void __syncwarp(unsigned mask = 0xffffffffU) {
  serried_emulation::wait_for_warp(serried_emulation::WarpOperation::sync, mask, 0);
}

template <class T>
auto __shfl_sync(unsigned mask, T value, int source, int width = warpSize) {
  const int first = serried_emulation::lane() & ~(width - 1);
  return serried_emulation::shuffle(mask, value, first + (source & (width - 1)));
}
template <class T>
auto __shfl_up_sync(unsigned mask, T value, unsigned delta, int width = warpSize) {
  const int own = serried_emulation::lane(), source = own - static_cast<int>(delta);
  return serried_emulation::shuffle(mask, value, source < (own & ~(width - 1)) ? own : source);
}
template <class T>
auto __shfl_down_sync(unsigned mask, T value, unsigned delta, int width = warpSize) {
  const int own = serried_emulation::lane(), source = own + static_cast<int>(delta);
  const int end = (own & ~(width - 1)) + width;
  return serried_emulation::shuffle(mask, value, source >= end ? own : source);
}
template <class T>
auto __shfl_xor_sync(unsigned mask, T value, int bits, int width = warpSize) {
  const int own = serried_emulation::lane(), source = own ^ bits;
  const int end = (own & ~(width - 1)) + width;
  return serried_emulation::shuffle(mask, value, source >= end ? own : source);
}

inline unsigned __ballot_sync(unsigned mask, int predicate) {
  return static_cast<unsigned>(serried_emulation::wait_for_warp(
      serried_emulation::WarpOperation::ballot, mask, predicate != 0));
}
inline int __any_sync(unsigned mask, int predicate) {
  return static_cast<int>(serried_emulation::wait_for_warp(serried_emulation::WarpOperation::any,
                                                           mask, predicate != 0));
}
inline int __all_sync(unsigned mask, int predicate) {
  return static_cast<int>(serried_emulation::wait_for_warp(serried_emulation::WarpOperation::all,
                                                           mask, predicate != 0));
}
template <class T>
unsigned __match_any_sync(unsigned mask, T value) {
  return static_cast<unsigned>(serried_emulation::wait_for_warp(
      serried_emulation::WarpOperation::match_any, mask, serried_emulation::to_bits(value)));
}

#define SERRIED_EMULATED_REDUCE(name, type, operation)                                     \
  inline type name(unsigned mask, type value) {                                            \
    return static_cast<type>(serried_emulation::wait_for_warp(                             \
        serried_emulation::WarpOperation::operation, mask, static_cast<unsigned>(value))); \
  }
SERRIED_EMULATED_REDUCE(__reduce_add_sync, int, add)
SERRIED_EMULATED_REDUCE(__reduce_add_sync, unsigned, add_unsigned)
SERRIED_EMULATED_REDUCE(__reduce_min_sync, int, min)
SERRIED_EMULATED_REDUCE(__reduce_min_sync, unsigned, min_unsigned)
SERRIED_EMULATED_REDUCE(__reduce_max_sync, int, max)
SERRIED_EMULATED_REDUCE(__reduce_max_sync, unsigned, max_unsigned)
SERRIED_EMULATED_REDUCE(__reduce_and_sync, unsigned, bit_and)
SERRIED_EMULATED_REDUCE(__reduce_or_sync, unsigned, bit_or)
SERRIED_EMULATED_REDUCE(__reduce_xor_sync, unsigned, bit_xor)
#undef SERRIED_EMULATED_REDUCE

// One thread runs at a time, so that atomics are plain. The overloads are those of CUDA.
#define SERRIED_EMULATED_ATOMIC(name, type, expression) \
  inline type name(type* address, type value) {         \
    serried_emulation::interleave();                    \
    const type old = *address;                          \
    *address = static_cast<type>(expression);           \
    return old;                                         \
  }                                                     \
  inline type name##_block(type* a, type v) {           \
    return name(a, v);                                  \
  }
#define SERRIED_EMULATED_ATOMICS(name, expression)    \
  SERRIED_EMULATED_ATOMIC(name, int, expression)      \
  SERRIED_EMULATED_ATOMIC(name, unsigned, expression) \
  SERRIED_EMULATED_ATOMIC(name, unsigned long long, expression)
SERRIED_EMULATED_ATOMIC(atomicAdd, int, static_cast<unsigned>(old) + static_cast<unsigned>(value))
SERRIED_EMULATED_ATOMIC(atomicAdd, unsigned, old + value)
SERRIED_EMULATED_ATOMIC(atomicAdd, unsigned long long, old + value)
SERRIED_EMULATED_ATOMIC(atomicAdd, float, old + value)
SERRIED_EMULATED_ATOMIC(atomicAdd, double, old + value)
SERRIED_EMULATED_ATOMIC(atomicSub, int, static_cast<unsigned>(old) - static_cast<unsigned>(value))
SERRIED_EMULATED_ATOMIC(atomicSub, unsigned, old - value)
SERRIED_EMULATED_ATOMICS(atomicExch, value)
SERRIED_EMULATED_ATOMIC(atomicExch, float, value)
SERRIED_EMULATED_ATOMICS(atomicMin, old < value ? old : value)
SERRIED_EMULATED_ATOMIC(atomicMin, long long, old < value ? old : value)
SERRIED_EMULATED_ATOMICS(atomicMax, old > value ? old : value)
SERRIED_EMULATED_ATOMIC(atomicMax, long long, old > value ? old : value)
SERRIED_EMULATED_ATOMICS(atomicAnd, old& value)
SERRIED_EMULATED_ATOMICS(atomicOr, old | value)
SERRIED_EMULATED_ATOMICS(atomicXor, old ^ value)
SERRIED_EMULATED_ATOMIC(atomicInc, unsigned, old >= value ? 0U : old + 1U)
SERRIED_EMULATED_ATOMIC(atomicDec, unsigned, old == 0 || old > value ? value : old - 1U)
#undef SERRIED_EMULATED_ATOMICS
#undef SERRIED_EMULATED_ATOMIC
#define SERRIED_EMULATED_CAS(type)                                 \
  inline type atomicCAS(type* address, type compare, type value) { \
    serried_emulation::interleave();                               \
    const type old = *address;                                     \
    if (old == compare) *address = value;                          \
    return old;                                                    \
  }
SERRIED_EMULATED_CAS(int)
SERRIED_EMULATED_CAS(unsigned)
SERRIED_EMULATED_CAS(unsigned short)
SERRIED_EMULATED_CAS(unsigned long long)
#undef SERRIED_EMULATED_CAS

inline void __threadfence() {
  serried_emulation::interleave();
}
inline void __threadfence_block() {
  serried_emulation::interleave();
}
inline void __threadfence_system() {
  serried_emulation::interleave();
}
inline void __nanosleep(unsigned) {
  serried_emulation::yield();
}
[[noreturn]] inline void __trap() {
  serried_emulation::fail("__trap was called");
}

template <class T>
T __ldg(const T* address) {
  return *address;
}
template <class T>
T __ldcs(const T* address) {
  return *address;
}
template <class T>
T __ldcg(const T* address) {
  return *address;
}
template <class T>
T __ldca(const T* address) {
  return *address;
}
template <class T>
void __stcs(T* address, T value) {
  *address = value;
}
template <class T>
void __stcg(T* address, T value) {
  *address = value;
}
