// Fits generalised linear models as a file says, for a test that knows what must come out.
//
//   glm_runner CASES DATA OUTPUT [MAX_TILES]
//
// CASES is text, a line each; fields are separated by blanks:
//   operand NAME EXTENTS PLACE OFFSET   f64, "3,4"; PLACE is "m" (in memory), or "f" of rows that
//                                       are read in batches; elements lie at OFFSET of DATA
//   case X Y KEY=VALUE...               the options, by their names
// OUTPUT gets what CaseOutput writes: of each coefficient (estimate, error, statistic, p, low,
// high), the covariance, and the numbers that belong to no coefficient.
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

template <class Enum>
Enum find_named(const std::string& text, Enum last) {
  for (int i = 0; i <= static_cast<int>(last); ++i)
    if (facts(static_cast<Enum>(i)).name == text) return static_cast<Enum>(i);
  throw InvalidArgument("nothing is called " + text);
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
      output_.write([&] { return fitted(fields); });
  }
  bool finish() { return output_.finish(); }

 private:
  void add_operand(const std::vector<std::string>& fields) {
    const Shape shape = shape_of_text(fields.at(2));
    const auto* const numbers =
        reinterpret_cast<const double*>(data_.data() + std::stoull(fields.at(4)));
    const std::int64_t columns = shape.without(0).elements();
    if (fields.at(3) == "f")
      sources_[fields[1]] = std::make_unique<ValueSource<double>>(
          ctx_, shape[0], columns,
          [=](std::int64_t row, std::int64_t column) { return numbers[row * columns + column]; });
    else
      sources_[fields[1]] = std::make_unique<Array>(
          Array::replicated(ctx_, shape, DType::f64, numbers).with_split_axis(0));
  }

  std::vector<Array> fitted(const std::vector<std::string>& fields) {
    GlmOptions options;
    for (std::size_t i = 3; i < fields.size(); ++i) {
      const std::size_t sign = fields[i].find('=');
      set(options, fields[i].substr(0, sign), fields[i].substr(sign + 1));
    }
    const GlmModel model = fit_glm(ctx_, *sources_.at(fields[1]), *sources_.at(fields[2]), options);
    std::vector<double> table;
    for (const Coefficient& c : model.coefficients)
      table.insert(table.end(), {c.estimate, c.std_error, c.statistic, c.p_value, c.low, c.high});
    const std::vector<double> numbers{model.deviance,
                                      model.null_deviance,
                                      model.pearson,
                                      model.dispersion,
                                      model.log_likelihood,
                                      model.aic,
                                      model.bic,
                                      model.df_residual,
                                      model.df_null,
                                      static_cast<double>(model.rank),
                                      static_cast<double>(model.rows_used),
                                      static_cast<double>(model.iterations),
                                      static_cast<double>(model.status),
                                      model.distribution.family_parameter,
                                      model.theta_std_error};
    const auto terms = static_cast<std::int64_t>(model.coefficients.size());
    return {Array::replicated(ctx_, {terms, 6}, DType::f64, table.data()),
            Array::replicated(ctx_, {terms, terms}, DType::f64, model.covariance.data()),
            Array::replicated(ctx_, {static_cast<std::int64_t>(numbers.size())}, DType::f64,
                              numbers.data())};
  }

  void set(GlmOptions& options, const std::string& key, const std::string& value) const {
    const auto number = [&] { return std::strtod(value.c_str(), nullptr); };
    if (key == "family") options.family = find_named(value, GlmFamily::tweedie);
    if (key == "link") options.link = find_named(value, GlmLink::power);
    if (key == "link_power") options.link_power = number();
    if (key == "theta") options.theta = number();
    if (key == "tweedie_power") options.tweedie_power = number();
    if (key == "has_intercept") options.has_intercept = value == "1";
    if (key == "solver")
      options.solver = value == "qr"     ? GlmSolver::qr
                       : value == "irls" ? GlmSolver::irls
                                         : GlmSolver::automatic;
    if (key == "l2") options.l2 = number();
    if (key == "is_standardized") options.is_standardized = value == "1";
    if (key == "frequency" && value == "1") options.weights_meaning = WeightsMeaning::frequency;
    if (key == "offset") options.offset = sources_.at(value).get();
    if (key == "weights") options.weights = sources_.at(value).get();
    if (key == "trials") options.trials = sources_.at(value).get();
  }

  Context ctx_;
  std::string data_;
  CaseOutput output_;
  std::map<std::string, std::unique_ptr<TileSource>> sources_;
};

}  // namespace
}  // namespace serried::test

int main(int argc, char** argv) {
  return serried::test::run_cases<serried::test::Runner>(argc, argv, "glm_runner",
                                                         {.batch_bytes = 20000});
}
