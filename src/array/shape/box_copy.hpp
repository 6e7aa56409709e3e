#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "array/strided_copy.hpp"
#include "serried/context.hpp"

namespace serried {

/// Where the elements of an array lie: on which rank, and where in its memory.
struct Place {
  const std::byte* data = nullptr;    ///< this rank's part
  std::vector<std::int64_t> strides;  ///< bytes from one index to the next, by axis
  int split_axis = 0;
  /// Rank r has the indices [cuts[r], cuts[r + 1]) of the split axis. Empty: every rank has all.
  std::vector<std::int64_t> cuts;
};

/// One loop of a Box: `count` indices in steps along one axis of the result, and one of the source.
struct BoxLoop {
  std::int64_t count = 0;
  int to_axis = 0;
  std::int64_t to_step = 1;
  int from_axis = -1;          ///< -1: the same elements again and again
  std::int64_t from_step = 1;  ///< may be negative
};

/// Elements of a result that come from one source: those that loops within each other go through.
/// Axes without a loop have one index, that of the origin. The split axis of either side has one
/// loop at most; other axes may have several, with which two axes take the place of one.
///
/// Worked example: x[10:2:-3] of a series is {.loops = {{3, 0, 1, 0, -3}}, .to_origin = {0},
/// .from_origin = {10}}: result 0, 1, 2 from 10, 7, 4.
struct Box {
  std::size_t source = 0;  ///< its number
  std::vector<BoxLoop> loops;
  std::vector<std::int64_t> to_origin;    ///< by axis of the result
  std::vector<std::int64_t> from_origin;  ///< by axis of the source
};

/// Copies boxes, which overlap nowhere in the result. Every rank knows by calculation alone which
/// elements lie where and go where. Ranks exchange them in pairs, one after the other, in messages
/// that are packed while the one before is under way. All threads copy. Collective.
/// Communication: each element once to each other rank that needs it. Memory: 4 MiB.
/// @param result this rank's part of the result, which lies as `to` says.
/// @throws RankError if memory is short on a rank.
void copy_boxes(const Context& ctx, std::int64_t item_bytes, std::byte* result, const Place& to,
                std::span<const Place> from, std::span<const Box> boxes);
/// What of this lies on this rank already. Local.
void copy_boxes_here(const Context& ctx, std::int64_t item_bytes, std::byte* result,
                     const Place& to, std::span<const Place> from, std::span<const Box> boxes);

}  // namespace serried
