option(BUILD_SHARED_LIBS "Build libserried.so instead of libserried.a" OFF)
option(SERRIED_BUILD_TESTS "Build the tests" ON)
option(SERRIED_BUILD_BENCH "Build the benchmark programs" ON)
set(SERRIED_CUDA AUTO CACHE STRING "Build the CUDA module: ON, OFF, or AUTO (where nvcc is found)")
set(SERRIED_CUDA_ARCHITECTURES 90 CACHE STRING "Architectures of the CUDA module, separated by semicolons")
option(SERRIED_WARNINGS_AS_ERRORS "Treat compiler warnings as errors" ON)
set(SERRIED_SANITIZE "" CACHE STRING "Sanitizers, separated by semicolons (address;undefined or thread)")
option(SERRIED_BUILD_FUZZERS "Build the fuzzers (needs clang; see fuzz/README.md)" OFF)
set(SERRIED_TEST_TIMEOUT_FACTOR 1 CACHE STRING "Multiplies the tests' time-outs, for slow or crowded machines")

if(NOT CMAKE_BUILD_TYPE AND NOT CMAKE_CONFIGURATION_TYPES)
  set(CMAKE_BUILD_TYPE Release CACHE STRING "Build type" FORCE)
endif()
set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
set(CMAKE_RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/bin)
set(CMAKE_LIBRARY_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/lib)
set(CMAKE_ARCHIVE_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/lib)
# Assertions of the cheap class stay on in release builds; see docs/architecture.md.
string(REPLACE "-O3" "-O2" CMAKE_CXX_FLAGS_RELEASE "${CMAKE_CXX_FLAGS_RELEASE}")

find_program(SERRIED_CCACHE ccache)
if(SERRIED_CCACHE AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
  set(CMAKE_CXX_COMPILER_LAUNCHER ${SERRIED_CCACHE})
  set(CMAKE_C_COMPILER_LAUNCHER ${SERRIED_CCACHE})
endif()

# Every floating-point result is defined by the source: no contraction, no fast-math, one baseline
# instruction set. AVX-512 is chosen at run time by Highway, with the same bits.
add_library(serried_build_flags INTERFACE)
target_compile_options(serried_build_flags INTERFACE
  -march=x86-64-v3 -mtune=generic -ffp-contract=off -fno-fast-math
  -Wall -Wextra -Wpedantic -Wshadow -Wnon-virtual-dtor -Wconversion -Wno-sign-conversion
  -Woverloaded-virtual -Wimplicit-fallthrough -Wno-missing-field-initializers
  $<$<BOOL:${SERRIED_WARNINGS_AS_ERRORS}>:-Werror>)
if(SERRIED_BUILD_FUZZERS)
  if(NOT CMAKE_CXX_COMPILER_ID MATCHES "Clang")
    message(FATAL_ERROR "SERRIED_BUILD_FUZZERS needs clang: -DCMAKE_C_COMPILER=clang -DCMAKE_CXX_COMPILER=clang++")
  endif()
  target_compile_options(serried_build_flags INTERFACE -fsanitize=fuzzer-no-link)
endif()
foreach(sanitizer IN LISTS SERRIED_SANITIZE)
  target_compile_options(serried_build_flags INTERFACE -fsanitize=${sanitizer}
    -fno-sanitize-recover=all -fno-omit-frame-pointer)
  target_link_options(serried_build_flags INTERFACE -fsanitize=${sanitizer})
endforeach()
if(SERRIED_SANITIZE AND CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  # g++ 12 takes parts of std::regex for uninitialised in instrumented code.
  target_compile_options(serried_build_flags INTERFACE -Wno-maybe-uninitialized)
endif()
# Clang marks where functions begin, for indirect calls; for coroutines clang 14 fails at that.
if("undefined" IN_LIST SERRIED_SANITIZE AND CMAKE_CXX_COMPILER_ID MATCHES "Clang")
  target_compile_options(serried_build_flags INTERFACE -fno-sanitize=function)
endif()
