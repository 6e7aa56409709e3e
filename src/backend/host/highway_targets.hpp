#pragma once

// Included before any Highway header: kernels are compiled for AVX2 (the program's baseline) and
// AVX-512 (HWY_AVX3: F, BW, CD, DQ, VL) only.
#define HWY_DISABLE_PCLMUL_AES
#define HWY_DISABLED_TARGETS (HWY_SSSE3 | HWY_SSE4 | HWY_AVX3_DL | HWY_SCALAR)
