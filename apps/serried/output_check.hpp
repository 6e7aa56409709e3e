#pragma once

#include <string>
#include <vector>

#include "serried/context.hpp"

namespace serried::app {

/// Finds out before the work whether a file can be written: its folder is there and can be written
/// to, and if it exists it is a regular file and none of the inputs, which it would replace.
/// Collective.
/// @throws RankError (kind io, or invalid_argument for an input).
void check_output(const Context& ctx, const std::string& path,
                  const std::vector<std::string>& inputs);

/// Two outputs must be two files, also through links. Collective.
/// @throws RankError (kind invalid_argument).
void check_outputs_differ(const Context& ctx, const std::string& a, const std::string& b);

}  // namespace serried::app
