#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "array/shape/box_copy.hpp"

namespace serried {

/// What of a box goes from one rank to another: a strided copy between their memories, which both
/// of them know. Axes stand in the order of the source's memory, merged; in a message the elements
/// stand in this order too, and those of axes that stand still in the source (step 0) once.
struct Piece {
  std::vector<CopyAxis> axes;
  std::int64_t to = 0;    ///< offset in the target's part, bytes
  std::int64_t from = 0;  ///< offset in the source's part

  /// Of a message with it; with `has_repeats` of what it becomes in the result.
  [[nodiscard]] std::int64_t bytes(std::int64_t item_bytes, bool has_repeats = false) const;
  /// Whether it is one run of bytes on both sides.
  [[nodiscard]] bool is_run(std::int64_t item_bytes) const;
  /// Whether the axis of the shortest steps is not the same on both sides.
  [[nodiscard]] bool is_turned() const;
  /// Between the source and a message.
  [[nodiscard]] std::vector<CopyAxis> packing(std::int64_t item_bytes) const;
  /// Between a message and the result.
  [[nodiscard]] std::vector<CopyAxis> unpacking(std::int64_t item_bytes) const;
};

/// Nothing where the ranks have none of it. Local.
[[nodiscard]] std::optional<Piece> piece_between(const Box& box, const Place& from, int source,
                                                 const Place& to, int target,
                                                 std::int64_t item_bytes);

/// A piece cut into chunks, by halving its longest axis until they are small enough: so that
/// chunks have long runs on both sides. A function of the piece alone. Local.
class Chunks {
 public:
  Chunks(Piece piece, std::int64_t item_bytes, std::int64_t most_bytes, bool has_repeats = false);
  [[nodiscard]] std::int64_t count() const noexcept { return count_; }
  [[nodiscard]] Piece operator[](std::int64_t index) const;

 private:
  Piece piece_;
  std::vector<std::int64_t> extents_;  ///< of a chunk, by axis
  std::int64_t count_ = 1;
};

}  // namespace serried
