#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "serried/base/api.hpp"

namespace SERRIED_API serried {

/// A 64-bit hash of values in order (FNV-1a by words, mixed at the end): the same on every machine,
/// and no protection from anyone who wants two inputs to have the same.
class Fingerprint {
 public:
  void add(std::uint64_t word) noexcept {
    state_ = (state_ ^ word) * 0x100000001b3ULL;
    state_ ^= state_ >> 29;
  }
  void add(std::span<const std::byte> bytes) noexcept {
    add(static_cast<std::uint64_t>(bytes.size()));
    for (std::size_t begin = 0; begin < bytes.size(); begin += 8) {
      std::uint64_t word = 0;
      for (std::size_t i = begin; i < bytes.size() && i < begin + 8; ++i)
        word |= static_cast<std::uint64_t>(bytes[i]) << (8 * (i - begin));
      add(word);
    }
  }
  void add(std::string_view text) noexcept { add(std::as_bytes(std::span(text))); }
  void add(std::span<const double> values) noexcept { add(std::as_bytes(values)); }
  void add(std::span<const std::int64_t> values) noexcept { add(std::as_bytes(values)); }

  [[nodiscard]] std::uint64_t value() const noexcept {
    std::uint64_t mixed = state_;
    for (const std::uint64_t factor : {0xff51afd7ed558ccdULL, 0xc4ceb9fe1a85ec53ULL})
      mixed = (mixed ^ (mixed >> 33)) * factor;
    return mixed ^ (mixed >> 33);
  }
  /// Sixteen hexadecimal digits.
  [[nodiscard]] std::string text() const {
    constexpr std::string_view digits = "0123456789abcdef";
    std::string result;
    for (int shift = 60; shift >= 0; shift -= 4) result += digits[(value() >> shift) & 15];
    return result;
  }

 private:
  std::uint64_t state_ = 0xcbf29ce484222325ULL;
};

}  // namespace serried
