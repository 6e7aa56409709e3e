#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <span>

#include "backend/cuda/cuda_device.hpp"
#include "serried/device/kmeans_kernels.hpp"

namespace serried::cuda {

/// What a warp computes at a time: `row_lanes` * `center_lanes` lanes, each with thread_rows rows
/// and thread_centers centres in registers, over `chunk` features.
struct TileGeometry {
  int chunk = 0;
  int thread_rows = 0;
  int thread_centers = 0;
  int center_lanes = 0;
  /// Time for a row and a centre, in relation to the first geometry: what a warp does besides its
  /// multiply-adds weighs more where it has few of them.
  double cost = 1;

  [[nodiscard]] constexpr int rows() const { return 32 / center_lanes * thread_rows; }
  [[nodiscard]] constexpr int centers() const { return center_lanes * thread_centers; }
};

/// Features that the last geometry of a list is for: it holds this many, and more rows.
inline constexpr int narrow_features = 4;

inline constexpr std::array<TileGeometry, 6> assign_geometries_f32{{{16, 8, 8, 8, 1},
                                                                    {8, 8, 8, 4, 1.1},
                                                                    {8, 4, 8, 2, 1.3},
                                                                    {16, 2, 8, 1, 1.6},
                                                                    {16, 2, 4, 1, 2},
                                                                    {4, 4, 8, 1, 0}}};
inline constexpr std::array<TileGeometry, 4> assign_geometries_f64{
    {{8, 4, 4, 4, 1}, {8, 2, 4, 2, 1.2}, {16, 1, 4, 1, 1.6}, {4, 2, 4, 1, 0}}};
/// For seeding, which computes in f32 whatever the data's dtype.
inline constexpr std::array<TileGeometry, 2> seed_geometries{{{8, 4, 8, 4, 1}, {16, 2, 8, 1, 1.4}}};

/// Centres as the tiles read them, in C = float or double; all pointers are to device memory.
template <class C>
struct TileCenters {
  /// -2 c', group by group of geometry.centers() centres, and in a group feature by feature:
  /// feature f of centre j of group g stands at (g * padded_features + f) * width + j.
  const C* coefficients = nullptr;
  const C* norms = nullptr;           ///< |c'|^2, infinite for the padding of the last group
  const C* negative_shift = nullptr;  ///< -scale * shift, padded by zeros to a multiple of 32
  int padded_features = 0;            ///< a multiple of 4
  int groups = 0;
  int width = 0;
  /// |computed - exact| <= relative * |x'|^2 + absolute for the difference of any two fast values,
  /// the rounding of the direct form included.
  C relative = 0;
  C absolute = 0;
};

/// Prepared centres on a device.
struct CudaCenters final : KMeansCenters {
  std::int64_t clusters = 0;
  int features = 0;
  double scale = 1;
  Scratch memory;
  const double* masters = nullptr;  ///< (clusters, features)
  /// (features, stride): lanes of the direct form run over centres; padding centres are infinitely
  /// far.
  const double* transposed = nullptr;
  std::int64_t stride = 0;
  const double* negative_shift = nullptr;  ///< as TileCenters::negative_shift
  int geometry = 0;                        ///< in the list that belongs to use and dtype
  TileCenters<float> tiles_f32;
  TileCenters<double> tiles_f64;

  template <class C>
  [[nodiscard]] const TileCenters<C>& tiles() const {
    if constexpr (sizeof(C) == sizeof(float))
      return tiles_f32;
    else
      return tiles_f64;
  }
};

/// @param data_dtype_bytes 4 or 8: decides in which precision KMeansUse::assign compares.
[[nodiscard]] std::unique_ptr<CudaCenters> prepare_centers(CudaDevice& device,
                                                           const KMeansFrame& frame,
                                                           std::span<const double> centers,
                                                           std::int64_t clusters, KMeansUse use,
                                                           std::size_t data_dtype_bytes);

}  // namespace serried::cuda
