#include "backend/cuda/system.hpp"

#include <algorithm>
#include <cctype>
#include <cstdio>
#include <fstream>

#include "backend/cuda/launch.hpp"
#include "serried/base/error.hpp"

namespace serried::cuda {
namespace {

std::string version_text(int version) {
  return std::to_string(version / 1000) + '.' + std::to_string(version % 1000 / 10);
}

std::string uuid_text(const cudaUUID_t& uuid) {
  std::string text = "GPU-";
  for (int i = 0; i < 16; ++i) {
    char hex[3];
    std::snprintf(hex, sizeof hex, "%02x", static_cast<unsigned>(uuid.bytes[i]) & 0xffU);
    if (i == 4 || i == 6 || i == 8 || i == 10) text += '-';
    text += hex;
  }
  return text;
}

int numa_node_of(const std::string& bus) {
  std::string folder = bus;
  std::ranges::transform(folder, folder.begin(),
                         [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  std::ifstream file("/sys/bus/pci/devices/" + folder + "/numa_node");
  int node = -1;
  return file >> node ? node : -1;
}

}  // namespace

std::string architecture_name(const cudaDeviceProp& properties) {
  return "sm_" + std::to_string(properties.major) + std::to_string(properties.minor);
}

CudaSystem read_system() {
  CudaSystem system;
  int driver = 0, runtime = 0, count = 0;
  check(cudaDriverGetVersion(&driver), "the CUDA driver's version");
  check(cudaRuntimeGetVersion(&runtime), "the CUDA runtime's version");
  system.driver = version_text(driver);
  system.runtime = version_text(runtime);
  const cudaError_t status = cudaGetDeviceCount(&count);
  if (status == cudaErrorNoDevice || (status == cudaSuccess && count == 0))
    throw DeviceError("the CUDA driver shows no GPU to this process (CUDA_VISIBLE_DEVICES?)");
  check(status, "the CUDA driver cannot be used");
  for (int ordinal = 0; ordinal < count; ++ordinal) {
    cudaDeviceProp properties{};
    check(cudaGetDeviceProperties(&properties, ordinal), "the GPU's properties");
    char bus[32] = "";
    check(cudaDeviceGetPCIBusId(bus, sizeof bus, ordinal), "the GPU's PCI address");
    system.devices.push_back({.ordinal = ordinal,
                              .name = properties.name,
                              .uuid = uuid_text(properties.uuid),
                              .architecture = architecture_name(properties),
                              .bus = bus,
                              .memory_bytes = static_cast<std::int64_t>(properties.totalGlobalMem),
                              .numa_node = numa_node_of(bus)});
  }
  return system;
}

}  // namespace serried::cuda
