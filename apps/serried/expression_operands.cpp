#include "expression_operands.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <memory>

#include "page_text.hpp"
#include "serried/array/evaluate.hpp"
#include "serried/base/row_axes.hpp"
#include "serried/expr/flatten_rows.hpp"

namespace serried::app {
namespace {

/// The dataset with rows of several axes, where those of the first one are few.
std::shared_ptr<const Dataset> open_flattened(const Session& session, const Address& address,
                                              const Dataset& dataset) {
  const Shape& shape = dataset.shape();
  const auto bytes = static_cast<std::int64_t>(size_of(dataset.dtype()));
  if (shape.elements() == 0 || flattened_row_axes(shape, bytes) < 2) return nullptr;
  return std::make_shared<const Dataset>(
      Dataset::open(session.ctx, address,
                    {.samples = {.kind = SampleAxes::Kind::flattened, .axes = {}},
                     .untrusted = session.common().untrusted}));
}

Operand operand_of(const std::shared_ptr<const Dataset>& dataset,
                   const std::shared_ptr<const Dataset>& flattened, const std::string& name) {
  if (dataset->shape().dimensions() > 0) {
    Operand operand = to_operand(dataset, name);
    if (flattened != nullptr)
      operand.flattened = [flattened](int axes) -> std::shared_ptr<const TileSource> {
        return axes == flattened->sample_shape().dimensions() ? flattened : nullptr;
      };
    return operand;
  }
  const auto kept = std::make_shared<const Array>(dataset->to_array().replicate());
  return {.name = name,
          .shape = Shape{},
          .dtype = kept->dtype(),
          .split_axis = -1,
          .source = nullptr,
          .elements = std::shared_ptr<const std::byte>(kept, kept->local_data())};
}

/// The coordinates along the axis of a dataset of that shape, which are broadcast along it.
Expr coordinate_operand(const std::vector<Coordinate>& all, const Shape& shape,
                        std::string_view name, std::string_view axis) {
  int number = 0;
  const auto [end, error] = std::from_chars(axis.data(), axis.data() + axis.size(), number);
  const bool is_number = error == std::errc() && end == axis.data() + axis.size();
  const int dimensions = shape.dimensions();
  if (is_number && (number < -dimensions || number >= dimensions))
    throw InvalidArgument(
        fmt::format("axis {} is out of bounds for {} of {} dimensions", axis, name, dimensions));
  if (is_number && number < 0) number += dimensions;
  const auto found = std::ranges::find_if(all, [&](const Coordinate& each) {
    return is_number ? each.axis == number : each.name == axis;
  });
  if (found == all.end()) {
    std::string known;
    for (const Coordinate& each : all) known += (known.empty() ? "" : ", ") + each.name;
    throw InvalidArgument(
        (is_number ? fmt::format("axis {} of {} has no coordinate variable", number, name)
                   : fmt::format("{} has no coordinate variable '{}'", name, axis)) +
        (known.empty() ? "; it has none" : "; it has " + known));
  }
  std::vector<std::int64_t> extents{shape[found->axis]};
  extents.resize(static_cast<std::size_t>(dimensions - found->axis), 1);
  const bool is_exact = !found->bytes.empty();
  const auto kept = std::make_shared<const Coordinate>(*found);
  const auto* const elements =
      is_exact ? kept->bytes.data() : reinterpret_cast<const std::byte*>(kept->values.data());
  return Expr(Operand{.name = fmt::format("coord({}, {})", name, axis),
                      .shape = Shape{std::span<const std::int64_t>(extents)},
                      .dtype = is_exact ? kept->dtype : DType::f64,
                      .split_axis = -1,
                      .source = nullptr,
                      .elements = std::shared_ptr<const std::byte>(kept, elements)});
}

}  // namespace

Operands::Operands(const Session& session, const std::vector<NamedAddress>& named)
    : session_(session) {
  const auto phase = session.ctx.recorder().phase("read");
  for (const NamedAddress& each : named) {
    const auto dataset = std::make_shared<const Dataset>(open_by_rows(session, each.address));
    const auto flattened = open_flattened(session, each.address, *dataset);
    opened_.push_back({each, dataset, flattened, Expr(operand_of(dataset, flattened, each.name))});
    names_.push_back(each.name);
    if (!each.alias.empty()) names_.push_back(each.alias);
    for (const std::string& file : dataset->files())
      if (std::ranges::find(files_, file) == files_.end()) files_.push_back(file);
  }
  if (session.ctx.has_device())
    session.ctx.recorder().set_fact("expressions", "computed on the host");
}

std::vector<ParsedExpr> Operands::parse(
    const std::string& text, const std::vector<int>& axes,
    const std::vector<std::pair<std::string, Expr>>& defined) const {
  const FindOperand find = [&](std::string_view name) -> std::optional<Expr> {
    for (const auto& [known, expression] : defined)
      if (known == name) return expression;
    for (const Opened& each : opened_)
      if (each.named.name == name || each.named.alias == name) return each.expression;
    return {};
  };
  std::vector<std::string> names = names_;
  for (const auto& each : defined) names.push_back(each.first);
  return parse_expressions(
      text, find, {.axes = axes, .names = names, .find_coordinate = [this](auto name, auto axis) {
                     return coordinate(name, axis);
                   }});
}

Expr Operands::coordinate(std::string_view name, std::string_view axis) const {
  const auto opened = std::ranges::find_if(opened_, [&](const Opened& each) {
    return each.named.name == name || each.named.alias == name;
  });
  if (opened == opened_.end())
    throw InvalidArgument(
        fmt::format("{} is an expression, which has no coordinate variables", name));
  const std::vector<Coordinate> all =
      opened->dataset->shape().dimensions() == 0
          ? std::vector<Coordinate>()
          : Dataset::open(session_.ctx, opened->named.address,
                          {.samples = {.kind = SampleAxes::Kind::all, .axes = {}},
                           .untrusted = session_.common().untrusted})
                .sample_coordinates();
  return coordinate_operand(all, opened->dataset->shape(), name, axis);
}

const Address* Operands::find(const Shape& shape) const {
  for (const Opened& each : opened_)
    if (each.dataset->shape() == shape) return &each.named.address;
  return nullptr;
}

std::int64_t Operands::least_memory(const Context& ctx, std::int64_t other_bytes) const {
  // one batch is shared by all of them; threads make it larger
  std::int64_t memory =
      other_bytes + (ctx.backend()->threads().threads() - 1) * ctx.options().batch_bytes;
  for (const Opened& each : opened_) {
    const std::int64_t others = memory;
    memory = each.dataset->least_memory(others);
    if (each.flattened != nullptr) memory = std::max(memory, each.flattened->least_memory(others));
  }
  return memory;
}

std::vector<Expr> Operands::flatten(const std::vector<ParsedExpr>& parsed) {
  std::vector<Expr> expressions;
  for (const ParsedExpr& each : parsed) expressions.push_back(each.expression);
  return flatten_rows(expressions);
}

std::vector<std::pair<std::string, std::string>> Operands::facts() const {
  std::vector<std::pair<std::string, std::string>> facts;
  for (const Opened& each : opened_)
    facts.emplace_back(each.named.name,
                       fmt::format("{}: {}, {}", short_address(each.named.address),
                                   extents_text(each.dataset->shape()), each.dataset->file_type()));
  return facts;
}

}  // namespace serried::app
