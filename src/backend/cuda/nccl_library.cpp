#if __has_include(<nccl.h>)
#include "backend/cuda/nccl_library.hpp"

#include <dlfcn.h>

#include <cstdlib>
#include <optional>
#include <vector>

#include "serried/base/error.hpp"

namespace serried::cuda {
namespace {

// Non-blocking communicators came with 2.14.
constexpr int oldest_version = 21400;

std::string version_text(int version) {
  return std::to_string(version / 10000) + '.' + std::to_string(version / 100 % 100) + '.' +
         std::to_string(version % 100);
}

std::string variable(const char* name) {
  const char* const value = std::getenv(name);
  return value == nullptr ? "" : value;
}

std::vector<std::string> places() {
  if (const std::string given = variable("SERRIED_NCCL_LIBRARY"); !given.empty()) return {given};
#ifdef SERRIED_CUDA_EMULATION
  return {};
#else
  std::vector<std::string> result{"libnccl.so.2"};
  for (const std::string& folder :
       {variable("NCCL_HOME"), variable("CUDA_HOME"), std::string("/usr/local/cuda")})
    for (const char* const part : {"/lib64/", "/lib/"})
      if (!folder.empty()) result.push_back(folder + part + "libnccl.so.2");
  return result;
#endif
}

void* open() {
  std::string reason = "no GPU that is emulated has one";
  for (const std::string& place : places()) {
    void* const library = dlopen(place.c_str(), RTLD_NOW | RTLD_LOCAL);
    if (library != nullptr) return library;
    const char* const text = dlerror();
    if (place == places().front()) reason = text == nullptr ? place : text;
  }
  throw DeviceError("NCCL cannot be opened (" + reason +
                    "); SERRIED_NCCL_LIBRARY may name the library");
}

template <class Function>
void look_up(void* library, const char* name, Function& function) {
  function = reinterpret_cast<Function>(dlsym(library, name));
  if (function == nullptr) throw DeviceError(std::string("NCCL has no function ") + name);
}

NcclLibrary load() {
  void* const library = open();
  NcclLibrary nccl;
  look_up(library, "ncclGetVersion", nccl.get_version);
  int version = 0;
  if (nccl.get_version(&version) != ncclSuccess)
    throw DeviceError("NCCL does not tell its version");
  nccl.version = version_text(version);
  if (version < oldest_version)
    throw DeviceError("NCCL " + nccl.version + " is too old; " + version_text(oldest_version) +
                      " is the least");
  look_up(library, "ncclGetUniqueId", nccl.get_unique_id);
  look_up(library, "ncclCommInitRankConfig", nccl.init_rank);
  look_up(library, "ncclCommFinalize", nccl.finalize);
  look_up(library, "ncclCommDestroy", nccl.destroy);
  look_up(library, "ncclCommAbort", nccl.abort);
  look_up(library, "ncclCommGetAsyncError", nccl.get_async_error);
  look_up(library, "ncclGetErrorString", nccl.error_string);
  look_up(library, "ncclGetLastError", nccl.last_error);
  look_up(library, "ncclAllReduce", nccl.all_reduce);
  look_up(library, "ncclReduceScatter", nccl.reduce_scatter);
  look_up(library, "ncclBroadcast", nccl.broadcast);
  look_up(library, "ncclAllGather", nccl.all_gather);
  look_up(library, "ncclSend", nccl.send);
  look_up(library, "ncclRecv", nccl.receive);
  look_up(library, "ncclGroupStart", nccl.group_start);
  look_up(library, "ncclGroupEnd", nccl.group_end);
  return nccl;
}

struct Loaded {
  NcclLibrary nccl;
  std::optional<DeviceError> failure;
};

}  // namespace

const NcclLibrary& nccl_library() {
  static const Loaded loaded = [] {
    Loaded result;
    try {
      result.nccl = load();
    } catch (const DeviceError& error) {
      result.failure = error;
    }
    return result;
  }();
  if (loaded.failure) throw *loaded.failure;
  return loaded.nccl;
}

}  // namespace serried::cuda
#endif
