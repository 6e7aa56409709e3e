#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "array_text.hpp"
#include "expression_operands.hpp"
#include "page_output.hpp"
#include "page_text.hpp"
#include "serried/base/error.hpp"
#include "serried/report/picture.hpp"
#include "text_output.hpp"

namespace serried::app {
namespace {

constexpr std::size_t most_pictures = 12;
constexpr std::int64_t line_values = 1500;

/// The axes of the dataset, with its names and coordinates; without one they count indices.
std::vector<FieldAxis> axes_of(const Session& session, const Address* address, const Shape& shape) {
  if (address != nullptr) return open_field(session.ctx, *address, session.common().untrusted).axes;
  std::vector<FieldAxis> axes;
  for (int axis = 0; axis < shape.dimensions(); ++axis) {
    const std::string name = fmt::format("axis {}", axis);
    axes.push_back({.name = name, .title = name});
  }
  return axes;
}

std::optional<PlaneAxes> drawn_axes(const Shape& shape, DType dtype) {
  return is_complex(dtype) ? std::nullopt : plane_axes(shape);
}

PlaneLimits limits_for(const PlaneAxes& axes, PlaneLimits limits) {
  if (axes.vertical < 0) limits.side = line_values;
  return limits;
}

void add_operands(Page& page, const Operands& operands) {
  page.add_heading("Data");
  page.add_facts(operands.facts());
}

std::string type_text(const Shape& shape, DType dtype) {
  return shape.dimensions() == 0 ? std::string(name(dtype))
                                 : fmt::format("{} {}", extents_text(shape), name(dtype));
}

}  // namespace

void fill_page(const Session& session, const ReduceCommand& command, const Operands& operands,
               const std::vector<ReduceResult>& results) {
  session.extras.keep_run(session);
  const auto phase = session.ctx.recorder().phase("report");
  Page& page = session.extras.begin_page(session, "serried reduce", command.text);
  page.add_heading("Result");
  PageTable table{.header = {"expression", "value", "type"}};
  for (const ReduceResult& result : results)
    table.rows.push_back(
        {{result.text},
         {result.value.shape().elements() == 1 ? element_text(result.value, 0) : "an array"},
         {type_text(result.value.shape(), result.value.dtype())}});
  page.add_table(table);
  const auto drawn = std::ranges::count_if(results, [](const ReduceResult& result) {
    return drawn_axes(result.value.shape(), result.value.dtype()).has_value();
  });
  const PlaneLimits limits = page_limits(std::min(most_pictures, static_cast<std::size_t>(drawn)));
  std::size_t pictures = 0;
  for (const ReduceResult& result : results) {
    if (result.value.shape().elements() == 1) continue;
    page.add_heading(result.text);
    const auto axes = drawn_axes(result.value.shape(), result.value.dtype());
    if (axes && pictures++ < most_pictures)
      page.add_plane(plane_of_array(result.value, result.text,
                                    axes_of(session, nullptr, result.value.shape()), *axes,
                                    limits_for(*axes, limits)));
    page.add_folded("As the command prints it", array_text(result.value, ""), !axes);
  }
  add_operands(page, operands);
}

void claim_eval_extras(const Session& session, const EvalCommand& command, const Operands& operands,
                       const Expr& expression) {
  if (session.extras.has_picture() && !drawn_axes(expression.shape(), expression.dtype()))
    throw InvalidArgument(fmt::format("--picture: there is no picture of {}, whose shape is {}",
                                      command.text, expression.shape().to_string()));
  session.extras.claim(session.ctx, operands.files(), {command.output.path});
}

void fill_page(const Session& session, const EvalCommand& command, const Operands& operands,
               const EvalResult& result, const Array& array) {
  if (!session.extras.has_page() && !session.extras.has_picture()) return;
  session.extras.keep_run(session);
  const auto phase = session.ctx.recorder().phase("report");
  const auto axes = drawn_axes(array.shape(), array.dtype());
  const std::vector<FieldAxis> field_axes =
      axes ? axes_of(session, operands.find(array.shape()), array.shape())
           : std::vector<FieldAxis>{};
  if (session.extras.has_picture()) {
    const Plane plane =
        plane_of_array(array, result.text, field_axes, *axes, limits_for(*axes, {}));
    if (session.ctx.rank() == 0) session.extras.set_picture(picture_png(plane));
  }
  if (!session.extras.has_page()) return;
  Page& page = session.extras.begin_page(session, "serried eval", command.text);
  page.add_heading("Result");
  page.add_facts({{"expression", result.text},
                  {"written to", result.output.path + ":" + result.output.object},
                  {"shape", extents_text(result.shape)},
                  {"type", std::string(name(result.dtype))}});
  if (axes)
    page.add_plane(
        plane_of_array(array, result.text, field_axes, *axes, limits_for(*axes, page_limits(1))));
  add_operands(page, operands);
}

}  // namespace serried::app
