# The CUDA module: libserried_cuda.so, which the core opens at run time. SERRIED_CUDA_SOURCES are its
# sources; they are plain C++ but for the qualifiers of functions, so that tests can build them with the
# host's compiler too (tests/cuda_emulation).
set(SERRIED_MODULE_DIR ${CMAKE_INSTALL_LIBDIR}/serried)

set(SERRIED_HAS_CUDA FALSE)
if(NOT SERRIED_CUDA STREQUAL "OFF")
  include(CheckLanguage)
  check_language(CUDA)
  if(CMAKE_CUDA_COMPILER)
    set(CMAKE_CUDA_ARCHITECTURES ${SERRIED_CUDA_ARCHITECTURES})
    if(SERRIED_CCACHE)
      set(CMAKE_CUDA_COMPILER_LAUNCHER ${SERRIED_CCACHE})
    endif()
    enable_language(CUDA)
    find_package(CUDAToolkit 12 REQUIRED)
    set(SERRIED_HAS_CUDA TRUE)
  elseif(SERRIED_CUDA STREQUAL "ON")
    message(FATAL_ERROR "SERRIED_CUDA=ON, but there is no CUDA compiler (nvcc)")
  endif()
endif()

file(GLOB SERRIED_CUDA_SOURCES CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/src/backend/cuda/*.cpp
  ${PROJECT_SOURCE_DIR}/src/backend/cuda/*.cu)
# Sources that call libraries which only a GPU can run; tests without one leave them out.
set(SERRIED_CUDA_NOT_EMULATED ${PROJECT_SOURCE_DIR}/src/backend/cuda/dense_kernels.cpp
  ${PROJECT_SOURCE_DIR}/src/backend/cuda/dense_libraries.cpp)
# Parts of floor 0 that have a source file; the module shares no object with the core.
set(SERRIED_CUDA_BASE_SOURCES ${PROJECT_SOURCE_DIR}/src/base/dtype.cpp ${PROJECT_SOURCE_DIR}/src/base/error.cpp
  ${PROJECT_SOURCE_DIR}/src/device/cuda_identity.cpp ${CMAKE_BINARY_DIR}/src/base/build_info.cpp)

function(serried_add_cuda_module)
  add_library(serried_cuda MODULE ${SERRIED_CUDA_SOURCES} ${SERRIED_CUDA_BASE_SOURCES})
  target_include_directories(serried_cuda PRIVATE ${PROJECT_SOURCE_DIR}/include ${CMAKE_BINARY_DIR}/include
    ${PROJECT_SOURCE_DIR}/src)
  target_compile_features(serried_cuda PRIVATE cxx_std_20)
  # CMake 3.25 knows no CUDA_STANDARD 20 for this nvcc. Every floating-point result is defined by the
  # source here too: no contraction, FMA only where written.
  target_compile_options(serried_cuda PRIVATE
    $<$<COMPILE_LANGUAGE:CUDA>:-std=c++20 --expt-relaxed-constexpr --extended-lambda -fmad=false
      --generate-line-info -Xcompiler=-march=x86-64-v3,-ffp-contract=off,-Wall,-Wextra
      $<$<BOOL:${SERRIED_WARNINGS_AS_ERRORS}>:--Werror=all-warnings -Xcompiler=-Werror>>
    $<$<COMPILE_LANGUAGE:CXX>:-march=x86-64-v3 -mtune=generic -ffp-contract=off -Wall -Wextra -Wshadow
      $<$<BOOL:${SERRIED_WARNINGS_AS_ERRORS}>:-Werror>>)
  set_target_properties(serried_cuda PROPERTIES CXX_VISIBILITY_PRESET hidden CUDA_VISIBILITY_PRESET hidden
    VISIBILITY_INLINES_HIDDEN ON CUDA_RUNTIME_LIBRARY Static CUDA_SEPARABLE_COMPILATION OFF
    CUDA_STANDARD_REQUIRED OFF)
  target_link_libraries(serried_cuda PRIVATE CUDA::cudart_static ${CMAKE_DL_LIBS})
  # What it shares with the core it takes from itself, so that a module of another build says so (build_info).
  target_link_options(serried_cuda PRIVATE LINKER:-z,defs LINKER:-Bsymbolic)
  install(TARGETS serried_cuda LIBRARY DESTINATION ${SERRIED_MODULE_DIR} COMPONENT runtime)
endfunction()

if(SERRIED_HAS_CUDA)
  serried_add_cuda_module()
endif()
