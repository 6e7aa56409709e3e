#include "device/cuda_module.hpp"

#include <dlfcn.h>

#include <cstdlib>
#include <filesystem>
#include <mutex>
#include <optional>
#include <system_error>

#include "base/own_folder.hpp"
#include "serried/base/error.hpp"

namespace serried {
namespace {

constexpr const char* file_name = "libserried_cuda.so";

std::vector<std::filesystem::path> places() {
  std::vector<std::filesystem::path> result;
  if (const auto program = program_folder(); !program.empty())
    for (const char* beside : {SERRIED_MODULE_FROM_PROGRAM, "../lib", "."})
      result.push_back(program / beside);
  if (const auto library = library_folder(); !library.empty())
    for (const char* beside : {SERRIED_MODULE_FROM_LIBRARY, "."})
      result.push_back(library / beside);
  result.emplace_back(SERRIED_MODULE_FOLDER);
  return result;
}

std::string why_not_opened() {
  const char* text = dlerror();
  return text == nullptr ? "unknown" : text;
}

// The driver comes first: where there is none, the module and CUDA's libraries are not even opened.
void require_driver() {
  if (dlopen("libcuda.so.1", RTLD_NOW | RTLD_GLOBAL) == nullptr)
    throw DeviceError("there is no CUDA driver on this machine (" + why_not_opened() + ")");
}

const CudaModule& open_module() {
  std::filesystem::path path;
  if (const char* given = std::getenv("SERRIED_CUDA_MODULE"); given != nullptr && *given != '\0') {
    path = given;
  } else {
    require_driver();
    for (const auto& place : places()) {
      std::error_code error;
      if (path.empty() && std::filesystem::exists(place / file_name, error))
        path = place / file_name;
    }
    if (path.empty())
      throw DeviceError(std::string("this build has no CUDA module: ") + file_name +
                        " is beside neither the program nor the library, nor in " +
                        SERRIED_MODULE_FOLDER);
  }
  void* const library = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr)
    throw DeviceError("the CUDA module cannot be opened: " + why_not_opened());
  const auto function = reinterpret_cast<CudaModuleFunction>(dlsym(library, "serried_cuda_module"));
  if (function == nullptr) throw DeviceError(path.string() + " is not Serried's CUDA module");
  const CudaModule* const module = function();
  if (module->build_identity != cuda_build_identity())
    throw DeviceError(path.string() + " belongs to another build (" + module->build_identity +
                      ") than this program (" + cuda_build_identity() + ")");
  return *module;
}

// Opened once; a failure is remembered too, so that all who ask get the same answer.
struct Found {
  const CudaModule* module = nullptr;
  CudaSystem system;
  std::optional<DeviceError> failure;
};

const Found& found() {
  static const Found result = [] {
    Found f;
    try {
      f.module = &open_module();
      f.system = f.module->system();
    } catch (const DeviceError& error) {
      f.failure = error;
    }
    return f;
  }();
  if (result.failure) throw *result.failure;
  return result;
}

}  // namespace

const CudaSystem& find_cuda() {
  return found().system;
}

std::string nccl_version() {
  return found().module->nccl_version();
}

std::shared_ptr<Backend> make_cuda_backend(int ordinal, std::shared_ptr<Backend> host) {
  return found().module->make_backend(ordinal, std::move(host));
}

}  // namespace serried
