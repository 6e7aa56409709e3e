#include "prediction_scores.hpp"

#include <fmt/format.h>

#include <cmath>

#include "page_text.hpp"

namespace serried::app {
namespace {

constexpr std::size_t most_classes = 20;

Json optional_json(const std::optional<double>& value, Numbers& numbers) {
  return value ? numbers(*value) : Json(nullptr);
}

std::string optional_text(const std::optional<double>& value, const char* otherwise) {
  return value ? fmt::format("{:.6g}", *value) : otherwise;
}

std::string share_text(double share) {
  return fmt::format("{:.4g} %", 100 * share);
}

/// Names and values, for a text and for a page.
using Facts = std::vector<std::pair<std::string, std::string>>;

Facts facts_of(const RegressionScores& s) {
  return {{"R squared", optional_text(s.r2, "none: the responses are constant")},
          {"root mean squared error", fmt::format("{:.6g}", s.root_mean_squared_error)},
          {"mean absolute error", fmt::format("{:.6g}", s.mean_absolute_error)},
          {"largest error", fmt::format("{:.6g}", s.max_error)}};
}

Facts facts_of(const BinaryScores& s) {
  const BinaryConfusion& c = s.confusion;
  return {{"area under the ROC curve", optional_text(s.auc, "none: one class has no rows")},
          {"log loss", fmt::format("{:.6g}", s.log_loss)},
          {"Brier score", fmt::format("{:.6g}", s.brier)},
          {"accuracy", share_text(s.accuracy)},
          {"true positives", fmt::format("{:.10g}", c.true_positives)},
          {"false positives", fmt::format("{:.10g}", c.false_positives)},
          {"true negatives", fmt::format("{:.10g}", c.true_negatives)},
          {"false negatives", fmt::format("{:.10g}", c.false_negatives)}};
}

Facts facts_of(const ClassScores& s) {
  Facts facts{{"accuracy", share_text(s.accuracy)}};
  if (s.log_loss) facts.emplace_back("log loss", fmt::format("{:.6g}", *s.log_loss));
  return facts;
}

template <class S>
Facts with_rows(const S& scores) {
  Facts facts{{"rows compared", grouped_digits(scores.rows)}};
  if (scores.missing > 0) facts.emplace_back("left out, with NaN", grouped_digits(scores.missing));
  for (auto& fact : facts_of(scores)) facts.push_back(std::move(fact));
  return facts;
}

template <class S>
std::string text_of(const S& scores, const std::string& response) {
  std::string text = response.empty() ? "  scores:" : "  scores of " + response + ":";
  text += fmt::format(" {} rows", scores.rows);
  if (scores.missing > 0) text += fmt::format(", {} more with NaN", scores.missing);
  text += '\n';
  for (const auto& [name, value] : facts_of(scores))
    text += fmt::format("    {}: {}\n", name, value);
  return text;
}

PageTable confusion_table(const ClassScores& scores) {
  PageTable table{.header = {"observed \\ predicted"}};
  for (const double value : scores.classes) table.header.push_back(fmt::format("{:g}", value));
  const std::size_t classes = scores.classes.size();
  for (std::size_t i = 0; i < classes; ++i) {
    std::vector<PageTable::Cell> row{{fmt::format("{:g}", scores.classes[i])}};
    double all = 0;
    for (std::size_t j = 0; j < classes; ++j) all += scores.confusion[i * classes + j];
    for (std::size_t j = 0; j < classes; ++j) {
      const double count = scores.confusion[i * classes + j];
      row.push_back({.text = fmt::format("{:.10g}", count),
                     .bar = all > 0 ? std::optional(count / all) : std::nullopt});
    }
    table.rows.push_back(std::move(row));
  }
  return table;
}

}  // namespace

Json scores_json(const PredictionScores& scores, Numbers& numbers) {
  if (scores.binary) {
    const BinaryScores& s = *scores.binary;
    Json calibration = Json::array();
    for (const CalibrationBin& bin : s.calibration)
      calibration.push_back(
          {{"low", numbers(bin.low)},
           {"high", numbers(bin.high)},
           {"rows", bin.rows},
           {"mean_probability", bin.rows > 0 ? numbers(bin.mean_probability) : Json()},
           {"observed", bin.rows > 0 ? numbers(bin.observed) : Json()}});
    return {{"rows", s.rows},
            {"rows_missing", s.missing},
            {"log_loss", numbers(s.log_loss)},
            {"brier", numbers(s.brier)},
            {"accuracy", numbers(s.accuracy)},
            {"auc", optional_json(s.auc, numbers)},
            {"confusion",
             Json::array({Json::array({s.confusion.true_negatives, s.confusion.false_positives}),
                          Json::array({s.confusion.false_negatives, s.confusion.true_positives})})},
            {"calibration", std::move(calibration)}};
  }
  if (scores.classes) {
    const ClassScores& s = *scores.classes;
    Json confusion = Json::array();
    for (std::size_t i = 0; i < s.classes.size(); ++i)
      confusion.push_back(std::vector<double>(
          s.confusion.begin() + static_cast<std::ptrdiff_t>(i * s.classes.size()),
          s.confusion.begin() + static_cast<std::ptrdiff_t>((i + 1) * s.classes.size())));
    return {{"rows", s.rows},
            {"rows_missing", s.missing},
            {"accuracy", numbers(s.accuracy)},
            {"log_loss", optional_json(s.log_loss, numbers)},
            {"confusion", std::move(confusion)}};
  }
  Json list = Json::array();
  for (const auto& [name, s] : scores.responses)
    list.push_back({{"name", name},
                    {"rows", s.rows},
                    {"rows_missing", s.missing},
                    {"r2", optional_json(s.r2, numbers)},
                    {"rmse", numbers(s.root_mean_squared_error)},
                    {"mean_absolute_error", numbers(s.mean_absolute_error)},
                    {"max_error", numbers(s.max_error)}});
  return list;
}

std::string scores_text(const PredictionScores& scores) {
  if (scores.binary) return text_of(*scores.binary, "");
  if (scores.classes) {
    std::string text = text_of(*scores.classes, "");
    if (scores.classes->classes.size() > most_classes) return text;
    text += "    observed \\ predicted";
    for (const double value : scores.classes->classes) text += fmt::format("{:>12.6g}", value);
    const std::size_t classes = scores.classes->classes.size();
    for (std::size_t i = 0; i < classes; ++i) {
      text += fmt::format("\n    {:>20.6g}", scores.classes->classes[i]);
      for (std::size_t j = 0; j < classes; ++j)
        text += fmt::format("{:>12.10g}", scores.classes->confusion[i * classes + j]);
    }
    return text + '\n';
  }
  std::string text;
  for (const auto& [name, s] : scores.responses)
    text += text_of(s, scores.responses.size() > 1 ? name : "");
  return text;
}

void add_charts(Page& page, const BinaryScores& scores) {
  page.begin_row();
  if (!scores.roc.empty()) {
    PageChart chart{
        .title = "ROC curve",
        .note = "the straight line: what a guess reaches",
        .horizontal = {.title = "false positive rate"},
        .vertical_title = "true positive rate",
        .series = {{.name = "model", .values = {}}, {.name = "guess", .values = {}, .color = 1}},
        .is_from_zero = true};
    for (const RocPoint& point : scores.roc) {
      chart.horizontal.places.push_back(point.false_positive_rate);
      chart.series[0].values.push_back(point.true_positive_rate);
      chart.series[1].values.push_back(point.false_positive_rate);
    }
    chart.horizontal.extent = static_cast<std::int64_t>(chart.horizontal.places.size());
    page.add_chart(chart);
  }
  PageChart chart{.title = "Calibration",
                  .note = "by bins of the predicted probability; the straight line: as predicted",
                  .horizontal = {.title = "mean predicted probability"},
                  .vertical_title = "observed share of 1",
                  .series = {{.name = "observed", .values = {}},
                             {.name = "predicted", .values = {}, .color = 1}},
                  .is_from_zero = true};
  for (const CalibrationBin& bin : scores.calibration) {
    if (bin.rows == 0 || std::isnan(bin.mean_probability)) continue;
    chart.horizontal.places.push_back(bin.mean_probability);
    chart.series[0].values.push_back(bin.observed);
    chart.series[1].values.push_back(bin.mean_probability);
  }
  chart.horizontal.extent = static_cast<std::int64_t>(chart.horizontal.places.size());
  if (chart.horizontal.extent > 1) page.add_chart(chart);
  page.end_row();
}

void add_scores(Page& page, const PredictionScores& scores) {
  if (scores.binary) {
    page.add_heading("Scores");
    page.add_facts(with_rows(*scores.binary));
    add_charts(page, *scores.binary);
  }
  if (scores.classes) {
    page.add_heading("Scores");
    page.add_facts(with_rows(*scores.classes));
    if (scores.classes->classes.size() <= most_classes)
      page.add_table(confusion_table(*scores.classes), "Confusion matrix; bars by row");
  }
  for (const auto& [name, s] : scores.responses) {
    page.add_heading(scores.responses.size() > 1 ? "Scores of " + name : "Scores");
    page.add_facts(with_rows(s));
  }
}

}  // namespace serried::app
