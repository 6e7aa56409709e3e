#include "backend/cuda/dense_libraries.hpp"

#include <dlfcn.h>

#include <string>

#include "serried/base/error.hpp"

#define SERRIED_TEXT_OF(x) #x
#define SERRIED_TEXT(x) SERRIED_TEXT_OF(x)

namespace serried::cuda {
namespace {

constexpr const char* cublas_file = "libcublas.so." SERRIED_TEXT(CUBLAS_VER_MAJOR);
constexpr const char* cusolver_file = "libcusolver.so." SERRIED_TEXT(CUSOLVER_VER_MAJOR);

class Library {
 public:
  explicit Library(const char* file) : file_(file) {
    std::string reason;
    for (const char* folder :
         {"", "/usr/local/cuda/lib64/", "/usr/local/cuda/targets/x86_64-linux/lib/"}) {
      handle_ = ::dlopen((folder + file_).c_str(), RTLD_NOW | RTLD_LOCAL);
      if (handle_ != nullptr) return;
      // The first reason tells what the dynamic linker did not find; a folder that is not there
      // tells nothing.
      const char* const error = ::dlerror();
      if (reason.empty() && error != nullptr) reason = error;
    }
    throw DeviceError(file_ + " of the CUDA toolkit cannot be opened: " + reason);
  }

  template <class Function>
  void find(const char* name, Function& function) const {
    function = reinterpret_cast<Function>(::dlsym(handle_, name));
    if (function == nullptr)
      throw DeviceError(file_ + " cannot be used: it has no function " + name);
  }

 private:
  std::string file_;
  void* handle_ = nullptr;
};

DenseLibraries open_libraries() {
  DenseLibraries table{};
  // First, because cuSOLVER needs it.
  const Library cublas(cublas_file);
  cublas.find("cublasCreate_v2", table.cublas_create);
  cublas.find("cublasDestroy_v2", table.cublas_destroy);
  cublas.find("cublasSetStream_v2", table.cublas_set_stream);
  cublas.find("cublasSetWorkspace_v2", table.cublas_set_workspace);
  cublas.find("cublasSetMathMode", table.cublas_set_math_mode);
  cublas.find("cublasSetAtomicsMode", table.cublas_set_atomics_mode);
  cublas.find("cublasGetStatusString", table.cublas_status_string);
  cublas.find("cublasSgemm_v2_64", table.cublas_sgemm);
  cublas.find("cublasDgemm_v2_64", table.cublas_dgemm);
  const Library cusolver(cusolver_file);
  cusolver.find("cusolverDnCreate", table.cusolver_create);
  cusolver.find("cusolverDnDestroy", table.cusolver_destroy);
  cusolver.find("cusolverDnSetStream", table.cusolver_set_stream);
  cusolver.find("cusolverDnCreateParams", table.cusolver_create_params);
  cusolver.find("cusolverDnDestroyParams", table.cusolver_destroy_params);
  cusolver.find("cusolverDnXpotrf_bufferSize", table.cusolver_potrf_bytes);
  cusolver.find("cusolverDnXpotrf", table.cusolver_potrf);
  cusolver.find("cusolverDnXsyevd_bufferSize", table.cusolver_syevd_bytes);
  cusolver.find("cusolverDnXsyevd", table.cusolver_syevd);
  return table;
}

}  // namespace

const DenseLibraries& dense_libraries() {
  static const DenseLibraries libraries = open_libraries();
  return libraries;
}

void check(cublasStatus_t status, const char* call) {
  if (status != CUBLAS_STATUS_SUCCESS)
    throw DeviceError(std::string(call) + ": " + dense_libraries().cublas_status_string(status));
}

void check(cusolverStatus_t status, const char* call) {
  if (status != CUSOLVER_STATUS_SUCCESS)
    throw DeviceError(std::string(call) + ": cuSOLVER status " +
                      std::to_string(static_cast<int>(status)));
}

}  // namespace serried::cuda
