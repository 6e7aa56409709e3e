#include "serried/ml/regression_file.hpp"

#include <fmt/format.h>

#include <array>
#include <string_view>

#include "ml/regression/model_fields.hpp"
#include "serried/base/error.hpp"
#include "serried/comm/agree.hpp"
#include "serried/io/table_file.hpp"

namespace serried {
namespace {

using regression::ModelFields;

constexpr std::array<std::string_view, 4> solvers = {"auto", "irls", "qr", "lbfgs"};
constexpr std::array<std::string_view, 3> softmax_solvers = {"auto", "newton", "lbfgs"};
constexpr std::array<std::string_view, 5> errors = {"model", "hc0", "hc1", "hc2", "hc3"};
constexpr std::array<std::string_view, 5> statuses = {"converged", "iteration_limit", "separated",
                                                      "no_descent", "singular"};

std::vector<std::string_view> family_names() {
  std::vector<std::string_view> names;
  for (const GlmFamilyFacts& family : glm_families()) names.push_back(family.name);
  return names;
}
std::vector<std::string_view> link_names() {
  std::vector<std::string_view> names;
  for (const GlmLinkFacts& link : glm_links()) names.push_back(link.name);
  return names;
}

/// The names, and as many coefficients.
void visit_names(ModelFields& fields, std::vector<Coefficient>& coefficients) {
  std::vector<std::string> names;
  for (const Coefficient& c : coefficients) names.push_back(c.name);
  fields.texts("names", names);
  coefficients.resize(names.size());
  for (std::size_t j = 0; j < names.size(); ++j) coefficients[j].name = names[j];
}

std::vector<Coefficient*> pointers_to(std::vector<Coefficient>& coefficients) {
  std::vector<Coefficient*> pointers;
  for (Coefficient& c : coefficients) pointers.push_back(&c);
  return pointers;
}

void check_terms(bool has_intercept, std::size_t terms) {
  if (terms < (has_intercept ? 2U : 1U))
    throw DataError(fmt::format("it has {} coefficients", terms));
}

void visit(ModelFields& fields, GlmModel& m) {
  fields.choice("family", family_names(), m.distribution.family);
  fields.choice("link", link_names(), m.distribution.link);
  fields.number("family_parameter", m.distribution.family_parameter);
  fields.number("link_power", m.distribution.link_power);
  fields.flag("has_intercept", m.has_intercept);
  visit_names(fields, m.coefficients);
  check_terms(m.has_intercept, m.coefficients.size());
  const auto n = static_cast<std::int64_t>(m.coefficients.size());
  fields.coefficients(Shape{n}, pointers_to(m.coefficients));
  fields.choice("solver", solvers, m.solver);
  if (m.solver != GlmSolver::lbfgs) {
    fields.values("covariance", Shape{n, n}, m.covariance);
    fields.values("covariance_root", Shape{n, n}, m.covariance_root);
  }
  fields.number("deviance", m.deviance);
  fields.number("null_deviance", m.null_deviance);
  fields.number("pearson", m.pearson);
  fields.number("dispersion", m.dispersion);
  fields.flag("has_estimated_dispersion", m.has_estimated_dispersion);
  fields.choice("errors", errors, m.errors);
  fields.number("log_likelihood", m.log_likelihood);
  fields.number("aic", m.aic);
  fields.number("bic", m.bic);
  fields.number("df_residual", m.df_residual);
  fields.number("df_null", m.df_null);
  fields.count("rank", m.rank);
  fields.count("rows", m.rows);
  fields.count("rows_used", m.rows_used);
  fields.count("iterations", m.iterations);
  fields.choice("status", statuses, m.status);
  fields.flag("converged", m.converged);
  fields.text("message", m.message);
  fields.number("theta_std_error", m.theta_std_error);
  fields.number("confidence", m.confidence);
}

void visit(ModelFields& fields, LinearModel& m) {
  fields.flag("has_intercept", m.has_intercept);
  std::vector<std::string> target_names;
  for (const LinearTarget& t : m.targets) target_names.push_back(t.name);
  fields.texts("target_names", target_names);
  if (target_names.empty()) throw DataError("it has no targets");
  m.targets.resize(target_names.size());
  visit_names(fields, m.targets.front().coefficients);
  const std::size_t terms = m.targets.front().coefficients.size();
  check_terms(m.has_intercept, terms);
  const auto n = static_cast<std::int64_t>(terms);
  const auto count = static_cast<std::int64_t>(m.targets.size());
  std::vector<Coefficient*> all;
  for (std::size_t k = 0; k < m.targets.size(); ++k) {
    LinearTarget& target = m.targets[k];
    target.name = target_names[k];
    target.coefficients.resize(terms);
    for (std::size_t j = 0; j < terms; ++j) {
      target.coefficients[j].name = m.targets.front().coefficients[j].name;
      all.push_back(&target.coefficients[j]);
    }
  }
  fields.coefficients(Shape{count, n}, all);
  static constexpr std::array<std::pair<const char*, double LinearTarget::*>, 10> measures = {
      {{"residual_squares", &LinearTarget::residual_squares},
       {"total_squares", &LinearTarget::total_squares},
       {"residual_std", &LinearTarget::residual_std},
       {"r2", &LinearTarget::r2},
       {"adjusted_r2", &LinearTarget::adjusted_r2},
       {"f_statistic", &LinearTarget::f_statistic},
       {"f_p_value", &LinearTarget::f_p_value},
       {"log_likelihood", &LinearTarget::log_likelihood},
       {"aic", &LinearTarget::aic},
       {"bic", &LinearTarget::bic}}};
  for (const auto& [name, member] : measures) {
    std::vector<double> values;
    for (const LinearTarget& t : m.targets) values.push_back(t.*member);
    fields.values(name, Shape{count}, values);
    for (std::size_t k = 0; k < m.targets.size(); ++k) m.targets[k].*member = values[k];
  }
  fields.values("unscaled_covariance", Shape{n, n}, m.unscaled_covariance);
  fields.values("covariance_root", Shape{n, n}, m.covariance_root);
  fields.number("df_model", m.df_model);
  fields.number("df_residual", m.df_residual);
  fields.count("rank", m.rank);
  fields.count("rows", m.rows);
  fields.count("rows_used", m.rows_used);
  fields.number("confidence", m.confidence);
}

void visit(ModelFields& fields, SoftmaxModel& m) {
  fields.flag("has_intercept", m.has_intercept);
  std::int64_t classes = static_cast<std::int64_t>(m.classes.size());
  fields.count("class_count", classes);
  if (classes < 2 || classes > 100000) throw DataError(fmt::format("it has {} classes", classes));
  fields.values("classes", Shape{classes}, m.classes);
  m.coefficients.resize(static_cast<std::size_t>(classes - 1));
  visit_names(fields, m.coefficients.front());
  const std::size_t terms = m.coefficients.front().size();
  check_terms(m.has_intercept, terms);
  std::vector<Coefficient*> all;
  for (std::vector<Coefficient>& of_class : m.coefficients) {
    of_class.resize(terms);
    for (std::size_t j = 0; j < terms; ++j) {
      of_class[j].name = m.coefficients.front()[j].name;
      all.push_back(&of_class[j]);
    }
  }
  fields.coefficients(Shape{classes - 1, static_cast<std::int64_t>(terms)}, all);
  fields.number("log_likelihood", m.log_likelihood);
  fields.number("null_log_likelihood", m.null_log_likelihood);
  fields.number("deviance", m.deviance);
  fields.number("pseudo_r2", m.pseudo_r2);
  fields.number("aic", m.aic);
  fields.number("bic", m.bic);
  fields.number("df_residual", m.df_residual);
  fields.count("rank", m.rank);
  fields.count("rows", m.rows);
  fields.count("rows_used", m.rows_used);
  fields.count("iterations", m.iterations);
  fields.choice("solver", softmax_solvers, m.solver);
  fields.flag("has_errors", m.has_errors);
  fields.flag("converged", m.converged);
  fields.text("message", m.message);
  fields.number("confidence", m.confidence);
}

template <class M>
void write(FileWriter& writer, const char* kind, const M& model, const Provenance& provenance) {
  M copy = model;
  regression::write_model(
      writer, kind, [&](ModelFields& fields) { visit(fields, copy); }, provenance);
}

template <class M>
M load(const Context& ctx, const std::string& path, const char* kind,
       const std::optional<FileCheck>& untrusted) {
  M model;
  regression::read_model(ctx, path, kind, untrusted,
                         [&](ModelFields& fields) { visit(fields, model); });
  return model;
}

}  // namespace

void write_model(FileWriter& writer, const GlmModel& model, const Provenance& provenance) {
  write(writer, "glm", model, provenance);
}
void write_model(FileWriter& writer, const LinearModel& model, const Provenance& provenance) {
  write(writer, "linear", model, provenance);
}
void write_model(FileWriter& writer, const SoftmaxModel& model, const Provenance& provenance) {
  write(writer, "softmax", model, provenance);
}

GlmModel load_glm(const Context& ctx, const std::string& path,
                  const std::optional<FileCheck>& untrusted) {
  return load<GlmModel>(ctx, path, "glm", untrusted);
}
LinearModel load_linear(const Context& ctx, const std::string& path,
                        const std::optional<FileCheck>& untrusted) {
  return load<LinearModel>(ctx, path, "linear", untrusted);
}

SoftmaxModel load_softmax(const Context& ctx, const std::string& path,
                          const std::optional<FileCheck>& untrusted) {
  return load<SoftmaxModel>(ctx, path, "softmax", untrusted);
}

std::string model_kind(const Context& ctx, const std::string& path,
                       const std::optional<FileCheck>& untrusted) {
  std::string kind;
  agree_on_root(ctx.comm(), 0, [&] {
    if (untrusted) check_table_file(path, *untrusted);
    const TableFile file(path);
    try {
      kind = file.text_attribute("/", "model");
    } catch (const IoError&) {
      throw;
    } catch (const Error& error) {
      throw DataError(path + " holds no model: " + error.what());
    }
  });
  return ctx.comm().broadcast_text(kind, 0);
}

}  // namespace serried
