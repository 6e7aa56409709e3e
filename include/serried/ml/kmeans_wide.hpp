#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>

#include "serried/base/api.hpp"
#include "serried/base/row_range.hpp"
#include "serried/io/dataset.hpp"
#include "serried/ml/kmeans.hpp"

// K-means of rows that are too wide for memory: data and centres are read and made by pieces of
// their columns, and neither a row nor a centre is ever in memory whole. The bits are those of
// fit_kmeans and predict_kmeans on the host.

namespace SERRIED_API serried {

/// Takes the centres piece by piece: (clusters, columns.size()), C order, the same on every rank.
/// May communicate.
using TakeKMeansCenters = std::function<void(RowRange columns, std::span<const double> centers)>;

/// The least ContextOptions::memory_bytes for fit_kmeans_wide; none where it cannot make the fit:
/// mini-batches, rows of few features. The same on every rank.
/// Local.
[[nodiscard]] std::optional<std::int64_t> least_memory_of_wide_fit(const Dataset& data,
                                                                   const KMeansOptions& options,
                                                                   bool has_weights);

/// As fit_kmeans, within ContextOptions::memory_bytes. The data is read once for each iteration, a
/// few times before, and once more for the centres; n_init fits run one after the other. Always on
/// the host. Collective.
/// @param initial_centers (clusters, features...), opened with dtype f64, for KMeansInit::given;
/// else null. KMeansOptions::initial_centers is not used.
/// @param take_centers is called for each piece once the fit is done; may be empty.
/// @return a model whose `centers` are only the first columns, (clusters, a few).
/// @throws what fit_kmeans throws; InvalidArgument where least_memory_of_wide_fit gives none, or
/// where there is less memory.
[[nodiscard]] KMeansFit fit_kmeans_wide(const Context& ctx, const Dataset& data,
                                        const KMeansOptions& options,
                                        const Dataset* initial_centers = nullptr,
                                        const TileSource* weights = nullptr,
                                        const TakeKMeansCenters& take_centers = {});

/// The least ContextOptions::memory_bytes for predict_kmeans_wide; none for rows of few features.
/// The same on every rank. Local.
[[nodiscard]] std::optional<std::int64_t> least_memory_of_wide_prediction(const Dataset& data,
                                                                          std::int64_t clusters);

/// As predict_kmeans_into, with centres that are read by pieces too, and one read of the data.
/// Collective.
/// @param centers (clusters, features...), opened with dtype f64.
/// @throws what predict_kmeans_into throws; InvalidArgument as fit_kmeans_wide.
[[nodiscard]] KMeansPredictionSummary predict_kmeans_wide(const Context& ctx,
                                                          const Dataset& centers,
                                                          const Dataset& data, RowSink* labels,
                                                          bool drop_missing = false);

}  // namespace serried
