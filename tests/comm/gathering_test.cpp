// Gather, allgather and alltoall of pieces of random lengths, with messages cut at 3 and 1000
// bytes, and uncut.
#include <numeric>

#include "serried/base/philox.hpp"
#include "serried/comm/communicator.hpp"
#include "support/spmd.hpp"

namespace serried {
namespace {

const Communicator& world() {
  return test::runtime().communicator();
}

std::vector<Communicator> communicators() {
  std::vector<Communicator> result;
  for (const std::int64_t limit : {3, 1000, 1 << 30})
    result.push_back(Communicator::from_fortran_handle(world().fortran_handle(), nullptr,
                                                       {.max_message_elements = limit}));
  return result;
}

std::uint64_t random_word(std::int64_t a, std::int64_t b) {
  return philox_words(11, static_cast<std::uint64_t>(a), static_cast<std::uint64_t>(b))[0];
}

/// A length that every rank can compute: every third is 0, some are long.
std::int64_t length(int round, int from, int to) {
  const std::uint64_t word = random_word(round, from * 100 + to);
  if (word % 3 == 0) return 0;
  return static_cast<std::int64_t>((word >> 8) % (word % 7 == 1 ? 3000 : 20));
}

struct Item {
  std::int32_t from;
  std::int32_t to;
  std::int16_t number;
  friend bool operator==(const Item&, const Item&) = default;
};

std::vector<Item> items(int round, int from, int to) {
  std::vector<Item> result;
  for (std::int64_t i = 0; i < length(round, from, to); ++i)
    result.push_back({from, to, static_cast<std::int16_t>(i)});
  return result;
}

constexpr int rounds = 12;

TEST(Gathering, gather_pieces_on_every_root) {
  for (const Communicator& comm : communicators())
    for (int round = 0; round < rounds; ++round) {
      const int root = round % comm.size();
      const auto own = items(round, comm.rank(), root);
      const auto all = comm.gather(std::span<const Item>(own), root);
      ASSERT_EQ(all.offsets.size(), static_cast<std::size_t>(comm.size()) + 1);
      if (comm.rank() != root) {
        EXPECT_TRUE(all.values.empty());
        continue;
      }
      for (int r = 0; r < comm.size(); ++r) {
        const auto piece = all.piece(r);
        EXPECT_EQ(std::vector<Item>(piece.begin(), piece.end()), items(round, r, root));
      }
    }
}

TEST(Gathering, allgather_pieces) {
  for (const Communicator& comm : communicators())
    for (int round = 0; round < rounds; ++round) {
      const auto own = items(round, comm.rank(), 0);
      const auto all = comm.allgather(std::span<const Item>(own));
      std::vector<Item> expected;
      for (int r = 0; r < comm.size(); ++r) {
        EXPECT_EQ(all.offsets[static_cast<std::size_t>(r)],
                  static_cast<std::int64_t>(expected.size()));
        const auto piece = items(round, r, 0);
        expected.insert(expected.end(), piece.begin(), piece.end());
      }
      EXPECT_EQ(all.offsets.back(), static_cast<std::int64_t>(expected.size()));
      EXPECT_EQ(all.values, expected);
    }
}

TEST(Gathering, allgather_where_one_rank_holds_all) {
  for (const Communicator& comm : communicators())
    for (int holder = 0; holder < comm.size(); ++holder) {
      std::vector<std::int64_t> own(comm.rank() == holder ? 5000 : 0);
      std::iota(own.begin(), own.end(), 0);
      const auto all = comm.allgather(std::span<const std::int64_t>(own));
      ASSERT_EQ(all.values.size(), 5000U);
      EXPECT_EQ(all.values[4999], 4999);
      EXPECT_EQ(all.piece(holder).size(), 5000U);
    }
}

TEST(Gathering, nothing_from_anyone) {
  for (const Communicator& comm : communicators()) {
    EXPECT_TRUE(comm.allgather(std::span<const double>()).values.empty());
    EXPECT_TRUE(comm.gather(std::span<const double>(), 0).values.empty());
    const std::vector<std::int64_t> offsets(static_cast<std::size_t>(comm.size()) + 1, 0);
    const auto received = comm.alltoall(std::span<const double>(), std::span(offsets));
    EXPECT_TRUE(received.values.empty());
    EXPECT_EQ(received.offsets, offsets);
  }
}

TEST(Gathering, allgather_one_value_each) {
  for (const Communicator& comm : communicators()) {
    const auto all = comm.allgather(Item{comm.rank(), 7, 9});
    ASSERT_EQ(static_cast<int>(all.size()), comm.size());
    for (int r = 0; r < comm.size(); ++r)
      EXPECT_EQ(all[static_cast<std::size_t>(r)], (Item{r, 7, 9}));
  }
}

TEST(Gathering, alltoall_pieces) {
  for (const Communicator& comm : communicators())
    for (int round = 0; round < rounds; ++round) {
      // What is sent begins behind three items that are not.
      std::vector<Item> send(3, Item{-1, -1, -1});
      std::vector<std::int64_t> offsets{3};
      for (int to = 0; to < comm.size(); ++to) {
        const auto piece = items(round, comm.rank(), to);
        send.insert(send.end(), piece.begin(), piece.end());
        offsets.push_back(static_cast<std::int64_t>(send.size()));
      }
      send.push_back(Item{-2, -2, -2});
      const auto received =
          comm.alltoall(std::span<const Item>(send), std::span<const std::int64_t>(offsets));
      std::vector<Item> expected;
      for (int from = 0; from < comm.size(); ++from) {
        EXPECT_EQ(received.offsets[static_cast<std::size_t>(from)],
                  static_cast<std::int64_t>(expected.size()));
        const auto piece = items(round, from, comm.rank());
        expected.insert(expected.end(), piece.begin(), piece.end());
      }
      EXPECT_EQ(received.values, expected);
    }
}

TEST(Gathering, many_messages_at_once_do_not_block) {
  // More messages between two ranks than are in flight at a time, larger than MPI sends unasked.
  const auto comm = Communicator::from_fortran_handle(world().fortran_handle(), nullptr,
                                                      {.max_message_elements = 20000});
  const std::int64_t each = 400000;
  std::vector<std::int64_t> offsets;
  for (int r = 0; r <= comm.size(); ++r) offsets.push_back(r * each);
  std::vector<std::int32_t> send(static_cast<std::size_t>(offsets.back()));
  for (std::size_t i = 0; i < send.size(); ++i)
    send[i] = static_cast<std::int32_t>(i) + 10000000 * comm.rank();
  const auto received =
      comm.alltoall(std::span<const std::int32_t>(send), std::span<const std::int64_t>(offsets));
  std::int64_t wrong = 0;
  for (int from = 0; from < comm.size(); ++from)
    for (std::int64_t i = 0; i < each; ++i)
      wrong += received.piece(from)[static_cast<std::size_t>(i)] !=
               comm.rank() * each + i + 10000000 * from;
  EXPECT_EQ(wrong, 0);
}

}  // namespace
}  // namespace serried
