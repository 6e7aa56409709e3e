#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "serried/expr/parse.hpp"
#include "session.hpp"

namespace serried::app {

/// The datasets that the names of expressions stand for. Their rows lie along axis 0; a dataset
/// without axes is on every rank.
class Operands {
 public:
  /// Opens them, in the phase "read". Collective. @throws as Dataset::open.
  Operands(const Session& session, const std::vector<NamedAddress>& named);

  [[nodiscard]] const std::vector<std::string>& files() const noexcept { return files_; }
  /// What the first name stands for.
  [[nodiscard]] const Expr& first() const { return opened_.front().expression; }
  [[nodiscard]] const std::shared_ptr<const Dataset>& first_dataset() const {
    return opened_.front().dataset;
  }
  /// The expressions of a text. Collective: coordinates are read when they are asked for.
  /// @throws InvalidArgument as parse_expressions.
  /// @param defined names that stand for expressions.
  [[nodiscard]] std::vector<ParsedExpr> parse(
      const std::string& text, const std::vector<int>& axes = {},
      const std::vector<std::pair<std::string, Expr>>& defined = {}) const;
  /// The address of the first operand of that shape; null where there is none. Local.
  [[nodiscard]] const Address* find(const Shape& shape) const;
  /// The least memory with which they can be read beside `other_bytes` of something else. Local.
  [[nodiscard]] std::int64_t least_memory(const Context& ctx, std::int64_t other_bytes) const;
  /// Those rows of expressions, by a look at each, that keep most ranks busy (flatten_rows): the
  /// shapes may be other ones than those that were parsed. Local.
  [[nodiscard]] static std::vector<Expr> flatten(const std::vector<ParsedExpr>& parsed);
  /// "x = run.h5:/x, (100, 3) f32", one line for each.
  [[nodiscard]] std::vector<std::pair<std::string, std::string>> facts() const;

 private:
  [[nodiscard]] Expr coordinate(std::string_view name, std::string_view axis) const;

  const Session& session_;
  struct Opened {
    NamedAddress named;
    std::shared_ptr<const Dataset> dataset;
    std::shared_ptr<const Dataset> flattened;  ///< null unless it has few rows
    Expr expression;
  };
  std::vector<Opened> opened_;
  std::vector<std::string> names_;
  std::vector<std::string> files_;
};

}  // namespace serried::app
