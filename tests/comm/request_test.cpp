// Point to point messages and pending requests.
#include <memory>
#include <numeric>

#include "serried/base/error.hpp"
#include "serried/comm/communicator.hpp"
#include "support/spmd.hpp"

namespace serried {
namespace {

const Communicator& world() {
  return test::runtime().communicator();
}
int right() {
  return (world().rank() + 1) % world().size();
}
int left() {
  return (world().rank() + world().size() - 1) % world().size();
}

Communicator cut_at(std::int64_t limit) {
  return Communicator::from_fortran_handle(world().fortran_handle(), nullptr,
                                           {.max_message_elements = limit});
}

std::vector<double> numbers(int rank, std::size_t count) {
  std::vector<double> values(count);
  std::iota(values.begin(), values.end(), rank * 1e6);
  return values;
}

TEST(Request, ring_of_every_length) {
  for (const std::int64_t limit : {3, 1000, 1 << 30}) {
    const Communicator comm = cut_at(limit);
    for (const std::size_t count : {0, 1, 100, 1500}) {
      const auto send = numbers(comm.rank(), count);
      std::vector<double> receive(count, -1);
      auto sending = comm.isend(std::span<const double>(send), right(), 4);
      comm.receive(std::span(receive), left(), 4);
      sending.wait();
      EXPECT_EQ(receive, numbers(left(), count));
    }
  }
}

TEST(Request, blocking_send_and_receive) {
  if (world().size() == 1) GTEST_SKIP() << "needs two ranks";
  const std::size_t count = 200000;  // more than MPI sends unasked
  std::vector<double> values(count);
  if (world().rank() == 0) {
    values = numbers(0, count);
    world().send(std::span<const double>(values), 1, 0);
  } else if (world().rank() == 1) {
    world().receive(std::span(values), 0, 0);
    EXPECT_EQ(values, numbers(0, count));
  }
}

TEST(Request, overlapping_operations_complete_in_any_order) {
  const Communicator comm = cut_at(1000);
  std::vector<std::int64_t> sums(2000, comm.rank() + 1);
  std::vector<double> shared = comm.rank() == 0 ? numbers(0, 3000) : std::vector<double>(3000);
  const auto send = numbers(comm.rank(), 2500);
  std::vector<double> receive(2500);
  std::vector<std::int32_t> maxima(7, comm.rank());

  auto receiving = comm.ireceive(std::span(receive), left(), 9);
  auto summing = comm.iallreduce(std::span(sums), ReduceOp::sum);
  auto sharing = comm.ibroadcast(std::span(shared), 0);
  auto sending = comm.isend(std::span<const double>(send), right(), 9);
  auto maximum = comm.iallreduce(std::span(maxima), ReduceOp::max);
  auto barrier = comm.ibarrier();
  for (auto* request : {&barrier, &maximum, &receiving, &sharing, &summing, &sending})
    request->wait();

  EXPECT_EQ(sums, std::vector<std::int64_t>(2000, comm.size() * (comm.size() + 1) / 2));
  EXPECT_EQ(shared, numbers(0, 3000));
  EXPECT_EQ(receive, numbers(left(), 2500));
  EXPECT_EQ(maxima, std::vector<std::int32_t>(7, comm.size() - 1));
}

TEST(Request, many_pending_receives_match_by_tag) {
  const int count = 100;
  std::vector<int> received(count, -1);
  std::vector<int> sent(count);
  std::vector<Communicator::Request> requests;
  for (int i = count - 1; i >= 0; --i)
    requests.push_back(
        world().ireceive(std::span(&received[static_cast<std::size_t>(i)], 1), left(), i));
  for (int i = 0; i < count; ++i) {
    sent[static_cast<std::size_t>(i)] = 1000 * world().rank() + i;
    requests.push_back(
        world().isend(std::span<const int>(&sent[static_cast<std::size_t>(i)], 1), right(), i));
  }
  for (auto& request : requests) request.wait();
  for (int i = 0; i < count; ++i)
    EXPECT_EQ(received[static_cast<std::size_t>(i)], 1000 * left() + i);
}

TEST(Request, none_is_complete) {
  Communicator::Request request;
  EXPECT_TRUE(request.is_complete());
  request.wait();
  int value = 0;
  const int own = world().rank();
  auto receiving = world().ireceive(std::span(&value, 1), left(), 0);
  auto sending = world().isend(std::span<const int>(&own, 1), right(), 0);
  request = std::move(receiving);
  EXPECT_TRUE(receiving.is_complete());  // moved from
  request.wait();
  EXPECT_EQ(value, left());
  sending.wait();
}

TEST(Request, message_of_another_length_is_an_error) {
  const int rank = world().rank();
  const std::vector<int> sent(static_cast<std::size_t>(2));
  auto sending = world().isend(std::span<const int>(sent), right(), 3);
  std::vector<int> longer(3);
  EXPECT_THROW(world().receive(std::span(longer), left(), 3), Error) << rank;
  sending.wait();
  auto again = world().isend(std::span<const int>(sent), right(), 3);
  std::vector<int> shorter(1);
  EXPECT_THROW(world().receive(std::span(shorter), left(), 3), Error);
  again.wait();
  EXPECT_EQ(world().allreduce(1, ReduceOp::sum), world().size());
}

TEST(Request, destroyed_while_pending_still_completes) {
  const int own = world().rank() + 5;
  int value = -1;
  {
    const Communicator comm = world().duplicate();
    { const auto forgotten = comm.ireceive(std::span(&value, 1), left(), 0); }
    comm.isend(std::span<const int>(&own, 1), right(), 0).wait();
    // The forgotten receive was posted first, so all of them are answered before the barrier is
    // over; MPI may still have to be progressed.
    comm.barrier();
    for (int round = 0; round < 100; ++round) (void)comm.allreduce(round, ReduceOp::max);
  }
  EXPECT_EQ(value, left() + 5);
}

TEST(Request, outlives_its_communicator) {
  const int own = world().rank();
  int value = -1;
  Communicator::Request receiving;
  Communicator::Request sending;
  {
    const Communicator comm = world().duplicate();
    receiving = comm.ireceive(std::span(&value, 1), left(), 0);
    sending = comm.isend(std::span<const int>(&own, 1), right(), 0);
  }
  receiving.wait();
  sending.wait();
  EXPECT_EQ(value, left());
}

TEST(Request, never_completed_is_left_to_mpi) {
  // A receive that nobody answers; its buffer lives until the program ends. MPI must still end.
  static int never = 0;
  const auto comm = std::make_unique<Communicator>(world().duplicate());
  { const auto forgotten = comm->ireceive(std::span(&never, 1), left(), 17); }
  EXPECT_EQ(comm->allreduce(1, ReduceOp::sum), comm->size());
}

TEST(Request, destroyed_after_mpi_has_ended) {
  // Static objects go after main has ended MPI: a crash there fails the program.
  static int unanswered = 0;
  static std::unique_ptr<Communicator> survivor;
  static Communicator::Request pending;
  survivor = std::make_unique<Communicator>(world().duplicate());
  pending = survivor->ireceive(std::span(&unanswered, 1), left(), 18);
  EXPECT_FALSE(pending.is_complete());
}

}  // namespace
}  // namespace serried
