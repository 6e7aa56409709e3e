#include <cmath>
#include <complex>
#include <cstring>
#include <limits>
#include <string>

#include "array/evaluate/passes.hpp"
#include "expr/text.hpp"
#include "serried/base/error.hpp"
#include "serried/base/order_key.hpp"

namespace serried {
namespace {

using detail::ExprNode;
using detail::FoldPart;

template <class T>
bool put(std::byte* out, std::int64_t at, T value) {
  std::memcpy(out + at * static_cast<std::int64_t>(sizeof value), &value, sizeof value);
  return true;
}

// Each writes element `at` of a result, and returns false if there is no such value.

bool finish(const ExprNode& node, RegisterType, const SumOfIntegers& sum, std::int64_t at,
            std::byte* out) {
  return (node.dtype == DType::u64 ? sum.is_u64() : sum.is_i64()) && put(out, at, sum.low);
}
bool finish(const ExprNode&, RegisterType, const SumOfReals& sum, std::int64_t at, std::byte* out) {
  return put(out, at, sum.value());
}
bool finish(const ExprNode&, RegisterType, const SumOfComplex& sum, std::int64_t at,
            std::byte* out) {
  return put(out, at, std::complex<double>(sum.real.value(), sum.imaginary.value()));
}
bool finish(const ExprNode&, RegisterType, const ProductOfIntegers& product, std::int64_t at,
            std::byte* out) {
  return product.is_exact() && put(out, at, product.product);
}
bool finish(const ExprNode&, RegisterType, const ProductOfReals& product, std::int64_t at,
            std::byte* out) {
  return put(out, at, product.product);
}
bool finish(const ExprNode&, RegisterType, const ProductOfComplex& product, std::int64_t at,
            std::byte* out) {
  return put(out, at, std::complex<double>(product.real, product.imaginary));
}
bool finish(const ExprNode&, RegisterType, std::int64_t count, std::int64_t at, std::byte* out) {
  return put(out, at, count);
}

bool finish(const ExprNode& node, RegisterType type, const Extremum& extremum, std::int64_t at,
            std::byte* out) {
  const bool is_nothing = extremum.index < 0;
  if (node.part == FoldPart::index) return !is_nothing && put(out, at, extremum.index);
  if (is_nothing && !is_floating(node.dtype)) return false;
  const bool is_nan = is_nothing || (is_floating(node.dtype) && extremum.key == 0);
  const std::uint64_t key = node.fold == FoldOp::maximum ? ~extremum.key : extremum.key;
  return visit_real(node.dtype, [&](auto tag) {
    using T = typename decltype(tag)::type;
    if constexpr (std::is_same_v<T, Half>) {
      const double value = is_nan ? std::numeric_limits<double>::quiet_NaN() : double_from_key(key);
      return put(out, at, to_half(value));
    } else if constexpr (std::is_floating_point_v<T>) {
      return put(
          out, at,
          static_cast<T>(is_nan ? std::numeric_limits<double>::quiet_NaN() : double_from_key(key)));
    } else if (type == RegisterType::u64 || type == RegisterType::b8) {
      return put(out, at, static_cast<T>(key));
    } else {
      return put(out, at, static_cast<T>(int64_from_key(key)));
    }
  });
}

bool finish(const ExprNode& node, RegisterType, const Spread& spread, std::int64_t at,
            std::byte* out) {
  return put(out, at, node.part == FoldPart::weight ? spread.weight : spread.m2);
}

bool finish(const ExprNode& node, RegisterType, const JointSpread& spread, std::int64_t at,
            std::byte* out) {
  switch (node.part) {
    case FoldPart::weight:
      return put(out, at, spread.count);
    case FoldPart::m2:
      return put(out, at, spread.m2_x);
    case FoldPart::m2_second:
      return put(out, at, spread.m2_y);
    default:
      return put(out, at, spread.m_xy);
  }
}

}  // namespace

bool finish_states(const ExprNode& node, RegisterType values, const std::byte* states,
                   std::int64_t count, std::byte* out) {
  return visit_state(node.fold, values, [&](auto state) {
    bool has_all = true;
    for (std::int64_t i = 0; i < count; ++i) {
      std::memcpy(&state, states + i * static_cast<std::int64_t>(sizeof state), sizeof state);
      has_all = finish(node, values, state, i, out) && has_all;
    }
    return has_all;
  });
}

void refuse_fold(const ExprNode& node) {
  const std::string dtype(name(node.dtype));
  std::string why = "nothing is left, and integers have no NaN";
  if (node.kind == ExprNode::Kind::quantile) throw DataError(detail::text_of(node) + ": " + why);
  if (node.fold == FoldOp::sum) why = "the sum is beyond " + dtype + "; sum f64(...) instead";
  if (node.fold == FoldOp::product)
    why = "the product is beyond " + dtype + "; multiply f64(...) instead";
  if (node.part == FoldPart::index) why = "nothing is left of which to find the place";
  throw DataError(detail::text_of(node) + ": " + why);
}

}  // namespace serried
