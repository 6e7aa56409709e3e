#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "serried/array/array.hpp"
#include "serried/comm/leaves.hpp"
#include "serried/comm/tile_source.hpp"
#include "serried/context.hpp"

namespace serried {

/// Some rows of several sources.
struct JointStep {
  RowRange rows;
  std::int64_t first_leaf = 0;
  std::int64_t last_leaf = 0;              ///< one past
  std::span<const std::byte* const> data;  ///< of each source: its first row
};

/// Reads the same rows of several sources of one layout, leaf by leaf: arrays where they lie, files
/// in batches, one ahead.
class JointReader {
 public:
  /// Local. @throws InvalidArgument unless all sources have the layout of the leaves, in host
  /// memory.
  JointReader(const Context& ctx, std::vector<const TileSource*> sources, const Leaves& leaves);

  /// Calls `use` for all leaves of this rank, in order. Where it fails on a rank, that rank takes
  /// part in what is read together all the same, and all ranks throw at the end. Collective.
  /// @throws RankError.
  void read(const std::function<void(const JointStep&)>& use);

 private:
  struct Part {
    const TileSource* source = nullptr;
    bool is_in_memory = false;
    ReadPlan plan;
    std::vector<Buffer> scratch;  ///< of an array one for each batch, else one
    std::vector<TileView> views;  ///< of an array all batches, else the present one
    [[nodiscard]] const std::byte* find(RowRange rows) const;
    /// One past the last row that lies with `row` in one view.
    [[nodiscard]] std::int64_t end_of(std::int64_t row) const;
  };
  void plan_files();
  void use_rows(RowRange rows, std::int64_t first_leaf, std::int64_t last_leaf,
                const std::function<void(const JointStep&)>& use) const;

  const Context& ctx_;
  Leaves leaves_;
  std::vector<Part> parts_;
};

}  // namespace serried
