#include "backend/cuda/nvtx_ranges.hpp"

#ifndef SERRIED_CUDA_EMULATION
#include <nvtx3/nvToolsExt.h>
#endif

namespace serried::cuda {

#ifdef SERRIED_CUDA_EMULATION

ProfilerRanges nvtx_ranges() noexcept {
  return {};
}

#else

ProfilerRanges nvtx_ranges() noexcept {
  static const nvtxDomainHandle_t domain = nvtxDomainCreateA("serried");
  ProfilerRanges ranges;
  ranges.begin = [](const char* name) -> std::uint64_t {
    nvtxEventAttributes_t event{};
    event.version = NVTX_VERSION;
    event.size = NVTX_EVENT_ATTRIB_STRUCT_SIZE;
    event.messageType = NVTX_MESSAGE_TYPE_ASCII;
    event.message.ascii = name;
    return nvtxDomainRangeStartEx(domain, &event);
  };
  ranges.end = [](std::uint64_t range) { nvtxDomainRangeEnd(domain, range); };
  return ranges;
}

#endif

}  // namespace serried::cuda
