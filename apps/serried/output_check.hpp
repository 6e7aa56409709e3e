#pragma once

#include <string>
#include <vector>

#include "serried/context.hpp"

namespace serried::app {

/// Finds out before the work whether a file can be written: its folder is there and can be written
/// to, and it is neither a folder nor one of the inputs, which it would replace. Collective.
/// @throws RankError (kind io, or invalid_argument for an input).
void check_output(const Context& ctx, const std::string& path,
                  const std::vector<std::string>& inputs);

}  // namespace serried::app
