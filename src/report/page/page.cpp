#include "serried/report/page.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "report/page/assets.hpp"
#include "report/page/html.hpp"
#include "report/page/plot.hpp"
#include "report/page/run_part.hpp"
#include "report/rank_rows.hpp"
#include "serried/io/file_info.hpp"

namespace serried {
namespace {

constexpr std::size_t most_objects = 2000;
constexpr std::size_t most_text = 300;

std::string shortened(const std::string& text) {
  return text.size() <= most_text ? text : text.substr(0, most_text) + "\u2026";
}

std::string name_of(const std::string& path) {
  return path == "/" ? path : path.substr(path.rfind('/') + 1);
}

std::string what_of(const ObjectInfo& object) {
  if (!object.link.empty()) return object.link;
  if (object.is_group) return "group";
  if (object.type == "named type") return object.type;
  std::string text = fmt::format("{} {}", object.shape.to_string(), object.type);
  if (!object.chunks.empty()) text += fmt::format(", chunks {}", Shape(object.chunks).to_string());
  for (const std::string& filter : object.filters) text += ", " + filter;
  return text + ", " + bytes_to_text(object.stored_bytes);
}

std::string attributes_of(const ObjectInfo& object) {
  if (object.attributes.empty()) return {};
  std::string html = "<table>";
  for (const AttributeInfo& attribute : object.attributes)
    html += fmt::format("<tr><td>{}</td><td>{}</td></tr>", escaped(attribute.name),
                        escaped(shortened(attribute.value)));
  return html + "</table>";
}

/// How many slashes name an object: the root has none, its members one.
std::size_t depth_of(const std::string& path) {
  return path == "/" ? 0 : static_cast<std::size_t>(std::ranges::count(path, '/'));
}

}  // namespace

std::string grouped_digits(std::int64_t number) {
  std::string digits = fmt::format("{}", number);
  const std::size_t first = digits.front() == '-' ? 1 : 0;
  for (std::size_t at = digits.size(); at > first + 3;) {
    at -= 3;
    digits.insert(at, "\u202f");
  }
  return digits;
}

Page::Page(std::string title, std::string lead, bool is_kept)
    : title_(std::move(title)), lead_(std::move(lead)), is_kept_(is_kept) {}

void Page::add_heading(const std::string& text) {
  if (!is_kept_) return;
  body_ += fmt::format("<h2>{}</h2>\n", escaped(text));
}

void Page::add_paragraph(const std::string& text) {
  if (!is_kept_) return;
  body_ += fmt::format("<p>{}</p>\n", escaped(text));
}

void Page::add_facts(const std::vector<std::pair<std::string, std::string>>& facts) {
  if (!is_kept_) return;
  body_ += page::facts_html(facts);
}

void Page::add_table(const PageTable& table, const std::string& caption) {
  if (!is_kept_) return;
  body_ += page::table_html(table, caption);
}

void Page::begin_row() {
  if (!is_kept_) return;
  body_ += "<div class=\"row\">\n";
}

void Page::end_row() {
  if (!is_kept_) return;
  body_ += "</div>\n";
}

void Page::add_plane(const Plane& plane, const std::string& title,
                     const std::vector<double>& sizes) {
  if (!is_kept_) return;
  body_ += page::plane_figure(plane, title, sizes);
}

void Page::add_chart(const PageChart& chart) {
  if (!is_kept_) return;
  body_ += page::chart_figure(chart);
}

void Page::add_folded(const std::string& summary, const std::string& text, bool is_open) {
  if (!is_kept_) return;
  body_ += fmt::format("<details{}><summary>{}</summary><pre>{}</pre></details>\n",
                       is_open ? " open" : "", escaped(summary), escaped(text));
}

void Page::add_tree(const std::vector<ObjectInfo>& objects) {
  if (!is_kept_ || objects.empty()) return;
  body_ += "<div class=\"tree\">";
  const std::size_t top = depth_of(objects.front().path);
  std::size_t open = 0;  // lists
  const std::size_t shown = std::min(objects.size(), most_objects);
  for (std::size_t i = 0; i < shown; ++i) {
    const ObjectInfo& object = objects[i];
    const std::size_t depth = std::max(top, depth_of(object.path)) - top + 1;
    if (depth > open)
      for (; open < depth; ++open) body_ += "<ul><li>";
    else
      for (body_ += "</li>"; true; --open, body_ += "</ul></li>")
        if (open == depth) {
          body_ += "<li>";
          break;
        }
    const std::string name = i == 0 ? object.path : name_of(object.path);
    body_ += fmt::format("<b>{}{}</b> <span class=\"what\">{}</span>", escaped(name),
                         object.is_group && name != "/" ? "/" : "", escaped(what_of(object)));
    const std::string attributes = attributes_of(object);
    if (!attributes.empty())
      body_ += fmt::format("<details{}><summary>{} {}</summary>{}</details>",
                           objects.size() <= 40 && object.attributes.size() <= 12 ? " open" : "",
                           object.attributes.size(),
                           object.attributes.size() == 1 ? "attribute" : "attributes", attributes);
  }
  for (; open > 0; --open) body_ += "</li></ul>";
  body_ += "</div>\n";
  if (shown < objects.size())
    add_paragraph(fmt::format("{} more objects are not shown.", objects.size() - shown));
}

std::string Page::finish(const RunReport& run, const PageProvenance& provenance) const {
  std::string html = fmt::format(
      "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
      "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
      "<meta name=\"generator\" content=\"Serried {}\">\n"
      "<link rel=\"icon\" href=\"data:,\">\n<title>{}</title>\n<style>\n",
      escaped(run.version), escaped(title_));
  html += page::style_css();
  html +=
      fmt::format("</style>\n</head>\n<body>\n<header>\n<h1>{}</h1>\n<p class=\"lead\">{}</p>\n",
                  escaped(title_), escaped(lead_));
  html += "</header>\n" + page::warnings_part(run) + "<main>\n" + body_ +
          page::run_part(run, provenance);
  html += fmt::format("</main>\n<footer>Serried {}, {}</footer>\n", escaped(run.version),
                      escaped(run.started_utc));
  if (body_.find("<canvas>") != std::string::npos && !page::chart_js().empty()) {
    html += "<script>\n";
    html += page::chart_js();
    html += "</script>\n<script>\n";
    html += page::script_js();
    html += "</script>\n";
  }
  return html + "</body>\n</html>\n";
}

}  // namespace serried
