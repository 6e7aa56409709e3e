// serial
#include "serried/io/address.hpp"

#include "gtest/gtest.h"
#include "io/glob.hpp"
#include "io/natural_order.hpp"
#include "io/selection.hpp"
#include "serried/base/error.hpp"

namespace serried {
namespace {

std::string error_of(const std::string& text) {
  try {
    static_cast<void>(parse_address(text));
  } catch (const InvalidArgument& error) {
    return error.what();
  }
  return "no error";
}

/// The column of the caret under the address.
std::size_t caret_of(const std::string& text) {
  const std::string error = error_of(text);
  const std::size_t line = error.rfind('\n');
  EXPECT_NE(error.find("\n  " + text + "\n"), std::string::npos) << error;
  return error.find('^', line) - line - 3;
}

TEST(Address, path_object_and_selection) {
  const Address a = parse_address("run.h5:/fields/u[0:10,:,3]");
  EXPECT_EQ(a.text, "run.h5:/fields/u[0:10,:,3]");
  EXPECT_EQ(a.path, "run.h5");
  EXPECT_EQ(a.object, "/fields/u");
  EXPECT_FALSE(a.is_glob);
  EXPECT_FALSE(a.is_object_glob);
  ASSERT_EQ(a.selection.size(), 3u);
  EXPECT_EQ(a.selection[0].range.begin, 0);
  EXPECT_EQ(a.selection[0].range.end, 10);
  EXPECT_FALSE(a.selection[1].range.end.has_value());
  EXPECT_FALSE(a.selection[1].is_index);
  EXPECT_TRUE(a.selection[2].is_index);
  EXPECT_EQ(a.selection[2].range.begin, 3);
}

TEST(Address, selections_alone) {
  const auto bare = parse_selection("::-2, 3, ...");
  ASSERT_EQ(bare.size(), 3u);
  EXPECT_EQ(bare[0].range.step, -2);
  EXPECT_FALSE(bare[0].range.begin.has_value());
  EXPECT_TRUE(bare[1].is_index);
  EXPECT_TRUE(bare[2].is_ellipsis);
  EXPECT_EQ(parse_selection("[::-2, 3, ...]").size(), 3u);
  for (const char* wrong : {"", "[", "]", "[]", "1]", "[1", "a", "1,,2", "::0", "[1][2]"})
    EXPECT_THROW(static_cast<void>(parse_selection(wrong)), InvalidArgument) << wrong;
}

TEST(Address, parts_may_be_left_out) {
  EXPECT_EQ(parse_address("run.h5").object, "");
  EXPECT_EQ(parse_address("run.h5:").object, "");
  EXPECT_EQ(parse_address("run.h5:u").object, "/u");
  EXPECT_EQ(parse_address("run.h5:/u/").object, "/u");
  EXPECT_EQ(parse_address("run.h5:/").object, "/");
  const Address only = parse_address("run.h5:[-1]");
  EXPECT_EQ(only.object, "");
  EXPECT_EQ(only.selection.at(0).range.begin, -1);
  EXPECT_EQ(parse_address("a.h5:/ two  blanks").object, "/ two  blanks");
}

TEST(Address, escapes) {
  const Address a = parse_address(R"(odd\:name\[1\]\*.h5:/a\[b\]\*c\\[2])");
  EXPECT_EQ(a.path, "odd:name[1]*.h5");
  EXPECT_FALSE(a.is_glob);
  EXPECT_EQ(a.object, R"(/a[b]*c\)");
  EXPECT_FALSE(a.is_object_glob);
  EXPECT_EQ(a.selection.size(), 1u);
  // A colon inside an object's name needs none.
  EXPECT_EQ(parse_address("f.h5:/a:b").object, "/a:b");
}

TEST(Address, globs) {
  const Address a = parse_address(R"(run_[0-9]*\*.h5:/data/*/E[1])");
  EXPECT_TRUE(a.is_glob);
  EXPECT_EQ(a.path, R"(run_[0-9]*\*.h5)");
  EXPECT_TRUE(a.is_object_glob);
  EXPECT_EQ(a.object, "/data/*/E");
  EXPECT_TRUE(parse_address("run_[[:digit:]]?.h5:/u").is_glob);
  EXPECT_EQ(parse_address("run_[[:digit:]]?.h5:/u").object, "/u");
  EXPECT_TRUE(parse_address("[]a].h5").is_glob);
}

TEST(Address, errors_have_a_caret) {
  EXPECT_EQ(caret_of(":/u"), 0u);
  EXPECT_EQ(caret_of(""), 0u);
  EXPECT_EQ(caret_of("run[.h5:/u"), 3u);
  EXPECT_EQ(caret_of("a.h5:/u[0:10"), 7u);
  EXPECT_EQ(caret_of("a.h5:/u[]"), 8u);
  EXPECT_EQ(caret_of("a.h5:/u[1,,2]"), 10u);
  EXPECT_EQ(caret_of("a.h5:/u[x]"), 8u);
  EXPECT_EQ(caret_of("a.h5:/u[1 2]"), 10u);
  EXPECT_EQ(caret_of("a.h5:/u[0:9:0]"), 12u);
  EXPECT_EQ(caret_of("a.h5:/u[...,...]"), 12u);
  EXPECT_EQ(caret_of("a.h5:/u[1]x"), 10u);
  EXPECT_EQ(caret_of("a.h5:/u]"), 7u);
  EXPECT_EQ(caret_of("a.h5\\"), 4u);
  EXPECT_EQ(caret_of("a.h5:/u[99999999999999999999]"), 8u);
  EXPECT_EQ(caret_of("a.h5:/u[+-5]"), 8u);
  // no name of a file or object holds a NUL: what comes behind it would be lost
  EXPECT_NE(error_of(std::string("a.h5:/u\0v", 9)).find("NUL"), std::string::npos);
  // Letters of several bytes are one column.
  EXPECT_NE(error_of("gr\xC3\xB6\xC3\x9F"
                     "e.h5:/u]")
                .find("\n             ^"),
            std::string::npos);
}

TEST(NaturalOrder, numbers_in_names) {
  EXPECT_TRUE(is_before_naturally("run_2.h5", "run_10.h5"));
  EXPECT_FALSE(is_before_naturally("run_10.h5", "run_2.h5"));
  EXPECT_TRUE(is_before_naturally("a9b2", "a9b10"));
  EXPECT_TRUE(is_before_naturally("a", "a1"));
  EXPECT_TRUE(is_before_naturally("x1", "y0"));
  EXPECT_TRUE(is_before_naturally("a01", "a1") != is_before_naturally("a1", "a01"));
  EXPECT_FALSE(is_before_naturally("a1", "a1"));
  EXPECT_TRUE(is_before_naturally("t18446744073709551616", "t18446744073709551617"));
}

TEST(Glob, names) {
  EXPECT_TRUE(is_name_match("*", "anything"));
  EXPECT_TRUE(is_name_match("Grid?????001", "Grid00000001"));
  EXPECT_FALSE(is_name_match("a?", "a"));
  EXPECT_TRUE(is_name_match(R"(a\*)", "a*"));
  EXPECT_FALSE(is_name_match(R"(a\*)", "ab"));
  EXPECT_TRUE(is_name_match("x[1]", "x[1]"));
  EXPECT_FALSE(is_name_match("x[1]", "x1"));
}

TEST(Selection, clips_as_python_does) {
  const Shape shape{10};
  const auto one = [&](std::int64_t begin, std::int64_t end, std::int64_t step) {
    const AxisSelection entry{{begin, end, step}, false, false};
    return apply_selection(std::span<const AxisSelection>(&entry, 1), shape, "d").front();
  };
  EXPECT_EQ(one(0, INT64_MAX, 1).count, 10);
  EXPECT_EQ(one(2, 9, 3).count, 3);  // 2 5 8
  EXPECT_EQ(one(2, 8, 3).count, 2);
  EXPECT_EQ(one(-3, INT64_MAX, 1).start, 7);
  EXPECT_EQ(one(-30, -8, 1).count, 2);
  EXPECT_EQ(one(20, 30, 1).count, 0);
  EXPECT_EQ(one(5, 3, 1).count, 0);
  EXPECT_EQ(one(0, INT64_MAX, INT64_MAX).count, 1);
  EXPECT_EQ(one(INT64_MIN, INT64_MAX, 1).count, 10);
  EXPECT_EQ(one(9, 1, -3), (SelectedAxis{3, 3, 3, false, true}));  // 9 6 3
  EXPECT_EQ(one(INT64_MAX, INT64_MIN, INT64_MIN), (SelectedAxis{9, 1, 1, false, false}));
  EXPECT_EQ(one(3, 5, -1).count, 0);
}

TEST(Selection, of_a_selection) {
  const SelectedAxis first{1, 3, 5, false, false};  // 1 4 7 10 13
  const SelectedAxis backwards{1, 3, 5, false, true};
  EXPECT_EQ(select_within(first, {0, 2, 3, false, true}), (SelectedAxis{1, 6, 3, false, true}));
  EXPECT_EQ(select_within(backwards, {0, 1, 2, false, false}),
            (SelectedAxis{10, 3, 2, false, true}));  // 13 10
  EXPECT_EQ(select_within(backwards, {1, 2, 2, false, true}),
            (SelectedAxis{4, 6, 2, false, false}));  // 4 10
  EXPECT_EQ(select_within(backwards, {4, 1, 1, true, false}), (SelectedAxis{1, 1, 1, true, false}));
  EXPECT_EQ(select_within(backwards, {0, 1, 0, false, false}).count, 0);
}

}  // namespace
}  // namespace serried
