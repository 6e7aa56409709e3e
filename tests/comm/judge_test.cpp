// serial
#include "comm/watch/judge.hpp"

#include <gtest/gtest.h>

#include <utility>
#include <vector>

#include "serried/base/error.hpp"

namespace serried::comm {
namespace {

constexpr std::uint64_t whole = 10;
constexpr std::uint64_t other = 12;

RankView rank(int number, std::vector<CommunicatorView> communicators) {
  RankView view;
  view.rank = number;
  view.mode = RankMode::alive;
  view.is_busy = true;
  view.communicators = std::move(communicators);
  return view;
}

WaitView in_call(std::uint64_t communicator, std::uint64_t number, std::string text) {
  WaitView wait;
  wait.kind = CallKind::allreduce;
  wait.epoch = 7;
  wait.communicator = communicator;
  wait.number = number;
  wait.text = std::move(text);
  return wait;
}

WaitView message(CallKind kind, int peer, std::uint64_t number) {
  WaitView wait;
  wait.kind = kind;
  wait.epoch = 9;
  wait.communicator = whole;
  wait.peer = peer;
  wait.message = number;
  wait.text = kind == CallKind::send ? "send" : "receive";
  return wait;
}

void let_wait(RankView& view, WaitView wait) {
  view.is_busy = false;
  view.waits.push_back(std::move(wait));
}

/// Time passes: all ranks tick, and those that wait poll.
void pass(std::vector<RankView>& views, std::uint64_t ticks = 1) {
  for (RankView& view : views) {
    view.ticks += ticks;
    for (WaitView& wait : view.waits) wait.polls += 3;
  }
}

/// What a judge says of views that do not change for so many ticks.
std::optional<WatchdogVerdict> judge_after(std::vector<RankView> views, std::uint64_t ticks) {
  Judge judge({.deadlock_ticks = 50, .stalled_ticks = 1000});
  std::optional<WatchdogVerdict> verdict;
  for (std::uint64_t t = 0; t < ticks && !verdict; ++t) {
    verdict = judge.look(views);
    pass(views);
  }
  return verdict;
}

/// Two ranks in two communicators, each waiting in the first call of another one.
std::vector<RankView> crossed() {
  std::vector<RankView> views{rank(0, {{whole, 1, 0, 2}, {other, 0, 0, 2}}),
                              rank(1, {{whole, 0, 1, 2}, {other, 1, 1, 2}})};
  let_wait(views[0], in_call(whole, 1, "barrier at a.cpp:1"));
  let_wait(views[1], in_call(other, 1, "barrier at b.cpp:2"));
  return views;
}

TEST(Judge, deadlock_needs_time) {
  EXPECT_FALSE(judge_after(crossed(), 50));
  const auto verdict = judge_after(crossed(), 60);
  ASSERT_TRUE(verdict);
  EXPECT_EQ(verdict->kind, VerdictKind::deadlock);
  EXPECT_EQ(verdict->text,
            "the ranks wait for each other for ever: rank 0 waits in barrier at a.cpp:1 for rank "
            "1, which waits in barrier at b.cpp:2");
}

TEST(Judge, rank_without_ticks_suspends_the_verdict) {
  std::vector<RankView> views = crossed();
  Judge judge({.deadlock_ticks = 50, .stalled_ticks = 1000});
  for (int t = 0; t < 500; ++t) {
    EXPECT_FALSE(judge.look(views));
    ++views[0].ticks;
    views[0].waits[0].polls += 1;
  }
}

TEST(Judge, thread_that_does_not_poll_is_not_waiting) {
  std::vector<RankView> views = crossed();
  Judge judge({.deadlock_ticks = 50, .stalled_ticks = 1000});
  for (int t = 0; t < 500; ++t) {
    EXPECT_FALSE(judge.look(views));
    for (RankView& view : views) ++view.ticks;
    views[0].waits[0].polls += 1;
  }
}

TEST(Judge, call_that_all_ranks_are_in_is_no_deadlock_but_stalls) {
  std::vector<RankView> views{rank(0, {{whole, 4, 0, 2}}), rank(1, {{whole, 4, 1, 2}})};
  let_wait(views[0], in_call(whole, 4, "allreduce at a.cpp:1"));
  let_wait(views[1], in_call(whole, 4, "allreduce at a.cpp:1"));
  EXPECT_FALSE(judge_after(views, 900));
  const auto verdict = judge_after(views, 1100);
  ASSERT_TRUE(verdict);
  EXPECT_EQ(verdict->kind, VerdictKind::stalled);
}

TEST(Judge, rank_that_computes_is_never_at_fault) {
  std::vector<RankView> views{rank(0, {{whole, 4, 0, 2}}), rank(1, {{whole, 3, 1, 2}})};
  let_wait(views[0], in_call(whole, 4, "allreduce at a.cpp:1"));
  EXPECT_FALSE(judge_after(views, 5000));
}

TEST(Judge, root_that_has_gone_on_is_waited_for_rightly) {
  // a broadcast under way: rank 0 has begun call 5 and waits in call 6
  std::vector<RankView> views{rank(0, {{whole, 6, 0, 2}}), rank(1, {{whole, 5, 1, 2}})};
  let_wait(views[0], in_call(whole, 6, "barrier at a.cpp:2"));
  let_wait(views[1], in_call(whole, 5, "broadcast at a.cpp:1"));
  EXPECT_FALSE(judge_after(views, 900));
}

TEST(Judge, rank_that_has_left_is_waited_for_in_vain_though_another_computes) {
  std::vector<RankView> views{rank(0, {{whole, 4, 0, 3}}), rank(1, {{whole, 4, 1, 3}}),
                              rank(2, {{whole, 3, 2, 3}})};
  let_wait(views[0], in_call(whole, 4, "allreduce at a.cpp:1"));
  views[2].mode = RankMode::ended;
  views[2].is_busy = false;
  const auto verdict = judge_after(views, 60);
  ASSERT_TRUE(verdict);
  EXPECT_EQ(verdict->ranks, std::vector<int>{2});
  EXPECT_NE(verdict->text.find("rank 2, which has left the program"), std::string::npos);
}

TEST(Judge, communicator_that_another_rank_has_let_go_of) {
  std::vector<RankView> views{rank(0, {{whole, 4, 0, 2}}), rank(1, {{whole, 3, 1, 2, true}})};
  let_wait(views[0], in_call(whole, 4, "allreduce at a.cpp:1"));
  const auto verdict = judge_after(views, 60);
  ASSERT_TRUE(verdict);
  EXPECT_NE(verdict->text.find("rank 1, which has let go of the communicator"), std::string::npos);
}

TEST(Judge, communicator_that_is_not_known_of_all_ranks_gives_no_verdict) {
  std::vector<RankView> views = crossed();
  views[1].communicators.erase(views[1].communicators.begin());
  EXPECT_FALSE(judge_after(views, 5000));
}

TEST(Judge, message_that_nobody_sends) {
  std::vector<RankView> views{rank(0, {{whole, 4, 0, 2}}), rank(1, {{whole, 3, 1, 2}})};
  let_wait(views[0], in_call(whole, 4, "allreduce at a.cpp:1"));
  let_wait(views[1], message(CallKind::receive, 0, 1));
  EXPECT_TRUE(judge_after(views, 60));
  // what was sent is under way, however long it takes
  views[0].messages.push_back({whole, 1, 1, 0, CallKind::send});
  EXPECT_FALSE(judge_after(views, 900));
  // a second one is not
  views[1].waits[0].message = 2;
  EXPECT_TRUE(judge_after(views, 60));
  // what does not stand in a full list may have been sent
  views[0].messages.clear();
  views[0].has_more_messages = true;
  EXPECT_FALSE(judge_after(views, 900));
}

TEST(Judge, long_message_to_a_rank_that_has_posted_its_receive) {
  std::vector<RankView> views{rank(0, {{whole, 3, 0, 2}}), rank(1, {{whole, 4, 1, 2}})};
  let_wait(views[0], message(CallKind::send, 1, 1));
  let_wait(views[1], in_call(whole, 4, "barrier at a.cpp:1"));
  EXPECT_TRUE(judge_after(views, 60));
  views[1].messages.push_back({whole, 1, 0, 0, CallKind::receive});
  EXPECT_FALSE(judge_after(views, 900));
}

TEST(Judge, other_thread_that_can_go_on_keeps_a_rank_alive) {
  std::vector<RankView> views = crossed();
  // an I/O thread of rank 0 is in a call that both have begun
  views[0].communicators.push_back({14, 2, 0, 2});
  views[1].communicators.push_back({14, 2, 1, 2});
  let_wait(views[0], in_call(14, 2, "H5Dread at c.cpp:3"));
  EXPECT_FALSE(judge_after(views, 900));
}

TEST(Judge, collective_call_of_a_third_party_does_not_poll) {
  std::vector<RankView> views = crossed();
  views[1].waits[0].kind = CallKind::external;
  Judge judge({.deadlock_ticks = 50, .stalled_ticks = 1000});
  std::optional<WatchdogVerdict> verdict;
  for (int t = 0; t < 100 && !verdict; ++t) {
    verdict = judge.look(views);
    for (RankView& view : views) ++view.ticks;
    views[0].waits[0].polls += 1;
  }
  EXPECT_TRUE(verdict);
}

TEST(Judge, state_that_changes_begins_anew) {
  std::vector<RankView> views = crossed();
  Judge judge({.deadlock_ticks = 50, .stalled_ticks = 1000});
  for (int t = 0; t < 500; ++t) {
    EXPECT_FALSE(judge.look(views));
    pass(views);
    if (t % 40 == 0) ++views[1].waits[0].epoch;
  }
}

TEST(RankView, message_round_trip) {
  RankView view = crossed()[0];
  view.messages.push_back({whole, 3, 1, 5, CallKind::send});
  view.ticks = 77;
  std::vector<std::byte> bytes;
  append(bytes, view);
  std::span<const std::byte> left(bytes);
  const RankView same = take_rank_view(left);
  EXPECT_TRUE(left.empty());
  EXPECT_EQ(same.ticks, view.ticks);
  EXPECT_EQ(same.waits.at(0).text, view.waits.at(0).text);
  EXPECT_EQ(same.messages.at(0).count, 3);
  EXPECT_EQ(same.communicators.at(1).id, other);
  std::span<const std::byte> cut = std::span<const std::byte>(bytes).first(bytes.size() - 1);
  EXPECT_THROW(static_cast<void>(take_rank_view(cut)), Error);
}

}  // namespace
}  // namespace serried::comm
