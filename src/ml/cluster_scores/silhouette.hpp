#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "ml/kmeans/columns.hpp"
#include "ml/kmeans/rows.hpp"

namespace serried::cluster_scores {

/// Rows on which silhouettes are computed, the same on every rank.
struct Sample {
  std::vector<std::int64_t> rows;  ///< their numbers, ascending
  std::vector<double> values;      ///< (rows, features)
};

/// `count` of the rows that are not missing, drawn without replacement, each with the same
/// probability; all of them where there are no more. One partial read.
/// Collective.
[[nodiscard]] Sample draw_sample(kmeans::Rows& rows, const kmeans::Columns& columns,
                                 std::int64_t count, std::uint64_t seed);

/// The labels of the sample's rows.
/// Collective.
/// @param labels by local row.
[[nodiscard]] std::vector<std::int32_t> labels_of(const kmeans::Rows& rows, const Sample& sample,
                                                  std::span<const std::int32_t> labels);

/// The mean silhouette of the sample for each of some labellings of its rows; none where it is not
/// defined, as for an empty labelling. Distances are computed once for all labellings. Labels
/// must not be negative.
/// Collective. No read.
[[nodiscard]] std::vector<std::optional<double>> mean_silhouettes(
    const Context& ctx, const Sample& sample,
    std::span<const std::vector<std::int32_t>> labellings);

}  // namespace serried::cluster_scores
