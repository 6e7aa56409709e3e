#pragma once

#include <string>

#include "serried/ml/kmeans.hpp"

namespace serried {

/// Reads a model on this rank alone, and checks that its parts fit each other.
/// Local. @throws IoError if the file cannot be read, DataError if it holds no k-means model.
/// @param has_centers whether the centres are read; without, `centers` stays empty.
[[nodiscard]] KMeansModel read_kmeans(const std::string& path, bool has_centers = true);

}  // namespace serried
