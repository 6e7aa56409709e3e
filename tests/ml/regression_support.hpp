#pragma once

#include <cstring>
#include <functional>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "serried/context.hpp"

namespace serried::test {

inline void expect_same_bits(const std::vector<double>& a, const std::vector<double>& b,
                             const std::string& what) {
  ASSERT_EQ(a.size(), b.size()) << what;
  EXPECT_EQ(std::memcmp(a.data(), b.data(), a.size() * sizeof(double)), 0) << what;
}

/// The text of the error that some work throws, which must be the same on every rank. Collective.
template <class E>
std::string error_of(const Context& ctx, const std::function<void()>& work) {
  std::string text;
  try {
    work();
    ADD_FAILURE() << "nothing was thrown";
  } catch (const E& error) {
    text = error.what();
  }
  for (const std::string& other : ctx.comm().allgather_text(text)) EXPECT_EQ(other, text);
  return text;
}

inline void expect_has(const std::string& text, const std::string& part) {
  EXPECT_NE(text.find(part), std::string::npos) << text << "\n  has no\n" << part;
}

}  // namespace serried::test
