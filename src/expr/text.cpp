#include "expr/text.hpp"

#include <array>
#include <charconv>
#include <string_view>

namespace serried::detail {
namespace {

constexpr std::size_t longest = 400;

std::string number_text(double value) {
  std::array<char, 40> text{};
  const auto [end, error] = std::to_chars(text.data(), text.data() + text.size(), value);
  static_cast<void>(error);
  return {text.data(), end};
}

std::string constant_text(const ExprNode& node) {
  if (node.dtype == DType::b8) return node.value.integer != 0 ? "true" : "false";
  if (is_complex(node.dtype)) {
    const std::string imaginary = number_text(node.value.imaginary);
    return "(" + number_text(node.value.real) + (imaginary.front() == '-' ? "" : "+") + imaginary +
           "j)";
  }
  if (is_floating(node.dtype)) return number_text(node.value.real);
  return node.dtype == DType::u64 ? std::to_string(static_cast<std::uint64_t>(node.value.integer))
                                  : std::to_string(node.value.integer);
}

std::string_view infix(Op op, DType dtype) {
  switch (op) {
    case Op::add:
      return " + ";
    case Op::subtract:
      return " - ";
    case Op::multiply:
      return " * ";
    case Op::divide:
      return " / ";
    case Op::less:
      return " < ";
    case Op::less_equal:
      return " <= ";
    case Op::equal:
      return " == ";
    case Op::not_equal:
      return " != ";
    case Op::power:
      return "^";
    case Op::bit_and:
      return dtype == DType::b8 ? " and " : " & ";
    case Op::bit_or:
      return dtype == DType::b8 ? " or " : " | ";
    default:
      return "";
  }
}

std::string_view fold_name(FoldOp fold) {
  switch (fold) {
    case FoldOp::sum:
      return "sum";
    case FoldOp::product:
      return "prod";
    case FoldOp::count:
      return "count_nonzero";
    case FoldOp::minimum:
      return "min";
    case FoldOp::maximum:
      return "max";
    case FoldOp::moments:
      return "var";
    case FoldOp::comoments:
      return "cov";
  }
  return "";
}

class Writer {
 public:
  void write(const ExprNode& node, int depth) {
    if (text_.size() > longest || depth > 40) return put("...");
    switch (node.kind) {
      case ExprNode::Kind::operand:
        return put(node.operand->name.empty() ? "array" : node.operand->name);
      case ExprNode::Kind::constant:
        return put(constant_text(node));
      case ExprNode::Kind::position:
        return put("index(" + std::to_string(node.axis) + ")");
      case ExprNode::Kind::convert:
        // what promotion has put there is not what was written
        return write(*node.in[0], depth + 1);
      case ExprNode::Kind::is_null:
        return call("is_null", node, depth);
      case ExprNode::Kind::fill_null:
        return call("fill_null", node, depth);
      case ExprNode::Kind::quantile:
        return call("quantile", node, depth);
      case ExprNode::Kind::fold:
        return call(fold_name(node.fold), node, depth);
      case ExprNode::Kind::apply:
        break;
    }
    const std::string_view between = infix(node.op, node.dtype);
    if (between.empty()) return call(info(node.op).name, node, depth);
    put("(");
    write(*node.in[0], depth + 1);
    put(between);
    write(*node.in[1], depth + 1);
    put(")");
  }

  std::string take() {
    if (text_.size() > longest) text_ = text_.substr(0, longest) + "...";
    if (text_.size() > 2 && text_.front() == '(' && text_.back() == ')' && closes_at_end())
      text_ = text_.substr(1, text_.size() - 2);
    return std::move(text_);
  }

 private:
  void put(std::string_view part) { text_ += part; }

  void call(std::string_view name, const ExprNode& node, int depth) {
    put(name);
    put("(");
    for (std::size_t i = 0; i < node.in.size(); ++i) {
      if (i > 0) put(", ");
      write(*node.in[i], depth + 1);
    }
    put(")");
  }

  /// Whether the bracket in front is closed by the last one.
  [[nodiscard]] bool closes_at_end() const {
    int open = 0;
    for (std::size_t i = 0; i < text_.size(); ++i) {
      if (text_[i] == '(') ++open;
      if (text_[i] == ')' && --open == 0) return i + 1 == text_.size();
    }
    return false;
  }

  std::string text_;
};

}  // namespace

std::string text_of(const ExprNode& node) {
  Writer writer;
  writer.write(node, 0);
  return writer.take();
}

}  // namespace serried::detail
