#include "regression_options.hpp"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <filesystem>

#include "cli_options.hpp"
#include "command_options.hpp"

namespace serried::app {
namespace {

constexpr const char* glm_footer =
    R"(A generalised linear model by iteratively reweighted least squares, with standard errors, tests and intervals, as
R's glm and summary. Several --x stand side by side; y has the shape of their sample axes. A dataset with one column
gives it its name; others name theirs by the lines of their attribute column_names; else they are x0, x1, ...
Links of binomial: logit, probit, cloglog, loglog, log, identity; of all others: identity, log, inverse,
inverse_square, sqrt, power. NaN and Inf are an error that names the row.

Example:
  mpirun -n 4 serried glm --x run.h5:/features --y run.h5:/count --family poisson --model fit.h5)";

constexpr const char* linear_footer =
    R"(Least squares by a QR decomposition, of one response or several, with standard errors, tests and intervals, as
R's lm and summary. Several --x, and several --y, stand side by side.

Example:
  mpirun -n 4 serried linear --x run.h5:/features --y run.h5:/energy --model fit.h5)";

constexpr const char* softmax_footer =
    R"(Multinomial logistic regression: the odds of each class against the first one, with standard errors, tests and
intervals, as R's multinom and statsmodels' MNLogit. y holds whole numbers, one for each class.

Example:
  mpirun -n 4 serried softmax --x run.h5:/features --y run.h5:/phase --model fit.h5)";

double parse_number(const std::string& option, const std::string& text) {
  const auto [low, high] = parse_range(option, text + "," + text);
  static_cast<void>(high);
  return low;
}

std::vector<std::string> families() {
  std::vector<std::string> names;
  for (const GlmFamilyFacts& family : glm_families()) names.emplace_back(family.name);
  return names;
}
std::vector<std::string> links() {
  std::vector<std::string> names;
  for (const GlmLinkFacts& link : glm_links()) names.emplace_back(link.name);
  return names;
}
/// The number of a word in a list that has it.
template <class E>
E named(const std::vector<std::string>& names, const std::string& name) {
  return static_cast<E>(std::ranges::find(names, name) - names.begin());
}

void add_address(CLI::App& app, const std::string& name, const std::string& description,
                 std::optional<Address>& target) {
  add_value(app, name, "ADDR", description,
            [&target](const std::string& text) { target = parse_address(text); });
}
void add_file(CLI::App& app, const std::string& name, const std::string& description,
              std::string& target) {
  add_value(app, name, "OUT.h5", description,
            [name, &target](const std::string& text) { target = parse_file_name(name, text); });
}
void add_number(CLI::App& app, const std::string& name, const std::string& value_name,
                const std::string& description, std::optional<double>& target) {
  add_value(app, name, value_name, description,
            [name, &target](const std::string& text) { target = parse_number(name, text); });
}

/// What both verbs take.
void add_data(CLI::App& app, RegressionWords& words, const std::string& y_description) {
  app.add_option("--x", words.x, "the columns: datasets (rows, columns) or (rows)")
      ->required()
      ->type_name("ADDR");
  app.add_option("--y", words.y, y_description)->required()->type_name("ADDR");
  add_value(app, "--sample-axes", "A,...|all", "axes of x along which its rows lie [0]",
            [&words](const std::string& text) {
              words.samples = parse_sample_axes("--sample-axes", text);
            });
  add_address(app, "--weights", "one weight >= 0 for each row", words.weights);
  add_choice(app, "--weights-mean", {"variance", "frequency"},
             "what a weight w says: variance / w, or w rows alike [variance]",
             words.weights_meaning);
  add_value(
      app, "--l2", "X", "penalty: X / 2 * sum of squares of the coefficients [0]",
      [&words](const std::string& text) { words.options.l2 = parse_non_negative("--l2", text); });
  app.add_flag("--standardize", words.options.is_standardized,
               "the penalty is of coefficients of columns over their standard deviations");
  app.add_flag("--no-intercept", words.has_no_intercept, "no constant term");
  add_value(app, "--confidence", "P", "of the intervals [0.95]", [&words](const std::string& text) {
    words.options.confidence = parse_non_negative("--confidence", text);
  });
  add_file(app, "--model", "write the model", words.model_path);
}

void add_max_iterations(CLI::App& app, RegressionWords& words, const std::string& description) {
  add_value(app, "--max-iterations", "N", description, [&words](const std::string& text) {
    words.options.max_iterations = static_cast<int>(
        std::min<std::int64_t>(parse_count("--max-iterations", text, 1), INT32_MAX / 10));
  });
}

void add_tolerance(CLI::App& app, RegressionWords& words, const std::string& description) {
  add_value(app, "--tolerance", "T", description, [&words](const std::string& text) {
    words.tolerance = parse_non_negative("--tolerance", text);
  });
}

void check_outputs(const RegressionWords& words) {
  if (words.model_path.empty() || words.residuals_path.empty()) return;
  if (std::filesystem::path(words.model_path).lexically_normal() ==
      std::filesystem::path(words.residuals_path).lexically_normal())
    throw InvalidArgument("--model and --residuals name the same file; each is a file of its own");
}

}  // namespace

void set_up_glm(CLI::App& app, RegressionWords& words) {
  add_data(app, words, "the responses: a dataset (rows)");
  add_choice(app, "--family", families(), "distribution of the responses [gaussian]", words.family);
  add_choice(app, "--link", links(), "which function of the mean is linear [the family's own]",
             words.link);
  add_number(app, "--link-power", "P", "exponent of the link 'power'", words.link_power);
  add_number(app, "--theta", "T", "of negative_binomial [estimated]", words.theta);
  add_number(app, "--tweedie-power", "P", "variance = dispersion * mean^P [1.5]",
             words.tweedie_power);
  add_address(app, "--trials", "of binomial: y counts the successes among so many", words.trials);
  add_address(app, "--offset", "known part of each row's linear predictor", words.offset);
  add_choice(app, "--solver", {"auto", "irls", "qr", "lbfgs"},
             "by products, QR, which keeps twice the digits, gradients alone, or as needed [auto]",
             words.solver);
  add_choice(app, "--robust", {"none", "hc0", "hc1", "hc2", "hc3"},
             "standard errors that do not trust the family's variance [none]", words.errors);
  add_max_iterations(app, words, "[100]");
  add_tolerance(app, words, "end with steps of at most T standard errors [1e-9]");
  add_file(app, "--residuals", "write residuals, leverage and Cook's distance of each row",
           words.residuals_path);
  app.footer(glm_footer);
}

void set_up_linear(CLI::App& app, RegressionWords& words) {
  add_data(app, words, "the responses: datasets (rows) or (rows, responses)");
  app.footer(linear_footer);
}

void set_up_softmax(CLI::App& app, RegressionWords& words) {
  add_data(app, words, "the classes: a dataset (rows) of whole numbers");
  add_choice(app, "--solver", {"auto", "newton", "lbfgs"},
             "newton, or lbfgs, without standard errors, for more than 1000 coefficients [auto]",
             words.solver);
  add_max_iterations(app, words, "[100; ten times as many of lbfgs]");
  add_tolerance(app, words,
                "end with steps of at most T standard errors, or a gradient by row below T [1e-9]");
  app.footer(softmax_footer);
}

void add_predictions(CLI::App& app, RegressionWords& words) {
  add_file(app, "--predictions",
           "of models of glm, linear, softmax: write means and intervals, or probabilities",
           words.predictions_path);
  add_address(app, "--offset", "of models of glm: known part of each row's linear predictor",
              words.offset);
  app.add_option("--y", words.y,
                 "of these models: what was observed, to score the predictions; for each response")
      ->type_name("ADDR")
      ->allow_extra_args(false);
  add_address(app, "--weights", "one weight >= 0 for each row, of the scores", words.weights);
}

GlmCommand glm_command(const RegressionWords& words) {
  check_outputs(words);
  if (words.y.size() > 1) throw InvalidArgument("--y: glm takes one response; linear takes more");
  GlmCommand command{.x = parse_addresses(words.x),
                     .samples = words.samples,
                     .y = parse_address(words.y.front()),
                     .options = words.options,
                     .weights = words.weights,
                     .offset = words.offset,
                     .trials = words.trials,
                     .model_path = words.model_path,
                     .residuals_path = words.residuals_path};
  GlmOptions& options = command.options;
  options.family = named<GlmFamily>(families(), words.family);
  if (!words.link.empty()) options.link = named<GlmLink>(links(), words.link);
  if (words.link_power && words.link != "power")
    throw InvalidArgument("--link-power has no use without --link power");
  if (words.link == "power" && !words.link_power)
    throw InvalidArgument("--link power needs its exponent, --link-power P");
  if (words.theta && options.family != GlmFamily::negative_binomial)
    throw InvalidArgument("--theta has no use without --family negative_binomial");
  if (words.tweedie_power && options.family != GlmFamily::tweedie)
    throw InvalidArgument("--tweedie-power has no use without --family tweedie");
  if (words.trials && options.family != GlmFamily::binomial)
    throw InvalidArgument("--trials has no use without --family binomial");
  options.link_power = words.link_power.value_or(1);
  options.theta = words.theta;
  options.tweedie_power = words.tweedie_power.value_or(options.tweedie_power);
  options.has_intercept = !words.has_no_intercept;
  options.tolerance = words.tolerance.value_or(options.tolerance);
  options.solver = named<GlmSolver>({"auto", "irls", "qr", "lbfgs"}, words.solver);
  options.errors = named<GlmErrors>({"none", "hc0", "hc1", "hc2", "hc3"}, words.errors);
  options.weights_meaning = named<WeightsMeaning>({"variance", "frequency"}, words.weights_meaning);
  check_glm_options(options);
  return command;
}

LinearCommand linear_command(const RegressionWords& words) {
  LinearCommand command{.x = parse_addresses(words.x),
                        .samples = words.samples,
                        .y = parse_addresses(words.y),
                        .weights = words.weights,
                        .model_path = words.model_path};
  LinearOptions& options = command.options;
  options.has_intercept = !words.has_no_intercept;
  options.l2 = words.options.l2;
  options.is_standardized = words.options.is_standardized;
  options.confidence = words.options.confidence;
  options.weights_meaning = named<WeightsMeaning>({"variance", "frequency"}, words.weights_meaning);
  check_linear_options(options);
  return command;
}

SoftmaxCommand softmax_command(const RegressionWords& words) {
  if (words.y.size() > 1) throw InvalidArgument("--y: softmax takes one dataset of classes");
  SoftmaxCommand command{.x = parse_addresses(words.x),
                         .samples = words.samples,
                         .y = parse_address(words.y.front()),
                         .weights = words.weights,
                         .model_path = words.model_path};
  SoftmaxOptions& options = command.options;
  options.has_intercept = !words.has_no_intercept;
  options.l2 = words.options.l2;
  options.is_standardized = words.options.is_standardized;
  options.confidence = words.options.confidence;
  options.max_iterations = words.options.max_iterations;
  options.tolerance = words.tolerance.value_or(options.tolerance);
  options.solver = named<SoftmaxSolver>({"auto", "newton", "lbfgs"}, words.solver);
  options.weights_meaning = named<WeightsMeaning>({"variance", "frequency"}, words.weights_meaning);
  check_softmax_options(options);
  return command;
}

}  // namespace serried::app
