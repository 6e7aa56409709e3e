// Pages of the verbs that select elements, and of those that put them in order.
#include <fmt/format.h>

#include <algorithm>

#include "array_text.hpp"
#include "page_output.hpp"
#include "page_text.hpp"

namespace serried::app {
namespace {

constexpr std::int64_t most_bars = 200;

std::string place_of(const OutputAddress& output) {
  return output.path + ":" + output.object;
}

}  // namespace

void fill_page(const Session& session, const SelectResult& result) {
  session.extras.keep_run(session);
  const auto phase = session.ctx.recorder().phase("report");
  Page& page = session.extras.begin_page(session, "serried " + result.verb, result.address);
  page.add_heading("Result");
  page.add_facts({{"data", result.address},
                  {"shape", extents_text(result.source_shape)},
                  {"type", std::string(name(result.dtype))},
                  {result.verb == "slice" ? "selection" : "indices", result.selection},
                  {"written to", place_of(result.output)},
                  {"shape of the result", extents_text(result.shape)}});
}

void fill_page(const Session& session, const SortResult& result) {
  session.extras.keep_run(session);
  const auto phase = session.ctx.recorder().phase("report");
  Page& page = session.extras.begin_page(session, "serried sort", result.address);
  page.add_heading("Result");
  std::vector<std::pair<std::string, std::string>> facts = {
      {"data", result.address},
      {"shape", extents_text(result.shape)},
      {"type", std::string(name(result.dtype))},
      {"order", fmt::format("{} along axis {}", result.is_descending ? "descending" : "ascending",
                            result.axis)},
      {"written to", place_of(result.output)}};
  if (result.indices) facts.emplace_back("indices", place_of(*result.indices));
  page.add_facts(facts);
}

void fill_page(const Session& session, const UniqueResult& result) {
  session.extras.keep_run(session);
  const auto phase = session.ctx.recorder().phase("report");
  Page& page = session.extras.begin_page(session, "serried unique", result.address);
  page.add_heading("Result");
  std::vector<std::pair<std::string, std::string>> facts = {
      {"data", result.address},
      {"shape", extents_text(result.shape)},
      {"type", std::string(name(result.dtype))},
      {"different values", fmt::format("{}", result.total)}};
  if (result.output) facts.emplace_back("written to", place_of(*result.output));
  page.add_facts(facts);
  PageTable table{.header = {"value"}};
  double most = 1;
  if (result.counts) {
    table.header.push_back("count");
    for (const std::int64_t count : result.counts->local<std::int64_t>())
      most = std::max(most, static_cast<double>(count));
  }
  const std::int64_t shown = std::min(most_bars, result.values.shape()[0]);
  for (std::int64_t i = 0; i < shown; ++i) {
    table.rows.push_back({{element_text(result.values, i)}});
    if (!result.counts) continue;
    const std::int64_t count = result.counts->local<std::int64_t>()[static_cast<std::size_t>(i)];
    table.rows.back().push_back(
        {.text = fmt::format("{}", count), .bar = static_cast<double>(count) / most});
  }
  page.add_table(table);
  if (shown < result.total)
    page.add_paragraph(fmt::format("{} more values are not shown.", result.total - shown));
}

}  // namespace serried::app
