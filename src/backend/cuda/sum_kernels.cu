#include "serried/device/sum_kernels.hpp"

#include <memory>

#include "backend/cuda/kernel_fields.hpp"
#include "backend/cuda/tree_fold.cuh"
#include "backend/cuda/widen.cuh"

namespace serried::cuda {
namespace {

// What a thread reads before a block folds its sums.
constexpr int bytes_of_thread = 512;
constexpr int folds_of_piece = 2;
// Loads in flight.
template <class Unit>
constexpr int batch_units = sizeof(Unit) == 16 ? 8 : 16;

// A thread's sum: exact for integers of up to 32 bits, else in four lanes of f64.
template <class T>
class ThreadSum {
 public:
  // Elements beyond the last one are zeros, which change no sum.
  template <std::size_t kSize>
  __device__ void add(const std::array<T, kSize>& x, int unit) {
    if constexpr (std::is_integral_v<T> && sizeof(T) < 4) {
      int sum = 0;
#pragma unroll
      for (std::size_t j = 0; j < kSize; ++j) sum += x[j];
      integer_ += sum;
    } else if constexpr (is_narrow_integer<T>) {
#pragma unroll
      for (std::size_t j = 0; j < kSize; ++j) integer_ += x[j];
    } else {
#pragma unroll
      for (std::size_t j = 0; j < kSize; ++j)
        lanes_[(static_cast<std::size_t>(unit) * kSize + j) % 4] += widen(x[j]);
    }
  }
  [[nodiscard]] __device__ double total() const {
    if constexpr (is_narrow_integer<T>) return static_cast<double>(integer_);
    return (lanes_[0] + lanes_[1]) + (lanes_[2] + lanes_[3]);
  }

 private:
  long long integer_ = 0;
  double lanes_[4] = {0, 0, 0, 0};
};

// All loads of a batch are in flight together.
template <class T, class Unit, class Load>
__device__ void add_batch(ThreadSum<T>& sum, Load load) {
  Unit loaded[batch_units<Unit>];
#pragma unroll
  for (int i = 0; i < batch_units<Unit>; ++i) loaded[i] = load(i);
#pragma unroll
  for (int i = 0; i < batch_units<Unit>; ++i) sum.add(elements<T>(loaded[i]), i);
}

template <class T, class Unit>
__device__ void add_units(ThreadSum<T>& sum, const ThreadUnits<T>& units) {
  constexpr int size = elements_of<Unit, T>;
  constexpr int batch = batch_units<Unit>;
  const auto stride = units.stride;
  if (size > 1 && !is_aligned<Unit>(units.from)) {
    // the lanes of f64 are those of the loop below
#pragma unroll 1
    for (int k = 0; k < units.whole; k += 4)
#pragma unroll
      for (int i = 0; i < 4; ++i)
        if (k + i < units.whole)
          sum.add(elements<T>(load_unaligned<Unit>(units.from + (k + i) * stride)), i);
  } else {
    const T* from = units.from;
    int left = units.whole;
#pragma unroll 1
    for (; left >= batch; left -= batch) {
      add_batch<T, Unit>(sum,
                         [&](int i) { return *reinterpret_cast<const Unit*>(from + i * stride); });
      from += batch * stride;
    }
    if (left > 0)
      add_batch<T, Unit>(sum, [&](int i) {
        return i < left ? *reinterpret_cast<const Unit*>(from + i * stride) : Unit{};
      });
  }
  if (size > 1 && units.rest != 0)
    sum.add(elements<T>(load_part<Unit>(units.from + units.whole * stride, units.rest)), 0);
}

struct Add {
  __device__ double operator()(double a, double b) const { return a + b; }
};

struct AddTo {
  __device__ void operator()(double& left, const double& right) const { left += right; }
};

template <class T, class Unit>
__global__ void __launch_bounds__(block_threads) sum_pieces(PieceTask<T, double> task) {
  __shared__ double fold_space[block_threads];
  const PieceThread thread(task);
  ThreadSum<T> sum;
  for (std::int64_t row = 0; row < thread.piece.rows; row += task.shape.fold_rows) {
    const std::int64_t left = thread.piece.rows - row;
    const int rows = left < task.shape.fold_rows ? static_cast<int>(left) : task.shape.fold_rows;
    add_units<T, Unit>(sum, ThreadUnits<T>::template of<Unit>(task, thread, row, rows));
  }
  const double total =
      fold_threads(sum.total(), fold_space, thread.width, task.shape.groups, Add());
  if (thread.is_owner) task.out[thread.out_index] = total;
}

class CudaSumKernels final : public SumKernels {
 public:
  CudaSumKernels(CudaDevice& device, DType dtype) : device_(device), dtype_(dtype) {}

  void reduce_columns(const void* rows, std::int64_t columns, std::span<const std::int64_t> offsets,
                      std::span<double> out) const override {
    reduce(rows, columns, offsets, out,
           [&](const auto& reduction) { download_leaves<AddTo>(reduction, out); });
  }

  void fold_columns(const void* rows, std::int64_t columns, std::span<const std::int64_t> offsets,
                    std::int64_t first_leaf, std::span<double> out) const override {
    reduce(rows, columns, offsets, out,
           [&](const auto& reduction) { download_nodes<AddTo>(reduction, first_leaf, out); });
  }

  void add(std::span<double> left, std::span<const double> right) const override {
    for (std::size_t i = 0; i < left.size(); ++i) left[i] += right[i];
  }

 private:
  template <class Use>
  void reduce(const void* rows, std::int64_t columns, std::span<const std::int64_t> offsets,
              std::span<double> out, Use use) const {
    if (out.empty()) return;
    const auto lock = device_.lock();
    device_.make_current();
    visit_real(dtype_, [&](auto tag) {
      using T = Stored<typename decltype(tag)::type>;
      const auto start = [&](const PieceTask<T, double>& task, dim3 grid) {
        const auto kernel = columns == 1 ? sum_pieces<T, uint4> : sum_pieces<T, T>;
        launch("sums", kernel, grid, dim3(block_threads), 0, device_.stream(), task);
      };
      use(LeafReduction<T, double, decltype(start)>{
          .device = device_,
          .rows = static_cast<const T*>(rows),
          .columns = columns,
          .shape =
              piece_shape(columns, static_cast<int>(sizeof(T)), bytes_of_thread, folds_of_piece),
          .offsets = offsets,
          .reduce = start});
    });
  }

  CudaDevice& device_;
  DType dtype_;
};

}  // namespace

std::shared_ptr<const void> make_sum_kernels(CudaDevice& device, DType dtype) {
  if (!SumKernels::covers(dtype)) return nullptr;
  return std::shared_ptr<const SumKernels>(std::make_shared<CudaSumKernels>(device, dtype));
}

}  // namespace serried::cuda
