// Calls functions of arrays as a file says, for tests that know what must come out: one start for
// hundreds of cases.
//
//   array_runner CASES DATA OUTPUT [MAX_TILES]
//
// CASES is text, a line each; fields are separated by blanks:
//   operand NAME DTYPE EXTENTS PLACE OFFSET   "3,4" ("-" of 0-d); PLACE is the split axis, "r" of a
//                                             replicated one, "f" of f64 rows that are read in
//                                             batches; elements lie at OFFSET of DATA, C order
//   case FUNCTION OPERANDS KEY=VALUE...       operands are separated by commas
// OUTPUT gets what CaseOutput writes.
#include <cstdio>
#include <cstdlib>
#include <map>
#include <memory>
#include <sstream>
#include <string>
#include <vector>

#include "serried/serried.hpp"
#include "support/case_file.hpp"
#include "support/value_source.hpp"

namespace serried::test {
namespace {

/// KEY=VALUE, of which a key may come several times.
class Values {
 public:
  explicit Values(std::span<const std::string> words) {
    for (const std::string& word : words) {
      const std::size_t sign = word.find('=');
      values_.emplace(word.substr(0, sign), word.substr(sign + 1));
    }
  }
  [[nodiscard]] std::vector<std::string> all(const std::string& key) const {
    std::vector<std::string> found;
    for (auto [at, end] = values_.equal_range(key); at != end; ++at) found.push_back(at->second);
    return found;
  }
  [[nodiscard]] std::string get(const std::string& key, const std::string& other) const {
    const auto found = values_.find(key);
    return found == values_.end() ? other : found->second;
  }

 private:
  std::multimap<std::string, std::string> values_;
};

std::vector<double> numbers_of(const std::string& text, char separator) {
  std::vector<double> numbers;
  for (const std::string& part : split_text(text, separator))
    numbers.push_back(std::strtod(part.c_str(), nullptr));
  return numbers;
}

/// "10", "10:0:1", "10:0.1:5:log" or "e:0,1,2".
BinAxis axis_of(const std::string& text) {
  const std::vector<std::string> parts = split_text(text, ':');
  BinAxis axis;
  if (parts.front() == "e") {
    axis.edges = numbers_of(parts.at(1), ',');
    return axis;
  }
  static const std::map<std::string, BinRule> rules{
      {"auto", BinRule::automatic},  {"fd", BinRule::freedman_diaconis},
      {"doane", BinRule::doane},     {"scott", BinRule::scott},
      {"rice", BinRule::rice},       {"sturges", BinRule::sturges},
      {"sqrt", BinRule::square_root}};
  if (const auto rule = rules.find(parts.front()); rule != rules.end())
    axis.rule = rule->second;
  else
    axis.bins = std::stoll(parts.front());
  axis.is_logarithmic = parts.back() == "log";
  if (parts.size() > 2) {
    axis.low = std::strtod(parts.at(1).c_str(), nullptr);
    axis.high = std::strtod(parts.at(2).c_str(), nullptr);
  }
  return axis;
}

class Runner {
 public:
  Runner(const Context& ctx, const std::string& data, const std::string& output)
      : ctx_(ctx), data_(bytes_of_file(data)), output_(ctx, output) {}

  void take_line(const std::string& line) {
    const std::vector<std::string> fields = split_text(line, ' ');
    if (fields.front() == "operand")
      add_operand(fields);
    else
      run(fields);
  }
  bool finish() { return output_.finish(); }

 private:
  void add_operand(const std::vector<std::string>& fields) {
    std::vector<std::int64_t> extents;
    if (fields.at(3) != "-")
      for (const std::string& extent : split_text(fields[3], ','))
        extents.push_back(std::stoll(extent));
    const Shape shape{std::span<const std::int64_t>(extents)};
    const char* const elements = data_.data() + std::stoull(fields.at(5));
    const std::string& place = fields.at(4);
    if (place == "f") {
      const std::int64_t columns = shape.without(0).elements();
      const auto* const numbers = reinterpret_cast<const double*>(elements);
      sources_[fields[1]] = std::make_unique<ValueSource<double>>(
          ctx_, shape[0], columns,
          [=](std::int64_t row, std::int64_t column) { return numbers[row * columns + column]; });
      return;
    }
    Array array = Array::replicated(ctx_, shape, parse_dtype(fields.at(2)), elements);
    if (place != "r") array = array.with_split_axis(std::stoi(place));
    sources_[fields[1]] = std::make_unique<Array>(array);
  }

  [[nodiscard]] const TileSource* source(const std::string& name) const {
    return name.empty() ? nullptr : sources_.at(name).get();
  }
  [[nodiscard]] const Array& array(const std::string& name) const {
    return dynamic_cast<const Array&>(*sources_.at(name));
  }

  std::vector<Array> results_of(const std::vector<std::string>& fields) {
    const std::string& function = fields.at(1);
    const std::vector<std::string> names = split_text(fields.at(2), ',');
    const Values values(std::span<const std::string>(fields).subspan(3));
    if (function == "cumsum" || function == "cumprod") {
      ScanOptions options{.skips_nan = values.get("skips_nan", "0") == "1"};
      if (const std::string axis = values.get("axis", ""); !axis.empty())
        options.axis = std::stoi(axis);
      return {function == "cumsum" ? cumsum(array(names[0]), options)
                                   : cumprod(array(names[0]), options)};
    }
    if (function == "searchsorted")
      return {searchsorted(
          array(names.at(0)), array(names.at(1)),
          values.get("side", "left") == "left" ? SearchSide::left : SearchSide::right)};
    if (function == "digitize")
      return {digitize(array(names[0]), numbers_of(values.get("bins", ""), ','),
                       values.get("right", "0") == "1")};
    if (function == "bincount")
      return {bincount(ctx_, *source(names[0]),
                       {.weights = source(values.get("weights", "")),
                        .min_length = std::stoll(values.get("minlength", "0"))})};
    if (function == "lexsort") {
      std::vector<Array> keys;
      for (const std::string& name : names) keys.push_back(array(name));
      return {lexsort(keys)};
    }
    HistogramOptions options{.weights = source(values.get("weights", "")),
                             .is_density = values.get("density", "0") == "1"};
    for (const std::string& axis : values.all("axis")) options.axes.push_back(axis_of(axis));
    std::vector<const TileSource*> coordinates;
    for (const std::string& name : names) coordinates.push_back(source(name));
    const HistogramTable table = histogram(ctx_, coordinates, options);
    std::vector<Array> results;
    const bool has_sums = options.weights != nullptr;
    if (options.is_density)
      results.push_back(Array::replicated(ctx_, table.shape, DType::f64, table.density.data()));
    else if (has_sums)
      results.push_back(Array::replicated(ctx_, table.shape, DType::f64, table.sums.data()));
    else
      results.push_back(Array::replicated(ctx_, table.shape, DType::i64, table.counts.data()));
    for (const std::vector<double>& edges : table.edges)
      results.push_back(Array::replicated(ctx_, Shape{static_cast<std::int64_t>(edges.size())},
                                          DType::f64, edges.data()));
    return results;
  }

  void run(const std::vector<std::string>& fields) {
    output_.write([&] { return results_of(fields); });
  }

  Context ctx_;
  std::string data_;
  CaseOutput output_;
  std::map<std::string, std::unique_ptr<TileSource>> sources_;
};

}  // namespace
}  // namespace serried::test

int main(int argc, char** argv) {
  return serried::test::run_cases<serried::test::Runner>(argc, argv, "array_runner",
                                                         {.batch_bytes = 1000});
}
