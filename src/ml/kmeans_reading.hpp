#pragma once

#include <string>

#include "serried/ml/kmeans.hpp"

namespace serried {

/// Reads a model on this rank alone, and checks that its parts fit each other.
/// Local. @throws IoError if the file cannot be read, DataError if it holds no k-means model.
[[nodiscard]] KMeansModel read_kmeans(const std::string& path);

}  // namespace serried
