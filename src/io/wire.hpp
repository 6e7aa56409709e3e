#pragma once

#include <cstdint>
#include <cstring>
#include <string>
#include <type_traits>
#include <vector>

#include "serried/base/dtype.hpp"
#include "serried/base/error.hpp"
#include "serried/base/shape.hpp"

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

///
/// Bytes that come from the process that reads files from elsewhere (io/guard) may be spoiled: what
/// would lie beyond the end is an error, and so is a dtype or a shape that cannot be.
class WireReader {
 public:
  explicit WireReader(const std::string& bytes) : bytes_(bytes) {}
  template <class T>
  requires std::is_trivially_copyable_v<T>
  void get(T& value) {
    require(sizeof(T));
    if constexpr (std::is_same_v<T, bool>)
      value = bytes_[at_] != 0;
    else
      std::memcpy(&value, bytes_.data() + at_, sizeof(T));
    at_ += sizeof(T);
  }
  void get(DType& dtype) {
    std::underlying_type_t<DType> number = 0;
    get(number);
    if (number > static_cast<std::underlying_type_t<DType>>(DType::timestamp)) fail();
    dtype = static_cast<DType>(number);
  }
  void get(Shape& shape) {
    Shape given;
    get<Shape>(given);
    if (given.dimensions() < 0 || given.dimensions() > max_dimensions) fail();
    for (const std::int64_t extent : given.extents())
      if (extent < 0) fail();
    shape = given;
  }
  void get(std::string& text) {
    std::int64_t size = 0;
    get(size);
    require(static_cast<std::size_t>(size));
    text.assign(bytes_, at_, static_cast<std::size_t>(size));
    at_ += static_cast<std::size_t>(size);
  }
  template <class T>
  void get(std::vector<T>& values) {
    std::int64_t size = 0;
    get(size);
    require(static_cast<std::size_t>(size));  // an element takes a byte at least
    values.resize(static_cast<std::size_t>(size));
    for (T& value : values) get(value);
  }
  /// The number of things that follow, each of a byte at least.
  [[nodiscard]] std::size_t get_count() {
    std::int64_t count = 0;
    get(count);
    require(static_cast<std::size_t>(count));
    return static_cast<std::size_t>(count);
  }

 private:
  void require(std::size_t bytes) const {
    if (bytes > bytes_.size() - at_)
      throw Error(ErrorKind::internal, "a message between processes ends too early");
  }
  [[noreturn]] static void fail() {
    throw Error(ErrorKind::internal, "a message between processes makes no sense");
  }

  const std::string& bytes_;
  std::size_t at_ = 0;
};

}  // namespace serried
