// Compiled with -O3 -march=native -ffast-math, alone in the project.
#include "plain_sums.hpp"

#include <algorithm>
#include <array>

namespace serried::bench {
namespace {

template <class T>
void one_loop(const T* data, std::int64_t rows, std::int64_t, double* sums) {
  double sum = 0;
  for (std::int64_t i = 0; i < rows; ++i) sum += static_cast<double>(data[i]);
  *sums = sum;
}

// kSums independent sums, which the compiler keeps in vectors.
template <class T, int kSums, int kPrefetchBytes>
void many_sums(const T* data, std::int64_t rows, std::int64_t, double* sums) {
  double lanes[kSums] = {};
  std::int64_t i = 0;
  for (; i + kSums <= rows; i += kSums) {
    if constexpr (kPrefetchBytes != 0)
      for (int b = 0; b < kSums * static_cast<int>(sizeof(T)); b += 64)
        __builtin_prefetch(reinterpret_cast<const char*>(data + i) + kPrefetchBytes + b);
#pragma GCC ivdep
    for (int l = 0; l < kSums; ++l) lanes[l] += static_cast<double>(data[i + l]);
  }
  double sum = 0;
  for (const double lane : lanes) sum += lane;
  for (; i < rows; ++i) sum += static_cast<double>(data[i]);
  *sums = sum;
}

// kRows rows at a time are added to the columns' sums in memory.
template <class T, int kRows, bool kPrefetch>
void rows_at_once(const T* data, std::int64_t rows, std::int64_t columns, double* sums) {
  std::fill_n(sums, columns, 0.0);
  double* __restrict to = sums;
  std::int64_t i = 0;
  for (; i + kRows <= rows; i += kRows) {
    const T* from = data + i * columns;
    if constexpr (kPrefetch)
      for (std::int64_t b = 0; b < kRows * columns * static_cast<std::int64_t>(sizeof(T)); b += 64)
        __builtin_prefetch(reinterpret_cast<const char*>(from) + 4096 + b);
    for (std::int64_t j = 0; j < columns; ++j) {
      double sum = 0;
#pragma GCC unroll 8
      for (int r = 0; r < kRows; ++r) sum += static_cast<double>(from[r * columns + j]);
      to[j] += sum;
    }
  }
  for (; i < rows; ++i)
    for (std::int64_t j = 0; j < columns; ++j) to[j] += static_cast<double>(data[i * columns + j]);
}

// The number of columns is known, so that the sums stay in registers.
template <class T, int kColumns>
void columns_in_registers(const T* data, std::int64_t rows, std::int64_t columns, double* sums) {
  if (columns != kColumns) return rows_at_once<T, 4, false>(data, rows, columns, sums);
  double lanes[kColumns] = {};
  for (std::int64_t i = 0; i < rows; ++i)
#pragma GCC ivdep
    for (int j = 0; j < kColumns; ++j) lanes[j] += static_cast<double>(data[i * kColumns + j]);
  std::copy_n(lanes, kColumns, sums);
}

template <class T>
constexpr std::array<PlainLoop<T>, 5> one_column{
    {{"one loop", one_loop<T>},
     {"32 sums", many_sums<T, 32, 0>},
     {"64 sums", many_sums<T, 64, 0>},
     {"64 sums, prefetch 2K", many_sums<T, 64, 2048>},
     {"64 sums, prefetch 4K", many_sums<T, 64, 4096>}}};

template <class T>
constexpr std::array<PlainLoop<T>, 5> many_columns{{{"1 row", rows_at_once<T, 1, false>},
                                                    {"4 rows", rows_at_once<T, 4, false>},
                                                    {"4 rows, prefetch", rows_at_once<T, 4, true>},
                                                    {"8 rows", rows_at_once<T, 8, false>},
                                                    {"registers", columns_in_registers<T, 32>}}};

}  // namespace

template <class T>
std::span<const PlainLoop<T>> plain_loops(std::int64_t columns) {
  if (columns == 1) return one_column<T>;
  return many_columns<T>;
}

template std::span<const PlainLoop<float>> plain_loops(std::int64_t);
template std::span<const PlainLoop<double>> plain_loops(std::int64_t);

}  // namespace serried::bench
