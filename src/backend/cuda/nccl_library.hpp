#pragma once

#include <nccl.h>

#include <string>

namespace serried::cuda {

/// The functions of NCCL, from a library that is opened when it is first needed: few programs need
/// it, and it takes long to open.
struct NcclLibrary {
  decltype(&ncclGetVersion) get_version = nullptr;
  decltype(&ncclGetUniqueId) get_unique_id = nullptr;
  decltype(&ncclCommInitRankConfig) init_rank = nullptr;
  decltype(&ncclCommFinalize) finalize = nullptr;
  decltype(&ncclCommDestroy) destroy = nullptr;
  decltype(&ncclCommAbort) abort = nullptr;
  decltype(&ncclCommGetAsyncError) get_async_error = nullptr;
  decltype(&ncclGetErrorString) error_string = nullptr;
  decltype(&ncclGetLastError) last_error = nullptr;
  decltype(&ncclAllReduce) all_reduce = nullptr;
  decltype(&ncclReduceScatter) reduce_scatter = nullptr;
  decltype(&ncclBroadcast) broadcast = nullptr;
  decltype(&ncclAllGather) all_gather = nullptr;
  decltype(&ncclSend) send = nullptr;
  decltype(&ncclRecv) receive = nullptr;
  decltype(&ncclGroupStart) group_start = nullptr;
  decltype(&ncclGroupEnd) group_end = nullptr;
  std::string version;  ///< "2.28.9"
};

/// Opens the library that SERRIED_NCCL_LIBRARY names, else libnccl.so.2 where the loader finds it
/// or in CUDA's folders. A failure is remembered. Local.
/// @throws DeviceError saying which library could not be opened and why.
[[nodiscard]] const NcclLibrary& nccl_library();

}  // namespace serried::cuda
