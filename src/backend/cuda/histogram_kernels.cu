#include "serried/device/histogram_kernels.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <memory>
#include <vector>

#include "backend/cuda/cuda_device.hpp"
#include "backend/cuda/kernel_fields.hpp"
#include "backend/cuda/widen.cuh"
#include "serried/base/error.hpp"

namespace serried::cuda {
namespace {

// Threads of a block whose counters leave room for several others; those of large tables are more,
// so that as many loads are in flight.
constexpr int small_block = 256;
constexpr int large_block = 320;
// Counters of 32 bits that a block keeps in shared memory: six blocks fit a multiprocessor of 228
// KiB, or two, or one that may have all.
constexpr std::int64_t small_table = 8192;
constexpr std::int64_t large_table = 28160;
// Fewer columns at once would read too little of each row.
constexpr std::int64_t fewest_columns = 8;
template <class Unit>
constexpr int batch_units = sizeof(Unit) == 16 ? 4 : 8;

// The bins of a column. The position of x is (x - first) * scale, a function that never falls. The
// position of edge i is i up to `doubt`, so that a position farther than that from every integer
// gives the bin without a look at the edges, which decide otherwise.
struct ColumnBins {
  double first;
  double last;
  double scale;
  double doubt;
};

ColumnBins column_bins(const double* edges, std::int64_t bins) {
  const auto n = static_cast<double>(bins);
  ColumnBins column{edges[0], edges[bins], 1 / (edges[bins] / n - edges[0] / n), 0};
  for (std::int64_t i = 0; i <= bins; ++i) {
    const double distance =
        std::fabs((edges[i] - column.first) * column.scale - static_cast<double>(i));
    // NaN counts as far
    if (!(distance <= column.doubt)) column.doubt = std::isnan(distance) ? 1 : distance;
  }
  if (column.doubt >= 0.5 || bins >= (std::int64_t{1} << 30)) column.doubt = 1;
  return column;
}

__device__ bool is_bin_of(const double* edges, std::int64_t bins, double x, std::int64_t bin) {
  return x >= edges[bin] && (x < edges[bin + 1] || bin == bins - 1);
}

// The bin whose edges hold x, first <= x <= last: near the guess, or searched for.
__device__ std::int64_t settle(const double* edges, std::int64_t bins, const ColumnBins& column,
                               double x) {
  const double position = (x - column.first) * column.scale;
  const auto top = static_cast<double>(bins - 1);
  const auto guess = static_cast<std::int64_t>(position < top ? position : top);
  if (is_bin_of(edges, bins, x, guess)) return guess;
  if (guess > 0 && is_bin_of(edges, bins, x, guess - 1)) return guess - 1;
  if (guess < bins - 1 && is_bin_of(edges, bins, x, guess + 1)) return guess + 1;
  std::int64_t low = 0;  // the first edge above x
  std::int64_t high = bins + 1;
  while (low < high) {
    const std::int64_t middle = low + (high - low) / 2;
    if (edges[middle] > x)
      high = middle;
    else
      low = middle + 1;
  }
  return (low < bins ? low : bins) - 1;
}

constexpr int outside = -1;  // NaN too
constexpr int doubtful = -2;

__device__ int quick_bin(const ColumnBins& column, double x) {
  const double position = (x - column.first) * column.scale;
  // 1.5 * 2^52 rounds to an integer, which then stands in the low bits
  constexpr double magic = 6755399441055744.0;
  const double rounded = position + magic;
  const double distance = position - (rounded - magic);
  const auto nearest = static_cast<int>(std::bit_cast<std::uint64_t>(rounded));
  const auto below = static_cast<int>(std::bit_cast<std::uint64_t>(distance) >> 63);
  const int bin = nearest - below;
  const bool is_sure = fabs(distance) > column.doubt;
  return x >= column.first && x <= column.last ? (is_sure ? bin : doubtful) : outside;
}

template <class T>
struct Task {
  const T* rows = nullptr;
  std::int64_t row_count = 0;
  std::int64_t columns = 1;
  std::int64_t bins = 1;
  const ColumnBins* column_bins = nullptr;
  const double* edges = nullptr;
  unsigned long long* counts = nullptr;
  int width = 1;   // columns of a block
  int groups = 1;  // rows that a block reads at once
  int copies = 0;  // of each counter in shared memory; 0: counted in device memory
  int threads = small_block;
  int column_blocks = 1;
  int row_blocks = 1;

  [[nodiscard]] std::size_t shared_bytes() const {
    return static_cast<std::size_t>(copies * width * bins) * sizeof(unsigned);
  }
};

// What a thread counts: the elements of one column.
template <class T>
class Counter {
 public:
  __device__ Counter(const Task<T>& task, int column, std::int64_t first, unsigned* shared)
      : bins_(task.bins),
        column_(task.column_bins[first + column]),
        edges_(task.edges + (first + column) * (task.bins + 1)),
        counts_(task.counts + (first + column) * task.bins),
        copies_(task.copies) {
    if (copies_ != 0)
      shared_ = shared + column * static_cast<int>(bins_) * copies_ +
                static_cast<int>(threadIdx.x) % copies_;
  }

  // Counts all but those in doubt, and says which these are.
  template <std::size_t kSize>
  __device__ unsigned count(const std::array<T, kSize>& x) {
    int bins[kSize];
    unsigned doubts = 0;
#pragma unroll
    for (std::size_t j = 0; j < kSize; ++j) {
      bins[j] = quick_bin(column_, widen(x[j]));
      doubts |= (bins[j] == doubtful ? 1u : 0u) << j;
    }
    if (copies_ != 0) {
#pragma unroll
      for (std::size_t j = 0; j < kSize; ++j)
        if (bins[j] >= 0) atomicAdd(shared_ + bins[j] * copies_, 1u);
    } else {
#pragma unroll
      for (std::size_t j = 0; j < kSize; ++j)
        if (bins[j] >= 0) atomicAdd(counts_ + bins[j], 1ull);
    }
    return doubts;
  }

  // first <= x <= last
  __device__ void count_doubtful(T x) {
    const std::int64_t bin = settle(edges_, bins_, column_, widen(x));
    if (copies_ != 0)
      atomicAdd(shared_ + static_cast<int>(bin) * copies_, 1u);
    else
      atomicAdd(counts_ + bin, 1ull);
  }

 private:
  std::int64_t bins_;
  ColumnBins column_;
  const double* edges_;
  unsigned long long* counts_;
  int copies_;
  unsigned* shared_ = nullptr;
};

// The units first, first + step, ... of `units`, `stride` elements apart.
template <class T, class Unit>
__device__ void count_units(Counter<T>& counter, const T* from, std::int64_t stride,
                            std::int64_t first, std::int64_t step, std::int64_t units) {
  constexpr int size = elements_of<Unit, T>;
  constexpr int batch = batch_units<Unit>;
  static_assert(batch * size <= 64 && size <= 32);
#pragma unroll 1
  for (std::int64_t unit = first; unit < units; unit += batch * step) {
    const T* const place = from + unit * stride;
    Unit loaded[batch];
#pragma unroll
    for (int i = 0; i < batch; ++i)
      if (unit + i * step < units)
        loaded[i] = *reinterpret_cast<const Unit*>(place + i * step * stride);
    unsigned long long doubts = 0;
#pragma unroll
    for (int i = 0; i < batch; ++i)
      if (unit + i * step < units)
        doubts |= static_cast<unsigned long long>(counter.count(elements<T>(loaded[i])))
                  << (i * size);
    while (doubts != 0) {
      const int at = __ffsll(static_cast<long long>(doubts)) - 1;
      doubts &= doubts - 1;
      counter.count_doubtful(place[at / size * step * stride + at % size]);
    }
  }
}

// One column: elements lie side by side, and aligned units are cut out of them.
template <class T>
__device__ void count_elements(const Task<T>& task, Counter<T>& counter) {
  constexpr int size = elements_of<uint4, T>;
  const auto address = reinterpret_cast<std::uintptr_t>(task.rows);
  const auto to_boundary = static_cast<std::int64_t>((16 - address % 16) % 16 / sizeof(T));
  const std::int64_t head = to_boundary < task.row_count ? to_boundary : task.row_count;
  const std::int64_t units = (task.row_count - head) / size;
  const std::int64_t thread =
      static_cast<std::int64_t>(blockIdx.x) * task.threads + static_cast<int>(threadIdx.x);
  count_units<T, uint4>(counter, task.rows + head, size, thread,
                        static_cast<std::int64_t>(task.row_blocks) * task.threads, units);
  const std::int64_t tail = head + units * size;
  count_units<T, T>(counter, task.rows, 1, thread, task.row_count, head);
  count_units<T, T>(counter, task.rows + tail, 1, thread, task.row_count, task.row_count - tail);
}

template <class T, bool kIsOneColumn>
__global__ void __launch_bounds__(large_block, 2) count_bins(Task<T> task) {
  SERRIED_DYNAMIC_SHARED(dynamic);
  auto* const shared = reinterpret_cast<unsigned*>(dynamic);
  const auto t = static_cast<int>(threadIdx.x);
  const auto column_block = static_cast<int>(blockIdx.x) % task.column_blocks;
  const std::int64_t row_block = static_cast<int>(blockIdx.x) / task.column_blocks;
  const std::int64_t first = static_cast<std::int64_t>(column_block) * task.width;
  const std::int64_t left = task.columns - first;
  const int width = left < task.width ? static_cast<int>(left) : task.width;
  const int counters = task.copies == 0 ? 0 : width * static_cast<int>(task.bins);
  for (int i = t; i < counters * task.copies; i += task.threads) shared[i] = 0;
  __syncthreads();
  const int group = t / width;
  if (group < task.groups) {
    Counter<T> counter(task, t % width, first, shared);
    if constexpr (kIsOneColumn)
      count_elements(task, counter);
    else
      count_units<T, T>(counter, task.rows + first + t % width, task.columns,
                        row_block * task.groups + group,
                        static_cast<std::int64_t>(task.row_blocks) * task.groups, task.row_count);
  }
  __syncthreads();
  for (int i = t; i < counters; i += task.threads) {
    unsigned long long sum = 0;
    for (int copy = 0; copy < task.copies; ++copy)
      sum += shared[i * task.copies + ((copy + t) & (task.copies - 1))];
    if (sum != 0) atomicAdd(task.counts + first * task.bins + i, sum);
  }
}

// The columns of a block and the copies of its counters: in the smallest table that holds those of
// a few columns.
template <class T>
void lay_out(Task<T>& task, const cudaDeviceProp& properties) {
  constexpr std::int64_t most_columns = small_block;
  const auto all = static_cast<std::int64_t>(properties.sharedMemPerBlockOptin / sizeof(unsigned));
  std::int64_t width = std::min(task.columns, most_columns);
  std::int64_t table = 0;
  for (const std::int64_t counters : {small_table, large_table, all})
    if (table == 0 && counters <= all && counters / task.bins >= std::min(width, fewest_columns))
      table = counters;
  task.copies = table != 0 ? 1 : 0;
  if (table != 0) {
    width = std::min(width, table / task.bins);
    while (task.copies < 32 && task.copies * 2 * width * task.bins <= small_table) task.copies *= 2;
  }
  task.width = static_cast<int>(width);
  task.threads = table > small_table ? large_block : small_block;
  task.groups = task.threads / task.width;
  task.column_blocks = static_cast<int>((task.columns + width - 1) / width);
}

// As many blocks as keep the device busy, each with far more elements than counters, and with fewer
// than a counter of 32 bits holds.
template <class T>
void choose_row_blocks(Task<T>& task, const cudaDeviceProp& properties) {
  const std::int64_t elements = task.row_count * task.width;
  const std::int64_t least =
      std::max<std::int64_t>(16384, task.copies * 4 * task.width * task.bins);
  const auto fitting = static_cast<std::int64_t>(properties.sharedMemPerMultiprocessor /
                                                 (task.shared_bytes() + 1024));
  const std::int64_t at_once = properties.multiProcessorCount *
                               std::clamp<std::int64_t>(fitting, 1, 6 * small_block / task.threads);
  const std::int64_t wanted = std::max<std::int64_t>(1, at_once / task.column_blocks);
  const std::int64_t fewest = elements / (std::int64_t{1} << 31) + 1;
  task.row_blocks =
      static_cast<int>(std::max(fewest, std::min(wanted, (elements + least - 1) / least)));
}

// Starts the count of a task whose layout is still open.
template <class T>
void count_on_device(CudaDevice& device, Task<T> task) {
  lay_out(task, device.properties());
  choose_row_blocks(task, device.properties());
  const auto kernel = task.columns == 1 ? count_bins<T, true> : count_bins<T, false>;
  const auto* const address = reinterpret_cast<const void*>(kernel);
  const std::size_t bytes = task.shared_bytes();
  check(cudaFuncSetAttribute(address, cudaFuncAttributeMaxDynamicSharedMemorySize,
                             static_cast<int>(bytes)),
        "a histogram");
  constexpr int as_the_driver_likes = -1;
  check(cudaFuncSetAttribute(address, cudaFuncAttributePreferredSharedMemoryCarveout,
                             task.threads == large_block ? 100 : as_the_driver_likes),
        "a histogram");
  const auto blocks =
      static_cast<unsigned>(task.row_blocks) * static_cast<unsigned>(task.column_blocks);
  launch("a histogram", kernel, dim3(blocks), dim3(static_cast<unsigned>(task.threads)), bytes,
         device.stream(), task);
}

class CudaHistogramKernels final : public HistogramKernels {
 public:
  CudaHistogramKernels(CudaDevice& device, DType dtype) : device_(device), dtype_(dtype) {}

  void add(const void* rows, std::int64_t row_count, std::int64_t columns, std::int64_t bins,
           std::span<const double> edges, std::span<std::int64_t> counts) const override {
    if (row_count == 0 || columns == 0 || bins == 0) return;
    const auto lock = device_.lock();
    device_.make_current();
    std::vector<ColumnBins> own(static_cast<std::size_t>(columns));
    for (std::int64_t j = 0; j < columns; ++j)
      own[static_cast<std::size_t>(j)] = column_bins(edges.data() + j * (bins + 1), bins);
    const Scratch device_bins = uploaded(device_, std::span<const ColumnBins>(own));
    const Scratch device_edges = uploaded(device_, edges);
    const Scratch device_counts(device_, counts.size_bytes());
    device_.fill_zero(device_counts.as<void>(), counts.size_bytes());
    visit_real(dtype_, [&](auto tag) {
      using T = Stored<typename decltype(tag)::type>;
      count_on_device(device_, Task<T>{.rows = static_cast<const T*>(rows),
                                       .row_count = row_count,
                                       .columns = columns,
                                       .bins = bins,
                                       .column_bins = device_bins.as<ColumnBins>(),
                                       .edges = device_edges.as<double>(),
                                       .counts = device_counts.as<unsigned long long>()});
    });
    std::vector<std::int64_t> added(counts.size());
    device_.download(added.data(), device_counts.as<void>(), counts.size_bytes());
    for (std::size_t i = 0; i < counts.size(); ++i) counts[i] += added[i];
  }
  void find(const void* /*elements*/, std::int64_t /*stride*/, std::span<const double> /*edges*/,
            const BinSearch* /*search*/, std::span<std::int64_t> /*places*/) const override {
    throw DeviceError(
        "histograms with weights, several axes or bins of any widths are made by the "
        "host backend; the CUDA backend has none yet");
  }
  [[nodiscard]] NumberExtent extent(const void* /*elements*/, std::int64_t /*count*/,
                                    std::int64_t /*stride*/, double /*bound*/) const override {
    throw DeviceError(
        "ranges of histograms are found by the host backend; the CUDA backend has no "
        "kernel for them yet");
  }

 private:
  CudaDevice& device_;
  DType dtype_;
};

}  // namespace

std::shared_ptr<const void> make_histogram_kernels(CudaDevice& device, DType dtype) {
  if (!HistogramKernels::covers(dtype)) return nullptr;
  return std::shared_ptr<const HistogramKernels>(
      std::make_shared<CudaHistogramKernels>(device, dtype));
}

}  // namespace serried::cuda
