#include "backend/cuda/kmeans_centers.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <vector>

namespace serried::cuda {
namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();

std::int64_t round_up(std::int64_t value, std::int64_t unit) {
  return (value + unit - 1) / unit * unit;
}

/// The geometry that takes the least time, padding included.
template <std::size_t count>
int choose_geometry(const std::array<TileGeometry, count>& list, std::int64_t clusters,
                    std::int64_t features) {
  if (list.back().chunk == narrow_features && features <= narrow_features)
    return static_cast<int>(count) - 1;
  int chosen = 0;
  double least = infinity;
  for (std::size_t i = 0; i < count; ++i) {
    if (list[i].chunk == narrow_features) continue;
    const std::int64_t padded = round_up(clusters, list[i].centers());
    double time = static_cast<double>(padded) * list[i].cost;
    // Rows of more than a chunk are read again for each group of centres.
    if (features > list[i].chunk) time *= 1 + 4. / list[i].centers();
    if (time < least) {
      least = time;
      chosen = static_cast<int>(i);
    }
  }
  return chosen;
}

/// Pieces of one upload, each at a multiple of 256 bytes.
class Layout {
 public:
  template <class T>
  std::size_t add(const std::vector<T>& values) {
    const std::size_t at = bytes_.size();
    bytes_.resize((at + values.size() * sizeof(T) + 255) / 256 * 256);
    std::memcpy(bytes_.data() + at, values.data(), values.size() * sizeof(T));
    return at;
  }
  [[nodiscard]] std::span<const std::byte> bytes() const { return bytes_; }

 private:
  std::vector<std::byte> bytes_;
};

template <class T>
const T* at(const Scratch& memory, std::size_t offset) {
  return reinterpret_cast<const T*>(memory.as<std::byte>() + offset);
}

/// What becomes TileCenters, on the host.
template <class C>
struct HostTiles {
  std::vector<C> coefficients, norms, negative_shift;
  TileCenters<C> tiles;
  std::size_t coefficients_at = 0, norms_at = 0, shift_at = 0;

  void add_to(Layout& layout) {
    coefficients_at = layout.add(coefficients);
    norms_at = layout.add(norms);
    shift_at = layout.add(negative_shift);
  }
  [[nodiscard]] TileCenters<C> on_device(const Scratch& memory) {
    tiles.coefficients = at<C>(memory, coefficients_at);
    tiles.norms = at<C>(memory, norms_at);
    tiles.negative_shift = at<C>(memory, shift_at);
    return tiles;
  }
};

// The bound. Let u be C's unit roundoff, y = x' and a_j = c'_j exact, p features, A = max |a_j|^2.
// The fast value v_j = |a_j|^2 - 2 a_j.y is computed with an error of at most
//   (p + 4) u |a|^2                 of the constant term,
//   2.1 u (|a|^2 + |y|^2)           of a and y themselves, rounded once each,
//   1.1 p u (2 |a|^2 + |y|^2)       of the chain of p fused multiply-adds, in whatever order,
// the direct form in f64 with at most (p + 3) u64 * 2 (|a|^2 + |y|^2). Together, for two centres
// and with |y|^2 itself computed with p roundings, less than 2 (3 p + 16) 1.2 u (|y|^2 + 3 A) while
// (3 p + 16) u is below 1/16; beyond that every row is decided by the direct form, as it is where
// the squares of centres are near the end of C's range. Half of the bound covers one value added to
// the computed |y|^2, which is a squared distance. The absolute term covers underflow, here and in
// the direct form. Features and centres that pad a tile are exact: they multiply zeros.
template <class C>
HostTiles<C> make_tiles(const TileGeometry& geometry, std::int64_t k, std::int64_t p, double scale,
                        std::span<const double> masters,
                        const std::vector<double>& negative_shift) {
  HostTiles<C> result;
  const std::int64_t width = geometry.centers();
  const std::int64_t padded = round_up(p, 4);
  result.tiles.groups = static_cast<int>((k + width - 1) / width);
  result.tiles.width = static_cast<int>(width);
  result.tiles.padded_features = static_cast<int>(padded);
  const std::int64_t slots = result.tiles.groups * width;
  result.coefficients.assign(static_cast<std::size_t>(slots * padded), C{0});
  result.norms.assign(static_cast<std::size_t>(slots), std::numeric_limits<C>::infinity());
  result.negative_shift.assign(negative_shift.begin(), negative_shift.end());
  double largest = 0;
  for (std::int64_t j = 0; j < k; ++j) {
    C* const out = result.coefficients.data() + j / width * padded * width + j % width;
    double norm = 0;
    for (std::int64_t f = 0; f < p; ++f) {
      // negative_shift is exact, and so is the product with a power of two.
      const double a = std::fma(masters[static_cast<std::size_t>(j * p + f)], scale,
                                negative_shift[static_cast<std::size_t>(f)]);
      norm = std::fma(a, a, norm);
      out[f * width] = static_cast<C>(-2 * a);
    }
    result.norms[static_cast<std::size_t>(j)] = static_cast<C>(norm);
    largest = std::max(largest, norm);
  }
  const auto terms = static_cast<double>(3 * p + 16);
  const double u = static_cast<double>(std::numeric_limits<C>::epsilon()) / 2;
  const bool is_in_range =
      terms * u < 1. / 16 && largest < static_cast<double>(std::numeric_limits<C>::max()) / 64;
  const double relative = is_in_range ? 2 * terms * 1.2 * u : infinity;
  const double underflow = 8 * terms *
                           (static_cast<double>(std::numeric_limits<C>::denorm_min()) +
                            scale * scale * std::numeric_limits<double>::min());
  result.tiles.relative = static_cast<C>(relative * 1.0001);
  result.tiles.absolute = is_in_range
                              ? static_cast<C>((3 * relative * largest + underflow) * 1.0001)
                              : std::numeric_limits<C>::infinity();
  return result;
}

}  // namespace

std::unique_ptr<CudaCenters> prepare_centers(CudaDevice& device, const KMeansFrame& frame,
                                             std::span<const double> centers, std::int64_t clusters,
                                             KMeansUse use, std::size_t data_dtype_bytes) {
  auto result = std::make_unique<CudaCenters>();
  const auto p = static_cast<std::int64_t>(frame.shift.size());
  result->clusters = clusters;
  result->features = static_cast<int>(p);
  result->scale = frame.scale;
  std::vector<double> negative_shift(static_cast<std::size_t>(round_up(p, 32)), 0.);
  for (std::int64_t f = 0; f < p; ++f)
    negative_shift[static_cast<std::size_t>(f)] =
        -frame.scale * frame.shift[static_cast<std::size_t>(f)];
  result->stride = round_up(clusters, 8);
  std::vector<double> transposed(static_cast<std::size_t>(result->stride * p), infinity);
  for (std::int64_t j = 0; j < clusters; ++j)
    for (std::int64_t f = 0; f < p; ++f)
      transposed[static_cast<std::size_t>(f * result->stride + j)] =
          centers[static_cast<std::size_t>(j * p + f)];

  Layout layout;
  const std::size_t masters_at = layout.add(std::vector(centers.begin(), centers.end()));
  const std::size_t transposed_at = layout.add(transposed);
  const std::size_t shift_at = layout.add(negative_shift);
  const bool is_f32 = use == KMeansUse::seed || data_dtype_bytes == sizeof(float);
  const auto make = [&]<class C>(const auto& list, C) {
    result->geometry = choose_geometry(list, clusters, p);
    return make_tiles<C>(list[static_cast<std::size_t>(result->geometry)], clusters, p, frame.scale,
                         centers, negative_shift);
  };
  HostTiles<float> f32;
  HostTiles<double> f64;
  if (use == KMeansUse::seed)
    f32 = make(seed_geometries, float{});
  else if (is_f32)
    f32 = make(assign_geometries_f32, float{});
  else
    f64 = make(assign_geometries_f64, double{});
  f32.add_to(layout);
  f64.add_to(layout);

  const auto lock = device.lock();
  device.make_current();
  result->memory = uploaded(device, layout.bytes());
  result->masters = at<double>(result->memory, masters_at);
  result->transposed = at<double>(result->memory, transposed_at);
  result->negative_shift = at<double>(result->memory, shift_at);
  result->tiles_f32 = f32.on_device(result->memory);
  result->tiles_f64 = f64.on_device(result->memory);
  return result;
}

}  // namespace serried::cuda
