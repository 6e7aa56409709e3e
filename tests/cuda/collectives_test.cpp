// timeout: 120
// Collectives on device memory, by staging and by NCCL (its stand-in), on emulated GPUs, or on what
// there is: the same results, and failures of one rank that all ranks hear of. With
// SERRIED_NCCL_LIBRARY=libnccl.so.2 NCCL itself takes part, where each rank has a card of its own.
#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <numeric>

#include "cuda/cuda_support.hpp"
#include "serried/comm/device_choice.hpp"
#include "serried/comm/device_communicator.hpp"
#include "support/spmd.hpp"

namespace serried::test {
namespace {

/// Where it was built, or beside this program where both were carried elsewhere.
std::string stand_in() {
  std::error_code error;
  if (std::filesystem::exists(SERRIED_NCCL_STAND_IN, error)) return SERRIED_NCCL_STAND_IN;
  const auto program = std::filesystem::read_symlink("/proc/self/exe", error);
  return program.parent_path().parent_path() / "lib" / "libserried_nccl_stand_in.so";
}

// Before anything opens the module.
const int variables = setenv("SERRIED_NCCL_LIBRARY", stand_in().c_str(), 0) +
                      setenv("SERRIED_EMULATION_DEVICES", "4", 1);

const DeviceChoice& device() {
  static const DeviceChoice choice = choose_device(runtime(), {.share_gpu = true});
  return choice;
}

#define REQUIRE_GPU() \
  if (!device().gpu) GTEST_SKIP() << device().explanation.front()

/// NCCL itself does not fail when it is told to.
bool has_stand_in() {
  return std::filesystem::path(getenv("SERRIED_NCCL_LIBRARY")).filename() ==
         "libserried_nccl_stand_in.so";
}

#define REQUIRE_STAND_IN() \
  REQUIRE_GPU();           \
  if (!has_stand_in()) GTEST_SKIP() << "not with the stand-in for NCCL"

const Communicator& comm() {
  return runtime().communicator();
}
int rank() {
  return comm().rank();
}
int size() {
  return comm().size();
}
std::size_t at(std::int64_t i) {
  return static_cast<std::size_t>(i);
}

/// Element i of rank r's values.
std::uint64_t value(int r, std::int64_t i) {
  std::uint64_t x = static_cast<std::uint64_t>(r + 1) * 0x9e3779b97f4a7c15ULL +
                    static_cast<std::uint64_t>(i) * 0xbf58476d1ce4e5b9ULL;
  x ^= x >> 29;
  return x * 0x94d049bb133111ebULL;
}
std::byte byte_of(int r, std::int64_t i) {
  return static_cast<std::byte>(value(r, i) >> 56);
}

std::vector<std::uint64_t> values(int r, std::int64_t count) {
  std::vector<std::uint64_t> result(at(count));
  for (std::int64_t i = 0; i < count; ++i) result[at(i)] = value(r, i);
  return result;
}
std::vector<std::byte> bytes(int r, std::int64_t count) {
  std::vector<std::byte> result(at(count));
  for (std::int64_t i = 0; i < count; ++i) result[at(i)] = byte_of(r, i);
  return result;
}

/// Each way with each length of a round.
class EachPath : public testing::TestWithParam<std::pair<DevicePath, std::int64_t>> {
 protected:
  void SetUp() override {
    REQUIRE_GPU();
    collectives_ = std::make_unique<DeviceCommunicator>(
        comm(), device().backend, DevicePathChoice{GetParam().first, "test"},
        DeviceCollectivesOptions{.round_bytes = GetParam().second});
  }
  [[nodiscard]] Backend& backend() { return *device().backend; }
  [[nodiscard]] DeviceCommunicator& collectives() { return *collectives_; }

 private:
  std::unique_ptr<DeviceCommunicator> collectives_;
};

INSTANTIATE_TEST_SUITE_P(
    DeviceCommunicator, EachPath,
    testing::Values(std::pair{DevicePath::staging, 1}, std::pair{DevicePath::staging, 200},
                    std::pair{DevicePath::staging, 1 << 20}, std::pair{DevicePath::nccl, 7},
                    std::pair{DevicePath::nccl, 1 << 20}),
    [](const auto& test) {
      return std::string(test.param.first == DevicePath::nccl ? "nccl_" : "staging_") +
             std::to_string(test.param.second);
    });

TEST_P(EachPath, allreduce) {
  for (const std::int64_t count : {0, 1, 7, 1000}) {
    for (const DeviceReduceOp op :
         {DeviceReduceOp::sum, DeviceReduceOp::min, DeviceReduceOp::max}) {
      std::vector<std::uint64_t> expected = values(0, count);
      for (int r = 1; r < size(); ++r)
        for (std::int64_t i = 0; i < count; ++i) {
          const std::uint64_t other = value(r, i);
          std::uint64_t& x = expected[at(i)];
          x = op == DeviceReduceOp::sum   ? x + other
              : op == DeviceReduceOp::min ? std::min(x, other)
                                          : std::max(x, other);
        }
      const DeviceCopy<std::uint64_t> data(backend(), values(rank(), count), 1);
      collectives().allreduce(data.data(), count, op);
      EXPECT_EQ(data.values(), expected);
    }
  }
}

TEST_P(EachPath, allreduce_sum_of_signed_numbers) {
  const std::vector<std::int64_t> mine{-1, rank(), std::int64_t{1} << 62};
  const DeviceCopy<std::int64_t> data(backend(), mine);
  collectives().allreduce_sum(data.data(), 3);
  const auto total = static_cast<std::int64_t>(static_cast<std::uint64_t>(size()) << 62);
  EXPECT_EQ(data.values(), (std::vector<std::int64_t>{-size(), size() * (size() - 1) / 2, total}));
}

TEST_P(EachPath, reduce_scatter) {
  for (const std::int64_t count : {0, 1, 13, 500}) {
    const std::vector<std::uint64_t> mine = values(rank(), count * size());
    std::vector<std::int64_t> expected(at(count));
    for (std::int64_t i = 0; i < count; ++i) {
      std::uint64_t sum = 0;
      for (int r = 0; r < size(); ++r) sum += value(r, rank() * count + i);
      expected[at(i)] = static_cast<std::int64_t>(sum);
    }
    const std::vector<std::int64_t> signed_mine(mine.begin(), mine.end());
    const DeviceCopy<std::int64_t> data(backend(), signed_mine);
    const DeviceCopy<std::int64_t> result(backend(), at(count));
    collectives().reduce_scatter(data.data(), result.data(), count);
    EXPECT_EQ(result.values(), expected);
    // In place.
    if (count == 0) continue;
    collectives().reduce_scatter(data.data(), data.data() + rank() * count, count);
    const auto all = data.values();
    EXPECT_TRUE(std::equal(expected.begin(), expected.end(), all.begin() + rank() * count));
  }
}

TEST_P(EachPath, broadcast) {
  for (int root = 0; root < size(); ++root)
    for (const std::int64_t count : {0, 1, 1001}) {
      const DeviceCopy<std::byte> data(backend(), bytes(rank(), count), 3);
      collectives().broadcast(data.data(), count, root);
      EXPECT_EQ(data.values(), bytes(root, count));
    }
}

TEST_P(EachPath, allgather) {
  for (const std::int64_t count : {0, 1, 333}) {
    std::vector<std::byte> expected;
    for (int r = 0; r < size(); ++r)
      for (std::int64_t i = 0; i < count; ++i) expected.push_back(byte_of(r, i));
    const DeviceCopy<std::byte> piece(backend(), bytes(rank(), count), 1);
    const DeviceCopy<std::byte> all(backend(), at(count * size()), 5);
    collectives().allgather(piece.data(), all.data(), count);
    EXPECT_EQ(all.values(), expected);
    collectives().allgather(all.data() + rank() * count, all.data(), count);
    EXPECT_EQ(all.values(), expected);
  }
}

TEST_P(EachPath, allgather_pieces) {
  // Rank 1's is empty; offsets begin behind a gap that nobody writes.
  std::vector<std::int64_t> offsets{16};
  std::vector<std::byte> expected(16, std::byte{0});
  for (int r = 0; r < size(); ++r) {
    const std::int64_t count = r == 1 ? 0 : 50 * r + 3;
    offsets.push_back(offsets.back() + count);
    for (std::int64_t i = 0; i < count; ++i) expected.push_back(byte_of(r, i));
  }
  const std::int64_t own = offsets[at(rank() + 1)] - offsets[at(rank())];
  const DeviceCopy<std::byte> piece(backend(), bytes(rank(), own), 1);
  const DeviceCopy<std::byte> all(backend(), std::vector<std::byte>(expected.size()));
  collectives().allgather_pieces(piece.data(), all.data(), offsets);
  EXPECT_EQ(all.values(), expected);
  collectives().allgather_pieces(all.data() + offsets[at(rank())], all.data(), offsets);
  EXPECT_EQ(all.values(), expected);
}

TEST_P(EachPath, alltoall) {
  // Rank r sends (r + 2 s) * 17 bytes to rank s; nothing from 0 to 0.
  const auto length = [](int from, int to) { return std::int64_t{17} * (from + 2 * to); };
  std::vector<std::int64_t> send_offsets{4}, receive_offsets{0};
  for (int r = 0; r < size(); ++r) {
    send_offsets.push_back(send_offsets.back() + length(rank(), r));
    receive_offsets.push_back(receive_offsets.back() + length(r, rank()));
  }
  std::vector<std::byte> expected;
  for (int r = 0; r < size(); ++r) {
    std::int64_t begin = 4;
    for (int s = 0; s < rank(); ++s) begin += length(r, s);
    for (std::int64_t i = 0; i < length(r, rank()); ++i) expected.push_back(byte_of(r, begin + i));
  }
  const DeviceCopy<std::byte> send(backend(), bytes(rank(), send_offsets.back()), 1);
  const DeviceCopy<std::byte> receive(backend(), expected.size(), 1);
  collectives().alltoall(send.data(), send_offsets, receive.data(), receive_offsets);
  EXPECT_EQ(receive.values(), expected);
}

TEST_P(EachPath, wrong_arguments) {
  EXPECT_THROW(collectives().broadcast(nullptr, 0, size()), InvalidArgument);
  EXPECT_THROW(collectives().allreduce(nullptr, -1, DeviceReduceOp::sum), InvalidArgument);
  const std::vector<std::int64_t> offsets(at(size() + 1), 0), few(at(size()), 0);
  EXPECT_THROW(collectives().allgather_pieces(nullptr, nullptr, few), InvalidArgument);
  // On one rank alone: on all the same error, and nothing is broken.
  const bool is_last = rank() == size() - 1;
  EXPECT_THROW(collectives().alltoall(nullptr, is_last ? few : offsets, nullptr, offsets),
               RankError);
  collectives().alltoall(nullptr, offsets, nullptr, offsets);
}

DevicePathChoice by_nccl() {
  return {DevicePath::nccl, "test"};
}

/// The RankError that all ranks got.
template <class Call>
std::string rank_error(Call call, int expected_rank, ErrorKind expected_kind) {
  try {
    call();
  } catch (const RankError& error) {
    EXPECT_EQ(error.rank(), expected_rank);
    EXPECT_EQ(error.kind(), expected_kind);
    return error.what();
  }
  ADD_FAILURE() << "no RankError";
  return "";
}

TEST(DeviceFailure, a_call_of_nccl_fails_on_one_rank) {
  REQUIRE_STAND_IN();
  const int last = size() - 1;
  // Call 0 joins the ranks, call 1 is the first reduction.
  setenv("SERRIED_NCCL_STAND_IN_FAIL", (std::to_string(last) + ":2").c_str(), 1);
  {
    DeviceCommunicator collectives(comm(), device().backend, by_nccl());
    const DeviceCopy<std::uint64_t> data(*device().backend, values(rank(), 100));
    const auto reduce = [&] { collectives.allreduce(data.data(), 100, DeviceReduceOp::sum); };
    reduce();
    const std::string text = rank_error(reduce, last, ErrorKind::device);
    EXPECT_NE(text.find("NCCL, a reduction: unhandled system error (a failure that the test asked"),
              std::string::npos)
        << text;
    EXPECT_THROW(reduce(), DeviceError);
  }
  unsetenv("SERRIED_NCCL_STAND_IN_FAIL");
}

TEST(DeviceFailure, a_group_fails_on_one_rank) {
  REQUIRE_STAND_IN();
  if (size() == 1) GTEST_SKIP() << "nothing is sent";
  setenv("SERRIED_NCCL_STAND_IN_FAIL", "0:3", 1);
  {
    DeviceCommunicator collectives(comm(), device().backend, by_nccl(), {.round_bytes = 8});
    const DeviceCopy<std::byte> all(*device().backend, at(100 * size()));
    std::vector<std::int64_t> offsets(at(size() + 1));
    for (int r = 0; r <= size(); ++r) offsets[at(r)] = 100 * r;
    const auto gather = [&] {
      collectives.allgather_pieces(all.data() + 100 * rank(), all.data(), offsets);
    };
    static_cast<void>(rank_error(gather, 0, ErrorKind::device));
  }
  unsetenv("SERRIED_NCCL_STAND_IN_FAIL");
  // The next group is a new one.
  DeviceCommunicator collectives(comm(), device().backend, by_nccl());
  const DeviceCopy<std::byte> all(*device().backend, bytes(rank(), 2 * size()));
  std::vector<std::int64_t> offsets(at(size() + 1));
  std::iota(offsets.begin(), offsets.end(), size());
  collectives.allgather_pieces(all.data() + size() + rank(), all.data(), offsets);
  for (int r = 0; r < size(); ++r) EXPECT_EQ(all.values()[at(size() + r)], byte_of(r, size() + r));
}

TEST(DeviceFailure, the_ranks_cannot_be_joined) {
  REQUIRE_STAND_IN();
  setenv("SERRIED_NCCL_STAND_IN_FAIL", "0:0", 1);
  const std::string text =
      rank_error([] { const DeviceCommunicator collectives(comm(), device().backend, by_nccl()); },
                 0, ErrorKind::device);
  EXPECT_NE(text.find("NCCL, joining the ranks: unhandled system error"), std::string::npos)
      << text;
  unsetenv("SERRIED_NCCL_STAND_IN_FAIL");
}

TEST(DeviceFailure, the_poll_throws_on_one_rank) {
  REQUIRE_GPU();
  const int last = size() - 1;
  for (const DevicePath path : {DevicePath::nccl, DevicePath::staging}) {
    if (path == DevicePath::staging && size() == 1) continue;  // nothing travels
    bool is_over = false;
    DeviceCollectivesOptions options;
    options.poll = [&] {
      if (is_over && rank() == last) throw IoError("the deadline has passed");
    };
    DeviceCommunicator collectives(comm(), device().backend, {path, "test"}, options);
    const DeviceCopy<std::uint64_t> data(*device().backend, values(rank(), 10));
    const auto reduce = [&] { collectives.allreduce(data.data(), 10, DeviceReduceOp::max); };
    reduce();
    is_over = true;
    const std::string text = rank_error(reduce, last, ErrorKind::io);
    EXPECT_NE(text.find("the deadline has passed"), std::string::npos) << text;
    EXPECT_THROW(reduce(), DeviceError);
  }
}

TEST(DeviceFailure, what_a_poll_throws_passes_on) {
  REQUIRE_GPU();
  struct Cancelled {};
  bool is_cancelled = false;
  std::string id = rank() == 0 ? device().backend->collectives_id() : std::string();
  id = comm().broadcast_text(id, 0);
  const auto collectives = device().backend->make_collectives(id, rank(), size(), {.poll = [&] {
                                                                if (is_cancelled) throw Cancelled{};
                                                              }});
  const DeviceCopy<std::uint64_t> data(*device().backend, values(rank(), 10));
  collectives->allreduce(data.data(), 10, DeviceReduceOp::sum);
  is_cancelled = true;
  EXPECT_THROW(collectives->allreduce(data.data(), 10, DeviceReduceOp::sum), Cancelled);
  is_cancelled = false;
  EXPECT_THROW(collectives->allreduce(data.data(), 10, DeviceReduceOp::sum), DeviceError);
}

TEST(DeviceFailure, an_id_that_is_none) {
  REQUIRE_GPU();
  EXPECT_THROW(static_cast<void>(device().backend->make_collectives("x", rank(), size(), {})),
               InvalidArgument);
  EXPECT_THROW(static_cast<void>(device().host->collectives_id()), DeviceError);
  EXPECT_THROW(static_cast<void>(device().host->make_collectives("x", 0, 1, {})), DeviceError);
}

TEST(ChooseDevice, each_rank_has_one_of_its_own) {
  REQUIRE_GPU();
  EXPECT_EQ(device().backend->kind(), DeviceKind::cuda);
  const auto uuids = comm().allgather_text(device().uuid());
  const bool is_own = device().ranks_on_device == 1;
  EXPECT_EQ(is_own, std::ranges::count(uuids, device().uuid()) == 1);
  const auto all_own = comm().allreduce(is_own ? 1 : 0, ReduceOp::min);
  const std::string& said = device().explanation.front();
  const char* const expected = size() == 1    ? "1 rank on 1 node has a GPU: "
                               : all_own == 1 ? "have a GPU each: "
                                              : " share ";
  EXPECT_NE(said.find(expected), std::string::npos) << said;
  const DevicePathChoice path =
      choose_device_path(comm(), *device().backend, runtime().host_name(), device().uuid());
  EXPECT_EQ(path.path, size() == 1    ? DevicePath::none
                       : all_own == 1 ? DevicePath::nccl
                                      : DevicePath::staging)
      << path.reason;
  DeviceCommunicator collectives(comm(), device().backend, path);
  const DeviceCopy<std::int64_t> data(*device().backend, std::vector<std::int64_t>{1});
  collectives.allreduce_sum(data.data(), 1);
  EXPECT_EQ(data.values().front(), size());
}

TEST(ChooseDevice, the_host) {
  const DeviceChoice choice = choose_device(runtime(), {.request = DeviceRequest::host});
  EXPECT_EQ(choice.backend->kind(), DeviceKind::host);
  EXPECT_EQ(choice.backend, choice.host);
  EXPECT_FALSE(choice.gpu);
  EXPECT_EQ(choice.explanation.front(), "computing on the host: it was asked for");
  const DevicePathChoice path =
      choose_device_path(comm(), *choice.backend, runtime().host_name(), "");
  EXPECT_EQ(path.path, size() == 1 ? DevicePath::none : DevicePath::staging);
  // The operations work there, too.
  DeviceCommunicator collectives(comm(), choice.backend, path);
  std::vector<std::int64_t> data{rank()};
  collectives.allreduce_sum(data.data(), 1);
  EXPECT_EQ(data.front(), size() * (size() - 1) / 2);
}

}  // namespace
}  // namespace serried::test
