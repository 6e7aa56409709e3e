// serial
#include "serried/report/page.hpp"

#include "report/page/assets.hpp"
#include "report/page/html.hpp"
#include "serried/io/file_info.hpp"
#include "support/spmd.hpp"

namespace serried {
namespace {

using page::base64;
using page::json_in_html;

bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

std::size_t count_of(const std::string& text, const std::string& part) {
  std::size_t count = 0;
  for (std::size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1))
    ++count;
  return count;
}

TEST(Html, base64_is_that_of_rfc_4648) {
  EXPECT_EQ(base64(""), "");
  EXPECT_EQ(base64("f"), "Zg==");
  EXPECT_EQ(base64("fo"), "Zm8=");
  EXPECT_EQ(base64("foo"), "Zm9v");
  EXPECT_EQ(base64("foobar"), "Zm9vYmFy");
  EXPECT_EQ(base64("\xff\xfe\xfd"), "//79");
}

TEST(Html, json_cannot_end_its_script) {
  EXPECT_EQ(json_in_html("{\"a\":\"</script><!--\"}"), "{\"a\":\"\\u003c/script>\\u003c!--\"}");
}

TEST(Page, digits_are_grouped) {
  EXPECT_EQ(grouped_digits(0), "0");
  EXPECT_EQ(grouped_digits(999), "999");
  EXPECT_EQ(grouped_digits(-1000), "-1\u202f000");
  EXPECT_EQ(grouped_digits(1234567), "1\u202f234\u202f567");
}

RunReport small_run() {
  RunReport run{.version = "1", .commit = "c", .mpi_library = "MPI", .started_utc = "now"};
  run.phases.push_back({.name = "fit<", .mean_s = 2, .max_s = 2});
  run.ranks.push_back({.host = "n<1>", .cores = "0", .threads = 1});
  run.warnings = {"beware & <b>"};
  run.verdict = "Nothing bound this run.";
  return run;
}

TEST(Page, holds_what_was_added_in_order_and_escaped) {
  Page page("title <t>", "lead & more");
  page.add_heading("first");
  page.add_table({.header = {"a<"}, .rows = {{{.text = "<i>", .bar = 0.5}}}});
  page.add_facts({{"name", "va<lue"}});
  page.add_folded("open me", "a\n<b>", false);
  const std::string html = page.finish(small_run(), {.command_line = "serried '<x>'"});
  EXPECT_TRUE(contains(html, "<title>title &lt;t&gt;</title>"));
  EXPECT_LT(html.find("beware &amp; &lt;b&gt;"), html.find("<h2>first</h2>"));
  EXPECT_LT(html.find("<h2>first</h2>"), html.find("<h2>The run</h2>"));
  for (const char* raw : {"<i>", "va<lue", "<x>", "n<1>", "fit<\\/"})
    EXPECT_FALSE(contains(html, raw));
  EXPECT_TRUE(contains(html, "--part:50.0%"));
  // nothing to draw: no script
  EXPECT_FALSE(contains(html, "<script"));
}

TEST(Page, other_ranks_add_nothing) {
  Page page("t", "l", false);
  page.add_heading("first");
  page.add_plane({.rows = 4, .columns = 4});
  EXPECT_FALSE(contains(page.finish(small_run(), {}), "<h2>first"));
}

TEST(Page, charts_are_drawn_and_come_with_their_numbers) {
  PageChart chart{.title = "</script>", .vertical_title = "y"};
  chart.horizontal = {.title = "x", .places = {0, 1, 2}};
  chart.series = {{.name = "a", .values = {1, std::numeric_limits<double>::quiet_NaN(), 3}}};
  Page page("t", "l");
  page.add_chart(chart);
  const std::string html = page.finish(small_run(), {});
  EXPECT_TRUE(contains(html, "\"values\":[1.0,null,3.0]"));
  EXPECT_TRUE(contains(html, "<path class=\"line\""));
  EXPECT_EQ(count_of(html, "<script"), count_of(html, "</script>"));
  EXPECT_EQ(page::chart_js().empty(), !contains(html, "Chart.js v"));
}

TEST(Page, trees_are_closed) {
  std::vector<ObjectInfo> objects;
  for (const char* path : {"/", "/a", "/a/b", "/a/b/c", "/d", "/e", "/e/f/g"})
    objects.push_back({.path = path, .is_group = true});
  objects[2].attributes = {{"units", "<K>", "string"}};
  Page page("t", "l");
  page.add_tree(objects);
  const std::string html = page.finish(small_run(), {});
  EXPECT_EQ(count_of(html, "<ul>"), count_of(html, "</ul>"));
  EXPECT_EQ(count_of(html, "<li>"), count_of(html, "</li>"));
  EXPECT_EQ(count_of(html, "<b>"), objects.size() + 1);  // and that of the warning
  EXPECT_TRUE(contains(html, "&lt;K&gt;"));
}

}  // namespace
}  // namespace serried
