// The register-blocked heart: |c'|^2 - 2 x'.c' for tiles of rows and centres, each value one chain
// of fused multiply-adds over ascending features. A warp computes a tile by itself; its rows lie
// transposed in shared memory of its own, so that warps wait for none but their own loads.
#pragma once

#include <cuda_runtime.h>

#include <algorithm>
#include <cstdint>

#include "backend/cuda/kmeans_centers.hpp"
#include "backend/cuda/launch.hpp"

namespace serried::cuda {

inline constexpr unsigned full_warp = 0xffffffffU;

__device__ __forceinline__ float fused(float a, float b, float c) {
  return __fmaf_rn(a, b, c);
}
__device__ __forceinline__ double fused(double a, double b, double c) {
  return __fma_rn(a, b, c);
}
__device__ __forceinline__ float lesser(float a, float b) {
  return fminf(a, b);
}
__device__ __forceinline__ double lesser(double a, double b) {
  return fmin(a, b);
}
__device__ __forceinline__ float greater(float a, float b) {
  return fmaxf(a, b);
}
__device__ __forceinline__ double greater(double a, double b) {
  return fmax(a, b);
}
template <class C>
__device__ __forceinline__ C infinite() {
  return static_cast<C>(__int_as_float(0x7f800000));
}

/// `count` numbers from memory aligned to as many, in loads of 16 bytes where there are so many.
template <int count>
__device__ __forceinline__ void load_vector(const float* from, float* to) {
  if constexpr (count % 4 == 0) {
#pragma unroll
    for (int i = 0; i < count; i += 4) {
      const float4 v = *reinterpret_cast<const float4*>(from + i);
      to[i] = v.x;
      to[i + 1] = v.y;
      to[i + 2] = v.z;
      to[i + 3] = v.w;
    }
  } else if constexpr (count % 2 == 0) {
#pragma unroll
    for (int i = 0; i < count; i += 2) {
      const float2 v = *reinterpret_cast<const float2*>(from + i);
      to[i] = v.x;
      to[i + 1] = v.y;
    }
  } else {
#pragma unroll
    for (int i = 0; i < count; ++i) to[i] = from[i];
  }
}
template <int count>
__device__ __forceinline__ void load_vector(const double* from, double* to) {
  if constexpr (count % 2 == 0) {
#pragma unroll
    for (int i = 0; i < count; i += 2) {
      const double2 v = *reinterpret_cast<const double2*>(from + i);
      to[i] = v.x;
      to[i + 1] = v.y;
    }
  } else {
#pragma unroll
    for (int i = 0; i < count; ++i) to[i] = from[i];
  }
}

/// A tile at compile time; see TileGeometry. C is what is computed in, T the dtype of the data.
template <class C_, class T_, int chunk_, int thread_rows_, int thread_centers_, int center_lanes_>
struct TileShape {
  using C = C_;
  using T = T_;
  static constexpr int chunk = chunk_;
  static constexpr int thread_rows = thread_rows_;
  static constexpr int thread_centers = thread_centers_;
  static constexpr int center_lanes = center_lanes_;
  static constexpr int row_lanes = 32 / center_lanes;
  static constexpr int rows = row_lanes * thread_rows;
  static constexpr int centers = center_lanes * thread_centers;
  /// Numbers in 16 bytes.
  static constexpr int vector = 16 / static_cast<int>(sizeof(C));
  /// A lane's rows and centres come in vectors, so that lanes beside each other read beside each
  /// other.
  static constexpr int row_vector = thread_rows < vector ? thread_rows : vector;
  /// Rows are loaded `vector` features a lane; chunk_lanes lanes share a row.
  static constexpr int chunk_lanes = chunk / vector;
  static constexpr int load_rows = 32 / chunk_lanes;
  static constexpr int pieces = rows / load_rows;
  /// Row r of feature f stands at f * rows + (r ^ (f / vector * turn)): then neither the transposed
  /// stores nor the loads have bank conflicts.
  static constexpr int turn = 128 / static_cast<int>(sizeof(C)) / chunk_lanes;
  /// After the lanes that share rows have compared what they found, each owns some of the rows.
  static constexpr int own_rows = thread_rows / center_lanes;
  static constexpr int own_vector = own_rows < row_vector ? own_rows : row_vector;
  static constexpr int tile_elements = rows * chunk;
  /// The centre of a group that is centre t of a lane, but for the lane's own part.
  [[nodiscard]] static constexpr int lane_center(int t) {
    return t / vector * center_lanes * vector + t % vector;
  }

  static_assert(thread_rows % center_lanes == 0 && thread_rows % row_vector == 0);
  static_assert(thread_centers % vector == 0 && turn % row_vector == 0);
  static_assert(rows % (128 / static_cast<int>(sizeof(C))) == 0);
};

/// Where a lane stands in its warp's tile.
template <class S>
struct TileLane {
  int lane, row_lane, center_lane;

  __device__ __forceinline__ TileLane() : lane(static_cast<int>(threadIdx.x) % 32) {
    // Eight lanes that follow each other read two vectors of rows and four of centres.
    center_lane = (lane >> 1) % S::center_lanes;
    row_lane = (lane >> 1) / S::center_lanes * 2 + (lane & 1);
  }
  /// The tile's row that is row i of this lane.
  __device__ __forceinline__ int row(int i) const {
    return (i / S::row_vector * S::row_lanes + row_lane) * S::row_vector + i % S::row_vector;
  }
  __device__ __forceinline__ int own_row(int i) const { return row(center_lane * S::own_rows + i); }
  /// The centre of a group that is centre t of this lane.
  __device__ __forceinline__ int center(int t) const {
    return S::lane_center(t) + center_lane * S::vector;
  }
  /// The lane that owns row i of this lane.
  __device__ __forceinline__ int owner(int i) const {
    return (row_lane & 1) | (i / S::own_rows) << 1 | (row_lane >> 1) * S::center_lanes * 2;
  }
};

/// A run of rows and the centres they meet.
template <class C>
struct TileProblem {
  const void* rows = nullptr;
  int row_count = 0;  ///< far below 2^31
  int features = 0;
  double scale = 1;
  const double* negative_shift = nullptr;
  TileCenters<C> centers;
};

/// Part of the rows of a tile in registers, on their way to shared memory.
template <class S>
struct RawRows {
  using C = typename S::C;
  using T = typename S::T;
  T values[S::pieces][S::vector];

  /// The chunk that begins at feature `first` of the rows from `row` on; zeros stand where there is
  /// none.
  template <bool is_aligned>
  __device__ __forceinline__ void load(const TileProblem<C>& problem, int row, int first,
                                       int lane) {
    const int feature = first + lane % S::chunk_lanes * S::vector;
    row += lane / S::chunk_lanes;
    const T* x =
        static_cast<const T*>(problem.rows) + std::int64_t{row} * problem.features + feature;
    const int left = feature < problem.features ? problem.row_count - row : 0;
    const std::int64_t step = std::int64_t{S::load_rows} * problem.features;
#pragma unroll
    for (int i = 0; i < S::pieces; ++i, x += step) {
#pragma unroll
      for (int j = 0; j < S::vector; ++j) values[i][j] = T{0};
      if constexpr (is_aligned) {
        if (i * S::load_rows < left) load_vector<S::vector>(x, values[i]);
      } else {
#pragma unroll
        for (int j = 0; j < S::vector; ++j)
          if (i * S::load_rows < left && feature + j < problem.features) values[i][j] = x[j];
      }
    }
  }
  /// Puts x' = scale * x - scale * shift into the tile.
  __device__ __forceinline__ void store(const TileProblem<C>& problem, int first, int lane,
                                        C* tile) const {
    const int part = lane % S::chunk_lanes;
    const int feature = first + part * S::vector;
    C* const column = tile + part * S::vector * S::rows;
    if constexpr (sizeof(T) == sizeof(C)) {
      C shift[S::vector];
      load_vector<S::vector>(problem.centers.negative_shift + feature, shift);
      const C scale = static_cast<C>(problem.scale);
#pragma unroll
      for (int i = 0; i < S::pieces; ++i) {
        const int row = (i * S::load_rows + lane / S::chunk_lanes) ^ (part * S::turn);
#pragma unroll
        for (int j = 0; j < S::vector; ++j)
          column[j * S::rows + row] = fused(values[i][j], scale, shift[j]);
      }
    } else {
      double shift[S::vector];
      load_vector<S::vector>(problem.negative_shift + feature, shift);
#pragma unroll
      for (int i = 0; i < S::pieces; ++i) {
        const int row = (i * S::load_rows + lane / S::chunk_lanes) ^ (part * S::turn);
#pragma unroll
        for (int j = 0; j < S::vector; ++j)
          column[j * S::rows + row] =
              static_cast<C>(fused(static_cast<double>(values[i][j]), problem.scale, shift[j]));
      }
    }
  }
};

/// Continues the chains of a lane, and the squares of its own rows, over one vector of features.
/// `x` and `c` are the vector's rows and coefficients; chains that start here begin with `starts`.
template <class S, bool is_first, class C>
__device__ __forceinline__ void run_step(const C* x, const C* c, int turned, const TileLane<S>& at,
                                         const C (&starts)[S::thread_centers],
                                         C (&chain)[S::thread_rows][S::thread_centers],
                                         C (&norms)[S::own_rows]) {
  constexpr int row_vectors = S::thread_rows / S::row_vector;
  const C* rows[row_vectors];
#pragma unroll
  for (int s = 0; s < row_vectors; ++s) rows[s] = x + (at.row(s * S::row_vector) ^ turned);
  constexpr int own_vectors = S::own_rows / S::own_vector;
  const C* own[own_vectors];
#pragma unroll
  for (int s = 0; s < own_vectors; ++s) own[s] = x + (at.own_row(s * S::own_vector) ^ turned);
#pragma unroll
  for (int j = 0; j < S::vector; ++j) {
    C a[S::thread_rows], b[S::thread_centers];
#pragma unroll
    for (int s = 0; s < row_vectors; ++s)
      load_vector<S::row_vector>(rows[s] + j * S::rows, a + s * S::row_vector);
#pragma unroll
    for (int s = 0; s < S::thread_centers; s += S::vector)
      load_vector<S::vector>(c + j * S::centers + s * S::center_lanes, b + s);
#pragma unroll
    for (int i = 0; i < S::thread_rows; ++i)
#pragma unroll
      for (int t = 0; t < S::thread_centers; ++t)
        chain[i][t] = fused(a[i], b[t], is_first && j == 0 ? starts[t] : chain[i][t]);
    C own_x[S::own_rows];
    if constexpr (S::center_lanes > 1) {
#pragma unroll
      for (int s = 0; s < own_vectors; ++s)
        load_vector<S::own_vector>(own[s] + j * S::rows, own_x + s * S::own_vector);
    }
#pragma unroll
    for (int i = 0; i < S::own_rows; ++i) {
      const C value = S::center_lanes > 1 ? own_x[i] : a[i];
      norms[i] = is_first && j == 0 ? value * value : fused(value, value, norms[i]);
    }
  }
}

/// As run_step, over `vectors` vectors of features; chains start where norms of centres are given.
template <class S, class C>
__device__ __forceinline__ void run_chains(const C* tile, const C* coefficients,
                                           const C* norms_of_centers, int vectors,
                                           const TileLane<S>& at,
                                           C (&chain)[S::thread_rows][S::thread_centers],
                                           C (&norms)[S::own_rows]) {
  const C* const c = coefficients + at.center_lane * S::vector;
  C starts[S::thread_centers];
  if (norms_of_centers != nullptr) {
#pragma unroll
    for (int t = 0; t < S::thread_centers; t += S::vector)
      load_vector<S::vector>(norms_of_centers + at.center(t), starts + t);
    run_step<S, true>(tile, c, 0, at, starts, chain, norms);
  } else {
    run_step<S, false>(tile, c, 0, at, starts, chain, norms);
  }
#pragma unroll
  for (int q = 1; q < S::chunk / S::vector; ++q) {
    if (q >= vectors) break;
    run_step<S, false>(tile + q * S::vector * S::rows, c + q * S::vector * S::centers, q * S::turn,
                       at, starts, chain, norms);
  }
}

/// The least value of a row so far, and where it is.
template <class C>
struct Least {
  C value = infinite<C>();
  int index = 0;
};
/// Ties go to the lower index.
template <class C>
__device__ __forceinline__ Least<C> lesser(const Least<C>& a, const Least<C>& b) {
  return b.value < a.value || (b.value == a.value && b.index < a.index) ? b : a;
}

/// The value of the lane whose number differs in the bits of `mask`.
template <class Value>
__device__ __forceinline__ Value of_lane(Value value, int mask) {
  return __shfl_xor_sync(full_warp, value, mask);
}
template <class C>
__device__ __forceinline__ Least<C> of_lane(const Least<C>& least, int mask) {
  return {of_lane(least.value, mask), of_lane(least.index, mask)};
}

/// Merges what the lanes that share rows found: each step halves the rows of a lane, until it has
/// its own at the front. `merge` is called with two values and commutes.
template <class S, class Value, class Merge, int count = S::thread_rows,
          int lanes = S::center_lanes>
__device__ __forceinline__ void share_out(Value (&found)[S::thread_rows], const TileLane<S>& at,
                                          const Merge& merge) {
  if constexpr (lanes > 1) {
    const bool is_upper = (at.center_lane & (lanes / 2)) != 0;
#pragma unroll
    for (int i = 0; i < count / 2; ++i) {
      const Value sent = is_upper ? found[i] : found[i + count / 2];
      const Value kept = is_upper ? found[i + count / 2] : found[i];
      found[i] = merge(kept, of_lane(sent, lanes));
    }
    share_out<S, Value, Merge, count / 2, lanes / 2>(found, at, merge);
  }
}

/// How the blocks of a kernel are made up; see run_tiles.
template <class S, bool is_resident_, bool is_aligned_>
struct TileKernel {
  using Shape = S;
  /// Whether all centres lie in shared memory; else a chunk of one group at a time does, and the
  /// warps of a block go together.
  static constexpr bool is_resident = is_resident_;
  /// Whether each row is a whole number of vectors, and aligned so.
  static constexpr bool is_aligned = is_aligned_;
  static constexpr int registers =
      S::thread_rows * S::thread_centers * static_cast<int>(sizeof(typename S::C)) / 4 +
      S::pieces * S::vector * static_cast<int>(sizeof(typename S::T)) / 4;
  static constexpr int threads = !is_resident ? 128 : registers >= 80 ? 384 : 256;
  static constexpr int blocks = !is_resident ? 3 : registers >= 80 ? 1 : 2;
  static constexpr int warps = threads / 32;

  [[nodiscard]] static std::size_t shared_bytes(const TileCenters<typename S::C>& centers) {
    const std::size_t own = static_cast<std::size_t>(warps) * S::tile_elements;
    const auto groups = static_cast<std::size_t>(is_resident ? centers.groups : 1);
    const auto features =
        static_cast<std::size_t>(is_resident ? centers.padded_features : S::chunk);
    return (own + groups * S::centers * (features + 1)) * sizeof(typename S::C);
  }
};

/// Runs the tiles of a grid. What is done with them is up to `work`:
///   work.begin(row): the tile that begins at this row (perhaps beyond the end) is next;
///   work.group(first centre, chain, norms): the values of a group of centres, |x'|^2 still to be
///     added; norms are those of the own rows;
///   work.end(row): all groups were seen.
template <class K, class Work>
__device__ __forceinline__ void run_tiles(const TileProblem<typename K::Shape::C>& problem,
                                          std::byte* shared, const TileLane<typename K::Shape>& at,
                                          Work& work) {
  using S = typename K::Shape;
  using C = typename S::C;
  const TileCenters<C>& centers = problem.centers;
  const int padded = centers.padded_features;
  const int warp = static_cast<int>(threadIdx.x) / 32;
  C* const tile = reinterpret_cast<C*>(shared) + warp * S::tile_elements;
  C* const coefficients = reinterpret_cast<C*>(shared) + K::warps * S::tile_elements;
  C* const norms_of_centers =
      coefficients + (K::is_resident ? centers.groups * padded : S::chunk) * S::centers;
  const auto copy = [](C* to, const C* from, int count) {
    for (int i = static_cast<int>(threadIdx.x) * S::vector; i < count;
         i += K::threads * S::vector) {
      C v[S::vector];
      load_vector<S::vector>(from + i, v);
#pragma unroll
      for (int j = 0; j < S::vector; ++j) to[i + j] = v[j];
    }
  };
  if constexpr (K::is_resident) {
    copy(coefficients, centers.coefficients, centers.groups * padded * S::centers);
    copy(norms_of_centers, centers.norms, centers.groups * S::centers);
    __syncthreads();
  }
  const int chunks = (padded + S::chunk - 1) / S::chunk;
  const int step = static_cast<int>(gridDim.x) * K::warps * S::rows;
  int row = (static_cast<int>(blockIdx.x) * K::warps + warp) * S::rows;
  // The warps of a block go on together where they must.
  const int ahead = K::is_resident ? 0 : warp * S::rows;
  RawRows<S> raw;
  raw.template load<K::is_aligned>(problem, row, 0, at.lane);
  for (; row - ahead < problem.row_count; row += step) {
    work.begin(row);
    for (int group = 0; group < centers.groups; ++group) {
      C chain[S::thread_rows][S::thread_centers];
      C norms[S::own_rows] = {};
      for (int chunk = 0; chunk < chunks; ++chunk) {
        const int begin = chunk * S::chunk;
        const int features = padded - begin < S::chunk ? padded - begin : S::chunk;
        const bool is_staged = group == 0 || chunks > 1;
        __syncwarp();
        if (is_staged) {
          raw.store(problem, begin, at.lane, tile);
          // The next chunk travels while this one is computed on.
          const bool is_last = chunk + 1 == chunks;
          const bool is_done = is_last && (chunks == 1 || group + 1 == centers.groups);
          raw.template load<K::is_aligned>(problem, is_done ? row + step : row,
                                           is_last ? 0 : begin + S::chunk, at.lane);
        }
        const C* c = coefficients;
        const C* c_norms = norms_of_centers;
        if constexpr (K::is_resident) {
          c += (group * padded + begin) * S::centers;
          c_norms += group * S::centers;
          __syncwarp();
        } else {
          __syncthreads();
          copy(coefficients,
               centers.coefficients + (std::int64_t{group} * padded + begin) * S::centers,
               features * S::centers);
          if (chunk == 0)
            copy(norms_of_centers, centers.norms + std::int64_t{group} * S::centers, S::centers);
          __syncthreads();
        }
        run_chains<S>(tile, c, chunk == 0 ? c_norms : nullptr, features / S::vector, at, chain,
                      norms);
      }
      work.group(group * S::centers, chain, norms);
    }
    work.end(row);
  }
}

/// Puts `entry` at the end of a list for each lane that wants it; all lanes of a warp call this.
template <class Entry>
__device__ __forceinline__ void append(bool is_wanted, Entry entry, Entry* list, unsigned* count) {
  const unsigned wanted = __ballot_sync(full_warp, is_wanted);
  if (wanted == 0) return;
  const int lane = static_cast<int>(threadIdx.x) % 32;
  unsigned place = 0;
  if (lane == 0) place = atomicAdd(count, static_cast<unsigned>(__popc(wanted)));
  place = __shfl_sync(full_warp, place, 0);
  if (is_wanted && list != nullptr) list[place + __popc(wanted & ((1U << lane) - 1))] = entry;
}

/// Starts a kernel of K over the rows of a problem.
template <class K, class... Parameters, class... Arguments>
void launch_tiles(const char* name, CudaDevice& device, void (*kernel)(Parameters...),
                  const TileProblem<typename K::Shape::C>& problem, Arguments&&... arguments) {
  const std::size_t bytes = K::shared_bytes(problem.centers);
  check(cudaFuncSetAttribute(reinterpret_cast<const void*>(kernel),
                             cudaFuncAttributeMaxDynamicSharedMemorySize, static_cast<int>(bytes)),
        name);
  const int tiles = (problem.row_count + K::Shape::rows - 1) / K::Shape::rows;
  const auto fitting =
      static_cast<int>(device.properties().sharedMemPerMultiprocessor / (bytes + 1024));
  const int most = device.multiprocessors() * std::clamp(fitting, 1, K::blocks);
  const int wanted = (tiles + K::warps - 1) / K::warps;
  launch(name, kernel, dim3(static_cast<unsigned>(std::min(wanted, most))), dim3(K::threads), bytes,
         device.stream(), problem, static_cast<Arguments&&>(arguments)...);
}

/// Whether the centres are small enough to lie in shared memory beside the tiles.
template <class S>
bool fits_shared_memory(const CudaDevice& device, const TileCenters<typename S::C>& centers) {
  using K = TileKernel<S, true, true>;
  const std::size_t bytes = K::shared_bytes(centers);
  const cudaDeviceProp& properties = device.properties();
  return bytes <= properties.sharedMemPerBlockOptin &&
         (bytes + 1024) * ((K::blocks + 1) / 2) <= properties.sharedMemPerMultiprocessor;
}

/// Calls `use(TileKernel())` with the kernel for a problem.
template <class S, class Use>
void with_kernel(const CudaDevice& device, const TileProblem<typename S::C>& problem,
                 const Use& use) {
  using T = typename S::T;
  const bool is_aligned = reinterpret_cast<std::uintptr_t>(problem.rows) % 16 == 0 &&
                          problem.features % S::vector == 0 &&
                          problem.features * sizeof(T) % 16 == 0;
  if (fits_shared_memory<S>(device, problem.centers))
    is_aligned ? use(TileKernel<S, true, true>()) : use(TileKernel<S, true, false>());
  else
    is_aligned ? use(TileKernel<S, false, true>()) : use(TileKernel<S, false, false>());
}

template <class C>
TileProblem<C> make_problem(const CudaCenters& centers, const void* rows, int row_count) {
  TileProblem<C> problem;
  problem.rows = rows;
  problem.row_count = row_count;
  problem.features = centers.features;
  problem.scale = centers.scale;
  problem.negative_shift = centers.negative_shift;
  problem.centers = centers.tiles<C>();
  return problem;
}

}  // namespace serried::cuda
