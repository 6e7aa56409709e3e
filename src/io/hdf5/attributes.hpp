#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string>
#include <type_traits>
#include <vector>

#include "io/hdf5/handle.hpp"
#include "io/hdf5/types.hpp"
#include "serried/base/dtype.hpp"
#include "serried/base/error.hpp"
#include "serried/comm/communicator.hpp"

namespace serried::hdf5 {

/// The value of an attribute: numbers in their own dtype, or texts.
struct AttributeValue {
  std::string type;  ///< as ElementType::text
  bool is_number = false;
  bool is_text = false;
  DType dtype = DType::f64;
  std::vector<std::int64_t> shape;  ///< empty: scalar
  std::int64_t count = 0;           ///< 0 for an empty attribute
  std::vector<std::byte> bytes;     ///< numbers
  std::vector<std::string> texts;

  /// Number i as T, converted as C++ does.
  template <class T>
  [[nodiscard]] T as(std::int64_t i = 0) const {
    return visit_real(dtype, [&](auto tag) -> T {
      using Element = typename decltype(tag)::type;
      // a truth value of a damaged file may be neither 0 nor 1
      using Stored = std::conditional_t<std::is_same_v<Element, bool>, std::uint8_t, Element>;
      Stored value{};
      std::memcpy(&value, bytes.data() + static_cast<std::size_t>(i) * sizeof(Stored),
                  sizeof(Stored));
      if constexpr (std::is_same_v<Stored, Half>)
        return static_cast<T>(to_float(value));
      else if constexpr (std::is_same_v<Element, bool>)
        return static_cast<T>(value != 0 ? 1 : 0);
      else
        return static_cast<T>(value);
    });
  }
};

/// Reads an attribute of an open object; nothing where there is none. Types that are neither
/// numbers nor text come back with `type` and `shape` alone. long double is read as f64. Local.
/// @throws IoError if it cannot be read.
[[nodiscard]] std::optional<AttributeValue> read_attribute(hid_t object, const std::string& name);

/// The names of an object's attributes, sorted.
/// Local.
[[nodiscard]] std::vector<std::string> attribute_names(hid_t object);

/// The text of a one-element text attribute; nothing where there is none.
/// Local.
[[nodiscard]] std::optional<std::string> read_text_attribute(hid_t object, const std::string& name);

/// Writes an attribute of an object that is open on all ranks, in place of one of that name; name
/// and value are the same on all ranks. Text as variable-length UTF-8, as h5py does. `where` names
/// the object in errors.
/// Collective. @throws RankError (kind io).
void write_text_attribute(const Communicator& comm, hid_t object, const std::string& name,
                          const std::string& value, const std::string& where);
/// As above, numbers: a scalar where `is_scalar`, else a vector.
/// Collective. @throws RankError (kind io).
void write_number_attribute(const Communicator& comm, hid_t object, const std::string& name,
                            DType dtype, const void* values, std::int64_t count, bool is_scalar,
                            const std::string& where);

}  // namespace serried::hdf5
