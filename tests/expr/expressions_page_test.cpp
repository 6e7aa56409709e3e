// serial
// docs/expressions.md lists the functions that texts know, and no others.
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <regex>
#include <set>
#include <string>

#include "serried/expr/parse.hpp"

namespace serried::test {
namespace {

TEST(ExpressionsPage, lists_all_functions) {
  const char* const folder = std::getenv("SERRIED_DOCS");
  ASSERT_NE(folder, nullptr) << "SERRIED_DOCS, the folder of the documents, is set by ctest";
  std::ifstream page(std::string(folder) + "/expressions.md");
  ASSERT_TRUE(page.is_open());
  std::set<std::string> listed;
  bool is_inside = false;
  for (std::string line; std::getline(page, line);) {
    if (line.starts_with("## ")) is_inside = line == "## Functions";
    if (!is_inside || !line.starts_with("| `")) continue;
    const std::string first = line.substr(2, line.find(" |", 2) - 2);
    static const std::regex name("`([a-z_0-9]+)`");
    for (std::sregex_iterator i(first.begin(), first.end(), name), end; i != end; ++i)
      EXPECT_TRUE(listed.insert((*i)[1]).second) << (*i)[1] << " stands twice";
  }
  const auto names = function_names();
  EXPECT_EQ(listed, std::set<std::string>(names.begin(), names.end()));
}

}  // namespace
}  // namespace serried::test
