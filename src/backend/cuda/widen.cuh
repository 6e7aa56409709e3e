#pragma once

#include <cuda_runtime.h>

#include <array>
#include <bit>
#include <cstdint>
#include <type_traits>

#include "backend/cuda/launch.hpp"
#include "serried/base/dtype.hpp"
#include "serried/base/half.hpp"

// Elements of any real dtype in registers.

namespace serried::cuda {

template <class T>
inline constexpr bool is_wide_integer = std::is_integral_v<T> && sizeof(T) == 8;
/// Integers that f64 holds exactly.
template <class T>
inline constexpr bool is_narrow_integer = std::is_integral_v<T> && sizeof(T) <= 4;

/// What an element becomes in a register, without loss: f32 for f16, int for integers of less than
/// 32 bits, else its own type.
template <class T>
using Native =
    std::conditional_t<std::is_same_v<T, Half>, float,
                       std::conditional_t<std::is_integral_v<T> && (sizeof(T) < 4), int, T>>;

template <class T>
__device__ inline Native<T> native(T value) {
  if constexpr (std::is_same_v<T, Half>) {
#ifndef SERRIED_CUDA_EMULATION
    float result = 0;
    asm("cvt.f32.f16 %0, %1;" : "=f"(result) : "h"(value.bits));
    return result;
#else
    return to_float(value);
#endif
  } else {
    return value;
  }
}

/// 64-bit integers are rounded to nearest, all else is exact.
template <class T>
__device__ inline double widen(T value) {
  return static_cast<double>(native(value));
}

template <class T>
__device__ inline bool is_nan(T value) {
  return value != value;
}

/// Loads travel as units: 16 bytes where elements lie side by side, else one element.
template <class Unit, class T>
inline constexpr int elements_of = static_cast<int>(sizeof(Unit) / sizeof(T));

template <class T, class Unit>
__device__ inline std::array<T, elements_of<Unit, T>> elements(const Unit& unit) {
  return std::bit_cast<std::array<T, elements_of<Unit, T>>>(unit);
}

template <class Unit>
__device__ inline bool is_aligned(const void* memory) {
  return reinterpret_cast<std::uintptr_t>(memory) % sizeof(Unit) == 0;
}

/// The first `count` elements of a unit at any address, the others zero.
template <class Unit, class T>
__device__ inline Unit load_part(const T* from, int count) {
  std::array<T, elements_of<Unit, T>> result{};
#pragma unroll
  for (int j = 0; j < elements_of<Unit, T>; ++j)
    if (j < count) result[static_cast<std::size_t>(j)] = from[j];
  return std::bit_cast<Unit>(result);
}

/// A unit that begins at any element; by words of 4 bytes where the address allows it.
template <class Unit, class T>
__device__ inline Unit load_unaligned(const T* from) {
  if constexpr (sizeof(Unit) > sizeof(T) && sizeof(T) < 4) {
    if (is_aligned<unsigned>(from)) {
      std::array<unsigned, sizeof(Unit) / 4> words{};
#pragma unroll
      for (std::size_t w = 0; w < words.size(); ++w)
        words[w] = reinterpret_cast<const unsigned*>(from)[w];
      return std::bit_cast<Unit>(words);
    }
  }
  return load_part<Unit>(from, elements_of<Unit, T>);
}

/// The type whose kernels serve a real dtype: b8 is read as u8.
template <class T>
using Stored = std::conditional_t<std::is_same_v<T, bool>, std::uint8_t, T>;

}  // namespace serried::cuda
