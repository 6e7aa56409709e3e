// serial
#include "serried/device/buffer.hpp"

#include <cstdint>
#include <utility>

#include "gtest/gtest.h"

namespace serried {
namespace {

TEST(Buffer, memory_is_aligned_and_writable) {
  const auto backend = make_host_backend(1);
  for (const std::size_t bytes : {1, 63, 64, 65, 100000}) {
    Buffer buffer(backend, bytes);
    EXPECT_EQ(buffer.bytes(), bytes);
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(buffer.data()) % 64, 0U);
    for (auto& value : buffer.as<std::uint8_t>(bytes)) value = 7;
    EXPECT_EQ(std::as_const(buffer).as<std::uint8_t>(bytes).back(), 7);
  }
}

TEST(Buffer, empty_ones_hold_nothing) {
  const Buffer none;
  EXPECT_EQ(none.bytes(), 0U);
  EXPECT_EQ(none.data(), nullptr);
  Buffer zero(make_host_backend(1), 0);
  EXPECT_TRUE(zero.as<double>(0).empty());
  EXPECT_THROW((void)zero.as<double>(1), InvalidArgument);
}

TEST(Buffer, moves_hand_the_memory_on) {
  const auto backend = make_host_backend(1);
  Buffer first(backend, 80);
  first.as<double>(10)[9] = 2.5;
  std::byte* const memory = first.data();
  Buffer second(std::move(first));
  EXPECT_EQ(second.data(), memory);
  EXPECT_EQ(first.bytes(), 0U);
  EXPECT_EQ(first.data(), nullptr);
  Buffer third(backend, 8);
  third = std::move(second);
  EXPECT_EQ(third.data(), memory);
  EXPECT_EQ(third.as<double>(10)[9], 2.5);
  EXPECT_EQ(second.data(), nullptr);
  Buffer& itself = third;
  third = std::move(itself);
  EXPECT_EQ(third.data(), memory);
  EXPECT_EQ(third.bytes(), 80U);
}

TEST(Buffer, destroyed_memory_is_given_back) {
  const auto backend = make_host_backend(1);
  for (int round = 0; round < 100; ++round) {
    Buffer buffer(backend, 1000);
    buffer = Buffer(backend, 500);
  }
  EXPECT_EQ(backend->peak_bytes(), 1500U);  // never more than two at a time
}

TEST(Buffer, reserve_only_grows) {
  const auto backend = make_host_backend(1);
  Buffer buffer;
  buffer.reserve(backend, 100);
  std::byte* const memory = buffer.data();
  buffer.reserve(backend, 40);
  EXPECT_EQ(buffer.data(), memory);
  EXPECT_EQ(buffer.bytes(), 100U);
  buffer.reserve(backend, 200);
  EXPECT_EQ(buffer.bytes(), 200U);
  EXPECT_EQ(backend->peak_bytes(), 200U);  // the old memory went first
  const auto other = make_host_backend(1);
  buffer.reserve(other, 10);
  EXPECT_EQ(buffer.backend(), other);
}

TEST(Buffer, views_beyond_the_end_are_refused) {
  Buffer buffer(make_host_backend(1), 15);
  EXPECT_EQ(buffer.as<double>(1).size(), 1U);
  EXPECT_THROW((void)buffer.as<double>(2), InvalidArgument);
  EXPECT_THROW((void)std::as_const(buffer).as<std::uint8_t>(16), InvalidArgument);
}

TEST(Buffer, keeps_its_backend_alive) {
  auto backend = make_host_backend(1);
  Buffer buffer(backend, 64);
  const std::weak_ptr<Backend> watched = backend;
  backend.reset();
  EXPECT_FALSE(watched.expired());
  buffer = Buffer();
  EXPECT_TRUE(watched.expired());
}

TEST(Buffer, memory_that_cannot_be_had_is_an_error_with_its_size) {
  const auto backend = make_host_backend(1);
  try {
    const Buffer buffer(backend, std::size_t{1} << 60);
    FAIL() << "2^60 bytes were given";
  } catch (const DeviceError& error) {
    EXPECT_NE(std::string(error.what()).find(std::to_string(std::size_t{1} << 60)),
              std::string::npos);
  }
  EXPECT_EQ(backend->peak_bytes(), 0U);
}

}  // namespace
}  // namespace serried
