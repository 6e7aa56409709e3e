// ranks: 1 2 3 4 5 7 8
// The fixed tree over random layouts: the same bits as a serial evaluation of the tree, whoever
// owns what, with small payloads and large ones, sliced and whole.
#include <algorithm>
#include <cstring>
#include <random>
#include <vector>

#include "serried/base/philox.hpp"
#include "serried/base/tree_nodes.hpp"
#include "serried/comm/reduction_tree.hpp"
#include "support/spmd.hpp"

namespace serried {
namespace {

using Index = std::int64_t;
using Values = std::vector<double>;

// Neither associative nor commutative, so that every other order of combining gives other bits.
void combine_values(double* left, const double* right, Index count) {
  for (Index i = 0; i < count; ++i) left[i] = 0.75 * left[i] - 1.1 * right[i] + 0.1;
}

Values leaf_values(Index leaf, Index count) {
  Values values(static_cast<std::size_t>(count));
  for (Index i = 0; i < count; ++i)
    values[static_cast<std::size_t>(i)] = to_unit_interval(
        philox_words(7, static_cast<std::uint64_t>(leaf), static_cast<std::uint64_t>(i))[0]);
  return values;
}

// Valid until the end of the full expression.
const std::byte* as_payload(const Values& values) {
  return std::as_bytes(std::span<const double>(values)).data();
}

// The tree as its definition says, over all leaves, in one process.
Values evaluate_tree(int level, Index index, Index leaves, Index count) {
  if (level == 0) return leaf_values(index, count);
  Values left = evaluate_tree(level - 1, 2 * index, leaves, count);
  if (((2 * index + 1) << (level - 1)) < leaves)
    combine_values(left.data(), evaluate_tree(level - 1, 2 * index + 1, leaves, count).data(),
                   count);
  return left;
}

Values expected_root(Index leaves, Index count) {
  int level = 0;
  while ((Index{1} << level) < leaves) ++level;
  return evaluate_tree(level, 0, leaves, count);
}

CombineFunction combine_of(Index count) {
  return [count](std::byte* left, const std::byte* right) {
    combine_values(reinterpret_cast<double*>(left), reinterpret_cast<const double*>(right), count);
  };
}

TreeReduceOptions sliced_from(Index bytes) {
  TreeReduceOptions options;
  options.item_bytes = sizeof(double);
  options.combine_items = [](std::byte* left, const std::byte* right, Index items) {
    combine_values(reinterpret_cast<double*>(left), reinterpret_cast<const double*>(right), items);
  };
  options.slice_threshold_bytes = bytes;
  return options;
}

Values reduce(const Communicator& comm, const Leaves& leaves, Index count,
              const TreeReduceOptions& options = {}) {
  TreeFold fold(count * 8, combine_of(count));
  for (Index leaf = leaves.first_leaf(comm.rank()); leaf < leaves.first_leaf(comm.rank() + 1);
       ++leaf)
    fold.push(leaf, as_payload(leaf_values(leaf, count)));
  const Values empty(static_cast<std::size_t>(count), -1);
  const auto bytes = tree_reduce(comm, leaves, fold.release(), std::as_bytes(std::span(empty)),
                                 combine_of(count), options);
  Values values(static_cast<std::size_t>(count));
  EXPECT_EQ(bytes.size(), values.size() * 8);
  std::memcpy(values.data(), bytes.data(), bytes.size());
  return values;
}

bool is_same_bits(const Values& a, const Values& b) {
  return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size() * 8) == 0;
}

// The same random tiles at every number of ranks, with random owners.
Layout random_layout(int seed, int ranks) {
  std::mt19937_64 random(static_cast<std::uint64_t>(seed));
  const auto draw = [&](Index below) {
    return static_cast<Index>(random() % static_cast<std::uint64_t>(below));
  };
  std::vector<Index> begins{0};
  const Index tiles = draw(80);
  for (Index tile = 0; tile < tiles; ++tile)
    begins.push_back(begins.back() + (draw(3) == 0 ? 0 : draw(900)));
  std::vector<Index> owners{0, tiles};
  for (int rank = 1; rank < ranks; ++rank) owners.push_back(draw(tiles + 1));
  std::ranges::sort(owners);
  return Layout::from_tiles(begins, owners);
}

TEST(TreeFold, keeps_the_maximal_nodes) {
  TreeFold fold(8, combine_of(1));
  for (Index leaf = 3; leaf < 7; ++leaf) fold.push(leaf, as_payload(leaf_values(leaf, 1)));
  const auto nodes = fold.release();
  ASSERT_EQ(nodes.size(), 3u);
  const std::pair<int, Index> expected[] = {{0, 3}, {1, 2}, {0, 6}};
  for (std::size_t i = 0; i < 3; ++i) {
    EXPECT_EQ(nodes[i].level, expected[i].first);
    EXPECT_EQ(nodes[i].index, expected[i].second);
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(nodes[i].payload.data()) % 16, 0u);
    double value = 0;
    std::memcpy(&value, nodes[i].payload.data(), 8);
    EXPECT_EQ(value, evaluate_tree(nodes[i].level, nodes[i].index, 100, 1)[0]);
  }
  EXPECT_TRUE(fold.nodes().empty());
  fold.push(40, as_payload(leaf_values(40, 1)));  // usable again
  EXPECT_THROW(fold.push(42, as_payload(leaf_values(42, 1))), InvalidArgument);
}

// However the leaves are cut into nodes, what is held afterwards is the same.
TEST(TreeFold, nodes_stand_for_their_leaves) {
  std::mt19937_64 random(5);
  for (int trial = 0; trial < 200; ++trial) {
    const auto first = static_cast<Index>(random() % 70);
    const Index last = first + static_cast<Index>(random() % 150);
    TreeFold by_leaf(16, combine_of(2));
    for (Index leaf = first; leaf < last; ++leaf)
      by_leaf.push(leaf, as_payload(leaf_values(leaf, 2)));
    TreeFold by_node(16, combine_of(2));
    for (Index begin = first; begin < last;) {
      const Index end = std::min(last, begin + 1 + static_cast<Index>(random() % 40));
      for (const TreeNode& node : maximal_nodes(begin, end, static_cast<int>(random() % 6)))
        by_node.push_node(node.level, node.index,
                          as_payload(evaluate_tree(node.level, node.index, last, 2)));
      begin = end;
    }
    ASSERT_EQ(by_node.nodes().size(), by_leaf.nodes().size());
    const auto expected = maximal_nodes(first, last);
    ASSERT_EQ(by_leaf.nodes().size(), expected.size());
    for (std::size_t i = 0; i < expected.size(); ++i) {
      const TreeFold::Node& node = by_node.nodes()[i];
      EXPECT_EQ((TreeNode{node.level, node.index}), expected[i]);
      EXPECT_EQ(node.level, by_leaf.nodes()[i].level);
      EXPECT_EQ(node.index, by_leaf.nodes()[i].index);
      EXPECT_EQ(node.payload, by_leaf.nodes()[i].payload);
    }
  }
}

TEST(TreeFold, nodes_come_in_the_order_of_their_leaves) {
  const Values value{1};
  TreeFold fold(8, combine_of(1));
  EXPECT_THROW(fold.push_node(-1, 0, as_payload(value)), InvalidArgument);
  EXPECT_THROW(fold.push_node(62, 0, as_payload(value)), InvalidArgument);
  EXPECT_THROW(fold.push_node(61, 2, as_payload(value)), InvalidArgument);
  EXPECT_THROW(fold.push_node(0, -1, as_payload(value)), InvalidArgument);
  fold.push_node(3, 5, as_payload(value));  // leaves 40 to 47
  EXPECT_THROW(fold.push_node(3, 7, as_payload(value)), InvalidArgument);
  EXPECT_THROW(fold.push_node(3, 5, as_payload(value)), InvalidArgument);
  EXPECT_THROW(fold.push(47, as_payload(value)), InvalidArgument);
  fold.push(48, as_payload(value));
  fold.push_node(0, 49, as_payload(value));
  EXPECT_EQ(fold.nodes().size(), 2u);
}

TEST(TreeNodes, worked_example) {
  EXPECT_EQ(maximal_nodes(3, 12), (std::vector<TreeNode>{{0, 3}, {2, 1}, {2, 2}}));
  EXPECT_EQ(maximal_nodes(3, 12, 1),
            (std::vector<TreeNode>{{0, 3}, {1, 2}, {1, 3}, {1, 4}, {1, 5}}));
  EXPECT_EQ(maximal_nodes(0, 7), (std::vector<TreeNode>{{2, 0}, {1, 2}, {0, 6}}));
  EXPECT_TRUE(maximal_nodes(5, 5).empty());
}

TEST(TreeFold, few_nodes_are_alive) {
  TreeFold fold(8, combine_of(1));
  for (Index leaf = 1; leaf < 5000; ++leaf) {
    fold.push(leaf, as_payload(leaf_values(leaf, 1)));
    ASSERT_LE(fold.nodes().size(), 26u);
  }
}

TEST(TreeReduce, uniform_layouts_have_the_bits_of_the_serial_tree) {
  const Context ctx = test::context();
  for (const Index max_tiles : {Index{3}, Index{64}, Index{16384}})
    for (const Index rows : {Index{0}, Index{1}, Index{2}, Index{3}, Index{7}, Index{64}, Index{65},
                             Index{1000}, Index{700001}}) {
      const Leaves leaves(Layout::uniform(rows, ctx.size(), max_tiles), 512, 8);
      const Values expected = rows == 0 ? Values{-1} : expected_root(leaves.count(), 1);
      EXPECT_TRUE(is_same_bits(reduce(ctx.comm(), leaves, 1), expected))
          << rows << ' ' << max_tiles;
    }
}

TEST(TreeReduce, random_layouts_sliced_or_not) {
  const Context ctx = test::context();
  for (int seed = 0; seed < 60; ++seed) {
    const Layout layout = random_layout(seed, ctx.size());
    const Index count = 1 + seed % 9;
    const Leaves leaves =
        seed % 2 == 0 ? Leaves::single_tiles(layout) : Leaves(layout, 16, 8 * count);
    const Values expected = leaves.count() == 0 ? Values(static_cast<std::size_t>(count), -1)
                                                : expected_root(leaves.count(), count);
    EXPECT_TRUE(is_same_bits(reduce(ctx.comm(), leaves, count), expected)) << seed;
    EXPECT_TRUE(is_same_bits(reduce(ctx.comm(), leaves, count, sliced_from(0)), expected)) << seed;
  }
}

TEST(TreeReduce, payload_of_a_thousand_tiles) {
  const Context ctx = test::context();
  // tiles of 64 rows of 16 bytes, 1 KiB; a payload of 1 000 KiB, once below and once above 1 MiB
  for (const Index count : {Index{128000}, Index{140000}}) {
    const Leaves leaves(Layout::uniform(1000003, ctx.size()), 16, 8 * count);
    ASSERT_GE(leaves.count(), 1);
    const Values expected = expected_root(leaves.count(), count);
    EXPECT_TRUE(is_same_bits(reduce(ctx.comm(), leaves, count, sliced_from(1 << 20)), expected));
    EXPECT_TRUE(is_same_bits(reduce(ctx.comm(), leaves, count), expected));
  }
  const Leaves forced = Leaves::of_tiles(Layout::uniform(37, ctx.size()), 1);
  EXPECT_TRUE(is_same_bits(reduce(ctx.comm(), forced, 131072, sliced_from(1 << 20)),
                           expected_root(37, 131072)));
}

TEST(TreeReduce, parts_of_the_job_give_the_same_bits) {
  const Context ctx = test::context();
  for (const int colors : {1, 2, 3}) {
    const auto part = ctx.comm().split(ctx.rank() % colors, ctx.rank());
    const Leaves leaves(Layout::uniform(12345, part->size(), 64), 512, 24);
    EXPECT_TRUE(is_same_bits(reduce(*part, leaves, 3), expected_root(leaves.count(), 3)));
  }
}

TEST(TreeReduce, combine_that_throws_on_one_rank_is_an_error_on_all) {
  const Context ctx = test::context();
  const Leaves leaves = Leaves::single_tiles(Layout::uniform(64, ctx.size()));
  for (int bad_rank = 0; bad_rank < ctx.size(); ++bad_rank)
    for (const bool is_sliced : {false, true}) {
      TreeFold fold(8, combine_of(1));
      for (Index leaf = leaves.first_leaf(ctx.rank()); leaf < leaves.first_leaf(ctx.rank() + 1);
           ++leaf)
        fold.push(leaf, as_payload(leaf_values(leaf, 1)));
      const int root_owner = 0;
      const auto fails = [&] { return ctx.rank() == bad_rank; };
      TreeReduceOptions options = sliced_from(is_sliced ? 0 : 1 << 20);
      options.combine_items = [&](std::byte*, const std::byte*, Index) {
        if (fails()) throw DataError("combine failed");
      };
      const double empty = 0;
      const auto run = [&] {
        return tree_reduce(
            ctx.comm(), leaves, fold.release(), std::as_bytes(std::span(&empty, 1)),
            [&](std::byte*, const std::byte*) {
              if (fails()) throw DataError("combine failed");
            },
            options);
      };
      // with one rank there is nothing left to combine; of several, the owner of leaf 0 always
      // combines, and with slices of one item only the last rank has an item
      const bool is_thrown =
          ctx.size() > 1 && (is_sliced ? bad_rank == ctx.size() - 1 : bad_rank == root_owner);
      if (is_thrown) {
        EXPECT_THROW((void)run(), RankError);
      } else if (is_sliced || ctx.size() == 1) {
        EXPECT_NO_THROW((void)run());
      } else {
        try {  // whether this rank combines depends on where its leaves lie; all ranks must agree
          (void)run();
        } catch (const RankError& error) {
          EXPECT_EQ(error.rank(), bad_rank);
        }
      }
    }
  EXPECT_EQ(ctx.comm().allreduce(1, ReduceOp::sum), ctx.size());
}

TEST(TreeReduce, wrong_arguments) {
  const Context ctx = test::context();
  const Leaves leaves = Leaves::single_tiles(Layout::uniform(8, ctx.size() + 1));
  const double empty = 0;
  EXPECT_THROW(
      (void)tree_reduce(ctx.comm(), leaves, {}, std::as_bytes(std::span(&empty, 1)), combine_of(1)),
      InvalidArgument);
  const Leaves right = Leaves::single_tiles(Layout::uniform(800, ctx.size()));
  EXPECT_THROW(
      (void)tree_reduce(ctx.comm(), right, {}, std::as_bytes(std::span(&empty, 1)), combine_of(1)),
      InvalidArgument);
}

}  // namespace
}  // namespace serried
