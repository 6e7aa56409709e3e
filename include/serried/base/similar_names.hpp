#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>

#include "serried/base/api.hpp"

namespace SERRIED_API serried {

/// How many characters must be put in, left out, replaced, or swapped with their neighbours to make
/// one name of the other, none of them twice: the distance of Damerau and Levenshtein (optimal
/// string alignment). Local.
///
/// Example: name_distance("predcit", "predict") is 1, name_distance("bin", "bins") is 1.
[[nodiscard]] std::size_t name_distance(std::string_view a, std::string_view b);

/// The name that was probably meant by `word`: the nearest of the candidates, the first of equals.
/// At most a third of the word's characters may be wrong, at least one and no more than three;
/// empty where none is that near. Local.
[[nodiscard]] std::string similar_name(std::string_view word,
                                       std::span<const std::string> candidates);

}  // namespace serried
