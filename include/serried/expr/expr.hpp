#pragma once

#include <complex>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "serried/base/api.hpp"
#include "serried/base/dtype.hpp"
#include "serried/base/shape.hpp"

namespace SERRIED_API serried {

class TileSource;

/// What an expression reads: an array in memory or in a file.
struct Operand {
  std::string name;  ///< for messages
  Shape shape;
  DType dtype = DType::f64;
  /// The axis along which the elements are spread over the ranks; -1: every rank has all of them.
  int split_axis = 0;
  /// Of a split operand: its rows are the indices of the split axis, and a row has the other axes
  /// in their order. The expression keeps it alive.
  std::shared_ptr<const TileSource> source;
  /// Of a source that is split along axis 0: the same elements with so many leading axes, flattened
  /// in C order, as its rows, or null; for flatten_rows. None: there is no such source.
  std::function<std::shared_ptr<const TileSource>(int axes)> flattened = nullptr;
  /// Of an operand that every rank has: all elements in C order, in host memory.
  std::shared_ptr<const std::byte> elements;
  /// Nulls: a b8 operand of the same shape and split axis, 0 where there is no value; none: every
  /// element has a value.
  std::shared_ptr<const Operand> validity;
};

namespace detail {
struct ExprNode;
}  // namespace detail

/// An expression: an immutable typed graph of operands, scalars and functions, made by operators
/// and functions (serried/expr/functions.hpp, reductions.hpp) or parsed from text (parse.hpp). It
/// shares its operands and reads them when it is evaluated (serried/array/evaluate.hpp), never
/// before. A value type; copies share the graph. Everything here is Local.
///
/// Shapes are broadcast, and dtypes promoted, as in NumPy 2: C++ numbers are "weak" scalars, which
/// take the dtype of what they meet, so that `2 * x` of an f32 array is f32. Integers wrap around
/// as in C; a division of integers by zero gives 0. Wrong shapes and dtypes are found when the
/// expression is made.
class Expr {
 public:
  // Weak scalars.
  Expr(bool value);                         // NOLINT(google-explicit-constructor)
  Expr(int value);                          // NOLINT(google-explicit-constructor)
  Expr(std::int64_t value);                 // NOLINT(google-explicit-constructor)
  Expr(double value);                       // NOLINT(google-explicit-constructor)
  Expr(const std::complex<double>& value);  // NOLINT(google-explicit-constructor)
  /// Anything that says by `to_operand(x)` what its operand is: an Array, for instance.
  template <class T>
  requires requires(const T& t) {
    { to_operand(t) } -> std::same_as<Operand>;
  }
  Expr(const T& of)  // NOLINT(google-explicit-constructor)
      : Expr(to_operand(of)) {}
  /// @throws InvalidArgument for dtypes that are no numbers, an axis that is not there, or neither
  /// source nor elements.
  Expr(Operand operand);  // NOLINT(google-explicit-constructor)
  explicit Expr(std::shared_ptr<const detail::ExprNode> node) : node_(std::move(node)) {}

  [[nodiscard]] DType dtype() const noexcept;
  [[nodiscard]] const Shape& shape() const noexcept;
  /// Whether elements may have no value.
  [[nodiscard]] bool is_nullable() const noexcept;
  /// Whether it is a number without a dtype of its own.
  [[nodiscard]] bool is_weak() const noexcept;
  /// As text that parse_expression understands, with the operands' names.
  [[nodiscard]] std::string to_text() const;

  [[nodiscard]] const std::shared_ptr<const detail::ExprNode>& node() const noexcept {
    return node_;
  }

 private:
  std::shared_ptr<const detail::ExprNode> node_;
};

// Arithmetic, as NumPy's operators of these names. / is true division; integers become f64. % has
// the sign of the divisor.
// @throws InvalidArgument where shapes cannot be broadcast, or there is no such function for the
// dtypes.
[[nodiscard]] Expr operator+(const Expr& a, const Expr& b);
[[nodiscard]] Expr operator-(const Expr& a, const Expr& b);
[[nodiscard]] Expr operator*(const Expr& a, const Expr& b);
[[nodiscard]] Expr operator/(const Expr& a, const Expr& b);
[[nodiscard]] Expr operator%(const Expr& a, const Expr& b);
[[nodiscard]] Expr operator-(const Expr& a);
// Comparisons, to b8. Complex numbers can be equal or not.
[[nodiscard]] Expr operator==(const Expr& a, const Expr& b);
[[nodiscard]] Expr operator!=(const Expr& a, const Expr& b);
[[nodiscard]] Expr operator<(const Expr& a, const Expr& b);
[[nodiscard]] Expr operator<=(const Expr& a, const Expr& b);
[[nodiscard]] Expr operator>(const Expr& a, const Expr& b);
[[nodiscard]] Expr operator>=(const Expr& a, const Expr& b);
// Bits of integers, logic of b8. && and || are logic of anything (is it not 0), and do not skip
// their right side.
[[nodiscard]] Expr operator&(const Expr& a, const Expr& b);
[[nodiscard]] Expr operator|(const Expr& a, const Expr& b);
[[nodiscard]] Expr operator^(const Expr& a, const Expr& b);
[[nodiscard]] Expr operator~(const Expr& a);
[[nodiscard]] Expr operator<<(const Expr& a, const Expr& b);
[[nodiscard]] Expr operator>>(const Expr& a, const Expr& b);
[[nodiscard]] Expr operator&&(const Expr& a, const Expr& b);
[[nodiscard]] Expr operator||(const Expr& a, const Expr& b);
[[nodiscard]] Expr operator!(const Expr& a);

}  // namespace serried
