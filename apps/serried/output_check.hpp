#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "serried/context.hpp"
#include "serried/io/output_claim.hpp"

namespace serried::app {

/// Finds out before the work whether a file can be written: its folder is there and takes a file
/// and `least_bytes`, no other run writes it, and if it exists it is a regular file and none of the
/// inputs, which it would replace.
/// Collective.
/// @return the claim on it, to be kept until it is written.
/// @throws RankError (kind io, or invalid_argument for an input).
[[nodiscard]] OutputClaim check_output(const Context& ctx, const std::string& path,
                                       const std::vector<std::string>& inputs,
                                       std::int64_t least_bytes);

/// Two outputs must be two files, also through links. Collective.
/// @throws RankError (kind invalid_argument).
void check_outputs_differ(const Context& ctx, const std::string& a, const std::string& b);

}  // namespace serried::app
