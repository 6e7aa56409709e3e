#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "serried/io/checkpoint.hpp"

namespace serried {

/// One array of a checkpoint's state.
struct StateEntry {
  char type = 'n';  ///< n: numbers, c: counts, r: rows
  std::int64_t elements = 0;
  std::string name;
};
using StateDirectory = std::vector<StateEntry>;

// How lists stand in the attributes of a checkpoint: a line for each entry, tabs between its parts.
// All are Local; what reads them throws IoError for a text that is none.

[[nodiscard]] std::string text_of(const Checkpoint::Facts& facts);
[[nodiscard]] Checkpoint::Facts facts_of(const std::string& text);
[[nodiscard]] std::string text_of(const StateDirectory& directory);
[[nodiscard]] StateDirectory directory_of(const std::string& text);

/// Finds out, before memory is taken for it, whether a dataset is there, has so many elements, and
/// the file is large enough for them. Local. @throws IoError.
void require_elements(const std::string& path, const std::string& dataset, std::int64_t elements);

}  // namespace serried
