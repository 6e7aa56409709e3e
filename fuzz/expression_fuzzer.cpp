// Texts of expressions as people type them. What is accepted has a dtype and a shape, is written as
// text, and is evaluated on small arrays; whatever cannot be is an InvalidArgument or a DataError.
#include <array>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "expr/lower.hpp"
#include "fuzz_target.hpp"
#include "serried/array/evaluate.hpp"
#include "serried/base/error.hpp"
#include "serried/comm/runtime.hpp"
#include "serried/expr/parse.hpp"

namespace {

using namespace serried;

const Context& context() {
  static const Runtime runtime;
  static const Context ctx(runtime);
  return ctx;
}

/// Bytes that hold zeros, ones, NaN, and the lowest and highest integers.
Array small_array(const Shape& shape, DType dtype) {
  constexpr std::array<std::uint8_t, 16> pattern{0, 1, 0, 0x80, 0xff, 0xff, 0xff, 0x7f,
                                                 0, 0, 0, 0,    0xf0, 0x3f, 2,    0xff};
  const auto bytes = static_cast<std::size_t>(shape.elements()) * size_of(dtype);
  std::vector<std::uint8_t> data(bytes + 1);
  for (std::size_t i = 0; i < bytes; ++i)
    data[i] = dtype == DType::b8 ? static_cast<std::uint8_t>(i % 2) : pattern[i * 7 % 16];
  return Array::replicated(context(), shape, dtype, data.data());
}

const std::map<std::string, Expr, std::less<>>& operands() {
  static const std::map<std::string, Expr, std::less<>> made = [] {
    std::map<std::string, Expr, std::less<>> all;
    const std::pair<const char*, Array> arrays[] = {
        {"x", small_array({3, 4}, DType::f64)},
        {"y", small_array({4}, DType::f32)},
        {"h", small_array({3, 1}, DType::f16)},
        {"b", small_array({3, 4}, DType::b8)},
        {"i", small_array({3, 4}, DType::i8)},
        {"k", small_array({4}, DType::i32)},
        {"n", small_array({}, DType::i64)},
        {"u", small_array({3, 4}, DType::u64)},
        {"z", small_array({2, 3, 4}, DType::c128)},
        {"o", small_array({0, 4}, DType::f64)},
        {"s", small_array({3, 4}, DType::f64).with_split_axis(1)}};
    for (const auto& [name, array] : arrays) all.emplace(name, Expr(array.named(name)));
    return all;
  }();
  return made;
}

std::optional<Expr> find(std::string_view name) {
  const auto found = operands().find(name);
  return found == operands().end() ? std::nullopt : std::optional(found->second);
}

/// Folds and what they stand on; more than that takes long, not a new path.
std::size_t size_of_graph(const Expr& expression) {
  std::vector<const detail::ExprNode*> stack{expression.node().get()};
  std::map<const detail::ExprNode*, bool> seen;
  while (!stack.empty() && seen.size() < 2000) {
    const detail::ExprNode* node = stack.back();
    stack.pop_back();
    if (!seen.try_emplace(node, true).second) continue;
    for (const auto& in : node->in) stack.push_back(in.get());
  }
  return seen.size();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text = fuzz::text_of(data, size);
  std::vector<ParsedExpr> parsed;
  try {
    parsed = parse_expressions(text, find);
  } catch (const InvalidArgument& error) {
    fuzz::require(std::string_view(error.what()).find('^') != std::string_view::npos,
                  "no place in: " + std::string(error.what()));
    return 0;
  }
  fuzz::require(!parsed.empty(), "nothing, without an error");
  std::vector<Expr> expressions;
  for (const ParsedExpr& one : parsed) {
    fuzz::require(one.expression.to_text().size() < 2000, "a long text");
    fuzz::require(text.find(one.text) != std::string_view::npos, "a part that is not in the text");
    if (size_of_graph(one.expression) < 2000 && one.expression.shape().elements() < 10000)
      expressions.push_back(one.expression);
  }
  try {
    const std::vector<Array> results = evaluate(context(), expressions);
    fuzz::require(results.size() == expressions.size(), "as many results as expressions");
    for (std::size_t i = 0; i < results.size(); ++i) {
      fuzz::require(results[i].dtype() == expressions[i].dtype(), "the dtype");
      fuzz::require(results[i].shape() == expressions[i].shape(), "the shape");
    }
  } catch (const InvalidArgument&) {
  } catch (const DataError&) {
  }
  return 0;
}
