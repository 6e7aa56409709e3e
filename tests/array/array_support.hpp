#pragma once

#include <complex>
#include <cstdint>
#include <span>
#include <vector>

#include "serried/array/array.hpp"
#include "support/spmd.hpp"

namespace serried::test {

inline constexpr DType real_dtypes[] = {DType::b8,  DType::i8,  DType::u8,  DType::i16,
                                        DType::u16, DType::i32, DType::u32, DType::i64,
                                        DType::u64, DType::f16, DType::f32, DType::f64};

/// A number that every real dtype but b8 holds exactly, for each global element.
inline double element_value(std::int64_t number) {
  return static_cast<double>(number * 7 % 101);
}

/// The C-order number of an index.
inline std::int64_t number_of(const Shape& shape, std::span<const std::int64_t> index) {
  std::int64_t number = 0;
  for (int axis = 0; axis < shape.dimensions(); ++axis)
    number = number * shape[axis] + index[static_cast<std::size_t>(axis)];
  return number;
}

/// The index of a C-order number.
inline std::vector<std::int64_t> index_of(const Shape& shape, std::int64_t number) {
  std::vector<std::int64_t> index(static_cast<std::size_t>(shape.dimensions()));
  for (int axis = shape.dimensions() - 1; axis >= 0; --axis) {
    index[static_cast<std::size_t>(axis)] = number % shape[axis];
    number /= shape[axis];
  }
  return index;
}

/// An array of element_value.
inline Array numbered(const Context& ctx, const Shape& shape, DType dtype = DType::f64,
                      int split_axis = 0) {
  return Array::from_function(
      ctx, shape, dtype,
      [shape](std::span<const std::int64_t> index) {
        return element_value(number_of(shape, index));
      },
      split_axis);
}

/// Global numbers of a rank's elements, in the order in which they lie: split axis first.
inline std::vector<std::int64_t> local_numbers(const Array& array) {
  std::vector<std::int64_t> numbers;
  const Shape& shape = array.shape();
  const RowRange rows = array.local_rows();
  const Shape inner = array.row_shape();
  const std::int64_t count = inner.elements();
  for (std::int64_t row = rows.begin; row < rows.end; ++row)
    for (std::int64_t i = 0; i < count; ++i) {
      auto index = index_of(inner, i);
      if (shape.dimensions() > 0) index.insert(index.begin() + array.split_axis(), row);
      numbers.push_back(number_of(shape, index));
    }
  return numbers;
}

template <class T>
double as_double(T value) {
  if constexpr (std::is_same_v<T, Half>)
    return static_cast<double>(to_float(value));
  else if constexpr (std::is_same_v<T, std::complex<float>> ||
                     std::is_same_v<T, std::complex<double>>)
    return static_cast<double>(value.real());
  else
    return static_cast<double>(value);
}

/// The local values as f64.
inline std::vector<double> local_values(const Array& array) {
  std::vector<double> values;
  visit_numeric(array.dtype(), [&](auto tag) {
    using T = typename decltype(tag)::type;
    for (const T& value : array.template local<T>()) values.push_back(as_double<T>(value));
  });
  return values;
}

/// The whole array in C order as f64, on every rank.
inline std::vector<double> all_values(const Array& array) {
  return local_values(array.replicate());
}

/// As the context of the program, with other tiles.
inline Context tiled_context(std::int64_t max_tiles) {
  return context({.max_tiles = max_tiles});
}

}  // namespace serried::test
