#include "expression_operands.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "page_text.hpp"
#include "serried/array/evaluate.hpp"

namespace serried::app {
namespace {

Dataset open_rows(const Session& session, const Address& address) {
  DatasetOptions options{.untrusted = session.common().untrusted};
  try {
    return Dataset::open(session.ctx, address, options);
  } catch (const InvalidArgument&) {
    // one without axes has no axis 0
    options.samples = {.kind = SampleAxes::Kind::all, .axes = {}};
    Dataset dataset = Dataset::open(session.ctx, address, options);
    if (dataset.shape().dimensions() > 0) throw;
    return dataset;
  }
}

Operand operand_of(const std::shared_ptr<const Dataset>& dataset, const std::string& name) {
  if (dataset->shape().dimensions() > 0) return to_operand(dataset, name);
  const auto kept = std::make_shared<const Array>(dataset->to_array().replicate());
  return {.name = name,
          .shape = Shape{},
          .dtype = kept->dtype(),
          .split_axis = -1,
          .source = nullptr,
          .elements = std::shared_ptr<const std::byte>(kept, kept->local_data())};
}

}  // namespace

Operands::Operands(const Session& session, const std::vector<NamedAddress>& named) {
  const auto phase = session.ctx.recorder().phase("read");
  for (const NamedAddress& each : named) {
    const auto dataset = std::make_shared<const Dataset>(open_rows(session, each.address));
    opened_.push_back({each, dataset, Expr(operand_of(dataset, each.name))});
    names_.push_back(each.name);
    for (const std::string& file : dataset->files())
      if (std::ranges::find(files_, file) == files_.end()) files_.push_back(file);
  }
  if (session.ctx.has_device())
    session.ctx.recorder().set_fact("expressions", "computed on the host");
}

std::vector<ParsedExpr> Operands::parse(const std::string& text,
                                        const std::vector<int>& axes) const {
  const FindOperand find = [this](std::string_view name) -> std::optional<Expr> {
    for (const Opened& each : opened_)
      if (each.named.name == name) return each.expression;
    return {};
  };
  return parse_expressions(text, find, {.axes = axes, .names = names_});
}

const Address* Operands::find(const Shape& shape) const {
  for (const Opened& each : opened_)
    if (each.dataset->shape() == shape) return &each.named.address;
  return nullptr;
}

std::int64_t Operands::least_memory(const Context& ctx, std::span<const Expr> expressions,
                                    std::int64_t other_bytes) const {
  // one batch is shared by all of them; threads make it larger
  std::int64_t memory = other_bytes + memory_of_evaluation(ctx, expressions) +
                        (ctx.backend()->threads().threads() - 1) * ctx.options().batch_bytes;
  for (const Opened& each : opened_) memory = each.dataset->least_memory(memory);
  return memory;
}

std::vector<std::pair<std::string, std::string>> Operands::facts() const {
  std::vector<std::pair<std::string, std::string>> facts;
  for (const Opened& each : opened_)
    facts.emplace_back(each.named.name,
                       fmt::format("{}: {}, {}", short_address(each.named.address),
                                   extents_text(each.dataset->shape()), each.dataset->file_type()));
  return facts;
}

std::vector<Expr> expressions_of(const std::vector<ParsedExpr>& parsed) {
  std::vector<Expr> expressions;
  for (const ParsedExpr& each : parsed) expressions.push_back(each.expression);
  return expressions;
}

}  // namespace serried::app
