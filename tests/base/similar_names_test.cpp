// serial
// Distances against a recursive definition, and what is near enough to be named.
#include "serried/base/similar_names.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

namespace serried {
namespace {

/// The definition, as it stands in books.
std::size_t by_definition(std::string_view a, std::string_view b) {
  if (a.empty() || b.empty()) return a.size() + b.size();
  const auto without = [](std::string_view text, std::size_t n) {
    return text.substr(0, text.size() - n);
  };
  std::size_t best =
      std::min({by_definition(without(a, 1), b) + 1, by_definition(a, without(b, 1)) + 1,
                by_definition(without(a, 1), without(b, 1)) + (a.back() == b.back() ? 0 : 1)});
  if (a.size() > 1 && b.size() > 1 && a.back() == b[b.size() - 2] && a[a.size() - 2] == b.back())
    best = std::min(best, by_definition(without(a, 2), without(b, 2)) + 1);
  return best;
}

TEST(SimilarNames, distance_is_that_of_the_definition) {
  // All words of up to 3 letters of 3, and some longer ones.
  std::vector<std::string> words = {"", "abcab", "bacba", "abca", "acba", "ccaab"};
  for (std::size_t i = 0, begin = 0; i < 3; ++i) {
    const std::size_t end = words.size();
    for (std::size_t k = begin; k < end; ++k)
      if (words[k].size() == i)
        for (const char letter : {'a', 'b', 'c'}) words.push_back(words[k] + letter);
    begin = i == 0 ? 0 : end;
  }
  ASSERT_GE(words.size(), std::size_t{3 + 9 + 27 + 6});
  for (const std::string& a : words)
    for (const std::string& b : words)
      ASSERT_EQ(name_distance(a, b), by_definition(a, b)) << a << " " << b;
}

TEST(SimilarNames, only_near_names_are_named) {
  const std::vector<std::string> verbs = {"info", "stats", "kmeans", "predict"};
  EXPECT_EQ(similar_name("stat", verbs), "stats");
  EXPECT_EQ(similar_name("predcit", verbs), "predict");
  EXPECT_EQ(similar_name("kmaens", verbs), "kmeans");
  EXPECT_EQ(similar_name("k-means", verbs), "kmeans");
  EXPECT_EQ(similar_name("cluster", verbs), "");
  EXPECT_EQ(similar_name("", verbs), "");
  EXPECT_EQ(similar_name("x", std::vector<std::string>{"a"}), "");
  EXPECT_EQ(similar_name("", std::vector<std::string>{"a"}), "");
  EXPECT_EQ(similar_name("stats", {}), "");
}

TEST(SimilarNames, nearest_wins_and_then_the_first) {
  const std::vector<std::string> names = {"/fields/v", "/fields/u", "/fields/uu"};
  EXPECT_EQ(similar_name("/field/u", names), "/fields/u");
  EXPECT_EQ(similar_name("/fields/w", names), "/fields/v");
}

}  // namespace
}  // namespace serried
