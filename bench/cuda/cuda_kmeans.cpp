// An iteration of k-means on the device: preparing the centres, assigning every row to its nearest
// one, keeping the sums of the clusters. Command:
//   build/host/bin/bench/cuda_kmeans [--elements ROWS] [--repeats R] [--quick] [--device D]
// The first iteration puts every row into a cluster; later ones move those whose label changes.
// Both are printed, with GFLOP/s = 2 rows features clusters / time, and shares of the card's
// arithmetic (67 TFLOP/s in f32, half of it in f64: H100 SXM) and of the time in which a copy would
// read the data.
#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "serried/base/philox.hpp"
#include "serried/device/kmeans_kernels.hpp"
#include "serried/device/random_kernels.hpp"
#include "support.hpp"

namespace {

using namespace serried;

struct Size {
  std::int64_t rows, features, clusters;
};

/// Blobs that overlap: `clusters` places in a box of four deviations.
template <class T>
std::vector<T> make_block(const bench::Device& device, const Size& size, std::int64_t rows) {
  const std::int64_t features = size.features;
  std::vector<T> values(static_cast<std::size_t>(rows * features));
  const auto& kernels = device.host->kernels<RandomKernels>(dtype_of<T>);
  constexpr std::int64_t piece = 4096;
  device.host->threads().parallel_for((rows + piece - 1) / piece, [&](std::int64_t index, int) {
    const std::int64_t begin = index * piece;
    const std::int64_t end = std::min(rows, begin + piece);
    std::vector<std::uint64_t> elements(static_cast<std::size_t>((end - begin) * features));
    for (std::size_t i = 0; i < elements.size(); ++i)
      elements[i] = static_cast<std::uint64_t>(begin * features) + i;
    T* const out = values.data() + begin * features;
    kernels.normal(3, elements, 0, 1, out);
    for (std::int64_t row = begin; row < end; ++row) {
      const std::uint64_t place = philox_words(1, 1, static_cast<std::uint64_t>(row))[0] %
                                  static_cast<std::uint64_t>(size.clusters);
      for (std::int64_t f = 0; f < features; ++f)
        out[(row - begin) * features + f] +=
            static_cast<T>(4 * to_unit_interval(philox_words(
                                   1, 2, place << 20 | static_cast<std::uint64_t>(f))[0]));
    }
  });
  return values;
}

/// Lloyd's iteration through the kernels, as fit_kmeans calls them on one rank.
template <class T>
class Lloyd {
 public:
  Lloyd(const bench::Device& device, const Size& size)
      : device_(device),
        size_(size),
        kernels_(device.backend->kernels<KMeansKernels>(dtype_of<T>)),
        shift_(static_cast<std::size_t>(kmeans_padded(size.features)), 0.),
        scale_(shift_.size(), 0.) {
    constexpr std::int64_t largest_block = std::int64_t{1} << 22;
    const std::int64_t rows = std::min(size.rows, largest_block);
    const std::vector<T> block = make_block<T>(device, size, rows);
    data_ = Buffer(device.backend, static_cast<std::size_t>(size.rows * size.features) * sizeof(T));
    bench::fill_with(device, data_, std::as_bytes(std::span(block)),
                     static_cast<std::int64_t>(data_.bytes()));
    labels_ = Buffer(device.backend, static_cast<std::size_t>(size.rows) * 4);
    choose_scales(block);
    first_centers_.assign(block.begin(), block.begin() + size.clusters * size.features);
    restart();
  }

  /// Back to the first centres and rows without a cluster.
  void restart() {
    const std::vector<std::int32_t> none(
        static_cast<std::size_t>(std::min<std::int64_t>(size_.rows, 1 << 20)), -1);
    bench::fill_with(device_, labels_, std::as_bytes(std::span(none)), size_.rows * 4);
    centers_ = first_centers_;
    const auto sums = static_cast<std::size_t>(size_.clusters * size_.features + 16);
    high_.assign(sums, 0);
    low_.assign(sums, 0);
    counts_.assign(static_cast<std::size_t>(size_.clusters), 0);
  }

  /// What is measured. Returns the rows whose label changed.
  std::int64_t assign() {
    const std::span<const double> shift(shift_.data(), static_cast<std::size_t>(size_.features));
    const auto prepared =
        kernels_.prepare({.shift = shift, .scale = 1}, centers_, size_.clusters, KMeansUse::assign);
    const KMeansFixedPoint fixed{shift_, scale_, low_scale_, 1};
    const KMeansSums sums{high_.data(), low_.data(), counts_.data(), nullptr, nullptr};
    return kernels_
        .assign(*prepared, {data_.data(), size_.rows}, nullptr,
                reinterpret_cast<std::int32_t*>(labels_.data()), nullptr, &fixed, &sums)
        .changed;
  }

  void move_centers() {
    for (std::int64_t j = 0; j < size_.clusters; ++j)
      for (std::int64_t f = 0; f < size_.features; ++f) {
        const auto at = static_cast<std::size_t>(j * size_.features + f);
        const auto feature = static_cast<std::size_t>(f);
        const auto count = static_cast<double>(counts_[static_cast<std::size_t>(j)]);
        if (count == 0) continue;
        const double sum =
            (static_cast<double>(high_[at]) + static_cast<double>(low_[at]) / low_scale_) /
            scale_[feature];
        centers_[at] = shift_[feature] + sum / count;
      }
  }

  [[nodiscard]] std::int64_t assigned_rows() const {
    std::int64_t rows = 0;
    for (const std::int64_t count : counts_) rows += count;
    return rows;
  }

 private:
  void choose_scales(const std::vector<T>& block) {
    const auto features = static_cast<std::size_t>(size_.features);
    const std::size_t rows = block.size() / features;
    int row_bits = 0;
    while ((std::int64_t{1} << row_bits) < size_.rows) ++row_bits;
    low_scale_ = std::ldexp(1., std::min(51, 62 - row_bits));
    std::vector<double> sum(features, 0.);
    std::vector<T> least(block.begin(), block.begin() + size_.features), most = least;
    for (std::size_t row = 0; row < rows; ++row)
      for (std::size_t f = 0; f < features; ++f) {
        const T value = block[row * features + f];
        sum[f] += static_cast<double>(value);
        least[f] = std::min(least[f], value);
        most[f] = std::max(most[f], value);
      }
    for (std::size_t f = 0; f < features; ++f) {
      shift_[f] = static_cast<double>(static_cast<T>(sum[f] / static_cast<double>(rows)));
      const double largest = std::max(static_cast<double>(most[f]) - shift_[f],
                                      shift_[f] - static_cast<double>(least[f]));
      scale_[f] = std::ldexp(1., std::min(50, 61 - row_bits) - std::ilogb(largest + 1e-30) - 1);
    }
  }

  const bench::Device& device_;
  Size size_;
  const KMeansKernels& kernels_;
  Buffer data_, labels_;
  std::vector<double> shift_, scale_, first_centers_, centers_;
  double low_scale_ = 1;
  std::vector<std::int64_t> high_, low_, counts_;
};

template <class T>
void run(const bench::Options& options, const bench::Device& device, Size size) {
  const auto width = static_cast<double>(sizeof(T));
  size.rows = std::max(size.clusters,
                       bench::fit_count(device, options.count(size.rows),
                                        1.1 * (static_cast<double>(size.features) * width + 4)));
  Lloyd<T> lloyd(device, size);
  std::vector<double> first, later;
  std::int64_t changed = 0;
  lloyd.assign();  // not counted
  for (int i = 0; i < std::min(3, options.repeats); ++i) {
    lloyd.restart();
    first.push_back(bench::seconds_of([&] { lloyd.assign(); }));
  }
  for (int i = 0; i < options.repeats; ++i) {
    lloyd.move_centers();
    later.push_back(bench::seconds_of([&] { changed = lloyd.assign(); }));
  }
  const double operations = 2. * static_cast<double>(size.rows * size.features * size.clusters);
  const double bytes = static_cast<double>(size.rows * size.features) * width;
  const double peak = sizeof(T) == 4 ? 67e12 : 33.5e12;
  const std::string shape = std::string(name(dtype_of<T>)) + " d=" + std::to_string(size.features) +
                            " k=" + std::to_string(size.clusters);
  for (const auto& [which, seconds] :
       {std::pair{"first iteration ", first}, std::pair{"iteration ", later}}) {
    const auto times = bench::summarize(seconds);
    bench::Figure(device, "cuda_kmeans", std::string("kmeans ") + which + shape)
        .add("elements", size.rows)
        .add("assigned", lloyd.assigned_rows())
        .add("changed_last", changed)
        .add_rate("gflop_per_s", operations * 1e-9, times)
        .add("share_of_peak", operations / times.median / peak)
        .add("share_of_roof", bytes / times.median / bench::copy_roof(options, device))
        .add(times)
        .print();
  }
}

}  // namespace

int main(int argc, char** argv) {
  return bench::run_main(argc, argv,
                         [](const bench::Options& options, const bench::Device& device) {
                           static_cast<void>(bench::copy_roof(options, device));
                           run<float>(options, device, {100'000'000, 32, 64});
                           run<float>(options, device, {200'000'000, 16, 8});
                           run<double>(options, device, {20'000'000, 32, 64});
                         });
}
