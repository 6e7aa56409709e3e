// serial
// The CUDA module as the core opens it, and the memory of its backend.
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <numeric>
#include <string>
#include <vector>

#include "cuda/cuda_support.hpp"
#include "gtest/gtest.h"
#include "serried/base/error.hpp"
#include "serried/device/buffer.hpp"
#include "serried/device/cuda.hpp"

namespace serried::test {
namespace {

// What find_cuda says is remembered, so that each case has a process of its own, and runs before
// the others (googletest begins with suites of this name).
[[noreturn]] void find_with(const char* variable, const std::string& value) {
  setenv(variable, value.c_str(), 1);
  for (int time = 0; time < 2; ++time) {
    try {
      static_cast<void>(find_cuda());
      std::fprintf(stderr, "found");
    } catch (const DeviceError& error) {
      std::fprintf(stderr, "DeviceError %s;", error.what());
    }
  }
  std::_Exit(3);
}

constexpr const char* module_variable = "SERRIED_CUDA_MODULE";

TEST(CudaModuleDeathTest, a_module_that_is_not_there_is_named) {
  EXPECT_EXIT(find_with(module_variable, "/nowhere/libserried_cuda.so"), testing::ExitedWithCode(3),
              "^DeviceError the CUDA module cannot be opened: /nowhere/libserried_cuda.so.*;"
              "DeviceError .*/nowhere/libserried_cuda.so");
}

TEST(CudaModuleDeathTest, a_file_that_is_no_library_is_named) {
  const auto path = std::filesystem::temp_directory_path() /
                    ("serried_module_test_" + std::to_string(getpid()) + ".so");
  std::ofstream(path) << "This is a text.\n";
  EXPECT_EXIT(find_with(module_variable, path.string()), testing::ExitedWithCode(3),
              "^DeviceError the CUDA module cannot be opened: " + path.string());
  std::filesystem::remove(path);
}

TEST(CudaModuleDeathTest, another_library_is_told_apart) {
  EXPECT_EXIT(find_with(module_variable, "libm.so.6"), testing::ExitedWithCode(3),
              "^DeviceError libm.so.6 is not Serried's CUDA module");
}

TEST(CudaModuleDeathTest, no_device_in_sight_is_an_error) {
  if (std::getenv(module_variable) == nullptr) GTEST_SKIP() << "only where the GPU is emulated";
  EXPECT_EXIT(find_with("SERRIED_EMULATION_DEVICES", "0"), testing::ExitedWithCode(3),
              "^DeviceError the CUDA driver shows no GPU to this process");
}

TEST(CudaModule, devices_are_described) {
  SERRIED_REQUIRE_CUDA();
  const CudaSystem& system = find_cuda();
  EXPECT_FALSE(system.driver.empty());
  EXPECT_FALSE(system.runtime.empty());
  ASSERT_GE(system.devices.size(), 1U);
  for (const CudaDeviceInfo& device : system.devices) {
    EXPECT_FALSE(device.name.empty());
    EXPECT_EQ(device.uuid.size(), 4U + 36U);
    EXPECT_EQ(device.architecture.substr(0, 3), "sm_");
    EXPECT_EQ(std::count(device.bus.begin(), device.bus.end(), ':'), 2);
    EXPECT_GT(device.memory_bytes, 0);
  }
  const Backend& cuda = *backends().cuda;
  EXPECT_EQ(cuda.kind(), DeviceKind::cuda);
  EXPECT_NE(cuda.description().find(system.devices[0].name), std::string::npos);
  EXPECT_EQ(cuda.instruction_level(), system.devices[0].architecture);
  EXPECT_EQ(&cuda.threads(), &backends().host->threads());
}

TEST(CudaModule, a_device_that_is_not_there_cannot_be_taken) {
  SERRIED_REQUIRE_CUDA();
  const auto count = static_cast<int>(find_cuda().devices.size());
  for (int ordinal : {-1, count})
    EXPECT_THROW(static_cast<void>(make_cuda_backend(ordinal, backends().host)), DeviceError);
}

std::vector<unsigned char> bytes_of(std::size_t size, unsigned seed) {
  std::vector<unsigned char> values(size);
  unsigned state = seed;
  for (auto& value : values) {
    state = state * 1664525U + 1013904223U;
    value = static_cast<unsigned char>(state >> 24);
  }
  return values;
}

// Up to more than the pinned memory through which copies go.
constexpr std::size_t sizes[] = {1,         3, 255, 4097, 8U << 20, (8U << 20) + 1, (16U << 20) + 7,
                                 30'000'001};

TEST(CudaModule, memory_comes_back_as_it_was_sent) {
  SERRIED_REQUIRE_CUDA();
  Backend& cuda = *backends().cuda;
  for (std::size_t size : sizes) {
    const auto sent = bytes_of(size, static_cast<unsigned>(size));
    for (std::size_t offset : {0U, 1U}) {
      const DeviceCopy<unsigned char> copy(cuda, sent, offset);
      EXPECT_TRUE(copy.values() == sent) << size << " at " << offset;
    }
  }
}

TEST(CudaModule, memory_is_copied_and_cleared_on_the_device) {
  SERRIED_REQUIRE_CUDA();
  Backend& cuda = *backends().cuda;
  for (std::size_t size : sizes) {
    auto expected = bytes_of(size, 1);
    const DeviceCopy<unsigned char> from(cuda, expected);
    const DeviceCopy<unsigned char> to(cuda, size);
    cuda.copy_on_device(to.data(), from.data(), size);
    EXPECT_TRUE(to.values() == expected) << size;
    const std::size_t begin = size / 3, end = size - size / 4;
    cuda.fill_zero(to.data() + begin, end - begin);
    std::fill(expected.begin() + static_cast<std::ptrdiff_t>(begin),
              expected.begin() + static_cast<std::ptrdiff_t>(end), static_cast<unsigned char>(0));
    EXPECT_TRUE(to.values() == expected) << size;
  }
}

TEST(CudaModule, nothing_is_copied_where_there_are_no_bytes) {
  SERRIED_REQUIRE_CUDA();
  Backend& cuda = *backends().cuda;
  const std::vector<int> values{1, 2, 3};
  const DeviceCopy<int> copy(cuda, values);
  cuda.copy_from_host(copy.data(), nullptr, 0);
  cuda.copy_to_host(nullptr, copy.data(), 0);
  cuda.copy_on_device(copy.data(), copy.data() + 1, 0);
  cuda.fill_zero(copy.data(), 0);
  EXPECT_EQ(copy.values(), values);
}

TEST(CudaModule, peak_and_free_memory_are_counted) {
  SERRIED_REQUIRE_CUDA();
  const auto cuda = make_cuda_backend(0, backends().host);
  EXPECT_EQ(cuda->peak_bytes(), 0U);
  const std::size_t free_before = cuda->free_bytes(), size = std::size_t{64} << 20;
  void* const first = cuda->allocate(size);
  void* const second = cuda->allocate(1000);
  EXPECT_EQ(reinterpret_cast<std::uintptr_t>(first) % 64, 0U);
  EXPECT_EQ(reinterpret_cast<std::uintptr_t>(second) % 64, 0U);
  EXPECT_EQ(cuda->peak_bytes(), size + 1000);
  if (std::getenv(module_variable) != nullptr) {
    EXPECT_LE(cuda->free_bytes() + size, free_before);
  }
  cuda->deallocate(first, size);
  cuda->deallocate(second, 1000);
  EXPECT_EQ(cuda->peak_bytes(), size + 1000);
  void* const third = cuda->allocate(500);
  EXPECT_EQ(cuda->peak_bytes(), size + 1000);
  cuda->deallocate(third, 500);
}

TEST(CudaModule, too_little_memory_is_an_error_that_says_how_much_and_does_no_harm) {
  SERRIED_REQUIRE_CUDA();
  Backend& cuda = *backends().cuda;
  const auto total = static_cast<std::size_t>(find_cuda().devices[0].memory_bytes);
  const std::size_t asked = total + 4096;
  try {
    static_cast<void>(cuda.allocate(asked));
    ADD_FAILURE() << "more memory than there is";
  } catch (const DeviceError& error) {
    const std::string text = error.what();
    EXPECT_NE(text.find("out of memory on " + find_cuda().devices[0].name), std::string::npos)
        << text;
    EXPECT_NE(text.find(std::to_string(asked) + " bytes were asked for"), std::string::npos)
        << text;
    EXPECT_NE(text.find(" are free"), std::string::npos) << text;
  }
  const auto sent = bytes_of(100'000, 7);
  EXPECT_TRUE(DeviceCopy<unsigned char>(cuda, sent).values() == sent);
}

}  // namespace
}  // namespace serried::test
