// Pages of regressions and of what they predict.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <optional>

#include "page_text.hpp"
#include "regression_output.hpp"

namespace serried::app {
namespace {

constexpr std::size_t most_coefficients = 200;

std::string number(double value, int digits = 6) {
  return std::isnan(value) ? "" : fmt::format("{:.{}g}", value, digits);
}

/// From the lowest to the highest bound of all but the intercept, and 0.
struct Span {
  double low = 0;
  double high = 0;

  explicit Span(const std::vector<Coefficient>& coefficients) {
    for (const Coefficient& c : coefficients) {
      if (c.name == intercept || !std::isfinite(c.low) || !std::isfinite(c.high)) continue;
      low = std::min(low, c.low);
      high = std::max(high, c.high);
    }
  }
  [[nodiscard]] std::optional<PageTable::Interval> place(const Coefficient& c) const {
    if (c.name == intercept || !(high > low) || !std::isfinite(c.low)) return std::nullopt;
    const auto at = [&](double value) { return (value - low) / (high - low); };
    return PageTable::Interval{at(c.low), at(c.estimate), at(c.high), at(0)};
  }

  static constexpr const char* intercept = "(Intercept)";
};

void add_coefficients(Page& page, const std::vector<Coefficient>& coefficients, double confidence,
                      const std::string& statistic) {
  PageTable table{.header = {"", "estimate", "standard error", statistic, "p value",
                             fmt::format("{:g} % interval", 100 * confidence), ""}};
  const Span span(coefficients);
  const std::size_t shown = std::min(most_coefficients, coefficients.size());
  for (std::size_t j = 0; j < shown; ++j) {
    const Coefficient& c = coefficients[j];
    if (c.is_aliased) {
      table.rows.push_back(
          {{c.name}, {"depends on those before it"}, {""}, {""}, {""}, {""}, {""}});
      continue;
    }
    const std::string interval = number(c.low) + " to " + number(c.high);
    table.rows.push_back({{c.name},
                          {number(c.estimate)},
                          {number(c.std_error)},
                          {number(c.statistic, 4)},
                          {number(c.p_value, 3)},
                          {interval},
                          {.text = interval, .interval = span.place(c)}});
    if (!table.rows.back().back().interval) table.rows.back().back().text.clear();
  }
  page.add_table(table, "Coefficients");
  if (shown < coefficients.size())
    page.add_paragraph(fmt::format("{} more are not shown.", coefficients.size() - shown));
}

std::string rows_text(std::int64_t rows, std::int64_t used) {
  return rows == used ? fmt::format("{}", rows)
                      : fmt::format("{}, {} of them without weight", rows, rows - used);
}

}  // namespace

Page& fill_page(const Session& session, const GlmCommand& command, const GlmModel& model) {
  session.extras.keep_run(session);
  const auto phase = session.ctx.recorder().phase("report");
  const GlmDistribution& d = model.distribution;
  Page& page = session.extras.begin_page(
      session, "serried glm",
      fmt::format("{} by {}: {}, link {}", command.y.text, texts_of(command.x),
                  facts(d.family).name, facts(d.link).name));
  page.add_heading("Result");
  if (!model.converged) page.add_paragraph("Not converged: " + model.message);
  add_coefficients(page, model.coefficients, model.confidence,
                   model.has_estimated_dispersion ? "t" : "z");
  page.add_facts(
      {{"rows", rows_text(model.rows, model.rows_used)},
       {"residual deviance",
        fmt::format("{} on {:g} degrees of freedom", number(model.deviance), model.df_residual)},
       {"null deviance",
        fmt::format("{} on {:g} degrees of freedom", number(model.null_deviance), model.df_null)},
       {"dispersion", fmt::format("{}, {}", number(model.dispersion),
                                  model.has_estimated_dispersion ? "estimated" : "of the family")},
       {"AIC, BIC", number(model.aic, 7) + ", " + number(model.bic, 7)},
       {"log-likelihood", number(model.log_likelihood, 7)},
       {"iterations", fmt::format("{}", model.iterations)}});
  return page;
}

Page& fill_page(const Session& session, const LinearCommand& command, const LinearModel& model) {
  session.extras.keep_run(session);
  const auto phase = session.ctx.recorder().phase("report");
  Page& page = session.extras.begin_page(
      session, "serried linear",
      fmt::format("{} by {}: least squares", texts_of(command.y), texts_of(command.x)));
  page.add_heading("Result");
  page.add_facts({{"rows", rows_text(model.rows, model.rows_used)},
                  {"degrees of freedom", fmt::format("{:g} of the residuals, {:g} of the model",
                                                     model.df_residual, model.df_model)}});
  for (const LinearTarget& target : model.targets) {
    if (model.targets.size() > 1) page.add_heading("Response " + target.name);
    add_coefficients(page, target.coefficients, model.confidence, "t");
    page.add_facts({{"residual standard error", number(target.residual_std)},
                    {"R squared", number(target.r2)},
                    {"adjusted R squared", number(target.adjusted_r2)},
                    {"F", fmt::format("{}, p value {}", number(target.f_statistic),
                                      number(target.f_p_value, 3))},
                    {"AIC, BIC", number(target.aic, 7) + ", " + number(target.bic, 7)}});
  }
  return page;
}

Page& fill_page(const Session& session, const SoftmaxCommand& command, const SoftmaxModel& model) {
  session.extras.keep_run(session);
  const auto phase = session.ctx.recorder().phase("report");
  Page& page = session.extras.begin_page(session, "serried softmax",
                                         fmt::format("{} by {}: {} classes", command.y.text,
                                                     texts_of(command.x), model.classes.size()));
  page.add_heading("Result");
  if (!model.converged) page.add_paragraph("Not converged: " + model.message);
  page.add_facts({{"rows", rows_text(model.rows, model.rows_used)},
                  {"reference", fmt::format("class {:g}", model.classes.front())},
                  {"deviance", fmt::format("{} on {:g} degrees of freedom", number(model.deviance),
                                           model.df_residual)},
                  {"null deviance", number(-2 * model.null_log_likelihood)},
                  {"pseudo R squared", number(model.pseudo_r2)},
                  {"AIC, BIC", number(model.aic, 7) + ", " + number(model.bic, 7)},
                  {"iterations", fmt::format("{}", model.iterations)}});
  for (std::size_t k = 1; k < model.classes.size(); ++k) {
    page.add_heading(fmt::format("Class {:g}", model.classes[k]));
    add_coefficients(page, model.coefficients[k - 1], model.confidence, "z");
  }
  return page;
}

void fill_page(const Session& session, const PredictionResult& result) {
  session.extras.keep_run(session);
  const auto phase = session.ctx.recorder().phase("report");
  Page& page = session.extras.begin_page(
      session, "serried predict",
      fmt::format("responses of {} by {}", texts_of(result.addresses), result.model_path));
  page.add_heading("Result");
  std::vector<std::pair<std::string, std::string>> facts_of_rows = {
      {"model", result.kind},
      {"rows", fmt::format("{}", result.rows)},
      {"rows with NaN", fmt::format("{}", result.missing)}};
  for (std::size_t k = 0; k < result.targets.size(); ++k)
    facts_of_rows.emplace_back("mean of " + result.targets[k], number(result.means[k], 10));
  if (!result.output.empty()) facts_of_rows.emplace_back("written to", result.output);
  page.add_facts(facts_of_rows);
  if (result.scores) add_scores(page, *result.scores);
}

}  // namespace serried::app
