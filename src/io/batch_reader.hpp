#pragma once

#include <cstddef>
#include <cstdint>
#include <exception>
#include <optional>
#include <string>
#include <vector>

#include "io/chunk_exchange.hpp"
#include "io/row_reader.hpp"
#include "serried/comm/tile_source.hpp"
#include "serried/context.hpp"

namespace serried {

/// Reads a Dataset's batches: from the rows that it holds in memory, from what the I/O thread has
/// read ahead, or from the files. Failures of one rank are kept until the ranks agree on them.
class BatchReader {
 public:
  /// The vectors and the layout must outlive the reader, and stay where they are. Collective.
  BatchReader(const Context& ctx, const std::vector<PartMeta>& parts,
              const std::vector<PartGeometry>& geometry, const Layout& layout,
              std::int64_t row_elements, DType dtype, const std::string& name);
  ~BatchReader();
  BatchReader(const BatchReader&) = delete;
  BatchReader& operator=(const BatchReader&) = delete;

  /// Opens what this rank's first row needs, to find out early that it cannot be.
  /// Collective. @throws RankError (kind io).
  void try_open();
  /// As Dataset::read.
  [[nodiscard]] TileView read(const ReadPlan& plan, std::int64_t batch, Buffer& scratch);
  /// As Dataset::prefetch.
  void prefetch(const ReadPlan& plan, std::int64_t batch);
  /// Reads all of this rank's rows.
  /// Collective. @throws RankError.
  [[nodiscard]] Buffer read_all();
  /// As Dataset::hold.
  void hold(std::int64_t bytes);

  /// Batches of fewer bytes would read the files again and again.
  [[nodiscard]] std::int64_t least_batch_bytes() const noexcept {
    return is_sharing_ ? sharing_batch_bytes_ : reader_.least_batch_bytes();
  }
  /// Whether each batch is read by all ranks together, as chunks hold rows of many of them: then
  /// the fewest batches are best.
  [[nodiscard]] bool is_sharing() const noexcept { return is_sharing_; }
  void set_sharing_batch_bytes(std::int64_t bytes) noexcept { sharing_batch_bytes_ = bytes; }

  /// As Dataset::reading_bytes, where a rank may allocate so much.
  [[nodiscard]] std::int64_t reading_bytes(std::int64_t memory_bytes) const;

 private:
  /// A batch that the I/O thread reads, or has read.
  struct Ahead {
    std::int64_t tiles_per_leaf = 0;
    std::int64_t batch_bytes = 0;
    std::int64_t batch = 0;
    Buffer buffer;
    std::exception_ptr failure;
  };

  /// Rows at both ends of a rank's that share chunks with those of other ranks.
  struct Edges {
    WantedRows rows;
    Buffer values;
  };
  /// What reading has taken so far on this rank.
  struct Work {
    std::int64_t decompressions = 0;
    double file_s = 0;  ///< in HDF5, beside the computation or not
  };
  /// What is the same for all batches of a plan.
  struct PlanState {
    std::int64_t tiles_per_leaf = 0;
    std::int64_t batch_bytes = 0;
    std::vector<std::uint8_t> held;  ///< by batch: it lies in memory, on all ranks if need be
    std::vector<ReadPlan> all;       ///< of each rank, where all read together
    Edges edges;
    std::int64_t passes = 0;
    Work before;  ///< before the pass
  };

  [[nodiscard]] bool is_collective() const;
  [[nodiscard]] bool has_slabs_of_many_ranks() const;
  [[nodiscard]] Work work_so_far() const;
  void tell_decompressions(const char* what, const Work& before);
  [[nodiscard]] bool is_reading_ahead() const;
  template <class F>
  void attempt(F&& work);
  void settle();
  void reserve(const ReadPlan& plan, std::int64_t batch, Buffer& buffer);
  void begin_plan(const ReadPlan& plan);
  void end_pass();
  [[nodiscard]] bool take_ahead(const ReadPlan& plan, std::int64_t batch, Buffer& scratch);
  void drop_ahead() noexcept;

  [[nodiscard]] RowRange held_rows_of(int rank) const;
  [[nodiscard]] WantedRows edges_of(RowRange rows) const;
  [[nodiscard]] Edges exchange_edges(const std::vector<RowRange>& rows);
  void exchange(const std::vector<WantedRows>& wanted, std::byte* to);
  template <class F>
  void fill_from_edges(const Edges& edges, RowRange rows, std::byte* to, F&& read_rest) const;
  void read_here(RowRange rows, const Edges& edges, std::byte* to);
  void read_together(RowRange rows, const Edges& edges, std::byte* to);
  void read_rows(const std::vector<RowRange>& rows, Buffer& to);
  void read_shared(std::int64_t batch, std::byte* to);

  Context ctx_;
  Context file_ctx_;  ///< with a communicator of its own for collective reads
  const Layout& layout_;
  std::int64_t row_elements_;
  DType dtype_;
  std::int64_t row_bytes_;
  const std::string& name_;
  const std::vector<PartMeta>& parts_;
  const std::vector<PartGeometry>& geometry_;
  RowReader reader_;
  RowReader block_reader_;  ///< of exchanges; independent in both modes
  bool is_filtered_;
  bool has_lags_;  ///< ranks need the same chunks for rows of which only some are at their ends
  std::int64_t chunks_ = 0;  ///< that are compressed; 0: not counted yet
  bool is_sharing_;
  std::int64_t sharing_batch_bytes_;
  std::exception_ptr failure_;
  std::optional<Ahead> ahead_;
  double seconds_per_byte_ = 0;  ///< of this rank's reads, the last ones counting most
  Buffer spare_;                 ///< memory for the next batch ahead
  PlanState plan_;
  Buffer held_;
  RowRange held_rows_;
  std::int64_t hold_bytes_ = 0;
};

}  // namespace serried
