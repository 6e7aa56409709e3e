#pragma once

#include "serried/base/recorder.hpp"

namespace serried::cuda {

/// Spans as NVTX ranges, so that Nsight Systems shows the run report's phases beside the kernels.
/// Without a profiler a range costs a few nanoseconds.
[[nodiscard]] ProfilerRanges nvtx_ranges() noexcept;

}  // namespace serried::cuda
