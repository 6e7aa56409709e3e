// ranks: 2
// timeout: 600
// More than 2^31 - 1 elements in one call, for real: with messages of 2^30 bytes and with the
// default cut. About 7 GB on the two ranks together.
#include <cstdint>
#include <memory>

#include "serried/comm/communicator.hpp"
#include "support/spmd.hpp"

namespace serried {
namespace {

constexpr std::int64_t count = (std::int64_t{1} << 31) + 7;

// Every 61st byte is written and checked, so each cache line and the neighbourhood of each cut; the
// rest is sent as it is.
constexpr std::int64_t stride = 61;

std::uint8_t byte_at(std::int64_t i) {
  return static_cast<std::uint8_t>((static_cast<std::uint64_t>(i) * 0x9e3779b97f4a7c15ULL) >> 56);
}

/// Not initialised by the allocation, so that memory is touched once only.
struct Bytes {
  std::unique_ptr<std::uint8_t[]> data{new std::uint8_t[count]};
  std::span<std::uint8_t> span() const { return {data.get(), static_cast<std::size_t>(count)}; }
  void fill() {
    for (std::int64_t i = 0; i < count; i += stride) data[static_cast<std::size_t>(i)] = byte_at(i);
  }
};

std::int64_t count_wrong(std::span<const std::uint8_t> values) {
  std::int64_t wrong = 0;
  for (std::int64_t i = 0; i < static_cast<std::int64_t>(values.size()); i += stride)
    wrong += values[static_cast<std::size_t>(i)] != byte_at(i);
  return wrong;
}

Communicator comm_with(std::int64_t limit) {
  return Communicator::from_fortran_handle(test::runtime().communicator().fortran_handle(), nullptr,
                                           {.max_message_elements = limit});
}

TEST(LargeMessage, broadcast_and_send) {
  Bytes bytes;
  const Communicator uncut = comm_with(std::int64_t{1} << 30);
  const bool is_first = uncut.rank() == 0;
  if (is_first) bytes.fill();
  uncut.broadcast(bytes.span(), 0);
  EXPECT_EQ(count_wrong(bytes.span()), 0);
  const Communicator comm = comm_with(CommunicatorOptions{}.max_message_elements);
  if (is_first)
    for (std::int64_t i = 0; i < count; i += stride)
      bytes.data[static_cast<std::size_t>(i)] ^= 0xff;
  if (is_first)
    comm.receive(bytes.span(), 1, 0);
  else
    comm.send(std::span<const std::uint8_t>(bytes.span()), 0, 0);
  if (is_first) {
    EXPECT_EQ(count_wrong(bytes.span()), 0);
  }
}

TEST(LargeMessage, allgather_with_a_piece_beyond_2_gib) {
  const Communicator comm = comm_with(CommunicatorOptions{}.max_message_elements);
  Communicator::Gathered<std::uint8_t> all;
  if (comm.rank() == 0) {
    Bytes bytes;
    bytes.fill();
    all = comm.allgather(std::span<const std::uint8_t>(bytes.span()));
  } else {
    const std::vector<std::uint8_t> few{1, 2, 3};
    all = comm.allgather(std::span<const std::uint8_t>(few));
  }
  ASSERT_EQ(static_cast<std::int64_t>(all.values.size()), count + 3);
  EXPECT_EQ(all.offsets[1], count);
  EXPECT_EQ(count_wrong(all.piece(0)), 0);
  EXPECT_EQ(all.values.back(), 3);
}

}  // namespace
}  // namespace serried
