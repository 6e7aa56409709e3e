#pragma once

#include <cstdint>
#include <span>

namespace serried::bench {

/// Sums each column of `rows` x `columns` numbers to f64 in any order: no reproducibility, no
/// ranks.
template <class T>
struct PlainLoop {
  const char* name;
  void (*sum)(const T* data, std::int64_t rows, std::int64_t columns, double* sums);
};

/// The forms that were tried; the fastest one on this machine and shape is the peer. One column and
/// several have lists of their own.
template <class T>
[[nodiscard]] std::span<const PlainLoop<T>> plain_loops(std::int64_t columns);

}  // namespace serried::bench
