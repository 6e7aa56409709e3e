#pragma once

#include "ml/kmeans/rows.hpp"

namespace serried::kmeans {

/// The squared distances of a unit's rows to their own centres by the direct form, and the labels,
/// both in host memory.
class OwnDistances {
 public:
  /// @param labels of the unit's rows, on the device.
  OwnDistances(const Rows& rows, const KMeansCenters& centers, const Unit& unit,
               const std::int32_t* labels)
      : on_device_(rows.device(), static_cast<std::size_t>(unit.rows.size()) * sizeof(double)),
        squared_(*rows.device(), measure(rows, centers, unit, labels), unit.rows.size()),
        labels_(*rows.device(), labels, unit.rows.size()) {}

  [[nodiscard]] const double* squared() const noexcept { return squared_.data(); }
  [[nodiscard]] const std::int32_t* labels() const noexcept { return labels_.data(); }

 private:
  const double* measure(const Rows& rows, const KMeansCenters& centers, const Unit& unit,
                        const std::int32_t* labels) {
    auto* const out = reinterpret_cast<double*>(on_device_.data());
    rows.kernels().own_distances(centers, unit.kernel_rows(), labels, out);
    return out;
  }

  Buffer on_device_;
  HostView<double> squared_;
  HostView<std::int32_t> labels_;
};

}  // namespace serried::kmeans
