#include "serried/base/dtype.hpp"

#include <array>
#include <string>

namespace serried {
namespace {

struct Entry {
  DType dtype;
  std::string_view name;
  std::string_view long_name;
  std::size_t bytes;
};

constexpr std::array<Entry, 17> entries{{
    {DType::b8, "b8", "bool", 1},
    {DType::i8, "i8", "int8", 1},
    {DType::u8, "u8", "uint8", 1},
    {DType::i16, "i16", "int16", 2},
    {DType::u16, "u16", "uint16", 2},
    {DType::i32, "i32", "int32", 4},
    {DType::u32, "u32", "uint32", 4},
    {DType::i64, "i64", "int64", 8},
    {DType::u64, "u64", "uint64", 8},
    {DType::f16, "f16", "float16", 2},
    {DType::f32, "f32", "float32", 4},
    {DType::f64, "f64", "float64", 8},
    {DType::c64, "c64", "complex64", 8},
    {DType::c128, "c128", "complex128", 16},
    {DType::string, "string", "str", 0},
    {DType::categorical, "categorical", "category", 4},
    {DType::timestamp, "timestamp", "datetime64[ns]", 8},
}};

}  // namespace

std::string_view name(DType dtype) noexcept {
  return entries[static_cast<std::size_t>(dtype)].name;
}

DType parse_dtype(std::string_view text) {
  for (const Entry& entry : entries)
    if (text == entry.name || text == entry.long_name) return entry.dtype;
  throw InvalidArgument("'" + std::string(text) + "' is no dtype; try f32, f64, i32, i64, u8, ...");
}

std::size_t size_of(DType dtype) noexcept {
  return entries[static_cast<std::size_t>(dtype)].bytes;
}

}  // namespace serried
