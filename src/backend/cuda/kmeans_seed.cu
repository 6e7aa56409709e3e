// Distances for seeding: in f32 whatever the data's dtype, and by the direct form where f32 could
// not tell a distance from rounding.
#include "backend/cuda/kmeans_direct.cuh"
#include "backend/cuda/kmeans_functions.hpp"
#include "backend/cuda/kmeans_tiles.cuh"

namespace serried::cuda {
namespace {

/// Rows of a batch, from the batch's first on.
struct SeedBatch {
  std::int32_t first = 0;
  float* squared = nullptr;
  std::int32_t* nearest = nullptr;
  std::int32_t* unclear = nullptr;  ///< rows that the fast form cannot tell from rounding
  unsigned* unclear_count = nullptr;
};

/// Whether a fast square is well above its rounding bound; not where it is no number.
__device__ __forceinline__ bool is_clear(float square, float norm,
                                         const TileCenters<float>& centers) {
  return square > fused(norm, 16 * centers.relative, 16 * centers.absolute);
}

/// Keeps the nearest centre of each row.
template <class S>
struct NearestWork {
  const TileCenters<float>& centers;
  const SeedBatch& batch;
  int row_count;
  const TileLane<S>& at;
  Least<float> own[S::own_rows];
  float own_norms[S::own_rows];

  __device__ __forceinline__ void begin(int) {
#pragma unroll
    for (int i = 0; i < S::own_rows; ++i) own[i] = {};
  }
  __device__ __forceinline__ void group(int first,
                                        const float (&chain)[S::thread_rows][S::thread_centers],
                                        const float (&norms)[S::own_rows]) {
    Least<float> found[S::thread_rows];
#pragma unroll
    for (int i = 0; i < S::thread_rows; ++i)
#pragma unroll
      for (int t = 0; t < S::thread_centers; ++t)
        if (t == 0 || chain[i][t] < found[i].value) found[i] = {chain[i][t], first + at.center(t)};
    share_out<S>(found, at,
                 [](const Least<float>& a, const Least<float>& b) { return lesser(a, b); });
#pragma unroll
    for (int i = 0; i < S::own_rows; ++i) {
      own[i] = lesser(own[i], found[i]);
      own_norms[i] = norms[i];
    }
  }
  __device__ __forceinline__ void end(int row) {
#pragma unroll
    for (int i = 0; i < S::own_rows; ++i) {
      const int place = row + at.own_row(i);
      const bool is_row = place < row_count;
      const float old = is_row ? batch.squared[place] : 0;
      const float square = own[i].value + own_norms[i];
      const bool is_sure = is_clear(square, own_norms[i], centers);
      // A row that equals a centre has found its nearest.
      const bool is_settled = old == 0 && own_norms[i] < infinite<float>();
      append(is_row && !is_sure && !is_settled, place, batch.unclear, batch.unclear_count);
      if (is_row && is_sure && square < old) {
        batch.squared[place] = square;
        batch.nearest[place] = batch.first + own[i].index;
      }
    }
  }
};

template <class K>
__global__ void __launch_bounds__(K::threads, K::blocks)
    nearest_tiles(TileProblem<float> problem, SeedBatch batch) {
  SERRIED_DYNAMIC_SHARED(shared);
  const TileLane<typename K::Shape> at;
  NearestWork<typename K::Shape> work{problem.centers, batch, problem.row_count, at, {}, {}};
  run_tiles<K>(problem, shared, at, work);
}

template <class T>
__global__ void __launch_bounds__(256)
    nearest_directly(DirectCenters centers, const T* rows, SeedBatch batch) {
  const std::int64_t count = *batch.unclear_count;
  const std::int64_t step = std::int64_t{gridDim.x} * blockDim.x / 32;
  for (std::int64_t i = (std::int64_t{blockIdx.x} * blockDim.x + threadIdx.x) / 32; i < count;
       i += step) {
    const int row = batch.unclear[i];
    const T* const x = rows + std::int64_t{row} * centers.features;
    const int index = direct_nearest<32>(centers, x);
    if (threadIdx.x % 32 != 0) continue;
    const float square =
        index < 0 ? 0
                  : scaled_distance(x, centers.masters + std::int64_t{index} * centers.features,
                                    centers.features, centers.scale);
    if (index >= 0 && !(square < batch.squared[row])) continue;
    batch.squared[row] = square;
    batch.nearest[row] = index < 0 ? -1 : batch.first + index;
  }
}

/// Where candidate distances go, from the batch's first row on.
struct CandidateBatch {
  float* out = nullptr;
  std::int64_t all_rows = 0;  ///< distance of a centre's squares from those of the next
  std::int32_t* unclear = nullptr;
  unsigned* unclear_count = nullptr;
};

/// Writes the squares of all centres; -1 for those that rounding may have spoilt, and lists such
/// rows.
template <class S>
struct CandidateWork {
  const TileProblem<float>& problem;
  const CandidateBatch& batch;
  int clusters;
  const TileLane<S>& at;
  int first_row = 0;
  unsigned unclear = 0;  ///< one bit for each row of this lane

  __device__ __forceinline__ void begin(int row) {
    first_row = row;
    unclear = 0;
  }
  __device__ __forceinline__ void group(int first,
                                        const float (&chain)[S::thread_rows][S::thread_centers],
                                        const float (&norms)[S::own_rows]) {
#pragma unroll
    for (int i = 0; i < S::thread_rows; ++i) {
      const int row = first_row + at.row(i);
      const float norm = __shfl_sync(full_warp, norms[i % S::own_rows], at.owner(i));
#pragma unroll
      for (int t = 0; t < S::thread_centers; ++t) {
        const int center = first + at.center(t);
        if (row >= problem.row_count || center >= clusters) continue;
        const float square = chain[i][t] + norm;
        const bool is_sure = is_clear(square, norm, problem.centers);
        if (!is_sure) unclear |= 1U << i;
        batch.out[center * batch.all_rows + row] = is_sure ? square : -1;
      }
    }
  }
  __device__ __forceinline__ void end(int row) {
#pragma unroll
    for (int mask = S::center_lanes; mask > 1; mask /= 2)
      unclear |= __shfl_xor_sync(full_warp, unclear, mask);
#pragma unroll
    for (int i = 0; i < S::own_rows; ++i) {
      const bool is_unclear = (unclear >> (at.center_lane * S::own_rows + i) & 1U) != 0;
      append(is_unclear, row + at.own_row(i), batch.unclear, batch.unclear_count);
    }
  }
};

template <class K>
__global__ void __launch_bounds__(K::threads, K::blocks)
    candidate_tiles(TileProblem<float> problem, CandidateBatch batch, int clusters) {
  SERRIED_DYNAMIC_SHARED(shared);
  const TileLane<typename K::Shape> at;
  CandidateWork<typename K::Shape> work{problem, batch, clusters, at};
  run_tiles<K>(problem, shared, at, work);
}

template <class T>
__global__ void __launch_bounds__(256)
    candidates_directly(DirectCenters centers, const T* rows, CandidateBatch batch) {
  const std::int64_t count = *batch.unclear_count;
  const std::int64_t step = std::int64_t{gridDim.x} * blockDim.x / 32;
  for (std::int64_t i = (std::int64_t{blockIdx.x} * blockDim.x + threadIdx.x) / 32; i < count;
       i += step) {
    const std::int64_t row = batch.unclear[i];
    const T* const x = rows + row * centers.features;
    const bool is_finite = is_finite_row(x, centers.features);
    for (int j = static_cast<int>(threadIdx.x) % 32; j < centers.clusters; j += 32) {
      float* const out = batch.out + j * batch.all_rows + row;
      if (!(*out < 0)) continue;
      *out = is_finite ? scaled_distance(x, centers.masters + std::int64_t{j} * centers.features,
                                         centers.features, centers.scale)
                       : 0;
    }
  }
}

/// Calls `use(shape)` with the shape that the centres were prepared for.
template <class T, class Use, std::size_t... i>
void with_seed_shape(int geometry, const Use& use, std::index_sequence<i...>) {
  constexpr const auto& list = seed_geometries;
  static_cast<void>(((static_cast<int>(i) == geometry
                          ? (use(TileShape<float, T, list[i].chunk, list[i].thread_rows,
                                           list[i].thread_centers, list[i].center_lanes>()),
                             true)
                          : false) ||
                     ...));
}
template <class T, class Use>
void with_seed_shape(int geometry, const Use& use) {
  with_seed_shape<T>(geometry, use, std::make_index_sequence<seed_geometries.size()>());
}

}  // namespace

/// Calls `use(first row, rows, list, its length)` for each batch of rows.
template <class Use>
void for_each_batch(CudaDevice& device, std::int64_t row_count, const Use& use) {
  const std::int64_t longest = batch_rows(row_count);
  const std::int64_t batches = (row_count + longest - 1) / longest;
  const Scratch list(device, static_cast<std::size_t>(longest) * sizeof(std::int32_t));
  const Scratch counts(device, static_cast<std::size_t>(batches) * sizeof(unsigned));
  device.fill_zero(counts.as<void>(), counts.bytes());
  for (std::int64_t i = 0; i < batches; ++i) {
    const std::int64_t begin = i * longest;
    use(begin, static_cast<int>(std::min(longest, row_count - begin)), list.as<std::int32_t>(),
        counts.as<unsigned>() + i);
  }
}

template <class T>
void update_nearest_rows(CudaDevice& device, const CudaCenters& centers, KMeansRows rows,
                         std::int32_t first, float* squared, std::int32_t* nearest) {
  const DirectCenters direct(centers);
  for_each_batch(
      device, rows.count,
      [&](std::int64_t begin, int count, std::int32_t* list, unsigned* list_count) {
        const T* const data = static_cast<const T*>(rows.data) + begin * centers.features;
        const SeedBatch batch{first, squared + begin, nearest + begin, list, list_count};
        const auto problem = make_problem<float>(centers, data, count);
        with_seed_shape<T>(centers.geometry, [&]<class S>(S) {
          with_kernel<S>(device, problem, [&]<class K>(K) {
            launch_tiles<K>("kmeans nearest", device, &nearest_tiles<K>, problem, batch);
          });
        });
        launch("kmeans nearest", &nearest_directly<T>, dim3(blocks_for(device, count, 8, 4)),
               dim3(256), 0, device.stream(), direct, data, batch);
      });
}

template <class T>
void candidate_distances_rows(CudaDevice& device, const CudaCenters& centers, KMeansRows rows,
                              float* out) {
  const DirectCenters direct(centers);
  for_each_batch(
      device, rows.count,
      [&](std::int64_t begin, int count, std::int32_t* list, unsigned* list_count) {
        const T* const data = static_cast<const T*>(rows.data) + begin * centers.features;
        const CandidateBatch batch{out + begin, rows.count, list, list_count};
        const auto problem = make_problem<float>(centers, data, count);
        with_seed_shape<T>(centers.geometry, [&]<class S>(S) {
          with_kernel<S>(device, problem, [&]<class K>(K) {
            launch_tiles<K>("kmeans candidates", device, &candidate_tiles<K>, problem, batch,
                            direct.clusters);
          });
        });
        launch("kmeans candidates", &candidates_directly<T>, dim3(blocks_for(device, count, 8, 4)),
               dim3(256), 0, device.stream(), direct, data, batch);
      });
}

template void update_nearest_rows<float>(CudaDevice&, const CudaCenters&, KMeansRows, std::int32_t,
                                         float*, std::int32_t*);
template void update_nearest_rows<double>(CudaDevice&, const CudaCenters&, KMeansRows, std::int32_t,
                                          float*, std::int32_t*);
template void candidate_distances_rows<float>(CudaDevice&, const CudaCenters&, KMeansRows, float*);
template void candidate_distances_rows<double>(CudaDevice&, const CudaCenters&, KMeansRows, float*);

}  // namespace serried::cuda
