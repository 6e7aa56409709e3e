#pragma once

#include <optional>
#include <string>

#include "serried/base/api.hpp"
#include "serried/context.hpp"
#include "serried/io/file_check.hpp"
#include "serried/io/file_writer.hpp"
#include "serried/ml/kmeans.hpp"

namespace SERRIED_API serried {

/// Writes a model: `/centers` (clusters, features) f64 with the attribute `feature_shape`, `/sizes`
/// (int64), and attributes `model` ("kmeans"), `inertia`, `iterations`, `converged`, `dtype`,
/// `rows`, `rows_used`. Collective.
void save_kmeans(const Context& ctx, const std::string& path, const KMeansModel& model,
                 const Provenance& provenance = {});

/// Writes the same into a file that is being made, which can be opened before the fit so that an
/// output that cannot be written is known before. Collective.
void write_kmeans(FileWriter& writer, const KMeansModel& model, const Provenance& provenance = {});

/// What write_kmeans writes besides `/centers`, which must be there already. Collective.
void write_kmeans_beside_centers(FileWriter& writer, const KMeansModel& model,
                                 const Provenance& provenance = {});

/// Reads a model that save_kmeans wrote.
/// Collective.
/// @param untrusted the file comes from elsewhere: a process of its own reads it whole before.
/// @throws RankError (kind io) if there is no such file; (kind data) if it holds no k-means model.
[[nodiscard]] KMeansModel load_kmeans(const Context& ctx, const std::string& path,
                                      const std::optional<FileCheck>& untrusted = {});
/// As load_kmeans, but `centers` stays empty: for models that may not fit into memory. Collective.
[[nodiscard]] KMeansModel load_kmeans_without_centers(
    const Context& ctx, const std::string& path, const std::optional<FileCheck>& untrusted = {});

}  // namespace serried
