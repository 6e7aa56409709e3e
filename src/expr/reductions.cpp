#include "serried/expr/reductions.hpp"

#include <cmath>
#include <limits>
#include <string>

#include "expr/build.hpp"
#include "expr/node.hpp"
#include "expr/promotion.hpp"
#include "expr/reduced_axes.hpp"
#include "serried/base/error.hpp"
#include "serried/expr/functions.hpp"

namespace serried {
namespace {

using detail::FoldPart;
using detail::make_convert;

bool is_whole(const Expr& x) {
  return is_integer(x.dtype()) || x.dtype() == DType::b8;
}
bool is_unsigned(DType dtype) {
  return dtype == DType::u8 || dtype == DType::u16 || dtype == DType::u32 || dtype == DType::u64;
}

/// Values that meet masks and weights, all of one shape.
struct Taken {
  Expr x;
  std::optional<Expr> mask;
  std::optional<Expr> weights;
  std::uint32_t reduced = 0;
  bool keepdims = false;
  Shape shape;
  std::int64_t extent = 1;  ///< elements of x for each result

  Taken(const Expr& values, const ReduceOptions& options)
      : Taken(values, values.shape(), options) {}
  /// @param of the values' shape, to which they are broadcast.
  Taken(const Expr& values, const Shape& of, const ReduceOptions& options)
      : x(values), keepdims(options.keepdims) {
    if (options.where) mask = in_type(*options.where, DType::b8);
    if (options.skips_nan && !is_whole(x)) mask = mask ? *mask & !isnan(x) : !isnan(x);
    if (options.weights) {
      if (is_complex(options.weights->dtype()))
        throw InvalidArgument("weights are real numbers, not " +
                              std::string(name(options.weights->dtype())));
      weights = in_type(*options.weights, DType::f64);
    }
    shape = of;
    if (mask) shape = detail::broadcast(shape, mask->shape());
    if (weights) shape = detail::broadcast(shape, weights->shape());
    if (shape != of)
      throw InvalidArgument("where and weights of shape " + shape.to_string() +
                            " do not fit an array of shape " + of.to_string());
    reduced = detail::reduced_axes(shape, options.axes);
    for (int axis = 0; axis < shape.dimensions(); ++axis)
      if ((reduced >> axis & 1u) != 0) extent *= shape[axis];
  }

  /// A fold of other values, broadcast to the shape of x.
  [[nodiscard]] Expr fold(FoldOp op, FoldPart part, DType result, std::vector<Expr> values,
                          bool with_weights = false) const {
    return detail::make_fold({.op = op,
                              .part = part,
                              .result = result,
                              .values = std::move(values),
                              .mask = mask,
                              .weight = with_weights ? weights : std::nullopt,
                              .shape = shape,
                              .reduced = reduced,
                              .keeps_axes = keepdims});
  }
  [[nodiscard]] Expr sum_of(const Expr& values) const {
    if (is_whole(values)) {
      const DType wide = is_unsigned(values.dtype()) ? DType::u64 : DType::i64;
      return fold(FoldOp::sum, FoldPart::value, wide, {in_type(values, wide)});
    }
    const DType wide = is_complex(values.dtype()) ? DType::c128 : DType::f64;
    return fold(FoldOp::sum, FoldPart::value, wide, {values});
  }
  /// How many elements there are for each result; one number where it is the same for all.
  [[nodiscard]] Expr count() const {
    if (!mask && !x.is_nullable()) return make_convert(Expr(extent), DType::i64, false);
    return count_each();
  }
  [[nodiscard]] Expr count_each() const {
    return fold(FoldOp::count, FoldPart::value, DType::i64, {!is_null(x)});
  }
};

/// Back from what sums are kept in; a floating sum beyond its dtype is infinite.
Expr narrowed(const Expr& wide, DType dtype) {
  return make_convert(wide, dtype, false);
}

DType mean_type(const Expr& x) {
  return is_whole(x) ? DType::f64 : x.dtype();
}

void refuse_complex(const char* what, const Expr& x) {
  if (is_complex(x.dtype()))
    throw InvalidArgument(std::string(what) + " is not defined for dtype " +
                          std::string(name(x.dtype())));
}

void refuse_weights(const char* what, const ReduceOptions& options) {
  if (options.weights) throw InvalidArgument(std::string(what) + " takes no weights");
}

Expr extremum(FoldOp op, FoldPart part, const char* what, const Expr& x,
              const ReduceOptions& options) {
  refuse_complex(what, x);
  refuse_weights(what, options);
  const Taken taken(x, options);
  if (taken.extent == 0)
    throw InvalidArgument("zero-size array to reduction operation " + std::string(what) +
                          ", which has no identity");
  return taken.fold(op, part, part == FoldPart::index ? DType::i64 : x.dtype(), {x});
}

/// In f64, of real numbers.
Expr var_of_real(const Expr& x, const ReduceOptions& options) {
  const Taken taken(x, options);
  const Expr wide = in_type(x, DType::f64);
  const Expr m2 = taken.fold(FoldOp::moments, FoldPart::m2, DType::f64, {wide}, true);
  const Expr weight = taken.fold(FoldOp::moments, FoldPart::weight, DType::f64, {wide}, true);
  const Expr freedom = weight - Expr(static_cast<double>(options.ddof));
  return where(freedom > Expr(0.0), m2 / freedom, Expr(std::numeric_limits<double>::quiet_NaN()));
}

Expr var_in_f64(const Expr& x, const ReduceOptions& options) {
  if (!is_complex(x.dtype())) return var_of_real(x, options);
  ReduceOptions parts = options;
  if (options.skips_nan) {
    parts.skips_nan = false;
    parts.where = options.where ? in_type(*options.where, DType::b8) & !isnan(x) : !isnan(x);
  }
  return var_of_real(real(x), parts) + var_of_real(imag(x), parts);
}

}  // namespace

Expr sum(const Expr& x, const ReduceOptions& options) {
  refuse_weights("sum", options);
  const Expr wide = Taken(x, options).sum_of(x);
  return is_whole(x) ? wide : narrowed(wide, x.dtype());
}

Expr prod(const Expr& x, const ReduceOptions& options) {
  refuse_weights("prod", options);
  const Taken taken(x, options);
  if (is_whole(x)) {
    const DType wide = is_unsigned(x.dtype()) ? DType::u64 : DType::i64;
    return taken.fold(FoldOp::product, FoldPart::value, wide, {make_convert(x, wide)});
  }
  const DType wide = is_complex(x.dtype()) ? DType::c128 : DType::f64;
  return narrowed(taken.fold(FoldOp::product, FoldPart::value, wide, {x}), x.dtype());
}

Expr mean(const Expr& x, const ReduceOptions& options) {
  const Taken taken(x, options);
  const DType wide = is_complex(x.dtype()) ? DType::c128 : DType::f64;
  const Expr values = is_whole(x) ? in_type(x, wide) : x;
  const Expr result =
      taken.weights
          ? taken.sum_of(in_type(values, wide) * *taken.weights) / taken.sum_of(*taken.weights)
          : taken.sum_of(values) / make_convert(taken.count(), DType::f64, false);
  return narrowed(result, mean_type(x));
}

Expr var(const Expr& x, const ReduceOptions& options) {
  return narrowed(var_in_f64(x, options), part_type(mean_type(x)));
}

Expr stddev(const Expr& x, const ReduceOptions& options) {
  // the variance may be beyond a dtype that the deviation has values in
  return narrowed(sqrt(var_in_f64(x, options)), part_type(mean_type(x)));
}

Expr min(const Expr& x, const ReduceOptions& options) {
  return extremum(FoldOp::minimum, FoldPart::value, "minimum", x, options);
}
Expr max(const Expr& x, const ReduceOptions& options) {
  return extremum(FoldOp::maximum, FoldPart::value, "maximum", x, options);
}
Expr ptp(const Expr& x, const ReduceOptions& options) {
  return max(x, options) - min(x, options);
}
Expr argmin(const Expr& x, const ReduceOptions& options) {
  return extremum(FoldOp::minimum, FoldPart::index, "argmin", x, options);
}
Expr argmax(const Expr& x, const ReduceOptions& options) {
  return extremum(FoldOp::maximum, FoldPart::index, "argmax", x, options);
}

Expr count_nonzero(const Expr& x, const ReduceOptions& options) {
  refuse_weights("count_nonzero", options);
  return Taken(x, options)
      .fold(FoldOp::count, FoldPart::value, DType::i64, {in_type(x, DType::b8)});
}
Expr any(const Expr& x, const ReduceOptions& options) {
  return count_nonzero(x, options) > Expr(0);
}
Expr all(const Expr& x, const ReduceOptions& options) {
  return count_nonzero(!x, options) == Expr(0);
}
Expr count(const Expr& x, const ReduceOptions& options) {
  refuse_weights("count", options);
  const Taken taken(x, options);
  const Expr each = taken.count_each();
  return each.shape() == Shape() ? taken.count() : each;
}

Expr norm(const Expr& x, double order, const ReduceOptions& options) {
  refuse_weights("norm", options);
  const DType dtype = is_whole(x) ? DType::f64 : part_type(x.dtype());
  // the magnitude of the lowest integer is no value of its dtype
  const Expr size = is_whole(x) ? abs(in_type(x, dtype)) : abs(x);
  if (std::isnan(order)) throw InvalidArgument("norm of order NaN");
  if (std::isinf(order)) return order > 0 ? max(size, options) : min(size, options);
  if (order == 0) return in_type(count_nonzero(x, options), dtype);
  if (order == 1) return sum(size, options);
  if (order == 2) {
    const Expr squares = is_complex(x.dtype()) ? square(real(x)) + square(imag(x)) : square(size);
    return sqrt(sum(squares, options));
  }
  return pow(sum(pow(size, Expr(order)), options), Expr(1 / order));
}

Expr dot(const Expr& x, const Expr& y) {
  const int p = x.shape().dimensions();
  const int q = y.shape().dimensions();
  if (p == 0 || q == 0) return x * y;
  if (x.shape()[p - 1] != y.shape()[q - 1])
    throw InvalidArgument("shapes " + x.shape().to_string() + " and " + y.shape().to_string() +
                          " not aligned: " + std::to_string(x.shape()[p - 1]) +
                          " (last axis) != " + std::to_string(y.shape()[q - 1]) + " (last axis)");
  const Expr products = x.dtype() == DType::b8 && y.dtype() == DType::b8 ? x & y : x * y;
  return sum(products, {.axes = {-1}});
}

namespace {

struct Joint {
  Expr weight;
  Expr m2_x;
  Expr m2_y;
  Expr m_xy;
};

Joint joint_moments(const char* what, const Expr& x, const Expr& y, const ReduceOptions& options) {
  refuse_complex(what, x);
  refuse_complex(what, y);
  refuse_weights(what, options);
  const Expr a = in_type(x, DType::f64);
  const Expr b = in_type(y, DType::f64);
  ReduceOptions both = options;
  if (options.skips_nan) {
    both.skips_nan = false;
    const Expr mask = (!isnan(a)) & (!isnan(b));
    both.where = options.where ? in_type(*options.where, DType::b8) & mask : mask;
  }
  const Taken taken(a, detail::broadcast(a.shape(), b.shape()), both);
  const auto part = [&](FoldPart which) {
    return taken.fold(FoldOp::comoments, which, DType::f64, {a, b});
  };
  return {part(FoldPart::weight), part(FoldPart::m2), part(FoldPart::m2_second),
          part(FoldPart::m_joint)};
}

}  // namespace

Expr cov(const Expr& x, const Expr& y, const ReduceOptions& options) {
  const Joint joint = joint_moments("cov", x, y, options);
  const Expr freedom = joint.weight - Expr(static_cast<double>(options.ddof));
  return where(freedom > Expr(0.0), joint.m_xy / freedom,
               Expr(std::numeric_limits<double>::quiet_NaN()));
}

Expr corr(const Expr& x, const Expr& y, const ReduceOptions& options) {
  const Joint joint = joint_moments("corr", x, y, options);
  return clip(joint.m_xy / (sqrt(joint.m2_x) * sqrt(joint.m2_y)), Expr(-1.0), Expr(1.0));
}

}  // namespace serried
