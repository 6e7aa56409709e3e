// serial
// The runs that hold whole chunks, against the chunk of each element.
#include "io/write_slabs.hpp"

#include <gtest/gtest.h>

#include <map>

namespace serried {
namespace {

using Chunk = std::vector<std::int64_t>;

/// The chunk that an element lies in.
Chunk chunk_of(const Shape& shape, const Chunk& chunks, std::int64_t element) {
  Chunk place(chunks.size());
  for (std::size_t axis = chunks.size(); axis-- > 0;) {
    const std::int64_t extent = shape[static_cast<int>(axis)];
    place[axis] = element % extent / chunks[axis];
    element /= extent;
  }
  return place;
}

TEST(WriteSlabs, hold_whole_chunks) {
  const std::vector<std::pair<Shape, Chunk>> cases{{{17}, {5}},
                                                   {{17}, {1}},
                                                   {{17}, {17}},
                                                   {{6, 7}, {1, 7}},
                                                   {{6, 7}, {1, 3}},
                                                   {{6, 7}, {4, 7}},
                                                   {{6, 7}, {4, 2}},
                                                   {{4, 7, 5}, {1, 3, 2}},
                                                   {{4, 7, 5}, {3, 7, 5}},
                                                   {{4, 7, 5}, {1, 1, 1}},
                                                   {{1, 1, 5}, {1, 1, 2}}};
  for (const auto& [shape, chunks] : cases) {
    const WriteSlabs slabs(shape, chunks);
    std::map<Chunk, std::int64_t> begins;
    std::int64_t end = 0;
    for (std::int64_t i = 0; i < shape.elements(); ++i) {
      const RowRange slab = slabs.slab_of(i);
      ASSERT_TRUE(slab.contains(i)) << shape.to_string() << ' ' << i;
      EXPECT_EQ(slabs.last_begin(i), slab.begin);
      EXPECT_LE(slab.size(), slabs.longest());
      if (i == end) {
        EXPECT_EQ(slab.begin, end);
        end = slab.end;
      }
      const auto [known, is_new] = begins.emplace(chunk_of(shape, chunks, i), slab.begin);
      EXPECT_EQ(known->second, slab.begin) << "one chunk, one slab";
    }
    EXPECT_EQ(end, shape.elements());
    EXPECT_EQ(slabs.last_begin(end), end);
  }
}

TEST(WriteSlabs, are_elements_without_chunks) {
  const WriteSlabs slabs(Shape{3, 4}, {});
  EXPECT_EQ(slabs.slab_of(7), (RowRange{7, 8}));
  EXPECT_EQ(slabs.longest(), 1);
  EXPECT_EQ(WriteSlabs(Shape{0, 4}, {}).last_begin(0), 0);
}

TEST(WriteSlabs, as_in_the_example) {
  const WriteSlabs thin(Shape{4, 7, 5}, {1, 3, 2});
  EXPECT_EQ(thin.slab_of(35 + 14), (RowRange{35, 50}));
  EXPECT_EQ(thin.slab_of(35 + 34), (RowRange{65, 70}));
  EXPECT_EQ(WriteSlabs(Shape{4, 7, 5}, {3, 7, 5}).slab_of(139), (RowRange{105, 140}));
}

}  // namespace
}  // namespace serried
