// serial
#include "console.hpp"

#include "support/spmd.hpp"

namespace serried::app {
namespace {

TEST(Console, progress_text_has_rate_and_rest) {
  // 30 of 300 after 2.4 s, the first 6 of which were done before: 24 / 2.4 s = 10/s, 270 left: 27
  // s.
  EXPECT_EQ(progress_text("fit", 30, 300, 6, 2.4), "fit: 30 of 300 (10 %), 10/s, 27 s left");
}

TEST(Console, progress_text_leaves_out_what_is_not_known) {
  EXPECT_EQ(progress_text("fit", 5, 0, 5, 1), "fit: 5");
  EXPECT_EQ(progress_text("fit", 5, 0, 1, 2), "fit: 5, 2/s");
  EXPECT_EQ(progress_text("fit", 10, 10, 0, 2), "fit: 10 of 10 (100 %), 5/s");
}

TEST(Console, progress_text_of_long_runs) {
  EXPECT_EQ(progress_text("read", 1, 1001, 0, 1), "read: 1 of 1001 (0 %), 1/s, 17 min left");
  EXPECT_EQ(progress_text("read", 1, 10001, 0, 1), "read: 1 of 10001 (0 %), 1/s, 2.8 h left");
}

TEST(Console, warnings_reach_standard_error_once_and_only_where_it_prints) {
  const auto recorder = std::make_shared<Recorder>();
  const auto captured = [&](const Console::Options& options) {
    testing::internal::CaptureStderr();
    {
      const Console console(recorder, options);
      recorder->say(Severity::warning, "an outlier");
      recorder->say(Severity::warning, "an outlier");
      recorder->say(Severity::note, "a note");
    }
    recorder->say(Severity::warning, "after the console's end");
    return testing::internal::GetCapturedStderr();
  };
  EXPECT_EQ(captured({.is_printing = true, .is_quiet = false, .progress = false}),
            "serried: warning: an outlier\n");
  EXPECT_EQ(captured({.is_printing = true, .is_quiet = true, .progress = false}), "");
  EXPECT_EQ(captured({.is_printing = false, .is_quiet = false, .progress = true}), "");
}

TEST(Console, progress_asked_for_is_shown_at_once_and_then_seldom) {
  const auto recorder = std::make_shared<Recorder>();
  testing::internal::CaptureStderr();
  {
    const Console console(recorder, {.is_printing = true, .is_quiet = false, .progress = true});
    for (int i = 1; i <= 100; ++i) recorder->progress("fit", i, 100);
  }
  const std::string text = testing::internal::GetCapturedStderr();
  EXPECT_NE(text.find("fit: 1 of 100 (1 %)"), std::string::npos) << text;
  EXPECT_EQ(text.find("fit: 100 of"), std::string::npos) << text;
}

TEST(Console, progress_waits_on_a_short_run_in_a_batch_log) {
  const auto recorder = std::make_shared<Recorder>();
  testing::internal::CaptureStderr();
  {
    const Console console(recorder,
                          {.is_printing = true, .is_quiet = false, .progress = std::nullopt});
    for (int i = 1; i <= 100; ++i) recorder->progress("fit", i, 100);
  }
  EXPECT_EQ(testing::internal::GetCapturedStderr(), "");
}

}  // namespace
}  // namespace serried::app
