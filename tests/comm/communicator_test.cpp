// timeout: 300
// Reductions, broadcasts and splits. Every case runs with messages cut at 3 and 1000 elements, and
// uncut.
#include "serried/comm/communicator.hpp"

#include <algorithm>
#include <limits>
#include <numeric>

#include "serried/base/error.hpp"
#include "serried/base/philox.hpp"
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

/// Element i of rank r: any bits.
template <class T>
T element(int rank, std::int64_t i) {
  return static_cast<T>(
      philox_words(7, static_cast<std::uint64_t>(rank), static_cast<std::uint64_t>(i))[0]);
}

template <class T>
std::vector<T> elements(int rank, std::int64_t count) {
  std::vector<T> values(static_cast<std::size_t>(count));
  for (std::int64_t i = 0; i < count; ++i)
    values[static_cast<std::size_t>(i)] = element<T>(rank, i);
  return values;
}

template <class T>
T combine(T a, T b, ReduceOp op) {
  switch (op) {
    case ReduceOp::sum:
      return static_cast<T>(static_cast<std::uint64_t>(a) + static_cast<std::uint64_t>(b));
    case ReduceOp::min:
      return std::min(a, b);
    case ReduceOp::max:
      return std::max(a, b);
    case ReduceOp::bit_and:
      return static_cast<T>(a & b);
    case ReduceOp::bit_or:
      return static_cast<T>(a | b);
  }
  return a;
}

constexpr ReduceOp all_ops[] = {ReduceOp::sum, ReduceOp::min, ReduceOp::max, ReduceOp::bit_and,
                                ReduceOp::bit_or};

/// What ranks [0, ranks) have together.
template <class T>
std::vector<T> combined(int ranks, std::int64_t count, ReduceOp op) {
  std::vector<T> result = elements<T>(0, count);
  for (int r = 1; r < ranks; ++r)
    for (std::int64_t i = 0; i < count; ++i) {
      T& value = result[static_cast<std::size_t>(i)];
      value = combine(value, element<T>(r, i), op);
    }
  return result;
}

template <class T>
class Reductions : public testing::Test {};
using IntegerTypes =
    testing::Types<std::int8_t, std::uint8_t, std::int16_t, std::uint16_t, std::int32_t,
                   std::uint32_t, std::int64_t, std::uint64_t, char, long long>;
TYPED_TEST_SUITE(Reductions, IntegerTypes);

TYPED_TEST(Reductions, allreduce_every_op_and_length) {
  for (const Communicator& comm : communicators())
    for (const ReduceOp op : all_ops)
      for (const std::int64_t count : {0, 1, 3, 4, 1001, 2500}) {
        auto values = elements<TypeParam>(comm.rank(), count);
        comm.allreduce(std::span(values), op);
        EXPECT_TRUE(values == combined<TypeParam>(comm.size(), count, op)) << count;
        auto again = elements<TypeParam>(comm.rank(), count);
        auto request = comm.iallreduce(std::span(again), op);
        request.wait();
        EXPECT_TRUE(again == values) << count;
      }
}

TYPED_TEST(Reductions, reduce_gives_root_alone_the_result) {
  for (const Communicator& comm : communicators())
    for (const ReduceOp op : all_ops)
      for (int root = 0; root < comm.size(); ++root)
        for (const std::int64_t count : {0, 2, 1001}) {
          auto values = elements<TypeParam>(comm.rank(), count);
          comm.reduce(std::span(values), op, root);
          const auto expected = comm.rank() == root ? combined<TypeParam>(comm.size(), count, op)
                                                    : elements<TypeParam>(comm.rank(), count);
          EXPECT_TRUE(values == expected) << count;
        }
}

TYPED_TEST(Reductions, exscan_of_every_op) {
  const Communicator& comm = world();
  for (const ReduceOp op : all_ops) {
    const auto result = comm.exscan(element<TypeParam>(comm.rank(), 5), op);
    if (comm.rank() == 0) {
      // The neutral value: combined with anything, it gives that.
      EXPECT_EQ(combine(result, element<TypeParam>(3, 5), op), element<TypeParam>(3, 5));
      EXPECT_EQ(combine(result, std::numeric_limits<TypeParam>::max(), op),
                std::numeric_limits<TypeParam>::max());
      EXPECT_EQ(combine(result, std::numeric_limits<TypeParam>::lowest(), op),
                std::numeric_limits<TypeParam>::lowest());
    } else {
      EXPECT_EQ(result, combined<TypeParam>(comm.rank(), 6, op)[5]);
    }
  }
}

TEST(Communicator, empty_null_spans_are_legal) {
  for (const Communicator& comm : communicators()) {
    comm.allreduce(std::span<int>(), ReduceOp::sum);
    comm.reduce(std::span<int>(), ReduceOp::sum, 0);
    comm.broadcast(std::span<double>(), 0);
    comm.ibroadcast(std::span<double>(), 0).wait();
    comm.iallreduce(std::span<int>(), ReduceOp::sum).wait();
    EXPECT_EQ(comm.allreduce(1, ReduceOp::sum), comm.size());
  }
}

struct Particle {
  double position[3];
  std::int32_t kind;
  char tag[5];
  friend bool operator==(const Particle&, const Particle&) = default;
};

Particle particle(int rank, int i) {
  return {{rank + 0.5, i / 3., -0.},
          rank * 1000 + i,
          {'a', 'b', static_cast<char>('a' + i % 26), 0, 1}};
}

TEST(Communicator, broadcast_structs_of_every_length_and_root) {
  for (const Communicator& comm : communicators())
    for (int root = 0; root < comm.size(); ++root)
      for (const int count : {1, 2, 200}) {
        std::vector<Particle> expected;
        for (int i = 0; i < count; ++i) expected.push_back(particle(root, i));
        std::vector<Particle> values(static_cast<std::size_t>(count), Particle{});
        if (comm.rank() == root) values = expected;
        comm.broadcast(std::span(values), root);
        EXPECT_EQ(values, expected);
        std::vector<Particle> again(static_cast<std::size_t>(count), Particle{});
        if (comm.rank() == root) again = expected;
        auto request = comm.ibroadcast(std::span(again), root);
        while (!request.is_complete()) {
        }
        EXPECT_EQ(again, expected);
        EXPECT_EQ(comm.broadcast(particle(comm.rank(), 1), root), particle(root, 1));
      }
}

TEST(Communicator, texts) {
  for (const Communicator& comm : communicators()) {
    const auto text_of = [](int rank) {
      return rank == 1 ? std::string()
                       : std::string(static_cast<std::size_t>(rank) * 700, 'x') + "\0end";
    };
    for (int root = 0; root < comm.size(); ++root)
      EXPECT_EQ(comm.broadcast_text(text_of(comm.rank()), root), text_of(root));
    const auto all = comm.allgather_text(text_of(comm.rank()));
    ASSERT_EQ(static_cast<int>(all.size()), comm.size());
    for (int r = 0; r < comm.size(); ++r) EXPECT_EQ(all[static_cast<std::size_t>(r)], text_of(r));
  }
}

TEST(Communicator, split_by_color_and_key) {
  const int rank = world().rank();
  const auto odd_even = world().split(rank % 2, -rank);
  ASSERT_NE(odd_even, nullptr);
  const int members = rank % 2 == 0 ? (world().size() + 1) / 2 : world().size() / 2;
  EXPECT_EQ(odd_even->size(), members);
  EXPECT_EQ(odd_even->rank(), members - 1 - rank / 2);  // keys descend
  int sum = 0;
  for (int r = rank % 2; r < world().size(); r += 2) sum += r;
  EXPECT_EQ(odd_even->allreduce(rank, ReduceOp::sum), sum);
}

TEST(Communicator, split_with_negative_color_gives_none) {
  const int rank = world().rank();
  const auto part = world().split(rank == 0 ? -1 : 5, rank);
  EXPECT_EQ(part == nullptr, rank == 0);
  if (part) {
    EXPECT_EQ(part->size(), world().size() - 1);
    EXPECT_EQ(part->allreduce(1, ReduceOp::sum), world().size() - 1);
  }
}

TEST(Communicator, duplicate_keeps_messages_apart) {
  const Communicator copy = world().duplicate();
  const int right = (world().rank() + 1) % world().size();
  const int left = (world().rank() + world().size() - 1) % world().size();
  int from_world = -1;
  int from_copy = -1;
  // The same tag on two communicators, received in the other order than sent.
  auto receive_copy = copy.ireceive(std::span(&from_copy, 1), left, 1);
  auto receive_world = world().ireceive(std::span(&from_world, 1), left, 1);
  const int on_world = world().rank();
  const int on_copy = 100 + world().rank();
  auto send_world = world().isend(std::span(&on_world, 1), right, 1);
  auto send_copy = copy.isend(std::span(&on_copy, 1), right, 1);
  for (auto* request : {&receive_copy, &receive_world, &send_world, &send_copy}) request->wait();
  EXPECT_EQ(from_world, left);
  EXPECT_EQ(from_copy, 100 + left);
}

TEST(Communicator, split_node_holds_ranks_of_one_host) {
  const Communicator node = world().split_node();
  EXPECT_EQ(node.size(), world().size());  // the test programs run on one host
  EXPECT_EQ(node.rank(), world().rank());
}

TEST(Communicator, barrier_waits_for_every_rank) {
  for (int round = 0; round < 20; ++round) {
    world().barrier();
    auto request = world().ibarrier();
    request.wait();
    EXPECT_TRUE(request.is_complete());
  }
}

TEST(Communicator, calls_are_recorded_with_bytes) {
  const auto recorder = std::make_shared<Recorder>();
  const auto comm = Communicator::from_fortran_handle(world().fortran_handle(), recorder);
  std::vector<std::int64_t> values(10, 1);
  {
    const auto phase = recorder->phase("talk");
    comm.allreduce(std::span(values), ReduceOp::sum);
    comm.broadcast(std::span(values), 0);
  }
  const auto phases = recorder->phases();
  ASSERT_EQ(phases.size(), 1U);
  EXPECT_EQ(phases[0].first, "talk");
  EXPECT_EQ(phases[0].second.communication_bytes, 80 + (comm.rank() == 0 ? 80 : 0));
  EXPECT_GE(phases[0].second.total_s, phases[0].second.communication_s);
  const auto spans = recorder->spans();
  ASSERT_EQ(spans.size(), 3U);
  EXPECT_EQ(spans[0].name, "allreduce");
  EXPECT_EQ(spans[1].name, "broadcast");
  EXPECT_EQ(spans[1].activity, Activity::communication);
}

TEST(Communicator, wrong_arguments_are_refused_alike) {
  const Communicator& comm = world();
  int value = 1;
  const std::span<int> one(&value, 1);
  EXPECT_THROW(comm.broadcast(one, comm.size()), InvalidArgument);
  EXPECT_THROW(comm.reduce(one, ReduceOp::sum, -1), InvalidArgument);
  EXPECT_THROW((void)comm.gather(std::span<const int>(one), 99), InvalidArgument);
  EXPECT_THROW(comm.send(std::span<const int>(one), comm.size(), 0), InvalidArgument);
  EXPECT_THROW(comm.send(std::span<const int>(one), 0, 32767), InvalidArgument);
  EXPECT_THROW(comm.receive(one, 0, -1), InvalidArgument);
  const std::vector<std::int64_t> too_few(static_cast<std::size_t>(comm.size()), 0);
  EXPECT_THROW((void)comm.alltoall(std::span<const int>(one), std::span(too_few)), InvalidArgument);
  std::vector<std::int64_t> too_far(static_cast<std::size_t>(comm.size()) + 1, 0);
  too_far.back() = 2;
  EXPECT_THROW((void)comm.alltoall(std::span<const int>(one), std::span(too_far)), InvalidArgument);
  too_far.front() = 1;
  too_far.back() = 0;
  EXPECT_THROW((void)comm.alltoall(std::span<const int>(one), std::span(too_far)), InvalidArgument);
  EXPECT_THROW((void)Communicator::from_fortran_handle(comm.fortran_handle(), nullptr,
                                                       {.max_message_elements = 0}),
               InvalidArgument);
  EXPECT_EQ(comm.allreduce(1, ReduceOp::sum), comm.size());
}

}  // namespace
}  // namespace serried
