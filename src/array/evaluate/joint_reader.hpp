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
  using Use = std::function<void(const JointStep&)>;

  /// Local. @throws InvalidArgument unless all sources have the layout of the leaves, in host
  /// memory.
  /// @param batch_rows of files; 0: as many as the context's options hold.
  JointReader(const Context& ctx, std::vector<const TileSource*> sources, const Leaves& leaves,
              std::int64_t batch_rows = 0);
  /// The same for the plan of any rank.
  JointReader(const Context& ctx, std::vector<const TileSource*> sources, const Leaves& leaves,
              std::int64_t batch_rows, int rank);

  /// Calls `use` for all leaves of this rank, in order. Where it fails on a rank, that rank takes
  /// part in what is read together all the same, and all ranks throw at the end. Collective.
  /// @throws RankError.
  void read(const Use& use);

  // The same batch by batch.

  /// The batches of files; null where all sources lie in memory. Local.
  [[nodiscard]] const ReadPlan* file_plan() const noexcept;
  /// Rows of a batch, as they were settled. Local.
  [[nodiscard]] std::int64_t batch_rows() const noexcept { return batch_rows_; }
  /// What a row of all files together has. Local.
  [[nodiscard]] std::int64_t file_row_bytes() const noexcept;
  /// Reads what lies in memory. Collective.
  void begin();
  /// Reads a batch of the files. Collective.
  void read_files(std::int64_t batch);
  void prefetch_files(std::int64_t batch) const;
  /// Calls `use` for leaves that have been read. Local.
  void use_leaves(std::int64_t first_leaf, std::int64_t last_leaf, const Use& use) const;
  /// That all was read to host memory. Local. @throws InvalidArgument.
  void check_views() const;

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

  const Context& ctx_;
  Leaves leaves_;
  std::int64_t batch_rows_;
  int rank_;
  std::vector<Part> parts_;
};

}  // namespace serried
