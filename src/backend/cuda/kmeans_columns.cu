// Column sums and maxima of leaves.
#include <vector>

#include "backend/cuda/kmeans_functions.hpp"
#include "backend/cuda/launch.hpp"

namespace serried::cuda {
namespace {

constexpr int threads = 256;
/// Rows whose usability is known at a time.
constexpr int flagged_rows = 1024;

/// What column_sums computes; pointers are to device memory.
struct ColumnProblem {
  const double* weights = nullptr;
  const double* shift = nullptr;
  const std::int64_t* offsets = nullptr;
  std::int64_t leaves = 0;
  int features = 0;
  double* sums = nullptr;
  double* squares = nullptr;
  unsigned long long* maxima = nullptr;  ///< bits of numbers that are not negative
  std::int64_t* usable = nullptr;
};

/// A thread's part of a column: the rows of its slot.
struct Part {
  double sum, square, most, size;
};

template <class T>
__device__ __forceinline__ void add_element(T x, double shift, double weight, Part& part) {
  const double difference = static_cast<double>(x) - shift;
  part.sum += difference;
  part.square = __fma_rn(difference, difference, part.square);
  const double size = difference < 0 ? -difference : difference;
  if (size > part.size) part.size = size;
  if (weight * size > part.most) part.most = weight * size;
}

/// Raises the number at `to`, whose bits are ordered as it is.
__device__ __forceinline__ void raise(unsigned long long* to, double value) {
  const auto bits = static_cast<unsigned long long>(__double_as_longlong(value));
  if (value > 0 && bits > *static_cast<volatile unsigned long long*>(to)) atomicMax(to, bits);
}

/// The rows of one leaf as its block sees them.
template <class T>
struct LeafRows {
  const T* rows;
  const double* weights;  ///< or null
  std::int64_t count;
  int features;

  [[nodiscard]] __device__ __forceinline__ double weight(std::int64_t row) const {
    return weights == nullptr ? 1. : weights[row];
  }
  /// Whether no row is missing; all threads of a block call this.
  [[nodiscard]] __device__ __forceinline__ bool is_clean() const {
    T zero = 0;
    const std::int64_t elements = count * features;
#pragma unroll 4
    for (std::int64_t i = threadIdx.x; i < elements; i += threads) zero += rows[i] * T{0};
    bool is_own_clean = zero == T{0};
    for (std::int64_t i = threadIdx.x; weights != nullptr && i < count; i += threads)
      is_own_clean = is_own_clean && weights[i] == weights[i];
    return __syncthreads_and(is_own_clean ? 1 : 0) != 0;
  }
  [[nodiscard]] __device__ __forceinline__ bool is_usable(std::int64_t row) const {
    T zero = 0;
    for (int f = 0; f < features; ++f) zero += rows[row * features + f] * T{0};
    return zero == T{0} && weight(row) == weight(row);
  }
};

/// One block for each leaf. A thread has one column of every slots-th row (and the columns `width`
/// further on, where rows are longer than the block); the slots of a column are added in ascending
/// order. Which row belongs to which slot does not depend on the rows that are missing.
template <class T>
__global__ void __launch_bounds__(threads) column_sums(const T* rows, ColumnProblem problem) {
  __shared__ Part parts[threads];
  __shared__ unsigned char flags[flagged_rows];
  const int thread = static_cast<int>(threadIdx.x);
  const int p = problem.features;
  const int width = p < threads ? p : threads;
  const int slots = threads / width;
  const int slot = thread / width;
  for (std::int64_t leaf = blockIdx.x; leaf < problem.leaves; leaf += gridDim.x) {
    const std::int64_t begin = problem.offsets[leaf];
    const LeafRows<T> own{rows + begin * p,
                          problem.weights == nullptr ? nullptr : problem.weights + begin,
                          problem.offsets[leaf + 1] - begin, p};
    const bool is_clean = own.is_clean();
    for (int first = 0; first < p; first += width) {
      const int column = first + thread % width;
      const bool has_column = slot < slots && column < p;
      const double shift = has_column ? problem.shift[column] : 0.;
      Part part{0, 0, 0, 0};
      std::int64_t usable = 0;
      if (is_clean) {
        usable = own.count;
#pragma unroll 4
        for (std::int64_t i = slot; has_column && i < own.count; i += slots)
          add_element(own.rows[i * p + column], shift, own.weight(i), part);
      }
      for (std::int64_t base = 0; !is_clean && base < own.count; base += flagged_rows) {
        const int here =
            static_cast<int>(own.count - base < flagged_rows ? own.count - base : flagged_rows);
        for (int i = thread; i < flagged_rows; i += threads) {
          flags[i] = i < here && own.is_usable(base + i) ? 1 : 0;
          usable += __syncthreads_count(flags[i]);
        }
        int i = static_cast<int>((slot + slots - base % slots) % slots);
        for (; has_column && i < here; i += slots)
          if (flags[i] != 0)
            add_element(own.rows[(base + i) * p + column], shift, own.weight(base + i), part);
        __syncthreads();
      }
      parts[thread] = part;
      __syncthreads();
      if (has_column && slot == 0) {
        for (int other = 1; other < slots; ++other) {
          const Part& more = parts[other * width + thread];
          part.sum += more.sum;
          part.square += more.square;
          if (more.most > part.most) part.most = more.most;
          if (more.size > part.size) part.size = more.size;
        }
        problem.sums[leaf * p + column] = part.sum;
        if (problem.squares != nullptr) problem.squares[leaf * p + column] = part.square;
        if (problem.maxima != nullptr) {
          raise(problem.maxima + column, part.most);
          raise(problem.maxima + p, part.size);
        }
      }
      if (first == 0 && thread == 0) problem.usable[leaf] = usable;
      __syncthreads();
    }
  }
}

}  // namespace

template <class T>
void column_sums_rows(CudaDevice& device, const T* rows, const double* weights,
                      std::int64_t features, std::span<const double> shift,
                      std::span<const std::int64_t> offsets, double* sums, double* squares,
                      double* maxima, std::int64_t* usable) {
  const auto leaves = static_cast<std::int64_t>(offsets.size()) - 1;
  const auto numbers = static_cast<std::size_t>(leaves * features);
  const Scratch shift_there = uploaded(device, shift.first(static_cast<std::size_t>(features)));
  const Scratch offsets_there = uploaded(device, offsets);
  const Scratch sums_there(device, numbers * sizeof(double));
  const Scratch squares_there(device, squares == nullptr ? 0 : numbers * sizeof(double));
  const Scratch usable_there(device, static_cast<std::size_t>(leaves) * sizeof(std::int64_t));
  std::vector<double> found(maxima == nullptr ? 0 : static_cast<std::size_t>(features + 1), 0.);
  const Scratch maxima_there = uploaded(device, std::span<const double>(found));
  const ColumnProblem problem{.weights = weights,
                              .shift = shift_there.as<double>(),
                              .offsets = offsets_there.as<std::int64_t>(),
                              .leaves = leaves,
                              .features = static_cast<int>(features),
                              .sums = sums_there.as<double>(),
                              .squares = squares_there.as<double>(),
                              .maxima = maxima_there.as<unsigned long long>(),
                              .usable = usable_there.as<std::int64_t>()};
  launch("kmeans column sums", &column_sums<T>, dim3(blocks_for(device, leaves, 1, 8)),
         dim3(threads), 0, device.stream(), rows, problem);
  device.download(sums, sums_there.as<void>(), sums_there.bytes());
  if (squares != nullptr) device.download(squares, squares_there.as<void>(), squares_there.bytes());
  device.download(usable, usable_there.as<void>(), usable_there.bytes());
  device.download(found.data(), maxima_there.as<void>(), maxima_there.bytes());
  for (std::size_t f = 0; f < found.size(); ++f) maxima[f] = std::max(maxima[f], found[f]);
}

template void column_sums_rows<float>(CudaDevice&, const float*, const double*, std::int64_t,
                                      std::span<const double>, std::span<const std::int64_t>,
                                      double*, double*, double*, std::int64_t*);
template void column_sums_rows<double>(CudaDevice&, const double*, const double*, std::int64_t,
                                       std::span<const double>, std::span<const std::int64_t>,
                                       double*, double*, double*, std::int64_t*);

}  // namespace serried::cuda
