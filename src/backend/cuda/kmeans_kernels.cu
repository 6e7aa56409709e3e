// The kernels of k-means on a CUDA device. A call of assign goes through its rows in batches: the
// fast form decides most rows, lists of the others and of the rows that moved are worked off behind
// it; nothing waits for the host before the end.
#include <optional>
#include <vector>

#include "backend/cuda/kernel_fields.hpp"
#include "backend/cuda/kmeans_functions.hpp"
#include "backend/cuda/kmeans_rows.hpp"
#include "serried/base/error.hpp"

namespace serried::cuda {
namespace {

/// Adds device integers to host memory.
void add_integers(const std::vector<std::int64_t>& from, std::int64_t first, std::int64_t count,
                  std::int64_t* to) {
  if (to == nullptr) return;
  for (std::int64_t i = 0; i < count; ++i) to[i] += from[static_cast<std::size_t>(first + i)];
}

/// The sums of one call of assign.
class CallSums {
 public:
  CallSums(CudaDevice& device, const CudaCenters& centers, const KMeansFixedPoint& fixed)
      : device_(device),
        shift_(uploaded(device, fixed.shift.first(static_cast<std::size_t>(centers.features)))),
        high_scale_(
            uploaded(device, fixed.high_scale.first(static_cast<std::size_t>(centers.features)))),
        view_{.clusters = centers.clusters,
              .features = centers.features,
              .values = nullptr,
              .shift = shift_.as<double>(),
              .high_scale = high_scale_.as<double>(),
              .low_scale = fixed.low_scale,
              .weight_scale = fixed.weight_scale},
        values_(device, static_cast<std::size_t>(view_.size()) * sizeof(std::int64_t)) {
    device.fill_zero(values_.as<void>(), values_.bytes());
    view_.values = values_.as<unsigned long long>();
  }
  [[nodiscard]] const DeviceSums& view() const { return view_; }

  void add_to(const KMeansSums& sums, bool has_weights) {
    std::vector<std::int64_t> values(static_cast<std::size_t>(view_.size()));
    device_.download(values.data(), values_.as<void>(), values_.bytes());
    const std::int64_t k = view_.clusters;
    const std::int64_t kp = k * view_.features;
    add_integers(values, 0, kp, sums.high);
    add_integers(values, kp, kp, sums.low);
    add_integers(values, 2 * kp, k, sums.counts);
    if (!has_weights) return;
    add_integers(values, 2 * kp + k, k, sums.weight_high);
    add_integers(values, 2 * kp + 2 * k, k, sums.weight_low);
  }

 private:
  CudaDevice& device_;
  Scratch shift_, high_scale_;
  DeviceSums view_;
  Scratch values_;
};

template <class T>
class CudaKMeansKernels final : public KMeansKernels {
 public:
  explicit CudaKMeansKernels(CudaDevice& device) : device_(device) {}

  [[nodiscard]] bool uses_bounds() const noexcept override { return false; }

  [[nodiscard]] std::unique_ptr<KMeansCenters> prepare(const KMeansFrame& frame,
                                                       std::span<const double> centers,
                                                       std::int64_t clusters,
                                                       KMeansUse use) const override {
    return prepare_centers(device_, frame, centers, clusters, use, sizeof(T));
  }

  KMeansAssigned assign(const KMeansCenters& centers, KMeansRows rows, const double* weights,
                        std::int32_t* labels, const KMeansBounds* bounds,
                        const KMeansFixedPoint* fixed, const KMeansSums* sums) const override {
    if (bounds != nullptr) throw InvalidArgument("k-means on a CUDA device takes no bounds");
    if (rows.count == 0) return {};
    const CudaCenters& own = cuda(centers);
    const auto lock = enter();
    const std::int64_t longest = batch_rows(rows.count);
    const std::int64_t batches = (rows.count + longest - 1) / longest;
    const bool has_sums = fixed != nullptr && sums != nullptr;
    const Scratch undecided(device_, static_cast<std::size_t>(longest) * sizeof(std::int32_t));
    const Scratch moved(device_,
                        has_sums ? static_cast<std::size_t>(longest) * sizeof(MovedRow) : 0);
    const Scratch counts(device_, static_cast<std::size_t>(batches) * sizeof(BatchCounts));
    device_.fill_zero(counts.as<void>(), counts.bytes());
    std::optional<CallSums> call_sums;
    if (has_sums) call_sums.emplace(device_, own, *fixed);
    for (std::int64_t i = 0; i < batches; ++i) {
      const std::int64_t begin = i * longest;
      const AssignBatch batch{.rows = static_cast<const T*>(rows.data) + begin * own.features,
                              .row_count = static_cast<int>(std::min(longest, rows.count - begin)),
                              .weights = weights == nullptr ? nullptr : weights + begin,
                              .labels = labels + begin,
                              .undecided = undecided.as<std::int32_t>(),
                              .moved = moved.as<MovedRow>(),
                              .counts = counts.as<BatchCounts>() + i};
      assign_batch<T>(device_, own, batch);
      assign_undecided<T>(device_, own, batch);
      if (has_sums) move_rows<T>(device_, batch, call_sums->view());
    }
    std::vector<BatchCounts> found(static_cast<std::size_t>(batches));
    device_.download(found.data(), counts.as<void>(), counts.bytes());
    KMeansAssigned result{0, rows.count};
    for (const BatchCounts& batch : found) result.changed += batch.changed;
    if (has_sums && result.changed > 0) call_sums->add_to(*sums, weights != nullptr);
    return result;
  }

  void own_distances(const KMeansCenters& centers, KMeansRows rows, const std::int32_t* labels,
                     double* out) const override {
    if (rows.count == 0) return;
    const auto lock = enter();
    own_distances_rows<T>(device_, cuda(centers), rows, labels, out);
  }
  void all_distances(const KMeansCenters& centers, KMeansRows rows, double* out) const override {
    if (rows.count == 0) return;
    const auto lock = enter();
    all_distances_rows<T>(device_, cuda(centers), rows, out);
  }
  void update_nearest(const KMeansCenters& centers, KMeansRows rows, std::int32_t first,
                      float* squared, std::int32_t* nearest) const override {
    if (rows.count == 0) return;
    const auto lock = enter();
    update_nearest_rows<T>(device_, cuda(centers), rows, first, squared, nearest);
  }
  void candidate_distances(const KMeansCenters& centers, KMeansRows rows,
                           float* out) const override {
    if (rows.count == 0) return;
    const auto lock = enter();
    candidate_distances_rows<T>(device_, cuda(centers), rows, out);
  }
  void column_sums(const void* rows, const double* weights, std::int64_t features,
                   std::span<const double> shift, std::span<const std::int64_t> offsets,
                   double* sums, double* squares, double* maxima,
                   std::int64_t* usable) const override {
    if (offsets.size() < 2) return;
    const auto lock = enter();
    column_sums_rows(device_, static_cast<const T*>(rows), weights, features, shift, offsets, sums,
                     squares, maxima, usable);
  }
  void leaf_inertia(const KMeansCenters& centers, KMeansRows rows, const double* weights,
                    const std::int32_t* labels, std::span<const std::int64_t> offsets,
                    double* sums) const override {
    if (offsets.size() < 2) return;
    const auto lock = enter();
    leaf_inertia_rows<T>(device_, cuda(centers), rows, weights, labels, offsets, sums);
  }
  void leaf_sums(const float* values, const double* weights, std::span<const std::int64_t> offsets,
                 double* sums) const override {
    if (offsets.size() < 2) return;
    const auto lock = enter();
    leaf_sums_of(device_, values, weights, offsets, sums);
  }
  void label_weights(const std::int32_t* labels, const double* weights, std::int64_t count,
                     std::int64_t clusters, const KMeansFixedPoint& fixed, std::int64_t* high,
                     std::int64_t* low) const override {
    const auto lock = device_.lock();
    device_.make_current();
    add_label_weights(device_, labels, weights, count, clusters, fixed, high, low);
  }
  [[nodiscard]] std::vector<std::int64_t> draw_rows(const KMeansDraw& draw, const float* squared,
                                                    const double* weights,
                                                    std::int64_t count) const override {
    const auto lock = device_.lock();
    device_.make_current();
    return cuda::draw_rows(device_, draw, squared, weights, count);
  }
  void drop_missing(const double* weights, std::int64_t count, float* squared,
                    std::int32_t* nearest) const override {
    if (count == 0) return;
    const auto lock = enter();
    drop_missing_rows(device_, weights, count, squared, nearest);
  }
  void lower(const float* by, std::int64_t count, float* values) const override {
    if (count == 0) return;
    const auto lock = enter();
    lower_values(device_, by, count, values);
  }
  std::int64_t find_missing(KMeansRows rows, std::int64_t features,
                            std::uint8_t* is_missing) const override {
    if (rows.count == 0) return 0;
    const auto lock = enter();
    return find_missing_rows<T>(device_, rows, features, is_missing);
  }

 private:
  static const CudaCenters& cuda(const KMeansCenters& centers) {
    return static_cast<const CudaCenters&>(centers);
  }
  [[nodiscard]] std::unique_lock<std::mutex> enter() const {
    auto lock = device_.lock();
    device_.make_current();
    return lock;
  }

  CudaDevice& device_;
};

template <class T>
std::shared_ptr<const void> make(CudaDevice& device) {
  const std::shared_ptr<const KMeansKernels> kernels =
      std::make_shared<CudaKMeansKernels<T>>(device);
  return kernels;
}

}  // namespace

std::shared_ptr<const void> make_kmeans_kernels(CudaDevice& device, DType dtype) {
  if (dtype == DType::f32) return make<float>(device);
  if (dtype == DType::f64) return make<double>(device);
  return nullptr;
}

}  // namespace serried::cuda
