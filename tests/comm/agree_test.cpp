#include "serried/comm/agree.hpp"

#include <new>
#include <stdexcept>
#include <string>

#include "serried/base/error.hpp"
#include "support/spmd.hpp"

namespace serried {
namespace {

const Communicator& world() {
  return test::runtime().communicator();
}

std::string prefix(int rank) {
  return world().size() == 1 ? std::string() : "rank " + std::to_string(rank) + ": ";
}

/// The error that `work` ends with on this rank.
template <class Work>
RankError error_of(const Work& work) {
  try {
    work();
  } catch (const RankError& error) {
    return error;
  }
  ADD_FAILURE() << "no RankError";
  return RankError(-1, ErrorKind::internal, "");
}

TEST(Agree, success_returns_each_ranks_own_result) {
  EXPECT_EQ(agree_on(world(), [] { return world().rank() * 3; }), world().rank() * 3);
  int calls = 0;
  agree(world(), [&] { ++calls; });
  EXPECT_EQ(calls, 1);
}

TEST(Agree, failure_of_one_rank_is_the_same_error_on_all) {
  for (int failing = 0; failing < world().size(); ++failing) {
    const RankError error = error_of([&] {
      agree(world(), [&] {
        if (world().rank() == failing) throw IoError("cannot open x.h5");
      });
    });
    EXPECT_EQ(error.rank(), failing);
    EXPECT_EQ(error.kind(), ErrorKind::io);
    EXPECT_EQ(error.what(), prefix(failing) + "cannot open x.h5");
  }
}

TEST(Agree, failure_alike_on_all_ranks_has_no_prefix) {
  const RankError error =
      error_of([&] { agree(world(), [&] { throw DataError("x.h5 holds strings"); }); });
  EXPECT_EQ(error.rank(), 0);
  EXPECT_EQ(error.kind(), ErrorKind::data);
  EXPECT_STREQ(error.what(), "x.h5 holds strings");
}

TEST(Agree, different_failures_give_the_lowest_ranks) {
  const RankError error = error_of([&] {
    agree(world(), [&] {
      if (world().rank() == world().size() - 1) throw NumericError("singular");
      throw DataError("row " + std::to_string(world().rank()));
    });
  });
  EXPECT_EQ(error.rank(), 0);
  const bool is_alone = world().size() == 1;
  EXPECT_EQ(error.kind(), is_alone ? ErrorKind::numeric : ErrorKind::data);
  EXPECT_STREQ(error.what(), is_alone ? "singular" : "rank 0: row 0");
}

TEST(Agree, same_text_of_another_kind_is_another_failure) {
  if (world().size() == 1) GTEST_SKIP() << "needs two ranks";
  const RankError error = error_of([&] {
    agree(world(), [&] {
      if (world().rank() == 0) throw NumericError("x");
      throw DataError("x");
    });
  });
  EXPECT_EQ(error.kind(), ErrorKind::numeric);
  EXPECT_STREQ(error.what(), "rank 0: x");
}

TEST(Agree, foreign_exceptions_have_a_kind) {
  const int last = world().size() - 1;
  const auto fail_with = [&](auto exception) {
    return error_of([&] {
      agree(world(), [&] {
        if (world().rank() == last) throw exception;
      });
    });
  };
  EXPECT_EQ(fail_with(std::bad_alloc()).kind(), ErrorKind::device);
  EXPECT_NE(std::string(fail_with(std::bad_alloc()).what()).find("out of memory"),
            std::string::npos);
  EXPECT_EQ(fail_with(std::runtime_error("odd")).kind(), ErrorKind::internal);
  EXPECT_EQ(fail_with(std::runtime_error("odd")).what(), prefix(last) + "odd");
  EXPECT_EQ(fail_with(42).kind(), ErrorKind::internal);
  EXPECT_EQ(fail_with(InvalidArgument("k")).kind(), ErrorKind::invalid_argument);
}

TEST(Agree, inner_agreement_passes_unchanged) {
  const int last = world().size() - 1;
  const RankError error = error_of([&] {
    agree(world(), [&] {
      agree(world(), [&] {
        if (world().rank() == last) throw IoError("disk full");
      });
    });
  });
  EXPECT_EQ(error.rank(), last);
  EXPECT_EQ(error.kind(), ErrorKind::io);
  EXPECT_EQ(error.what(), prefix(last) + "disk full");
}

TEST(Agree, inner_agreement_of_some_ranks_names_the_rank_of_the_outer) {
  if (world().size() < 3) GTEST_SKIP() << "needs three ranks";
  const auto part = world().split(world().rank() == 0 ? 0 : 1, 0);
  const RankError error = error_of([&] {
    agree(world(), [&] {
      agree(*part, [&] {
        if (world().rank() == 2) throw IoError("gone");
      });
    });
  });
  EXPECT_EQ(error.rank(), 1);
  EXPECT_STREQ(error.what(), "rank 1: rank 1: gone");
}

TEST(Agree, on_root_runs_there_alone) {
  for (int root = 0; root < world().size(); ++root) {
    int calls = 0;
    agree_on_root(world(), root, [&] { ++calls; });
    EXPECT_EQ(calls, world().rank() == root ? 1 : 0);
    const RankError error =
        error_of([&] { agree_on_root(world(), root, [] { throw IoError("no such file"); }); });
    EXPECT_EQ(error.rank(), root);
    EXPECT_EQ(error.kind(), ErrorKind::io);
    EXPECT_STREQ(error.what(), "no such file");
  }
  EXPECT_THROW(agree_on_root(world(), world().size(), [] {}), InvalidArgument);
}

TEST(Agree, ranks_work_together_after_a_failure) {
  for (int round = 0; round < 50; ++round)
    EXPECT_THROW(agree(world(),
                       [&] {
                         if (world().rank() == round % world().size()) throw IoError("again");
                       }),
                 RankError);
  EXPECT_EQ(world().allreduce(1, ReduceOp::sum), world().size());
}

}  // namespace
}  // namespace serried
