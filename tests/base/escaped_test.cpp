// serial
#include "base/escaped.hpp"

#include <gtest/gtest.h>

namespace serried {
namespace {

TEST(Escaped, texts_of_html_and_xml) {
  EXPECT_EQ(escaped("<a href=\"x\">'&'</a>"),
            "&lt;a href=&quot;x&quot;&gt;&#39;&amp;&#39;&lt;/a&gt;");
  EXPECT_EQ(escaped("\u00b0C \u4e2d\U0001F30D"), "\u00b0C \u4e2d\U0001F30D");
  EXPECT_EQ(escaped(std::string("a\0b\x01\n\t", 6)), "a\uFFFDb\uFFFD\n\t");
  // a byte of Latin-1, a cut sequence, an overlong one, a surrogate, beyond the last code point
  EXPECT_EQ(escaped("\xb0"), "\uFFFD");
  EXPECT_EQ(escaped("\xe4\xb8"), "\uFFFD\uFFFD");
  EXPECT_EQ(escaped("\xc0\x80"), "\uFFFD\uFFFD");
  EXPECT_EQ(escaped("\xed\xa0\x80"), "\uFFFD\uFFFD\uFFFD");
  EXPECT_EQ(escaped("\xf5\x80\x80\x80"), "\uFFFD\uFFFD\uFFFD\uFFFD");
}

}  // namespace
}  // namespace serried
