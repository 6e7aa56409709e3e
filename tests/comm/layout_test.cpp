// serial
// Layout, Leaves and plans: pure arithmetic, checked on random layouts for up to 12 ranks.
#include <algorithm>
#include <numeric>
#include <random>
#include <vector>

#include "gtest/gtest.h"
#include "serried/base/error.hpp"
#include "serried/comm/leaves.hpp"
#include "serried/comm/tile_source.hpp"

namespace serried {
namespace {

using Index = std::int64_t;

Layout random_layout(std::mt19937_64& random, int ranks) {
  const auto draw = [&](Index below) {
    return static_cast<Index>(random() % static_cast<std::uint64_t>(below));
  };
  if (draw(2) == 0) {
    const Index max_tiles[] = {3, 64, 16384};
    return Layout::uniform(draw(4) == 0 ? draw(12) : draw(100000), ranks, max_tiles[draw(3)]);
  }
  const Index tiles = draw(200);
  std::vector<Index> begins{0};
  for (Index tile = 0; tile < tiles; ++tile)
    begins.push_back(begins.back() + (draw(3) == 0 ? 0 : draw(50)));
  std::vector<Index> owners{0, tiles};
  for (int rank = 1; rank < ranks; ++rank) owners.push_back(draw(tiles + 1));
  std::ranges::sort(owners);
  return Layout::from_tiles(begins, owners);
}

TEST(Layout, uniform_worked_example) {
  const Layout layout = Layout::uniform(1000000, 3);
  EXPECT_EQ(layout.tile_rows(), 64);
  EXPECT_EQ(layout.tiles(), 15625);
  EXPECT_EQ(layout.first_tile(1), 5208);
  EXPECT_EQ(layout.rows_of(1), (RowRange{333312, 666624}));
  EXPECT_EQ(layout.rows_of(2), (RowRange{666624, 1000000}));
}

TEST(Layout, uniform_tile_length_is_the_smallest_power_of_two) {
  for (const Index max_tiles : {Index{1}, Index{3}, Index{64}, Index{16384}})
    for (const Index rows :
         {Index{0}, Index{1}, Index{2}, Index{3}, Index{4}, Index{63}, Index{64}, Index{65},
          Index{16384}, Index{16385}, Index{1000003}, Index{4000000000000000003}}) {
      const Layout layout = Layout::uniform(rows, 7, max_tiles);
      const Index length = layout.tile_rows();
      EXPECT_EQ(length & (length - 1), 0);
      EXPECT_EQ(layout.tiles(), rows / length + (rows % length != 0)) << rows;
      EXPECT_LE(layout.tiles(), max_tiles);
      if (length > 1) {
        EXPECT_GT(rows / (length / 2) + (rows % (length / 2) != 0), max_tiles);
      }
    }
}

TEST(Layout, uniform_does_not_depend_on_ranks_and_is_balanced) {
  for (const int ranks : {1, 2, 3, 7, 1000}) {
    const Layout layout = Layout::uniform(1234567, ranks);
    EXPECT_EQ(layout.tile_rows(), 128);
    const double mean = 1234567.0 / ranks;
    for (int rank = 0; rank < ranks; ++rank)
      EXPECT_LE(static_cast<double>(layout.rows_of(rank).size()), 1.11 * mean) << ranks;
  }
}

TEST(Layout, random_owners_are_a_partition) {
  std::mt19937_64 random(1);
  for (int trial = 0; trial < 300; ++trial) {
    const int ranks = 1 + trial % 12;
    const Layout layout = random_layout(random, ranks);
    Index row = 0;
    for (int rank = 0; rank < ranks; ++rank) {
      const RowRange mine = layout.rows_of(rank);
      ASSERT_EQ(mine.begin, row);
      row = mine.end;
      for (const Index probe : {mine.begin, mine.begin + mine.size() / 2, mine.end - 1}) {
        if (mine.is_empty()) continue;
        ASSERT_EQ(layout.owner_of_row(probe), rank);
        const Index tile = layout.tile_of_row(probe);
        ASSERT_LE(layout.tile_begin(tile), probe);
        ASSERT_GT(layout.tile_begin(tile + 1), probe);
        ASSERT_EQ(layout.owner_of_tile(tile), rank);
      }
    }
    ASSERT_EQ(row, layout.rows());
    ASSERT_EQ(layout.tile_begin(layout.tiles()), layout.rows());
  }
}

TEST(Layout, equality_is_about_boundaries_and_owners) {
  const Layout uniform = Layout::uniform(10, 2, 3);  // tiles of 4, 4, 2
  EXPECT_EQ(uniform, Layout::from_tiles({0, 4, 8, 10}, {0, 1, 3}));
  EXPECT_TRUE(Layout::from_tiles({0, 4, 8, 10}, {0, 1, 3}).is_uniform());
  EXPECT_EQ(Layout::from_tiles({0, 4, 8, 10}, {0, 1, 3}).tile_rows(), 4);
  EXPECT_NE(uniform, uniform.with_owners({0, 2, 3}));
  EXPECT_NE(uniform, Layout::from_tiles({0, 4, 7, 10}, {0, 1, 3}));
  EXPECT_NE(uniform, Layout::from_tiles({0, 4, 4, 8, 10}, {0, 1, 4}));
  EXPECT_EQ(uniform.with_owners({0, 2, 3}).rows_of(1), (RowRange{8, 10}));
  const Layout filtered = Layout::from_tiles({0, 0, 5, 5, 9}, {0, 2, 4});
  EXPECT_FALSE(filtered.is_uniform());
  EXPECT_EQ(filtered.tile_rows(), 3);
  EXPECT_EQ(filtered.tile_of_row(0), 1);
  EXPECT_EQ(filtered.tile_of_row(5), 3);
  EXPECT_EQ(filtered.rows_of(1), (RowRange{5, 9}));
}

TEST(Layout, wrong_arguments) {
  EXPECT_THROW((void)Layout::uniform(-1, 1), InvalidArgument);
  EXPECT_THROW((void)Layout::uniform(1, 0), InvalidArgument);
  EXPECT_THROW((void)Layout::uniform(1, 1, 0), InvalidArgument);
  EXPECT_THROW((void)Layout::from_tiles({}, {0, 0}), InvalidArgument);
  EXPECT_THROW((void)Layout::from_tiles({1, 2}, {0, 1}), InvalidArgument);
  EXPECT_THROW((void)Layout::from_tiles({0, 3, 2}, {0, 2}), InvalidArgument);
  EXPECT_THROW((void)Layout::from_tiles({0, 3}, {0, 2}), InvalidArgument);
  EXPECT_THROW((void)Layout::from_tiles({0, 3}, {0}), InvalidArgument);
  EXPECT_THROW((void)Layout::uniform(9, 2).with_owners({0, 9, 8, 9}), InvalidArgument);
}

TEST(Leaves, worked_example) {
  const Leaves leaves(Layout::uniform(1000000, 3), 8, 72);
  EXPECT_EQ(leaves.tiles_per_leaf(), 32);
  EXPECT_EQ(leaves.count(), 489);
  EXPECT_EQ(leaves.first_leaf(1), 163);
  EXPECT_EQ(leaves.rows_of(1), (RowRange{333824, 667648}));
  EXPECT_EQ(leaves.owner(162), 0);
}

// The figure of docs/reduction-tree.md.
TEST(Leaves, documented_figure) {
  const Layout layout = Layout::uniform(20, 3, 10);
  EXPECT_EQ(layout.tile_rows(), 2);
  EXPECT_EQ(layout.rows_of(0), (RowRange{0, 6}));
  EXPECT_EQ(layout.rows_of(1), (RowRange{6, 12}));
  EXPECT_EQ(layout.rows_of(2), (RowRange{12, 20}));
  const Leaves leaves = Leaves::of_tiles(layout, 2);
  EXPECT_EQ(leaves.count(), 5);
  const int owners[] = {0, 0, 1, 2, 2};
  for (Index leaf = 0; leaf < 5; ++leaf) EXPECT_EQ(leaves.owner(leaf), owners[leaf]);
  EXPECT_EQ(leaves.rows_of(0), (RowRange{0, 8}));
  EXPECT_EQ(leaves.rows_of(1), (RowRange{8, 12}));
}

TEST(Leaves, size_rule) {
  // tiles of 64 rows of 8 bytes: 512 bytes
  const Layout layout = Layout::uniform(1000000, 1);
  EXPECT_EQ(Leaves(layout, 8, 1).tiles_per_leaf(), 32);                 // 16 KiB
  EXPECT_EQ(Leaves(layout, 8, 1024).tiles_per_leaf(), 32);              // 16 x 1 KiB
  EXPECT_EQ(Leaves(layout, 8, 1025).tiles_per_leaf(), 64);              // just more
  EXPECT_EQ(Leaves(layout, 8, (1 << 20) - 1).tiles_per_leaf(), 16384);  // capped: all tiles
  EXPECT_EQ(Leaves(layout, 8, 1 << 20).tiles_per_leaf(), 2048);         // 1 MiB
  EXPECT_EQ(Leaves(layout, 100000, 8).tiles_per_leaf(), 1);
  EXPECT_EQ(Leaves(layout, 0, 8).count(), 1);
  EXPECT_THROW((void)Leaves(layout, -1, 8), InvalidArgument);
  EXPECT_THROW((void)Leaves::of_tiles(layout, 3), InvalidArgument);
}

TEST(Leaves, same_for_every_number_of_ranks) {
  for (const Index rows : {Index{0}, Index{1}, Index{5}, Index{70000}}) {
    const Leaves one(Layout::uniform(rows, 1, 64), 24, 100);
    for (const int ranks : {2, 3, 8, 100}) {
      const Leaves many(Layout::uniform(rows, ranks, 64), 24, 100);
      ASSERT_EQ(many.count(), one.count());
      for (Index leaf = 0; leaf <= one.count(); ++leaf)
        ASSERT_EQ(many.row_begin(leaf), one.row_begin(leaf));
    }
  }
}

TEST(Leaves, random_layouts_are_partitioned) {
  std::mt19937_64 random(2);
  for (int trial = 0; trial < 300; ++trial) {
    const int ranks = 1 + trial % 12;
    const Layout layout = random_layout(random, ranks);
    const Index payloads[] = {8, 72, 5000, 2000000};
    const Leaves leaves(layout, 8 * (1 + trial % 40), payloads[trial % 4]);
    Index row = 0;
    Index leaf = 0;
    for (int rank = 0; rank < ranks; ++rank) {
      ASSERT_EQ(leaves.first_leaf(rank), leaf);
      ASSERT_EQ(leaves.rows_of(rank).begin, row);
      for (; leaf < leaves.first_leaf(rank + 1); ++leaf) {
        ASSERT_EQ(leaves.owner(leaf), rank);
        ASSERT_EQ(layout.owner_of_tile(leaf * leaves.tiles_per_leaf()), rank);
      }
      row = leaves.rows_of(rank).end;
    }
    ASSERT_EQ(leaf, leaves.count());
    ASSERT_EQ(row, layout.rows());
    const Leaves single = Leaves::single_tiles(layout);
    for (int rank = 0; rank < ranks; ++rank) {
      if (layout.rows() > 0) {
        ASSERT_EQ(single.rows_of(rank), layout.rows_of(rank));
      }
    }
  }
}

void check_plan(const Leaves& leaves, Index row_bytes, Index bytes, bool is_last_leaf_alone) {
  const Layout& layout = leaves.layout();
  std::size_t batches = 0;
  for (int rank = 0; rank < layout.ranks(); ++rank) {
    const ReadPlan plan = plan_batches(leaves, row_bytes, bytes, rank, is_last_leaf_alone);
    if (rank == 0) batches = plan.batches.size();
    ASSERT_EQ(plan.batches.size(), batches);
    ASSERT_EQ(plan.first_leaves.size(), batches + 1);
    ASSERT_EQ(plan.tiles_per_leaf, leaves.tiles_per_leaf());
    ASSERT_EQ(plan.first_leaves.front(), leaves.first_leaf(rank));
    ASSERT_EQ(plan.first_leaves.back(), leaves.first_leaf(rank + 1));
    for (std::size_t i = 0; i < batches; ++i) {
      const Index first = plan.first_leaves[i];
      const Index last = plan.first_leaves[i + 1];
      ASSERT_LE(first, last);
      ASSERT_EQ(plan.batches[i], (RowRange{leaves.row_begin(first), leaves.row_begin(last)}));
      if (last - first > 1) {
        ASSERT_LE(plan.batches[i].size() * row_bytes, bytes);
      }
      if (is_last_leaf_alone && plan.batches[i].end > layout.rows_of(rank).end) {
        if (!plan.batches[i].is_empty()) {
          ASSERT_EQ(i + 1, batches);
          ASSERT_EQ(last - first, 1);
        }
      }
    }
  }
}

TEST(Plan, random_layouts) {
  std::mt19937_64 random(3);
  for (int trial = 0; trial < 400; ++trial) {
    const Layout layout = random_layout(random, 1 + trial % 12);
    const Index row_bytes = 8 * (1 + trial % 40);
    const Index payloads[] = {8, 5000, 2000000};
    const Leaves leaves = trial % 5 == 0 ? Leaves::single_tiles(layout)
                                         : Leaves(layout, row_bytes, payloads[trial % 3]);
    for (const Index bytes : {Index{1}, Index{20000}, Index{1} << 20})
      for (const bool is_alone : {false, true}) check_plan(leaves, row_bytes, bytes, is_alone);
  }
}

TEST(Plan, no_rows_has_no_batches_and_thousands_of_ranks_are_planned) {
  EXPECT_TRUE(plan_batches(Leaves(Layout::uniform(0, 3), 8, 8), 8, 1000, 1).batches.empty());
  const Leaves leaves(Layout::uniform(50000000, 4000), 8, 8);
  check_plan(Leaves(Layout::uniform(3, 40), 8, 8), 8, 1000, true);
  const ReadPlan plan = plan_batches(leaves, 8, 1 << 20, 3999);
  EXPECT_EQ(plan.batches.size(), 1u);
  EXPECT_EQ(plan.batches[0].end, 50000000);
}

}  // namespace
}  // namespace serried
