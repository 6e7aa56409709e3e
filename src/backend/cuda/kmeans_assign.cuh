// The nearest centre of each row; included by one source file for each dtype.
#pragma once

#include "backend/cuda/kmeans_direct.cuh"
#include "backend/cuda/kmeans_functions.hpp"
#include "backend/cuda/kmeans_tiles.cuh"

namespace serried::cuda {

/// Puts a row's label in its place, and lists the row if the label changed; all lanes of a warp
/// call this.
__device__ __forceinline__ void settle_row(const AssignBatch& batch, bool is_row, int row,
                                           std::int32_t old, std::int32_t label) {
  const bool is_changed = is_row && label != old;
  if (is_changed) batch.labels[row] = label;
  append(is_changed, MovedRow{row, old}, batch.moved, &batch.counts->changed);
}

/// What assign does with tiles. Of each group the least value is found first; then the values that
/// lie within the rounding bound of it are counted, and their numbers added: where there is one
/// value alone, that sum is its number. (The rounding of the limit itself, less than a unit in its
/// last place, is a small part of what make_tiles leaves to spare.)
template <class S>
struct AssignWork {
  using C = typename S::C;
  const TileCenters<C>& centers;
  const AssignBatch& batch;
  const TileLane<S>& at;
  std::int32_t old[S::own_rows];
  std::int32_t label[S::own_rows];  ///< -1: not decided
  C best[S::own_rows];              ///< of all groups so far

  __device__ __forceinline__ void begin(int row) {
#pragma unroll
    for (int i = 0; i < S::own_rows; ++i) {
      const int place = row + at.own_row(i);
      old[i] = place < batch.row_count ? batch.labels[place] : 0;
      label[i] = -1;
      best[i] = infinite<C>();
    }
  }
  __device__ __forceinline__ void group(int first,
                                        const C (&chain)[S::thread_rows][S::thread_centers],
                                        const C (&norms)[S::own_rows]) {
    C least[S::thread_rows];
#pragma unroll
    for (int i = 0; i < S::thread_rows; ++i) {
      least[i] = chain[i][0];
#pragma unroll
      for (int t = 1; t < S::thread_centers; ++t) least[i] = lesser(least[i], chain[i][t]);
    }
    share_out<S>(least, at, [](C a, C b) { return lesser(a, b); });
    C bound[S::own_rows], limit[S::own_rows];
#pragma unroll
    for (int i = 0; i < S::own_rows; ++i) {
      bound[i] = fused(norms[i], centers.relative, centers.absolute);
      limit[i] = least[i] + bound[i];
    }
    constexpr unsigned one = 1U << 16;
    unsigned within[S::thread_rows];
#pragma unroll
    for (int i = 0; i < S::thread_rows; ++i) {
      C own_limit = limit[i % S::own_rows];
      if constexpr (S::center_lanes > 1) own_limit = __shfl_sync(full_warp, own_limit, at.owner(i));
      within[i] = 0;
#pragma unroll
      for (int t = 0; t < S::thread_centers; ++t)
        if (chain[i][t] <= own_limit) within[i] += one + S::lane_center(t);
      within[i] += within[i] / one * static_cast<unsigned>(at.center_lane * S::vector);
    }
    share_out<S>(within, at, [](unsigned a, unsigned b) { return a + b; });
#pragma unroll
    for (int i = 0; i < S::own_rows; ++i) {
      // Not so where a number is not finite: then nothing is decided.
      const bool is_better = least[i] + bound[i] < best[i];
      const bool is_worse = least[i] > best[i] + bound[i];
      if (is_better)
        label[i] = within[i] / one == 1 ? first + static_cast<int>(within[i] % one) : -1;
      else if (!is_worse)
        label[i] = -1;
      best[i] = lesser(best[i], least[i]);
    }
  }
  __device__ __forceinline__ void end(int row) {
#pragma unroll
    for (int i = 0; i < S::own_rows; ++i) {
      const int place = row + at.own_row(i);
      const bool is_row = place < batch.row_count;
      bool is_decided = label[i] >= 0;
      if (batch.weights != nullptr && is_row) {
        const double weight = batch.weights[place];
        if (weight != weight) {
          is_decided = true;
          label[i] = -1;
        }
      }
      append(is_row && !is_decided, place, batch.undecided, &batch.counts->undecided);
      settle_row(batch, is_row && is_decided, place, old[i], label[i]);
    }
  }
};

template <class K>
__global__ void __launch_bounds__(K::threads, K::blocks)
    assign_tiles(TileProblem<typename K::Shape::C> problem, AssignBatch batch) {
  SERRIED_DYNAMIC_SHARED(shared);
  const TileLane<typename K::Shape> at;
  AssignWork<typename K::Shape> work{problem.centers, batch, at, {}, {}, {}};
  run_tiles<K>(problem, shared, at, work);
}

template <int lanes, class T>
__global__ void __launch_bounds__(256) assign_directly(DirectCenters centers, AssignBatch batch) {
  const std::int64_t count = batch.counts->undecided;
  constexpr int rows_of_warp = 32 / lanes;
  const std::int64_t step = std::int64_t{gridDim.x} * blockDim.x / lanes;
  const int group = static_cast<int>(threadIdx.x) % 32 / lanes;
  const bool is_first_lane = threadIdx.x % lanes == 0;
  for (std::int64_t i = (std::int64_t{blockIdx.x} * blockDim.x + threadIdx.x) / 32 * rows_of_warp;
       i < count; i += step) {
    const bool is_row = i + group < count;
    const int row = batch.undecided[is_row ? i + group : i];
    const std::int32_t label = direct_nearest<lanes>(
        centers, static_cast<const T*>(batch.rows) + std::int64_t{row} * centers.features);
    settle_row(batch, is_row && is_first_lane, row, batch.labels[row], label);
  }
}

template <class S>
void launch_assign(CudaDevice& device, const TileProblem<typename S::C>& problem,
                   const AssignBatch& batch) {
  with_kernel<S>(device, problem, [&]<class K>(K) {
    launch_tiles<K>("kmeans assign", device, &assign_tiles<K>, problem, batch);
  });
}

/// One shape for each entry of `list`.
template <class C, class T, const auto& list, std::size_t... i>
void launch_chosen(CudaDevice& device, int geometry, const TileProblem<C>& problem,
                   const AssignBatch& batch, std::index_sequence<i...>) {
  static_cast<void>(((static_cast<int>(i) == geometry
                          ? (launch_assign<TileShape<C, T, list[i].chunk, list[i].thread_rows,
                                                     list[i].thread_centers, list[i].center_lanes>>(
                                 device, problem, batch),
                             true)
                          : false) ||
                     ...));
}

template <class T, const auto& list>
void assign_batch_with(CudaDevice& device, const CudaCenters& centers, const AssignBatch& batch) {
  launch_chosen<T, T, list>(device, centers.geometry,
                            make_problem<T>(centers, batch.rows, batch.row_count), batch,
                            std::make_index_sequence<list.size()>());
}

template <class T>
void assign_undecided_with(CudaDevice& device, const CudaCenters& centers,
                           const AssignBatch& batch) {
  const DirectCenters direct(centers);
  if (centers.clusters <= 8)
    launch("kmeans assign", &assign_directly<8, T>,
           dim3(blocks_for(device, batch.row_count, 32, 4)), dim3(256), 0, device.stream(), direct,
           batch);
  else
    launch("kmeans assign", &assign_directly<32, T>,
           dim3(blocks_for(device, batch.row_count, 8, 4)), dim3(256), 0, device.stream(), direct,
           batch);
}

}  // namespace serried::cuda
