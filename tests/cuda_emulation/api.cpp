// The calls of the emulated runtime that start no kernel.
#include <pthread.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <set>

#include "cuda_runtime.h"
#include "emulated_memory.hpp"

// NOLINTBEGIN: handles are defined as the runtime names them.
struct CUstream_st {
  int device;
};
struct CUevent_st {
  bool has_timing;
  bool is_recorded;
  std::chrono::steady_clock::time_point time;
};
// NOLINTEND

namespace serried_emulation {
namespace {

constexpr int max_shared_default = 48 << 10;
constexpr int max_shared_optin = 227 << 10;

// Per host thread: the device and the last error. No thread_local: a kernel's shared memory is.
struct ThreadState {
  int device = 0;
  cudaError_t error = cudaSuccess;
};

ThreadState& thread_state() {
  static const pthread_key_t key = [] {
    pthread_key_t k;
    pthread_key_create(&k, [](void* state) { delete static_cast<ThreadState*>(state); });
    return k;
  }();
  auto* state = static_cast<ThreadState*>(pthread_getspecific(key));
  if (state == nullptr) pthread_setspecific(key, state = new ThreadState);
  return *state;
}

struct Registry {
  std::set<const void*> streams, events;
  std::map<std::uintptr_t, std::size_t> pinned;
  std::map<const void*, int> dynamic_shared;  // what cudaFuncSetAttribute allowed
};

Registry& registry() {
  static auto* const r = new Registry;
  return *r;
}

cudaError_t result(cudaError_t error) {
  if (error != cudaSuccess) thread_state().error = error;
  return error;
}

bool is_device(int device) {
  return device >= 0 && device < DeviceMemory::get().devices();
}

bool is_stream(cudaStream_t stream) {
  const std::scoped_lock guard(lock());
  return stream == nullptr || registry().streams.contains(stream);
}

bool is_event(cudaEvent_t event) {
  const std::scoped_lock guard(lock());
  return registry().events.contains(event);
}

void require_allocated(const void* pointer, std::size_t bytes, const char* call) {
  if (!DeviceMemory::get().find(pointer, bytes))
    fail_with("%s: %zu bytes at %p are not within one allocation of the device", call, bytes,
              pointer);
}

cudaMemPool_t pool_of(int device) {
  return reinterpret_cast<cudaMemPool_t>(static_cast<std::uintptr_t>(device) + 1);
}

}  // namespace

bool is_pinned(const void* pointer) {
  const std::scoped_lock guard(lock());
  const auto address = reinterpret_cast<std::uintptr_t>(pointer);
  const auto& pinned = registry().pinned;
  const auto after = pinned.upper_bound(address);
  return after != pinned.begin() && address - std::prev(after)->first <= std::prev(after)->second;
}

int dynamic_shared_limit(const void* kernel) {
  const std::scoped_lock guard(lock());
  const auto found = registry().dynamic_shared.find(kernel);
  return found == registry().dynamic_shared.end() ? max_shared_default : found->second;
}

bool is_valid_stream(cudaStream_t stream) {
  return is_stream(stream);
}

cudaError_t remember(cudaError_t error) {
  return result(error);
}

cudaError_t set_function_attribute(const void* kernel, cudaFuncAttribute attribute, int value) {
  const std::scoped_lock guard(lock());
  if (attribute != cudaFuncAttributeMaxDynamicSharedMemorySize) return cudaSuccess;
  if (value < 0 || value > max_shared_optin) return result(cudaErrorInvalidValue);
  registry().dynamic_shared[kernel] = std::max(value, max_shared_default);
  return cudaSuccess;
}

cudaError_t get_function_attributes(cudaFuncAttributes* attributes, const void* kernel) {
  *attributes = {};
  attributes->maxThreadsPerBlock = 1024;
  attributes->numRegs = 32;
  attributes->ptxVersion = attributes->binaryVersion = 90;
  attributes->maxDynamicSharedSizeBytes = dynamic_shared_limit(kernel);
  return cudaSuccess;
}

cudaError_t get_occupancy(int* blocks, const void* kernel, int threads, std::size_t shared) {
  if (threads < 1 || threads > 1024 ||
      shared > static_cast<std::size_t>(dynamic_shared_limit(kernel))) {
    *blocks = 0;
    return cudaSuccess;
  }
  const std::size_t by_threads = 2048 / static_cast<std::size_t>(threads);
  const std::size_t by_shared = (std::size_t{228} << 10) / (shared + 1024);
  *blocks = static_cast<int>(std::min({by_threads, by_shared, std::size_t{32}}));
  return cudaSuccess;
}

}  // namespace serried_emulation

using namespace serried_emulation;  // NOLINT

cudaError_t cudaGetLastError() {
  const cudaError_t error = thread_state().error;
  thread_state().error = cudaSuccess;
  return error;
}
cudaError_t cudaPeekAtLastError() {
  return thread_state().error;
}

const char* cudaGetErrorName(cudaError_t error) {
  switch (error) {
    case cudaSuccess:
      return "cudaSuccess";
    case cudaErrorInvalidValue:
      return "cudaErrorInvalidValue";
    case cudaErrorMemoryAllocation:
      return "cudaErrorMemoryAllocation";
    case cudaErrorInvalidConfiguration:
      return "cudaErrorInvalidConfiguration";
    case cudaErrorInvalidMemcpyDirection:
      return "cudaErrorInvalidMemcpyDirection";
    case cudaErrorNoDevice:
      return "cudaErrorNoDevice";
    case cudaErrorInvalidDevice:
      return "cudaErrorInvalidDevice";
    case cudaErrorInvalidResourceHandle:
      return "cudaErrorInvalidResourceHandle";
    default:
      return "cudaErrorUnknown";
  }
}
const char* cudaGetErrorString(cudaError_t error) {
  switch (error) {
    case cudaSuccess:
      return "no error";
    case cudaErrorInvalidValue:
      return "invalid argument";
    case cudaErrorMemoryAllocation:
      return "out of memory";
    case cudaErrorInvalidConfiguration:
      return "invalid configuration argument";
    case cudaErrorInvalidMemcpyDirection:
      return "invalid copy direction for memcpy";
    case cudaErrorNoDevice:
      return "no CUDA-capable device is detected";
    case cudaErrorInvalidDevice:
      return "invalid device ordinal";
    case cudaErrorInvalidResourceHandle:
      return "invalid resource handle";
    default:
      return "unknown error";
  }
}

cudaError_t cudaDriverGetVersion(int* version) {
  *version = 13000;
  return cudaSuccess;
}
cudaError_t cudaRuntimeGetVersion(int* version) {
  *version = 13000;
  return cudaSuccess;
}
cudaError_t cudaGetDeviceCount(int* count) {
  *count = DeviceMemory::get().devices();
  return *count == 0 ? result(cudaErrorNoDevice) : cudaSuccess;
}
cudaError_t cudaGetDevice(int* device) {
  *device = thread_state().device;
  return cudaSuccess;
}
cudaError_t cudaSetDevice(int device) {
  if (!is_device(device)) return result(cudaErrorInvalidDevice);
  thread_state().device = device;
  return cudaSuccess;
}
cudaError_t cudaGetDeviceProperties(cudaDeviceProp* properties, int device) {
  if (!is_device(device)) return result(cudaErrorInvalidDevice);
  *properties = {};
  std::snprintf(properties->name, sizeof properties->name, "Emulated GPU");
  for (int i = 0; i < 16; ++i) properties->uuid.bytes[i] = static_cast<char>(0xE0 + i + device);
  properties->totalGlobalMem = DeviceMemory::get().capacity();
  properties->sharedMemPerBlock = max_shared_default;
  properties->sharedMemPerBlockOptin = max_shared_optin;
  properties->sharedMemPerMultiprocessor = std::size_t{228} << 10;
  properties->reservedSharedMemPerBlock = 1024;
  properties->totalConstMem = 64 << 10;
  properties->regsPerBlock = properties->regsPerMultiprocessor = 65536;
  properties->warpSize = 32;
  properties->maxThreadsPerBlock = 1024;
  properties->maxThreadsDim[0] = properties->maxThreadsDim[1] = 1024;
  properties->maxThreadsDim[2] = 64;
  properties->maxGridSize[0] = 2147483647;
  properties->maxGridSize[1] = properties->maxGridSize[2] = 65535;
  properties->major = 9;
  properties->multiProcessorCount = 4;
  properties->maxThreadsPerMultiProcessor = 2048;
  properties->maxBlocksPerMultiProcessor = 32;
  properties->l2CacheSize = 50 << 20;
  properties->memoryBusWidth = 5120;
  properties->concurrentKernels = properties->unifiedAddressing = 1;
  properties->memoryPoolsSupported = properties->ECCEnabled = 1;
  properties->asyncEngineCount = 3;
  properties->pciBusID = 0x3b + device;
  return cudaSuccess;
}
cudaError_t cudaDeviceGetAttribute(int* value, cudaDeviceAttr attribute, int device) {
  cudaDeviceProp properties;
  if (cudaGetDeviceProperties(&properties, device) != cudaSuccess) return cudaErrorInvalidDevice;
  switch (attribute) {
    case cudaDevAttrMaxThreadsPerBlock:
      *value = properties.maxThreadsPerBlock;
      break;
    case cudaDevAttrMaxSharedMemoryPerBlock:
      *value = max_shared_default;
      break;
    case cudaDevAttrWarpSize:
      *value = 32;
      break;
    case cudaDevAttrMaxRegistersPerBlock:
      *value = properties.regsPerBlock;
      break;
    case cudaDevAttrClockRate:
      *value = 1980000;
      break;
    case cudaDevAttrMultiProcessorCount:
      *value = properties.multiProcessorCount;
      break;
    case cudaDevAttrMemoryClockRate:
      *value = 2619000;
      break;
    case cudaDevAttrGlobalMemoryBusWidth:
      *value = properties.memoryBusWidth;
      break;
    case cudaDevAttrL2CacheSize:
      *value = properties.l2CacheSize;
      break;
    case cudaDevAttrMaxThreadsPerMultiProcessor:
      *value = 2048;
      break;
    case cudaDevAttrComputeCapabilityMajor:
      *value = properties.major;
      break;
    case cudaDevAttrComputeCapabilityMinor:
      *value = properties.minor;
      break;
    case cudaDevAttrMaxSharedMemoryPerMultiprocessor:
      *value = 228 << 10;
      break;
    case cudaDevAttrMaxSharedMemoryPerBlockOptin:
      *value = max_shared_optin;
      break;
    case cudaDevAttrMemoryPoolsSupported:
      *value = 1;
      break;
    default:
      return result(cudaErrorInvalidValue);
  }
  return cudaSuccess;
}
cudaError_t cudaDeviceGetPCIBusId(char* text, int length, int device) {
  if (!is_device(device)) return result(cudaErrorInvalidDevice);
  std::snprintf(text, static_cast<std::size_t>(length), "0000:%02X:00.0",
                static_cast<unsigned>(0x3b + device));
  return cudaSuccess;
}
cudaError_t cudaDeviceSynchronize() {
  return cudaSuccess;
}

cudaError_t cudaMalloc(void** memory, std::size_t bytes) {
  *memory = nullptr;
  if (bytes == 0) return cudaSuccess;
  *memory = DeviceMemory::get().allocate(bytes, thread_state().device);
  return *memory == nullptr ? result(cudaErrorMemoryAllocation) : cudaSuccess;
}
cudaError_t cudaFree(void* memory) {
  if (memory != nullptr && !DeviceMemory::get().deallocate(memory))
    fail_with("cudaFree: %p is no allocation of the device (any more)", memory);
  return cudaSuccess;
}
cudaError_t cudaMallocAsync(void** memory, std::size_t bytes, cudaStream_t stream) {
  if (!is_stream(stream)) return result(cudaErrorInvalidResourceHandle);
  return cudaMalloc(memory, bytes);
}
cudaError_t cudaFreeAsync(void* memory, cudaStream_t stream) {
  if (!is_stream(stream)) return result(cudaErrorInvalidResourceHandle);
  return cudaFree(memory);
}
cudaError_t cudaMallocHost(void** memory, std::size_t bytes) {
  *memory = std::aligned_alloc(256, (bytes + 255) / 256 * 256);
  if (*memory == nullptr) return result(cudaErrorMemoryAllocation);
  const std::scoped_lock guard(lock());
  registry().pinned.emplace(reinterpret_cast<std::uintptr_t>(*memory), bytes);
  return cudaSuccess;
}
cudaError_t cudaHostAlloc(void** memory, std::size_t bytes, unsigned) {
  return cudaMallocHost(memory, bytes);
}
cudaError_t cudaFreeHost(void* memory) {
  if (memory == nullptr) return cudaSuccess;
  const std::scoped_lock guard(lock());
  if (registry().pinned.erase(reinterpret_cast<std::uintptr_t>(memory)) == 0)
    fail_with("cudaFreeHost: %p is no pinned memory (any more)", memory);
  std::free(memory);
  return cudaSuccess;
}
cudaError_t cudaMemGetInfo(std::size_t* free, std::size_t* total) {
  const std::scoped_lock guard(lock());
  const DeviceMemory& memory = DeviceMemory::get();
  *total = memory.capacity();
  *free = *total - memory.used(thread_state().device);
  return cudaSuccess;
}
cudaError_t cudaDeviceGetDefaultMemPool(cudaMemPool_t* pool, int device) {
  if (!is_device(device)) return result(cudaErrorInvalidDevice);
  *pool = pool_of(device);
  return cudaSuccess;
}
cudaError_t cudaMemPoolSetAttribute(cudaMemPool_t pool, cudaMemPoolAttr, void*) {
  return pool == nullptr ? result(cudaErrorInvalidResourceHandle) : cudaSuccess;
}
cudaError_t cudaMemPoolGetAttribute(cudaMemPool_t pool, cudaMemPoolAttr attribute, void* value) {
  if (pool == nullptr) return result(cudaErrorInvalidResourceHandle);
  const std::scoped_lock guard(lock());
  std::uint64_t number = 0;
  if (attribute >= cudaMemPoolAttrReservedMemCurrent)
    number = DeviceMemory::get().used(static_cast<int>(reinterpret_cast<std::uintptr_t>(pool)) - 1);
  std::memcpy(value, &number,
              attribute < cudaMemPoolAttrReleaseThreshold ? sizeof(int) : sizeof number);
  return cudaSuccess;
}
cudaError_t cudaMemPoolTrimTo(cudaMemPool_t pool, std::size_t) {
  return pool == nullptr ? result(cudaErrorInvalidResourceHandle) : cudaSuccess;
}
cudaError_t cudaPointerGetAttributes(cudaPointerAttributes* attributes, const void* pointer) {
  const std::scoped_lock guard(lock());
  *attributes = {};
  auto* const address = const_cast<void*>(pointer);
  if (const auto allocation = DeviceMemory::get().find(pointer, 1)) {
    *attributes = {cudaMemoryTypeDevice, allocation->device, address, nullptr};
  } else if (is_pinned(pointer)) {
    *attributes = {cudaMemoryTypeHost, thread_state().device, address, address};
  } else {
    attributes->device = -2;
    attributes->hostPointer = address;
  }
  return cudaSuccess;
}

cudaError_t cudaMemcpyAsync(void* to, const void* from, std::size_t bytes, cudaMemcpyKind kind,
                            cudaStream_t stream) {
  if (!is_stream(stream)) return result(cudaErrorInvalidResourceHandle);
  if (bytes == 0) return cudaSuccess;
  const DeviceAccess access;
  const DeviceMemory& memory = DeviceMemory::get();
  const bool is_to_device = memory.has(to), is_from_device = memory.has(from);
  if (kind != cudaMemcpyDefault &&
      (is_to_device != (kind == cudaMemcpyHostToDevice || kind == cudaMemcpyDeviceToDevice) ||
       is_from_device != (kind == cudaMemcpyDeviceToHost || kind == cudaMemcpyDeviceToDevice)))
    fail_with("cudaMemcpy: direction %d, but from %s to %s", static_cast<int>(kind),
              is_from_device ? "device" : "host", is_to_device ? "device" : "host");
  if (is_to_device) require_allocated(to, bytes, "cudaMemcpy");
  if (is_from_device) require_allocated(from, bytes, "cudaMemcpy");
  const auto a = reinterpret_cast<std::uintptr_t>(to), b = reinterpret_cast<std::uintptr_t>(from);
  if (a < b + bytes && b < a + bytes) fail("cudaMemcpy: the two pieces of memory overlap");
  std::memcpy(to, from, bytes);
  return cudaSuccess;
}
cudaError_t cudaMemcpy(void* to, const void* from, std::size_t bytes, cudaMemcpyKind kind) {
  return cudaMemcpyAsync(to, from, bytes, kind, nullptr);
}
cudaError_t cudaMemsetAsync(void* memory, int value, std::size_t bytes, cudaStream_t stream) {
  if (!is_stream(stream)) return result(cudaErrorInvalidResourceHandle);
  if (bytes == 0) return cudaSuccess;
  const DeviceAccess access;
  require_allocated(memory, bytes, "cudaMemset");
  std::memset(memory, value, bytes);
  return cudaSuccess;
}
cudaError_t cudaMemset(void* memory, int value, std::size_t bytes) {
  return cudaMemsetAsync(memory, value, bytes, nullptr);
}

cudaError_t cudaStreamCreateWithFlags(cudaStream_t* stream, unsigned) {
  const std::scoped_lock guard(lock());
  *stream = new CUstream_st{thread_state().device};
  registry().streams.insert(*stream);
  return cudaSuccess;
}
cudaError_t cudaStreamCreate(cudaStream_t* stream) {
  return cudaStreamCreateWithFlags(stream, cudaStreamDefault);
}
cudaError_t cudaStreamDestroy(cudaStream_t stream) {
  const std::scoped_lock guard(lock());
  if (registry().streams.erase(stream) == 0) return result(cudaErrorInvalidResourceHandle);
  delete stream;
  return cudaSuccess;
}
cudaError_t cudaStreamSynchronize(cudaStream_t stream) {
  return is_stream(stream) ? cudaSuccess : result(cudaErrorInvalidResourceHandle);
}
cudaError_t cudaStreamQuery(cudaStream_t stream) {
  return cudaStreamSynchronize(stream);
}
cudaError_t cudaStreamWaitEvent(cudaStream_t stream, cudaEvent_t event, unsigned) {
  return is_stream(stream) && is_event(event) ? cudaSuccess
                                              : result(cudaErrorInvalidResourceHandle);
}
cudaError_t cudaLaunchHostFunc(cudaStream_t stream, cudaHostFn_t function, void* data) {
  if (!is_stream(stream)) return result(cudaErrorInvalidResourceHandle);
  function(data);
  return cudaSuccess;
}
cudaError_t cudaEventCreateWithFlags(cudaEvent_t* event, unsigned flags) {
  const std::scoped_lock guard(lock());
  *event = new CUevent_st{(flags & cudaEventDisableTiming) == 0, false, {}};
  registry().events.insert(*event);
  return cudaSuccess;
}
cudaError_t cudaEventCreate(cudaEvent_t* event) {
  return cudaEventCreateWithFlags(event, cudaEventDefault);
}
cudaError_t cudaEventDestroy(cudaEvent_t event) {
  const std::scoped_lock guard(lock());
  if (registry().events.erase(event) == 0) return result(cudaErrorInvalidResourceHandle);
  delete event;
  return cudaSuccess;
}
cudaError_t cudaEventRecord(cudaEvent_t event, cudaStream_t stream) {
  if (!is_event(event) || !is_stream(stream)) return result(cudaErrorInvalidResourceHandle);
  event->is_recorded = true;
  event->time = std::chrono::steady_clock::now();
  return cudaSuccess;
}
cudaError_t cudaEventSynchronize(cudaEvent_t event) {
  return is_event(event) ? cudaSuccess : result(cudaErrorInvalidResourceHandle);
}
cudaError_t cudaEventQuery(cudaEvent_t event) {
  return cudaEventSynchronize(event);
}
cudaError_t cudaEventElapsedTime(float* milliseconds, cudaEvent_t begin, cudaEvent_t end) {
  if (!is_event(begin) || !is_event(end) || !begin->has_timing || !end->has_timing ||
      !begin->is_recorded || !end->is_recorded)
    return result(cudaErrorInvalidResourceHandle);
  *milliseconds = std::chrono::duration<float, std::milli>(end->time - begin->time).count();
  return cudaSuccess;
}
