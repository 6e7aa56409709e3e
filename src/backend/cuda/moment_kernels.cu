#include "serried/device/moment_kernels.hpp"

#include <memory>

#include "backend/cuda/held_units.cuh"
#include "backend/cuda/kernel_fields.hpp"
#include "backend/cuda/moment_passes.cuh"
#include "backend/cuda/tree_fold.cuh"

namespace serried::cuda {
namespace {

// What a block holds for each thread, so that device memory is read once: six blocks fit a
// multiprocessor of 228 KiB.
constexpr int bytes_of_thread = 256;
constexpr int blocks_at_once = 6;
constexpr int folds_of_piece = 16;

template <class T>
using MomentTask = PieceTask<T, Moments>;

// Count, sum and extrema of a thread's numbers; NaN is left out where there is one.
template <class T, class Unit>
__device__ FirstSums<Native<T>> first_pass(const HeldUnits<T, Unit>& held) {
  using N = Native<T>;
  ThreadSums<N> sums;
  if (held.is_whole()) {
    held.visit_groups([&](const auto& x) { sums.template add<(sizeof(T) < 4)>(x); });
    const auto sum = static_cast<double>(sums.sum);
    if (!is_nan(sum)) return {sum, held.count(), sums.low, sums.high};
  }
  ThreadSums<N> careful;
  int count = 0;
  held.visit([&](N x) {
    if (is_nan(x)) return;
    const N alone[1] = {x};
    careful.template add<false>(alone);
    ++count;
  });
  return {static_cast<double>(careful.sum), count, careful.low, careful.high};
}

template <class T, class Unit>
__device__ PowerSums second_pass(const HeldUnits<T, Unit>& held, double shift, bool has_nan) {
  using N = Native<T>;
  const Deviation<N> deviation(shift);
  PowerSums sums;
  if (held.is_whole() && !has_nan) {
    held.visit_groups([&](const auto& x) {
#pragma unroll
      for (const N number : x) sums.template add<!is_narrow_integer<N>>(deviation(number));
    });
  } else {
    held.visit([&](N x) {
      if (!is_nan(x)) sums.template add<!is_narrow_integer<N>>(deviation(x));
    });
  }
  return sums;
}

// Units are 16 bytes of one column, else single elements.
template <class T, class Unit>
__global__ void __launch_bounds__(block_threads, blocks_at_once)
    reduce_moments(MomentTask<T> task, bool has_signed_keys) {
  using N = Native<T>;
  __shared__ uint4 room[bytes_of_thread / 16 * block_threads];
  __shared__ uint4 fold_room[2 * block_threads];
  const PieceThread thread(task);
  const int groups = task.shape.groups;
  RunningMoments<N> total;
  for (std::int64_t row = 0; row < thread.piece.rows; row += task.shape.fold_rows) {
    const std::int64_t left = thread.piece.rows - row;
    const int rows = left < task.shape.fold_rows ? static_cast<int>(left) : task.shape.fold_rows;
    const HeldUnits<T, Unit> held(room, task, thread, row, rows);
    const FirstSums<N> mine = first_pass(held);
    const FirstSums<N> first = fold_threads(mine, reinterpret_cast<FirstSums<N>*>(fold_room),
                                            thread.width, groups, FoldFirst());
    const Shift<N> shift(first);
    const PowerSums powers =
        fold_threads(second_pass(held, shift.value, mine.count != held.count()),
                     reinterpret_cast<PowerSums*>(fold_room), thread.width, groups, FoldPowers());
    if (thread.is_owner) total.add(first, shift, powers, rows);
  }
  if (thread.is_owner) task.out[thread.out_index] = total.moments(has_signed_keys);
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
    reduce(rows, columns, offsets, out,
           [&](const auto& reduction) { download_leaves<CombineMoments>(reduction, out); });
  }

  void fold_columns(const void* rows, std::int64_t columns, std::span<const std::int64_t> offsets,
                    std::int64_t first_leaf, std::span<Moments> out) const override {
    reduce(rows, columns, offsets, out, [&](const auto& reduction) {
      download_nodes<CombineMoments>(reduction, first_leaf, out);
    });
  }

 private:
  template <class Use>
  void reduce(const void* rows, std::int64_t columns, std::span<const std::int64_t> offsets,
              std::span<Moments> out, Use use) const {
    if (out.empty()) return;
    const auto lock = device_.lock();
    device_.make_current();
    visit_real(dtype_, [&](auto tag) {
      using T = Stored<typename decltype(tag)::type>;
      const auto kernel = columns == 1 ? reduce_moments<T, uint4> : reduce_moments<T, T>;
      // blocks_at_once of them need nearly all shared memory of a multiprocessor
      check(cudaFuncSetAttribute(reinterpret_cast<const void*>(kernel),
                                 cudaFuncAttributePreferredSharedMemoryCarveout, 100),
            "moments");
      const auto start = [&](const MomentTask<T>& task, dim3 grid) {
        launch("moments", kernel, grid, dim3(block_threads), 0, device_.stream(), task,
               is_signed_integer());
      };
      use(LeafReduction<T, Moments, decltype(start)>{
          .device = device_,
          .rows = static_cast<const T*>(rows),
          .columns = columns,
          .shape =
              piece_shape(columns, static_cast<int>(sizeof(T)), bytes_of_thread, folds_of_piece),
          .offsets = offsets,
          .reduce = start});
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
