#pragma once

#include <cstddef>
#include <cstdint>

// Function and variable qualifiers. The blocks of a grid run one after the other on one host
// thread, so that a thread_local variable is one per block; and the whole of a module's
// thread-local memory can be found and filled with garbage before a block begins.
#define __global__
#define __device__
#define __host__
#define __constant__
#define __managed__
#define __grid_constant__
#define __shared__ static thread_local
#define __launch_bounds__(...)
#define __forceinline__ inline __attribute__((always_inline))
#define __align__(bytes) __attribute__((aligned(bytes)))
#define __builtin_assume(condition) static_cast<void>(0)

#define SERRIED_EMULATED_VECTORS(scalar, name, align2, align4)               \
  struct name##1 {                                                           \
    scalar x;                                                                \
  };                                                                         \
  struct alignas(align2) name##2 {                                           \
    scalar x, y;                                                             \
  };                                                                         \
  struct name##3 {                                                           \
    scalar x, y, z;                                                          \
  };                                                                         \
  struct alignas(align4) name##4 {                                           \
    scalar x, y, z, w;                                                       \
  };                                                                         \
  constexpr name##1 make_##name##1(scalar x) {                               \
    return {x};                                                              \
  }                                                                          \
  constexpr name##2 make_##name##2(scalar x, scalar y) {                     \
    return {x, y};                                                           \
  }                                                                          \
  constexpr name##3 make_##name##3(scalar x, scalar y, scalar z) {           \
    return {x, y, z};                                                        \
  }                                                                          \
  constexpr name##4 make_##name##4(scalar x, scalar y, scalar z, scalar w) { \
    return {x, y, z, w};                                                     \
  }
SERRIED_EMULATED_VECTORS(signed char, char, 2, 4)
SERRIED_EMULATED_VECTORS(unsigned char, uchar, 2, 4)
SERRIED_EMULATED_VECTORS(short, short, 4, 8)
SERRIED_EMULATED_VECTORS(unsigned short, ushort, 4, 8)
SERRIED_EMULATED_VECTORS(int, int, 8, 16)
SERRIED_EMULATED_VECTORS(unsigned, uint, 8, 16)
SERRIED_EMULATED_VECTORS(long, long, 16, 16)
SERRIED_EMULATED_VECTORS(unsigned long, ulong, 16, 16)
SERRIED_EMULATED_VECTORS(long long, longlong, 16, 16)
SERRIED_EMULATED_VECTORS(unsigned long long, ulonglong, 16, 16)
SERRIED_EMULATED_VECTORS(float, float, 8, 16)
SERRIED_EMULATED_VECTORS(double, double, 16, 16)
#undef SERRIED_EMULATED_VECTORS

struct dim3 {
  unsigned x, y, z;
  constexpr dim3(unsigned x_ = 1, unsigned y_ = 1, unsigned z_ = 1) : x(x_), y(y_), z(z_) {}
  constexpr dim3(uint3 v) : x(v.x), y(v.y), z(v.z) {}
  constexpr operator uint3() const { return {x, y, z}; }
};
