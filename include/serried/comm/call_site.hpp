#pragma once

#include <source_location>

#include "serried/base/api.hpp"

namespace SERRIED_API serried {

/// Where in the program a collective call stands. Every Collective of Communicator takes one as its
/// last argument, which callers leave alone: so an error about ranks that called different things
/// can say where.
using CallSite = std::source_location;

}  // namespace serried
