#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <type_traits>
#include <vector>

#include "serried/base/error.hpp"

namespace serried::comm {

/// Values one after the other, as all hosts of a job have them in memory.
template <class T>
requires std::is_trivially_copyable_v<T>
void put(std::vector<std::byte>& message, const T& value) {
  const auto* const begin = reinterpret_cast<const std::byte*>(&value);
  message.insert(message.end(), begin, begin + sizeof(T));
}

inline void put(std::vector<std::byte>& message, const std::string& text) {
  put(message, static_cast<std::uint32_t>(text.size()));
  const auto* const begin = reinterpret_cast<const std::byte*>(text.data());
  message.insert(message.end(), begin, begin + text.size());
}

/// @throws Error if the message is shorter.
template <class T>
requires std::is_trivially_copyable_v<T>
[[nodiscard]] T take(std::span<const std::byte>& message) {
  if (message.size() < sizeof(T))
    throw Error(ErrorKind::internal, "a message between watchdogs is too short");
  T value;
  std::memcpy(&value, message.data(), sizeof(T));
  message = message.subspan(sizeof(T));
  return value;
}

[[nodiscard]] inline std::string take_text(std::span<const std::byte>& message) {
  const auto length = take<std::uint32_t>(message);
  if (message.size() < length)
    throw Error(ErrorKind::internal, "a message between watchdogs is too short");
  std::string text(reinterpret_cast<const char*>(message.data()), length);
  message = message.subspan(length);
  return text;
}

}  // namespace serried::comm
