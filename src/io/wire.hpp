#pragma once

#include <cstdint>
#include <cstring>
#include <string>
#include <type_traits>
#include <vector>

namespace serried {

/// Puts values one after the other into bytes that are broadcast; WireReader takes them out in the
/// same order. Both run the same program, so there is no portable format to keep.
class WireWriter {
 public:
  template <class T>
  requires std::is_trivially_copyable_v<T>
  void put(const T& value) { text_.append(reinterpret_cast<const char*>(&value), sizeof(T)); }
  void put(const std::string& text) {
    put(static_cast<std::int64_t>(text.size()));
    text_ += text;
  }
  template <class T>
  void put(const std::vector<T>& values) {
    put(static_cast<std::int64_t>(values.size()));
    for (const T& value : values) put(value);
  }
  [[nodiscard]] const std::string& bytes() const noexcept { return text_; }

 private:
  std::string text_;
};

class WireReader {
 public:
  explicit WireReader(const std::string& bytes) : bytes_(bytes) {}
  template <class T>
  requires std::is_trivially_copyable_v<T>
  void get(T& value) {
    std::memcpy(&value, bytes_.data() + at_, sizeof(T));
    at_ += sizeof(T);
  }
  void get(std::string& text) {
    std::int64_t size = 0;
    get(size);
    text.assign(bytes_, at_, static_cast<std::size_t>(size));
    at_ += static_cast<std::size_t>(size);
  }
  template <class T>
  void get(std::vector<T>& values) {
    std::int64_t size = 0;
    get(size);
    values.resize(static_cast<std::size_t>(size));
    for (T& value : values) get(value);
  }

 private:
  const std::string& bytes_;
  std::size_t at_ = 0;
};

}  // namespace serried
