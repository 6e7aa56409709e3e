// serial
// Reads that serve several transfers: nothing is left out, and none is larger than it may be.
#include <random>
#include <set>
#include <vector>

#include "gtest/gtest.h"
#include "io/file_reads.hpp"
#include "io/geometry.hpp"
#include "io/picks.hpp"

namespace serried {
namespace {

constexpr FileReadLimits limits{.piece_bytes = 4000, .slab_bytes = 1000};

class Draw {
 public:
  std::int64_t number(std::int64_t least, std::int64_t most) {
    return std::uniform_int_distribution<std::int64_t>(least, most)(engine_);
  }

  ItemMeta item(const std::vector<std::int64_t>& extents, const std::vector<std::int64_t>& chunks) {
    ItemMeta item;
    item.extents = extents;
    item.chunks = chunks;
    item.is_filtered = !chunks.empty();
    item.rule.raw = item.rule.result = DType::f32;
    for (const std::int64_t extent : extents) {
      SelectedAxis axis;
      axis.start = number(0, extent - 1);
      axis.step = number(1, 4);
      axis.count = number(1, (extent - 1 - axis.start) / axis.step + 1);
      item.axes.push_back(axis);
    }
    return item;
  }

 private:
  std::mt19937 engine_{3};
};

Transfer whole(const ItemMeta& item, std::int64_t offset) {
  Transfer transfer{.item = &item, .offset = offset, .elements = 1};
  for (const SelectedAxis& axis : item.axes) {
    transfer.begin.push_back(0);
    transfer.count.push_back(axis.count);
    transfer.elements *= axis.count;
  }
  transfer.strides = c_strides(transfer.count);
  return transfer;
}

/// The places in memory that a read fills, which must not be filled yet.
void fill_places(const FileRead& read, std::set<std::int64_t>& places) {
  for (const Pick& pick : list_picks(read))
    for (std::int64_t number = 0; number < pick.elements; ++number) {
      std::int64_t rest = number;
      std::int64_t from = pick.from_offset;
      std::int64_t to = pick.to_offset;
      for (std::size_t i = pick.count.size(); i-- > 0;) {
        from += rest % pick.count[i] * pick.from_strides[i];
        to += rest % pick.count[i] * pick.to_strides[i];
        rest /= pick.count[i];
      }
      ASSERT_GE(from, 0);
      ASSERT_LT(from, read.box.elements());
      ASSERT_TRUE(places.insert(to).second);
      // the same element of the file, by its place and by its place in what was read
      const auto place = place_in_file(read, pick, number);
      std::int64_t slab_place = 0;
      for (std::size_t i = 0; i < place.size(); ++i)
        slab_place =
            slab_place * read.box.count[i] + (place[i] - read.box.start[i]) / read.box.step[i];
      ASSERT_EQ(slab_place, from);
    }
}

TEST(FileReads, fill_all_places_within_the_limits) {
  Draw draw;
  for (int trial = 0; trial < 300; ++trial) {
    std::vector<std::int64_t> extents, chunks;
    for (std::int64_t axes = draw.number(1, 3); axes > 0; --axes) {
      extents.push_back(draw.number(1, 30));
      if (trial % 2 == 0) chunks.push_back(draw.number(1, extents.back()));
    }
    std::vector<ItemMeta> items;
    for (std::int64_t count = draw.number(1, 5); count > 0; --count)
      items.push_back(draw.item(extents, chunks));
    std::vector<Transfer> transfers;
    std::int64_t elements = 0;
    for (const ItemMeta& item : items) {
      transfers.push_back(whole(item, elements));
      elements += transfers.back().elements;
    }
    std::set<std::int64_t> places;
    for (const FileRead& read : plan_file_reads(transfers, limits)) {
      const bool is_exact =
          read.users.size() == 1 && read.users.front().elements == read.box.elements();
      EXPECT_LE(read.box.elements() * 4, is_exact ? limits.piece_bytes : limits.slab_bytes);
      for (std::size_t i = 0; i < extents.size(); ++i)
        EXPECT_LT(read.box.start[i] + (read.box.count[i] - 1) * read.box.step[i], extents[i]);
      fill_places(read, places);
    }
    EXPECT_EQ(static_cast<std::int64_t>(places.size()), elements) << trial;
  }
}

TEST(FileReads, columns_are_one_read) {
  std::vector<ItemMeta> items(4);
  std::vector<Transfer> transfers;
  for (std::size_t i = 0; i < items.size(); ++i) {
    items[i].extents = {50, 4};
    items[i].rule.raw = items[i].rule.result = DType::f32;
    items[i].axes = {{0, 1, 50, false}, {static_cast<std::int64_t>(i), 1, 1, true}};
    transfers.push_back(whole(items[i], static_cast<std::int64_t>(i)));
    transfers.back().strides = {4, 0};
  }
  const auto reads = plan_file_reads(transfers, limits);
  ASSERT_EQ(reads.size(), 1U);
  EXPECT_TRUE(is_whole_slab(reads.front(), list_picks(reads.front())))
      << "H5Dread can put them in their places";
}

}  // namespace
}  // namespace serried
