#pragma once

#include <cstdint>
#include <string>

#include "serried/base/api.hpp"
#include "serried/comm/runtime.hpp"
#include "serried/context.hpp"

namespace SERRIED_API serried {

struct TraceOptions {
  /// Spans of all ranks together, each about 150 bytes of text; every rank has an equal share, at
  /// least 16. Where a rank has more, its phases and its longest other spans are kept.
  std::int64_t max_spans = 200000;
};

/// What every rank did when, from the recorders, as JSON in Chrome's trace format: each rank is a
/// process, its threads are rows of nested spans, times and durations are in microseconds. The
/// ranks' clocks are set by a barrier. `otherData` says how many spans were left out. Collective.
/// Communication: a barrier, and a gather of 32 bytes for each span.
/// @return the text on rank 0; empty on others.
[[nodiscard]] std::string collect_trace(const Runtime& runtime, const Context& ctx,
                                        const TraceOptions& options = {});

}  // namespace serried
