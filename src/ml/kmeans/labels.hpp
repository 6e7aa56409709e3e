#pragma once

#include <cstdint>
#include <vector>

#include "ml/kmeans/rows.hpp"
#include "serried/array/array.hpp"

namespace serried::kmeans {

/// The labels of a fit as an array in the layout of the data: moved from the partition that the
/// leaves make, which differs by at most a leaf at each cut. Collective.
[[nodiscard]] Array labels_array(const Rows& rows, std::vector<std::int32_t> labels);

}  // namespace serried::kmeans
