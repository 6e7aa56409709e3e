#pragma once

#include <cstring>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "serried/base/error.hpp"
#include "serried/expr/functions.hpp"
#include "serried/expr/parse.hpp"
#include "serried/expr/reductions.hpp"

namespace serried::test {

inline constexpr DType number_dtypes[] = {
    DType::b8,  DType::i8,  DType::u8,  DType::i16, DType::u16, DType::i32, DType::u32,
    DType::i64, DType::u64, DType::f16, DType::f32, DType::f64, DType::c64, DType::c128};

/// An operand of zeros that every rank has.
inline Expr zeros(const std::string& name, DType dtype, const Shape& shape = {}) {
  Operand operand{.name = name, .shape = shape, .dtype = dtype, .split_axis = -1};
  const auto bytes = static_cast<std::size_t>(shape.elements()) * size_of(dtype) + 16;
  auto memory = std::shared_ptr<std::byte[]>(new std::byte[bytes]());
  operand.elements = std::shared_ptr<const std::byte>(memory, memory.get());
  return {operand};
}

/// What InvalidArgument says.
template <class F>
std::string refusal(F make) {
  try {
    static_cast<void>(make());
  } catch (const InvalidArgument& error) {
    return error.what();
  }
  return "";
}

}  // namespace serried::test
