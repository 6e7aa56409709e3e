// Evaluates a file of expressions, for tests that know what must come out: one start for thousands
// of cases.
//
//   expression_runner CASES DATA OUTPUT [MAX_TILES]
//
// CASES is text, a line each; fields are separated by tabs:
//   operand NAME DTYPE EXTENTS PLACE OFFSET   "3,4" ("" of 0-d); PLACE is the split axis, "r" of a
//                                             replicated one, "f" of one that is read from the file
//                                             in batches; elements lie at OFFSET of DATA, C order
//   hdf5 NAME ADDRESS                         a dataset, which is read at each evaluation
//   functions                                 a case, whose "error" is the names of all functions
//   case TEXT                                 one expression, or several with commas, that are
//                                             evaluated together
// OUTPUT gets the results (support/case_file.hpp).
#include <cstdio>
#include <cstring>
#include <exception>
#include <map>
#include <memory>
#include <optional>
#include <sstream>
#include <string>
#include <vector>

#include "serried/array/evaluate.hpp"
#include "serried/base/error.hpp"
#include "serried/comm/runtime.hpp"
#include "serried/expr/parse.hpp"
#include "serried/io/dataset.hpp"
#include "support/case_file.hpp"

namespace {

using namespace serried;

/// Rows that are read in batches, as those of a file, into a buffer that the next batch overwrites.
class RowsInBatches : public TileSource {
 public:
  RowsInBatches(const Context& ctx, const Shape& shape, DType dtype, const char* data)
      : ctx_(ctx),
        layout_(Layout::uniform(shape[0], ctx.size(), ctx.options().max_tiles)),
        row_shape_(shape.without(0)),
        dtype_(dtype),
        data_(data) {}

  [[nodiscard]] const Layout& layout() const override { return layout_; }
  [[nodiscard]] DType dtype() const override { return dtype_; }
  [[nodiscard]] Shape row_shape() const override { return row_shape_; }
  [[nodiscard]] std::string describe() const override { return "rows in batches"; }
  [[nodiscard]] TileView read(const ReadPlan& plan, std::int64_t batch,
                              Buffer& scratch) const override {
    const RowRange rows = plan.batches.at(static_cast<std::size_t>(batch));
    const auto bytes = static_cast<std::size_t>(rows.size() * row_bytes());
    scratch.reserve(ctx_.backend(), bytes);
    if (bytes > 0) std::memcpy(scratch.data(), data_ + rows.begin * row_bytes(), bytes);
    return {.rows = rows, .row_elements = row_elements(), .dtype = dtype_, .data = scratch.data()};
  }

 private:
  Context ctx_;
  Layout layout_;
  Shape row_shape_;
  DType dtype_;
  const char* data_;
};

class Runner {
 public:
  Runner(const Context& ctx, const std::string& data, const std::string& output)
      : ctx_(ctx), data_(test::bytes_of_file(data)), output_(ctx, output) {}

  void take_line(const std::string& line) {
    const std::vector<std::string> fields = test::split_text(line, '\t');
    if (fields.front() == "operand")
      add_operand(fields);
    else if (fields.front() == "hdf5")
      add_dataset(fields.at(1), fields.at(2));
    else if (fields.front() == "case")
      run(line.substr(5));
    else if (fields.front() == "functions")
      list_functions();
    else if (!line.empty())
      throw InvalidArgument("a line of no kind: " + line);
  }

  bool finish() { return output_.finish(); }

 private:
  void add_operand(const std::vector<std::string>& fields) {
    const Shape shape = test::shape_of_text(fields.at(3));
    const DType dtype = parse_dtype(fields.at(2));
    const std::string& place = fields.at(4);
    const std::size_t offset = std::stoull(fields.at(5));
    const std::size_t bytes = static_cast<std::size_t>(shape.elements()) * size_of(dtype);
    if (offset + bytes > data_.size()) throw InvalidArgument(fields[1] + " lies beyond the data");
    const char* const elements = data_.data() + offset;
    if (place == "f") {
      auto rows = std::make_shared<RowsInBatches>(ctx_, shape, dtype, elements);
      operands_.emplace(fields[1], Expr(to_operand(std::move(rows), fields[1])));
      return;
    }
    Array array = Array::replicated(ctx_, shape, dtype, elements);
    if (place != "r") array = array.with_split_axis(std::stoi(place));
    operands_.emplace(fields[1], Expr(array.named(fields[1])));
  }

  void add_dataset(const std::string& name, const std::string& address) {
    auto dataset = std::make_shared<Dataset>(Dataset::open(ctx_, parse_address(address)));
    operands_.emplace(name, Expr(to_operand(std::move(dataset), name)));
  }

  void list_functions() {
    std::string names;
    for (const std::string& name : function_names()) names += name + ' ';
    output_.write_error("functions", names);
  }

  void run(const std::string& text) {
    output_.write([&] {
      std::vector<Expr> expressions;
      const FindOperand find = [this](std::string_view name) -> std::optional<Expr> {
        const auto found = operands_.find(name);
        return found == operands_.end() ? std::nullopt : std::optional(found->second);
      };
      for (const ParsedExpr& parsed : parse_expressions(text, find))
        expressions.push_back(parsed.expression);
      std::vector<Array> results = evaluate(ctx_, expressions);
      for (std::size_t i = 0; i < results.size(); ++i)
        if (results[i].dtype() != expressions[i].dtype() ||
            results[i].shape() != expressions[i].shape())
          throw InvalidArgument("the result is not of the dtype and shape of its expression");
      return results;
    });
  }

  Context ctx_;
  std::string data_;
  test::CaseOutput output_;
  std::map<std::string, Expr, std::less<>> operands_;
};

}  // namespace

int main(int argc, char** argv) {
  return test::run_cases<Runner>(argc, argv, "expression_runner", {.batch_bytes = 1000});
}
