#include "expr/function_table.hpp"

#include <algorithm>
#include <initializer_list>
#include <utility>

#include "expr/node.hpp"
#include "serried/base/error.hpp"
#include "serried/expr/functions.hpp"
#include "serried/expr/quantiles.hpp"

namespace serried::detail {
namespace {

using Arguments = std::span<const Expr>;
using Table = std::map<std::string, TextFunction, std::less<>>;

double number_of(const Expr& x, std::string_view what) {
  const ExprNode& node = *x.node();
  if (node.kind != ExprNode::Kind::constant || node.shape.dimensions() != 0 ||
      is_complex(node.dtype))
    throw InvalidArgument(std::string(what) + " must be a number, not an array");
  return is_floating(node.dtype) ? node.value.real : static_cast<double>(node.value.integer);
}

void add(Table& table, std::initializer_list<std::string_view> names, const TextFunction& entry) {
  for (const std::string_view name : names) table.emplace(name, entry);
}

void add_unary(Table& table, std::initializer_list<std::string_view> names,
               Expr (*function)(const Expr&), bool keeps_weakness = false) {
  add(table, names,
      {.make = [function](Arguments x, const CallOptions&) { return function(x[0]); },
       .keeps_weakness = keeps_weakness});
}

void add_binary(Table& table, std::initializer_list<std::string_view> names,
                Expr (*function)(const Expr&, const Expr&), bool keeps_weakness = false) {
  add(table, names,
      {.least = 2,
       .most = 2,
       .make = [function](Arguments x, const CallOptions&) { return function(x[0], x[1]); },
       .keeps_weakness = keeps_weakness});
}

/// With its form that leaves NaN out, where it has one.
void add_reduction(Table& table, std::initializer_list<std::string_view> names,
                   Expr (*function)(const Expr&, const ReduceOptions&),
                   std::vector<std::string_view> more = {}, bool has_nan_form = true) {
  std::vector<std::string_view> keywords{"axis", "keepdims", "where"};
  keywords.insert(keywords.end(), more.begin(), more.end());
  add(table, names, {.keywords = keywords, .make = [function](Arguments x, const CallOptions& o) {
                       return function(x[0], o);
                     }});
  if (!has_nan_form) return;
  const TextFunction skipping{.keywords = keywords,
                              .make = [function](Arguments x, const CallOptions& o) {
                                ReduceOptions own = o;
                                own.skips_nan = true;
                                return function(x[0], own);
                              }};
  for (const std::string_view name : names) table.emplace("nan" + std::string(name), skipping);
}

void add_elementary(Table& table) {
  add_unary(table, {"sqrt"}, sqrt);
  add_unary(table, {"cbrt"}, cbrt);
  add_unary(table, {"exp"}, exp);
  add_unary(table, {"exp2"}, exp2);
  add_unary(table, {"expm1"}, expm1);
  add_unary(table, {"log", "ln"}, log);
  add_unary(table, {"log2"}, log2);
  add_unary(table, {"log10"}, log10);
  add_unary(table, {"log1p"}, log1p);
  add_unary(table, {"sin"}, sin);
  add_unary(table, {"cos"}, cos);
  add_unary(table, {"tan"}, tan);
  add_unary(table, {"asin", "arcsin"}, asin);
  add_unary(table, {"acos", "arccos"}, acos);
  add_unary(table, {"atan", "arctan"}, atan);
  add_unary(table, {"sinh"}, sinh);
  add_unary(table, {"cosh"}, cosh);
  add_unary(table, {"tanh"}, tanh);
  add_unary(table, {"asinh", "arcsinh"}, asinh);
  add_unary(table, {"acosh", "arccosh"}, acosh);
  add_unary(table, {"atanh", "arctanh"}, atanh);
  add_unary(table, {"erf"}, erf);
  add_unary(table, {"erfc"}, erfc);
  add_unary(table, {"gamma"}, gamma);
  add_unary(table, {"log_gamma", "lgamma", "gammaln"}, log_gamma);
  add_unary(table, {"degrees", "rad2deg"}, degrees);
  add_unary(table, {"radians", "deg2rad"}, radians);
  add_binary(table, {"atan2", "arctan2"}, atan2);
  add_binary(table, {"hypot"}, hypot);
  add_binary(table, {"pow", "power"}, pow);
}

void add_numbers(Table& table) {
  add_unary(table, {"floor"}, floor);
  add_unary(table, {"ceil"}, ceil);
  add_unary(table, {"trunc", "fix"}, trunc);
  add_unary(table, {"rint"}, round);
  add(table, {"round", "around"}, {.most = 2, .make = [](Arguments x, const CallOptions&) {
                                     if (x.size() == 1) return round(x[0]);
                                     return round(x[0],
                                                  static_cast<int>(whole_number(x[1], "decimals")));
                                   }});
  add_unary(table, {"abs", "absolute", "fabs"}, abs);
  add_unary(table, {"sign"}, sign);
  add_unary(table, {"square"}, square);
  add_unary(table, {"reciprocal"}, reciprocal);
  add_unary(table, {"real"}, real, true);
  add_unary(table, {"imag"}, imag, true);
  add_unary(table, {"conj", "conjugate"}, conj);
  add_unary(table, {"angle"}, angle);
  add_binary(table, {"complex"}, make_complex, true);
  add_binary(table, {"floor_divide"}, floor_divide);
  add_binary(table, {"remainder", "mod"}, remainder);
  add_binary(table, {"fmod"}, fmod);
  add_binary(table, {"minimum"}, minimum);
  add_binary(table, {"maximum"}, maximum);
  add_binary(table, {"fmin"}, fmin);
  add_binary(table, {"fmax"}, fmax);
  add_binary(table, {"copysign"}, copysign);
  add_binary(table, {"nextafter"}, nextafter);
  add_binary(table, {"ldexp"}, ldexp);
  add(table, {"clip"}, {.least = 3, .most = 3, .make = [](Arguments x, const CallOptions&) {
                          return clip(x[0], x[1], x[2]);
                        }});
}

void add_logic(Table& table) {
  add_unary(table, {"isnan"}, isnan);
  add_unary(table, {"isinf"}, isinf);
  add_unary(table, {"isfinite"}, isfinite);
  add_unary(table, {"signbit"}, signbit);
  add_unary(table, {"is_null"}, is_null);
  add_unary(table, {"logical_not"}, [](const Expr& x) { return !x; });
  add_binary(table, {"logical_and"}, [](const Expr& x, const Expr& y) { return x && y; });
  add_binary(table, {"logical_or"}, [](const Expr& x, const Expr& y) { return x || y; });
  add_binary(table, {"logical_xor"}, logical_xor);
  add_binary(table, {"xor", "bitwise_xor"}, [](const Expr& x, const Expr& y) { return x ^ y; });
  add_binary(table, {"bitwise_and"}, [](const Expr& x, const Expr& y) { return x & y; });
  add_binary(table, {"bitwise_or"}, [](const Expr& x, const Expr& y) { return x | y; });
  add_unary(table, {"bitwise_not", "invert"}, [](const Expr& x) { return ~x; });
  add_binary(table, {"fill_null"}, fill_null);
  add(table, {"where"}, {.least = 3, .most = 3, .make = [](Arguments x, const CallOptions&) {
                           return where(x[0], x[1], x[2]);
                         }});
  add(table, {"isclose"}, {.least = 2, .most = 4, .make = [](Arguments x, const CallOptions&) {
                             return isclose(x[0], x[1],
                                            x.size() > 2 ? number_of(x[2], "rtol") : 1e-5,
                                            x.size() > 3 ? number_of(x[3], "atol") : 1e-8);
                           }});
}

void add_cast(Table& table, std::initializer_list<std::string_view> names, DType dtype) {
  add(table, names,
      {.make = [dtype](Arguments x, const CallOptions&) { return cast(x[0], dtype); }});
}

void add_casts(Table& table) {
  add_cast(table, {"b8", "bool"}, DType::b8);
  add_cast(table, {"i8", "int8"}, DType::i8);
  add_cast(table, {"u8", "uint8"}, DType::u8);
  add_cast(table, {"i16", "int16"}, DType::i16);
  add_cast(table, {"u16", "uint16"}, DType::u16);
  add_cast(table, {"i32", "int32"}, DType::i32);
  add_cast(table, {"u32", "uint32"}, DType::u32);
  add_cast(table, {"i64", "int64"}, DType::i64);
  add_cast(table, {"u64", "uint64"}, DType::u64);
  add_cast(table, {"f16", "float16"}, DType::f16);
  add_cast(table, {"f32", "float32"}, DType::f32);
  add_cast(table, {"f64", "float64"}, DType::f64);
  add_cast(table, {"c64", "complex64"}, DType::c64);
  add_cast(table, {"c128", "complex128"}, DType::c128);
}

void add_reductions(Table& table) {
  add_reduction(table, {"sum"}, sum);
  add_reduction(table, {"prod"}, prod);
  add_reduction(table, {"mean", "average"}, mean, {"weights"});
  add_reduction(table, {"var"}, var, {"ddof", "weights"});
  add_reduction(table, {"std"}, stddev, {"ddof", "weights"});
  add_reduction(table, {"min"}, min);
  add_reduction(table, {"max"}, max);
  add_reduction(table, {"amin"}, min, {}, false);
  add_reduction(table, {"amax"}, max, {}, false);
  add_reduction(table, {"ptp"}, ptp, {}, false);
  add_reduction(table, {"argmin"}, argmin);
  add_reduction(table, {"argmax"}, argmax);
  add_reduction(table, {"any"}, any, {}, false);
  add_reduction(table, {"all"}, all, {}, false);
  add_reduction(table, {"count_nonzero"}, count_nonzero, {}, false);
  add_reduction(table, {"count"}, count);
  add(table, {"norm"},
      {.most = 2,
       .keywords = {"axis", "keepdims", "where"},
       .make = [](Arguments x, const CallOptions& options) {
         return norm(x[0], x.size() > 1 ? number_of(x[1], "order") : 2, options);
       }});
  add_binary(table, {"dot"}, dot);
  add(table, {"cov"},
      {.least = 2,
       .most = 2,
       .keywords = {"axis", "keepdims", "where", "ddof"},
       .make = [](Arguments x, const CallOptions& options) { return cov(x[0], x[1], options); }});
  add(table, {"corr"},
      {.least = 2,
       .most = 2,
       .keywords = {"axis", "keepdims", "where"},
       .make = [](Arguments x, const CallOptions& options) { return corr(x[0], x[1], options); }});
}

/// With its form that leaves NaN out. @param scale what 1 is in the text's q; 0: it has none.
void add_quantile(Table& table, const std::string& name, double scale) {
  for (const bool skips_nan : {false, true}) {
    const auto make = [scale, skips_nan](Arguments x, const CallOptions& options) {
      const QuantileOptions own{.axes = options.axes,
                                .keepdims = options.keepdims,
                                .method = options.method,
                                .where = options.where,
                                .skips_nan = skips_nan};
      if (scale == 0) return median(x[0], own);
      std::vector<double> q;
      for (const Expr& each : x.subspan(1)) q.push_back(number_of(each, "q") / scale);
      return options.has_list ? quantile(x[0], q, own) : quantile(x[0], q.front(), own);
    };
    TextFunction function{.keywords = {"axis", "keepdims", "where"}, .make = make};
    if (scale != 0) {
      function.least = function.most = 2;
      function.keywords.push_back("method");
    }
    table.emplace((skips_nan ? "nan" : "") + name, std::move(function));
  }
}

}  // namespace

bool TextFunction::has_keyword(std::string_view keyword) const {
  return std::find(keywords.begin(), keywords.end(), keyword) != keywords.end();
}

std::int64_t whole_number(const Expr& x, std::string_view what) {
  const ExprNode& node = *x.node();
  if (node.kind != ExprNode::Kind::constant || node.shape.dimensions() != 0 ||
      !is_integer(node.dtype))
    throw InvalidArgument(std::string(what) + " must be a whole number");
  return node.value.integer;
}

const Table& text_functions() {
  static const Table table = [] {
    Table made;
    add_elementary(made);
    add_numbers(made);
    add_logic(made);
    add_casts(made);
    add_reductions(made);
    add_quantile(made, "quantile", 1);
    add_quantile(made, "percentile", 100);
    add_quantile(made, "median", 0);
    return made;
  }();
  return table;
}

}  // namespace serried::detail
