#pragma once

#include "backend/cuda/async_copy.cuh"
#include "backend/cuda/pieces.cuh"
#include "backend/cuda/widen.cuh"

namespace serried::cuda {

/// The units of a thread, in shared memory next to those of its neighbours. Units of 16 bytes are
/// copied by the thread that uses them; single elements of several columns by all threads, 16 bytes
/// at a time where alignment allows it.
template <class T, class Unit>
class HeldUnits {
 public:
  static constexpr int size = elements_of<Unit, T>;

  /// All threads of the block call it; what was held before is gone.
  template <class Payload>
  __device__ HeldUnits(uint4* room, const PieceTask<T, Payload>& task, const PieceThread& thread,
                       std::int64_t row, int rows)
      : own_(reinterpret_cast<Unit*>(room) + threadIdx.x),
        units_(ThreadUnits<T>::template of<Unit>(task, thread, row, rows)) {
    if constexpr (size > 1) {
      copy_own_vectors();
      wait_for_copies();
    } else {
      pitch_ = task.shape.groups * thread.width;
      // else the fold of the numbers before was such a barrier
      if (task.shape.groups == 1) __syncthreads();
      if (!copy_vectors(room, task, thread, row, rows)) copy_own_elements();
      wait_for_copies();
      __syncthreads();
    }
  }

  /// Calls use(number) for every number, those of the partial unit too.
  template <class Use>
  __device__ void visit(Use use) const {
    const int end = units_.whole + (units_.rest != 0 ? 1 : 0);
#pragma unroll 1
    for (int k = 0; k < end; ++k) {
      const auto x = elements<T>(own_[k * pitch()]);
      const int valid = k < units_.whole ? size : units_.rest;
#pragma unroll
      for (int j = 0; j < size; ++j)
        if (j < valid) use(native(x[static_cast<std::size_t>(j)]));
    }
  }

  /// As visit, where there is no partial unit, by arrays of numbers that take part in one step.
  template <class Use>
  __device__ void visit_groups(Use use) const {
    constexpr int units = size >= 8 ? 1 : 8 / size;
    int k = 0;
#pragma unroll 1
    for (; k + units <= units_.whole; k += units) use_group<units>(k, use);
#pragma unroll 1
    for (; k < units_.whole; ++k) use_group<1>(k, use);
  }

  [[nodiscard]] __device__ bool is_whole() const {
    return units_.rest == 0;
  }
  [[nodiscard]] __device__ int count() const {
    return units_.whole * size + units_.rest;
  }

 private:
  [[nodiscard]] __device__ int pitch() const {
    return size > 1 ? block_threads : pitch_;
  }

  template <int kUnits, class Use>
  __device__ void use_group(int k, Use use) const {
    Native<T> x[kUnits * size];
#pragma unroll
    for (int u = 0; u < kUnits; ++u) {
      const auto unit = elements<T>(own_[(k + u) * pitch()]);
#pragma unroll
      for (int j = 0; j < size; ++j) x[u * size + j] = native(unit[static_cast<std::size_t>(j)]);
    }
    use(x);
  }

  __device__ void copy_own_vectors() {
    if (is_aligned<Unit>(units_.from)) {
#pragma unroll 4
      for (int k = 0; k < units_.whole; ++k)
        copy_to_shared(own_ + k * pitch(), units_.from + k * units_.stride);
    } else {
#pragma unroll 1
      for (int k = 0; k < units_.whole; ++k)
        own_[k * pitch()] = load_unaligned<Unit>(units_.from + k * units_.stride);
    }
    if (units_.rest != 0)
      own_[units_.whole * pitch()] =
          load_part<Unit>(units_.from + units_.whole * units_.stride, units_.rest);
  }

  // Row by row, or all rows at once where no other columns lie between them. False if a row does
  // not begin and end at a boundary of 16 bytes.
  template <class Payload>
  __device__ static bool copy_vectors(uint4* room, const PieceTask<T, Payload>& task,
                                      const PieceThread& thread, std::int64_t row, int rows) {
    constexpr int per_vector = 16 / static_cast<int>(sizeof(T));
    const T* const from =
        task.rows + (thread.piece.begin + row) * task.row_stride + thread.first_column;
    const bool is_contiguous = thread.width == task.row_stride;
    if (!is_aligned<uint4>(from)) return false;
    if (!is_contiguous && (thread.width % per_vector != 0 || task.row_stride % per_vector != 0))
      return false;
    const int t = static_cast<int>(threadIdx.x);
    if (is_contiguous) {
      const int count = rows * thread.width;
      const int vectors = count / per_vector;
#pragma unroll 4
      for (int v = t; v < vectors; v += block_threads)
        copy_to_shared(room + v, reinterpret_cast<const uint4*>(from) + v);
      const int rest = vectors * per_vector + t;
      if (rest < count) reinterpret_cast<T*>(room)[rest] = from[rest];
      return true;
    }
    // Vector i of all rows; its place is counted on, because divisions and products would cost more
    // than the copy.
    const int vectors = thread.width / per_vector;
    const std::int64_t row_vectors = task.row_stride / per_vector;
    const int step = block_threads % vectors;
    const std::int64_t stride = block_threads / vectors * row_vectors + step;
    int v = t % vectors;
    const auto* next = reinterpret_cast<const uint4*>(from) + t / vectors * row_vectors + v;
#pragma unroll 4
    for (int i = t; i < rows * vectors; i += block_threads) {
      copy_to_shared(room + i, next);
      v += step;
      next += stride;
      if (v >= vectors) {
        v -= vectors;
        next += row_vectors - vectors;
      }
    }
    return true;
  }

  __device__ void copy_own_elements() {
    if constexpr (sizeof(T) >= 4) {
#pragma unroll 8
      for (int k = 0; k < units_.whole; ++k)
        copy_to_shared(own_ + k * pitch(), units_.from + k * units_.stride);
    } else {
      // Loads in flight need registers here. Those behind the end repeat the last element.
      constexpr int batch = 16;
#pragma unroll 1
      for (int k = 0; k < units_.whole; k += batch) {
        T loaded[batch];
#pragma unroll
        for (int i = 0; i < batch; ++i) {
          const int unit = k + i < units_.whole ? k + i : units_.whole - 1;
          loaded[i] = units_.from[unit * units_.stride];
        }
#pragma unroll
        for (int i = 0; i < batch; ++i)
          if (k + i < units_.whole) own_[(k + i) * pitch()] = loaded[i];
      }
    }
  }

  Unit* own_;
  ThreadUnits<T> units_;
  int pitch_ = block_threads;
};

}  // namespace serried::cuda
