#pragma once

#include <string>
#include <utility>
#include <vector>

#include "serried/context.hpp"
#include "serried/io/file_writer.hpp"

namespace serried {

/// The attributes that say where an output comes from, in the order in which they are written:
/// version, commit, configuration, command line, inputs, seed, ranks, devices, library versions,
/// job id, UTC start and end. Collective: the devices of all ranks are gathered; the texts of rank
/// 0 count.
[[nodiscard]] std::vector<std::pair<std::string, std::string>> provenance_attributes(
    const Context& ctx, const Provenance& provenance);

/// "2026-11-23T23:50:00Z".
/// Local.
[[nodiscard]] std::string utc_text(double seconds_since_epoch);

}  // namespace serried
