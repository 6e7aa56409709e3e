#pragma once

#include <string>

#include "serried/base/api.hpp"
#include "serried/context.hpp"

namespace SERRIED_API serried {

/// Writes a file from rank 0: beside its name first, renamed when it is complete, so that the name
/// is never that of a part of it; a file of that name is replaced at once. It goes with an
/// OutputClaim of that path, where there is one. Collective.
/// @param text or any bytes, which need not be given on other ranks.
/// @throws RankError (kind io) if it cannot be written.
void write_text_file(const Context& ctx, const std::string& path, const std::string& text);

}  // namespace serried
