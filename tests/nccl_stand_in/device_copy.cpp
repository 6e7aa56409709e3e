#include "device_copy.hpp"

#include <dlfcn.h>

#include <cstdint>
#include <cstdlib>

namespace stand_in {
namespace {

using EmulatedCopy = int (*)(void* to, const void* from, std::size_t bytes);

// The driver's own interface: so this library needs no part of the CUDA Toolkit.
struct Functions {
  EmulatedCopy emulated = nullptr;
  int (*to_host)(void* host, std::uint64_t device, std::size_t bytes) = nullptr;
  int (*to_device)(std::uint64_t device, const void* host, std::size_t bytes) = nullptr;
  int (*synchronize)(void* stream) = nullptr;
};

template <class Function>
void look_up(void* library, const char* name, Function& function) {
  if (library != nullptr) function = reinterpret_cast<Function>(dlsym(library, name));
}

const Functions& functions() {
  static const Functions result = [] {
    Functions f;
    const char* const module = std::getenv("SERRIED_CUDA_MODULE");
    if (module != nullptr)
      look_up(dlopen(module, RTLD_NOW | RTLD_NOLOAD), "serried_emulated_copy", f.emulated);
    if (f.emulated != nullptr) return f;
    void* const driver = dlopen("libcuda.so.1", RTLD_NOW);
    look_up(driver, "cuMemcpyDtoH_v2", f.to_host);
    look_up(driver, "cuMemcpyHtoD_v2", f.to_device);
    look_up(driver, "cuStreamSynchronize", f.synchronize);
    return f;
  }();
  return result;
}

std::uint64_t address(const void* device) {
  return reinterpret_cast<std::uintptr_t>(device);
}

}  // namespace

bool wait_for_stream(void* stream) {
  const Functions& f = functions();
  if (f.emulated != nullptr) return true;  // all is done at once there
  return f.synchronize != nullptr && f.synchronize(stream) == 0;
}

bool copy_to_host(void* host, const void* device, std::size_t bytes) {
  const Functions& f = functions();
  if (bytes == 0) return true;
  if (f.emulated != nullptr) return f.emulated(host, device, bytes) == 0;
  return f.to_host != nullptr && f.to_host(host, address(device), bytes) == 0;
}

bool copy_to_device(void* device, const void* host, std::size_t bytes) {
  const Functions& f = functions();
  if (bytes == 0) return true;
  if (f.emulated != nullptr) return f.emulated(device, host, bytes) == 0;
  // From pageable memory the call may return while the last bytes are on their way, and streams of
  // their own do not wait for the one that it runs on.
  return f.to_device != nullptr && f.synchronize != nullptr &&
         f.to_device(address(device), host, bytes) == 0 && f.synchronize(nullptr) == 0;
}

}  // namespace stand_in
