#pragma once

#include <cublas_v2.h>
#include <cusolverDn.h>

namespace serried::cuda {

/// The functions of cuBLAS and cuSOLVER in use. The libraries are opened at their first use, not
/// when a program starts: they cost half a second and hundreds of megabytes. Never unloaded.
struct DenseLibraries {
  decltype(&cublasCreate_v2) cublas_create;
  decltype(&cublasDestroy_v2) cublas_destroy;
  decltype(&cublasSetStream_v2) cublas_set_stream;
  decltype(&cublasSetWorkspace_v2) cublas_set_workspace;
  decltype(&cublasSetMathMode) cublas_set_math_mode;
  decltype(&cublasSetAtomicsMode) cublas_set_atomics_mode;
  decltype(&cublasGetStatusString) cublas_status_string;
  decltype(&cublasSgemm_v2_64) cublas_sgemm;
  decltype(&cublasDgemm_v2_64) cublas_dgemm;

  decltype(&cusolverDnCreate) cusolver_create;
  decltype(&cusolverDnDestroy) cusolver_destroy;
  decltype(&cusolverDnSetStream) cusolver_set_stream;
  decltype(&cusolverDnCreateParams) cusolver_create_params;
  decltype(&cusolverDnDestroyParams) cusolver_destroy_params;
  decltype(&cusolverDnXpotrf_bufferSize) cusolver_potrf_bytes;
  decltype(&cusolverDnXpotrf) cusolver_potrf;
  decltype(&cusolverDnXsyevd_bufferSize) cusolver_syevd_bytes;
  decltype(&cusolverDnXsyevd) cusolver_syevd;
};

/// Opens both libraries, of the major versions that this was built with: where the dynamic linker
/// looks, then in the toolkit's folder.
/// @throws DeviceError naming the file that cannot be opened.
[[nodiscard]] const DenseLibraries& dense_libraries();

/// @throws DeviceError naming the call that failed.
void check(cublasStatus_t status, const char* call);
void check(cusolverStatus_t status, const char* call);

}  // namespace serried::cuda
