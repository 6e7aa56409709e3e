#include "serried/device/moment_kernels.hpp"

#include <memory>

#include "backend/cuda/async_copy.cuh"
#include "backend/cuda/kernel_fields.hpp"
#include "backend/cuda/moment_passes.cuh"
#include "backend/cuda/pieces.cuh"

namespace serried::cuda {
namespace {

// A thread holds 256 bytes in shared memory, of which it alone reads and writes its own, so that
// device memory is read once: six blocks fit a multiprocessor of 228 KiB.
constexpr int bytes_of_thread = 256;
constexpr int blocks_at_once = 6;
constexpr int folds_of_piece = 16;

// Numbers of less than 4 bytes have room for 64 where they are read one by one.
template <class Unit>
constexpr int units_of_thread = bytes_of_thread /
                                static_cast<int>(sizeof(Unit) < 4 ? 4 : sizeof(Unit));

// A thread's units in shared memory, next to those of its neighbours.
template <class T, class Unit>
class OwnUnits {
 public:
  static constexpr int size = elements_of<Unit, T>;

  __device__ OwnUnits(Unit* shared, const ThreadUnits<T>& units)
      : own_(shared + threadIdx.x), units_(units) {
    if (!is_aligned<Unit>(units_.from)) {
#pragma unroll 1
      for (int k = 0; k < units_.whole; ++k)
        own_[k * block_threads] = load_unaligned<Unit>(units_.from + k * units_.stride);
    } else if constexpr (sizeof(Unit) >= 4) {
#pragma unroll 4
      for (int k = 0; k < units_.whole; ++k)
        copy_to_shared(own_ + k * block_threads, units_.from + k * units_.stride);
    } else {
      load_small();
    }
    if (size > 1 && units_.rest != 0)
      own_[units_.whole * block_threads] =
          load_part<Unit>(units_.from + units_.whole * units_.stride, units_.rest);
    wait_for_copies();
  }

  // Every number, those of the partial unit too.
  template <class Use>
  __device__ void visit(Use use) const {
    const int end = units_.whole + (units_.rest != 0 ? 1 : 0);
#pragma unroll 1
    for (int k = 0; k < end; ++k) {
      const auto x = elements<T>(own_[k * block_threads]);
      const int valid = k < units_.whole ? size : units_.rest;
#pragma unroll
      for (int j = 0; j < size; ++j)
        if (j < valid) use(native(x[static_cast<std::size_t>(j)]));
    }
  }

  // As visit, where there is no partial unit, by groups of numbers that take part in one step.
  template <class Use>
  __device__ void visit_groups(Use use) const {
    constexpr int units = size >= 4 ? 1 : 4 / size;
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
  template <int kUnits, class Use>
  __device__ void use_group(int k, Use use) const {
    Native<T> x[kUnits * size];
#pragma unroll
    for (int u = 0; u < kUnits; ++u) {
      const auto unit = elements<T>(own_[(k + u) * block_threads]);
#pragma unroll
      for (int j = 0; j < size; ++j) x[u * size + j] = native(unit[static_cast<std::size_t>(j)]);
    }
    use(x);
  }

  // Loads in flight need registers here. Those behind the end repeat the last unit.
  __device__ void load_small() {
    constexpr int batch = 16;
#pragma unroll 1
    for (int k = 0; k < units_.whole; k += batch) {
      Unit loaded[batch];
#pragma unroll
      for (int i = 0; i < batch; ++i) {
        const int unit = k + i < units_.whole ? k + i : units_.whole - 1;
        loaded[i] = *reinterpret_cast<const Unit*>(units_.from + unit * units_.stride);
      }
#pragma unroll
      for (int i = 0; i < batch; ++i)
        if (k + i < units_.whole) own_[(k + i) * block_threads] = loaded[i];
    }
  }

  Unit* own_;
  ThreadUnits<T> units_;
};

// Count, sum and extrema of a thread's numbers; NaN is left out where there is one.
template <class T, class Unit>
__device__ FirstSums<Native<T>> first_pass(const OwnUnits<T, Unit>& own) {
  using N = Native<T>;
  ThreadSums<N> sums;
  if (own.is_whole()) {
    own.visit_groups([&](const auto& x) { sums.template add<(sizeof(T) < 4)>(x); });
    const auto sum = static_cast<double>(sums.sum);
    if (!is_nan(sum)) return {sum, own.count(), sums.low, sums.high};
  }
  ThreadSums<N> careful;
  int count = 0;
  own.visit([&](N x) {
    if (is_nan(x)) return;
    const N alone[1] = {x};
    careful.template add<false>(alone);
    ++count;
  });
  return {static_cast<double>(careful.sum), count, careful.low, careful.high};
}

template <class T, class Unit>
__device__ PowerSums second_pass(const OwnUnits<T, Unit>& own, double shift, bool has_nan) {
  using N = Native<T>;
  const Deviation<N> deviation(shift);
  PowerSums sums;
  if (own.is_whole() && !has_nan) {
    own.visit_groups([&](const auto& x) {
#pragma unroll
      for (const N number : x) sums.template add<!is_narrow_integer<N>>(deviation(number));
    });
  } else {
    own.visit([&](N x) {
      if (!is_nan(x)) sums.template add<!is_narrow_integer<N>>(deviation(x));
    });
  }
  return sums;
}

template <class T, class Unit>
__global__ void __launch_bounds__(block_threads, blocks_at_once)
    reduce_moments(PieceTask<T, Moments> task, bool has_signed_keys) {
  using N = Native<T>;
  __shared__ uint4
      units[units_of_thread<Unit> * block_threads * static_cast<int>(sizeof(Unit)) / 16];
  __shared__ uint4 fold_space[2 * block_threads];
  const PieceThread thread(task);
  const int groups = task.shape.groups;
  Moments total;
  for (std::int64_t row = 0; row < thread.piece.rows; row += task.shape.fold_rows) {
    const std::int64_t left = thread.piece.rows - row;
    const int rows = left < task.shape.fold_rows ? static_cast<int>(left) : task.shape.fold_rows;
    const OwnUnits<T, Unit> own(reinterpret_cast<Unit*>(units),
                                ThreadUnits<T>::template of<Unit>(task, thread, row, rows));
    const FirstSums<N> mine = first_pass(own);
    const FirstSums<N> first = fold_threads(mine, reinterpret_cast<FirstSums<N>*>(fold_space),
                                            thread.width, groups, FoldFirst());
    const double shift = shift_of(first);
    const PowerSums powers =
        fold_threads(second_pass(own, shift, mine.count != own.count()),
                     reinterpret_cast<PowerSums*>(fold_space), thread.width, groups, FoldPowers());
    if (!thread.is_owner) continue;
    Moments part = moments_of(first, shift, powers, has_signed_keys);
    part.nan_count = rows - first.count;
    combine(total, part);
  }
  if (thread.is_owner) task.out[thread.out_index] = total;
}

struct CombineMoments {
  __device__ void operator()(Moments& left, const Moments& right) const { combine(left, right); }
};

class CudaMomentKernels final : public MomentKernels {
 public:
  CudaMomentKernels(CudaDevice& device, DType dtype) : device_(device), dtype_(dtype) {}

  void reduce_elements(const void* elements, std::span<const std::int64_t> offsets,
                       std::span<Moments> out) const override {
    reduce_columns(elements, 1, offsets, out);
  }

  void reduce_columns(const void* rows, std::int64_t columns, std::span<const std::int64_t> offsets,
                      std::span<Moments> out) const override {
    if (out.empty()) return;
    const auto lock = device_.lock();
    device_.make_current();
    visit_real(dtype_, [&](auto tag) {
      using T = Stored<typename decltype(tag)::type>;
      reduce<T>(static_cast<const T*>(rows), columns, offsets, out);
    });
  }

 private:
  template <class T>
  void reduce(const T* rows, std::int64_t columns, std::span<const std::int64_t> offsets,
              std::span<Moments> out) const {
    const bool has_signed_keys = is_signed_integer();
    const auto shape =
        piece_shape(columns, static_cast<int>(sizeof(T)), bytes_of_thread, folds_of_piece);
    reduce_by_pieces<CombineMoments>(device_, rows, columns, shape, offsets, out,
                                     [&](const PieceTask<T, Moments>& task, dim3 grid) {
                                       const auto kernel = columns == 1 ? reduce_moments<T, uint4>
                                                                        : reduce_moments<T, T>;
                                       launch("moments", kernel, grid, dim3(block_threads), 0,
                                              device_.stream(), task, has_signed_keys);
                                     });
  }

  [[nodiscard]] bool is_signed_integer() const {
    return dtype_ == DType::b8 || dtype_ == DType::i8 || dtype_ == DType::i16 ||
           dtype_ == DType::i32 || dtype_ == DType::i64;
  }

  CudaDevice& device_;
  DType dtype_;
};

}  // namespace

std::shared_ptr<const void> make_moment_kernels(CudaDevice& device, DType dtype) {
  if (!MomentKernels::covers(dtype)) return nullptr;
  return std::shared_ptr<const MomentKernels>(std::make_shared<CudaMomentKernels>(device, dtype));
}

}  // namespace serried::cuda
