// Squared distances by the direct form, and what is known by row.
#include "backend/cuda/kmeans_direct.cuh"
#include "backend/cuda/kmeans_functions.hpp"
#include "serried/device/moments.hpp"

namespace serried::cuda {
namespace {

constexpr int warps_of_block = 4;
constexpr int part_features = 32;
/// Rows of a warp's part beside each other, so that lanes that read a column use different banks.
constexpr int part_stride = part_features + 1;

/// Up to 32 rows that a warp works on, a lane for each.
template <class T>
struct RowsOfWarp {
  const T* data;  ///< the first row
  int count;
  int features;
  T* part;  ///< 32 * part_stride elements of shared memory of this warp

  /// Calls `use(feature, element)` for each element of this lane's row, ascending; rows are read
  /// beside each other. All lanes of a warp call this.
  template <class Use>
  __device__ __forceinline__ void for_each(const Use& use) const {
    const int lane = static_cast<int>(threadIdx.x) % 32;
    for (int first = 0; first < features; first += part_features) {
      const int width = features - first < part_features ? features - first : part_features;
      __syncwarp();
      if (width == features) {
        // Whole rows lie one after another.
        int row = lane / width;
        int feature = lane % width;
        const int row_step = 32 / width;
        const int feature_step = 32 % width;
        for (int i = lane; i < count * width; i += 32) {
          part[row * part_stride + feature] = data[i];
          row += row_step;
          feature += feature_step;
          if (feature >= width) {
            feature -= width;
            ++row;
          }
        }
      } else {
#pragma unroll 8
        for (int row = 0; row < count; ++row)
          if (lane < width)
            part[row * part_stride + lane] = data[std::int64_t{row} * features + first + lane];
      }
      __syncwarp();
      if (lane >= count) continue;
#pragma unroll 4
      for (int f = 0; f < width; ++f) use(first + f, part[lane * part_stride + f]);
    }
  }
  /// d^2 of this lane's row to centre `label`; 0 where that is negative.
  __device__ __forceinline__ double own_distance(const double* masters, std::int32_t label) const {
    const double* const c = masters + std::int64_t{label < 0 ? 0 : label} * features;
    double sum = 0;
    for_each([&](int f, T x) {
      const double difference = static_cast<double>(x) - c[f];
      sum = __fma_rn(difference, difference, sum);
    });
    return label < 0 ? 0. : sum;
  }
};

template <class T>
__device__ __forceinline__ T* part_of_warp() {
  __shared__ T parts[warps_of_block * 32 * part_stride];
  return parts + static_cast<int>(threadIdx.x) / 32 * 32 * part_stride;
}
__device__ __forceinline__ std::int64_t warp_of_grid() {
  return (std::int64_t{blockIdx.x} * blockDim.x + threadIdx.x) / 32;
}
__device__ __forceinline__ std::int64_t warps_of_grid() {
  return std::int64_t{gridDim.x} * blockDim.x / 32;
}
__device__ __forceinline__ int rows_here(std::int64_t left) {
  return left < 32 ? static_cast<int>(left) : 32;
}

template <class T>
__global__ void __launch_bounds__(32 * warps_of_block)
    own_distances(DirectCenters centers, const T* rows, std::int64_t row_count,
                  const std::int32_t* labels, double* out) {
  T* const part = part_of_warp<T>();
  const int lane = static_cast<int>(threadIdx.x) % 32;
  for (std::int64_t row = 32 * warp_of_grid(); row < row_count; row += 32 * warps_of_grid()) {
    const RowsOfWarp<T> own{rows + row * centers.features, rows_here(row_count - row),
                            centers.features, part};
    const std::int32_t label = lane < own.count ? labels[row + lane] : -1;
    const double square = own.own_distance(centers.masters, label);
    if (lane < own.count) out[row + lane] = square;
  }
}

template <class T>
__global__ void __launch_bounds__(256)
    all_distances(DirectCenters centers, const T* rows, std::int64_t row_count, double* out) {
  const int lane = static_cast<int>(threadIdx.x) % 32;
  for (std::int64_t row = warp_of_grid(); row < row_count; row += warps_of_grid())
    for (int j = lane; j < centers.clusters; j += 32)
      out[row * centers.clusters + j] = direct_distance(
          rows + row * centers.features, centers.transposed + j, centers.stride, centers.features);
}

/// A sum and what rounding took from it.
struct Compensated {
  double sum = 0;
  double error = 0;

  __device__ __forceinline__ void add(double value, double value_error) {
    const detail::TwoSum both = detail::two_sum(sum, value);
    sum = both.sum;
    error += both.error + value_error;
  }
};

/// A warp for each leaf: a lane adds every 32nd row, and the lanes are added in pairs.
template <class T>
__global__ void __launch_bounds__(32 * warps_of_block)
    leaf_inertia(DirectCenters centers, const T* rows, const double* weights,
                 const std::int32_t* labels, const std::int64_t* offsets, std::int64_t leaves,
                 double* sums) {
  T* const part = part_of_warp<T>();
  const int lane = static_cast<int>(threadIdx.x) % 32;
  for (std::int64_t leaf = warp_of_grid(); leaf < leaves; leaf += warps_of_grid()) {
    Compensated total;
    const std::int64_t end = offsets[leaf + 1];
    for (std::int64_t row = offsets[leaf]; row < end; row += 32) {
      const RowsOfWarp<T> own{rows + row * centers.features, rows_here(end - row), centers.features,
                              part};
      const std::int32_t label = lane < own.count ? labels[row + lane] : -1;
      const double weight = weights != nullptr && lane < own.count ? weights[row + lane] : 1.;
      const double square = own.own_distance(centers.masters, label);
      if (label >= 0 && weight == weight) total.add(weight * square, 0);
    }
#pragma unroll
    for (int mask = 16; mask > 0; mask /= 2) {
      const double other = __shfl_xor_sync(full_warp, total.sum, mask);
      const double other_error = __shfl_xor_sync(full_warp, total.error, mask);
      total.add(other, other_error);
    }
    if (lane == 0) {
      sums[2 * leaf] = total.sum;
      sums[2 * leaf + 1] = total.error;
    }
  }
}

template <class T>
__global__ void __launch_bounds__(32 * warps_of_block)
    find_missing(const T* rows, std::int64_t row_count, int features, std::uint8_t* is_missing,
                 unsigned long long* missing) {
  T* const part = part_of_warp<T>();
  const int lane = static_cast<int>(threadIdx.x) % 32;
  unsigned long long found = 0;
  for (std::int64_t row = 32 * warp_of_grid(); row < row_count; row += 32 * warps_of_grid()) {
    const RowsOfWarp<T> own{rows + row * features, rows_here(row_count - row), features, part};
    T zero = 0;
    own.for_each([&](int, T x) { zero += x * T{0}; });
    if (lane < own.count) is_missing[row + lane] = zero == T{0} ? 0 : 1;
    found += static_cast<unsigned long long>(
        __popc(__ballot_sync(full_warp, lane < own.count && !(zero == T{0}))));
  }
  if (lane == 0 && found != 0) atomicAdd(missing, found);
}

unsigned row_blocks(const CudaDevice& device, std::int64_t rows) {
  return blocks_for(device, rows, std::int64_t{32} * warps_of_block, 16);
}

}  // namespace

template <class T>
void own_distances_rows(CudaDevice& device, const CudaCenters& centers, KMeansRows rows,
                        const std::int32_t* labels, double* out) {
  launch("kmeans own distances", &own_distances<T>, dim3(row_blocks(device, rows.count)),
         dim3(32 * warps_of_block), 0, device.stream(), DirectCenters(centers),
         static_cast<const T*>(rows.data), rows.count, labels, out);
}

template <class T>
void all_distances_rows(CudaDevice& device, const CudaCenters& centers, KMeansRows rows,
                        double* out) {
  launch("kmeans all distances", &all_distances<T>, dim3(blocks_for(device, rows.count, 8, 8)),
         dim3(256), 0, device.stream(), DirectCenters(centers), static_cast<const T*>(rows.data),
         rows.count, out);
}

template <class T>
void leaf_inertia_rows(CudaDevice& device, const CudaCenters& centers, KMeansRows rows,
                       const double* weights, const std::int32_t* labels,
                       std::span<const std::int64_t> offsets, double* sums) {
  const auto leaves = static_cast<std::int64_t>(offsets.size()) - 1;
  const Scratch offsets_there = uploaded(device, offsets);
  const Scratch sums_there(device, static_cast<std::size_t>(2 * leaves) * sizeof(double));
  launch("kmeans inertia", &leaf_inertia<T>, dim3(blocks_for(device, leaves, warps_of_block, 16)),
         dim3(32 * warps_of_block), 0, device.stream(), DirectCenters(centers),
         static_cast<const T*>(rows.data), weights, labels, offsets_there.as<std::int64_t>(),
         leaves, sums_there.as<double>());
  device.download(sums, sums_there.as<double>(), sums_there.bytes());
}

template <class T>
std::int64_t find_missing_rows(CudaDevice& device, KMeansRows rows, std::int64_t features,
                               std::uint8_t* is_missing) {
  const Scratch flags(device, static_cast<std::size_t>(rows.count));
  const Scratch missing(device, sizeof(unsigned long long));
  device.fill_zero(missing.as<void>(), missing.bytes());
  launch("kmeans missing rows", &find_missing<T>, dim3(row_blocks(device, rows.count)),
         dim3(32 * warps_of_block), 0, device.stream(), static_cast<const T*>(rows.data),
         rows.count, static_cast<int>(features), flags.as<std::uint8_t>(),
         missing.as<unsigned long long>());
  std::int64_t count = 0;
  device.download(&count, missing.as<void>(), sizeof count);
  device.download(is_missing, flags.as<void>(), flags.bytes());
  return count;
}

#define SERRIED_INSTANTIATE(T)                                                                     \
  template void own_distances_rows<T>(CudaDevice&, const CudaCenters&, KMeansRows,                 \
                                      const std::int32_t*, double*);                               \
  template void all_distances_rows<T>(CudaDevice&, const CudaCenters&, KMeansRows, double*);       \
  template void leaf_inertia_rows<T>(CudaDevice&, const CudaCenters&, KMeansRows, const double*,   \
                                     const std::int32_t*, std::span<const std::int64_t>, double*); \
  template std::int64_t find_missing_rows<T>(CudaDevice&, KMeansRows, std::int64_t, std::uint8_t*);
SERRIED_INSTANTIATE(float)
SERRIED_INSTANTIATE(double)
#undef SERRIED_INSTANTIATE

}  // namespace serried::cuda
