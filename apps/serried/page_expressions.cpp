#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <optional>
#include <utility>

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

namespace {

/// Rows of a source, shown to whoever wants to see them.
class SeenRows : public TileSource {
 public:
  using See = std::function<void(const TileView& view)>;
  SeenRows(std::shared_ptr<const TileSource> rows, See see)
      : rows_(std::move(rows)), see_(std::move(see)) {}

  [[nodiscard]] const Layout& layout() const override { return rows_->layout(); }
  [[nodiscard]] DType dtype() const override { return rows_->dtype(); }
  [[nodiscard]] Shape row_shape() const override { return rows_->row_shape(); }
  [[nodiscard]] std::string describe() const override { return rows_->describe(); }
  [[nodiscard]] ReadPlan plan(const Leaves& leaves, std::int64_t bytes, int rank) const override {
    return rows_->plan(leaves, bytes, rank);
  }
  void prepare(const ReadPlan& plan, Buffer& scratch) const override {
    rows_->prepare(plan, scratch);
  }
  [[nodiscard]] TileView read(const ReadPlan& plan, std::int64_t batch,
                              Buffer& scratch) const override {
    const TileView view = rows_->read(plan, batch, scratch);
    see_(view);
    return view;
  }
  void prefetch(const ReadPlan& plan, std::int64_t batch) const override {
    rows_->prefetch(plan, batch);
  }

 private:
  std::shared_ptr<const TileSource> rows_;
  See see_;
};

}  // namespace

EvalPage::EvalPage(const Session& session, const EvalCommand& command, const Operands& operands,
                   const std::vector<ParsedExpr>& expressions)
    : session_(session), command_(command), operands_(operands), fields_(expressions.size()) {
  std::vector<std::string> paths;
  for (const EvalItem& item : command.items)
    if (std::ranges::find(paths, item.output.path) == paths.end())
      paths.push_back(item.output.path);
  const std::size_t shown = std::min(expressions.size(), most_pictures);
  for (std::size_t i = 0; i < shown; ++i) {
    const Expr& expression = expressions[i].expression;
    const Shape& shape = expression.shape();
    const auto axes = drawn_axes(shape, expression.dtype());
    const bool has_picture = i == 0 && session.extras.has_picture();
    if (has_picture && !axes)
      throw InvalidArgument(fmt::format("--picture: there is no picture of {}, whose shape is {}",
                                        expressions[i].text, shape.to_string()));
    if (!axes) continue;
    if (has_picture) picture_.emplace(shape, expression.dtype(), *axes, limits_for(*axes, {}));
    if (session.extras.has_page())
      fields_[i].emplace(shape, expression.dtype(), *axes, limits_for(*axes, page_limits(shown)));
  }
  session.extras.claim(session.ctx, operands.files(), paths);
}

std::shared_ptr<const TileSource> EvalPage::through(std::size_t expression,
                                                    std::shared_ptr<const TileSource> rows) {
  std::optional<PlanePicks>* const picture = expression == 0 ? &picture_ : nullptr;
  std::optional<PlanePicks>& field = fields_[expression];
  if ((picture == nullptr || !*picture) && !field) return rows;
  const auto see = [picture, &field](const TileView& view) {
    const RowRange elements{view.rows.begin * view.row_elements, view.rows.end * view.row_elements};
    if (picture != nullptr && *picture) (*picture)->take(elements, view.data);
    if (field) field->take(elements, view.data);
  };
  const auto* const array = dynamic_cast<const Array*>(rows.get());
  if (array == nullptr) return std::make_shared<const SeenRows>(std::move(rows), see);
  if (!array->is_replicated() || session_.ctx.rank() == 0)
    see({.rows = array->local_rows(),
         .row_elements = array->row_elements(),
         .dtype = array->dtype(),
         .data = array->local_data()});
  return rows;
}

Plane EvalPage::plane_of(const PlanePicks& picks, const EvalResult& result) const {
  return picks.gather(session_.ctx, result.text,
                      axes_of(session_, operands_.find(result.shape), result.shape));
}

void EvalPage::fill(const std::vector<EvalResult>& results) const {
  const ExtraOutputs& extras = session_.extras;
  if (!extras.has_page() && !extras.has_picture()) return;
  session_.extras.keep_run(session_);
  const auto phase = session_.ctx.recorder().phase("report");
  if (picture_) {
    const Plane plane = plane_of(*picture_, results.front());
    if (session_.ctx.rank() == 0) session_.extras.set_picture(picture_png(plane));
  }
  if (!extras.has_page()) return;
  Page& page = session_.extras.begin_page(session_, "serried eval", command_.text);
  for (std::size_t i = 0; i < results.size(); ++i) {
    const EvalResult& result = results[i];
    page.add_heading(results.size() == 1 ? "Result" : result.text);
    page.add_facts({{"expression", result.text},
                    {"written to", result.output.path + ":" + result.output.object},
                    {"shape", extents_text(result.shape)},
                    {"type", std::string(name(result.dtype))}});
    if (fields_[i]) page.add_plane(plane_of(*fields_[i], result));
  }
  add_operands(page, operands_);
}

}  // namespace serried::app
