#pragma once

#include <atomic>
#include <cstddef>
#include <exception>
#include <memory>
#include <string>
#include <vector>

#include "io/element_boxes.hpp"
#include "io/file_space.hpp"
#include "io/hdf5/handle.hpp"
#include "io/write_slabs.hpp"
#include "serried/context.hpp"
#include "serried/io/rows_writer.hpp"

namespace serried {

/// An open dataset and what is to come into it.
struct RowsTarget {
  hdf5::DatasetId id;
  Shape shape;  ///< in the file
  DType dtype = DType::f64;
  WriteSlabs slabs;
  std::int64_t slab_bytes = 0;  ///< the most that one takes when it is written; 0: it has them
  std::shared_ptr<const FileSpace> space;
  std::int64_t rows = 0;
  std::int64_t row_elements = 0;
  std::string name;  ///< "the dataset X in FILE"
  std::shared_ptr<std::int64_t> unfinished;
};

/// How many bytes of a rank should come between two calls of advance.
[[nodiscard]] std::int64_t bytes_between_rounds(const WriteSlabs& slabs,
                                                std::int64_t element_bytes);

struct RowsWriter::Impl {
  /// Collective.
  Impl(const Context& context, RowsTarget of);
  ~Impl();
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;

  void append(RowRange rows, std::span<const std::byte> bytes) noexcept;
  /// Collective.
  void advance();
  /// Collective.
  void finish();

  /// Whom this rank's first rows, which end a slab of another rank's, go to, and from whom rows
  /// come that end its last one.
  struct Pieces {
    int to = -1;
    std::vector<std::pair<int, std::int64_t>> from;  ///< ranks, ascending, and bytes
  };

  void take(RowRange rows, std::span<const std::byte> bytes);
  /// Puts what is complete where a round takes it from. Local.
  void prepare_round();
  /// Sets aside what the round may take. Collective.
  void require_space();
  /// Writes what was prepared. Collective.
  void write_round(Activity activity);
  /// Returns when no round is running on the I/O thread. Local.
  void wait();
  /// As wait, and throws what the round threw, alike on all ranks.
  void end_round();
  /// Collective.
  [[nodiscard]] Pieces plan_pieces() const;
  void exchange_pieces(const Pieces& pieces);
  [[nodiscard]] std::int64_t row_bytes() const noexcept {
    return target.row_elements * element_bytes;
  }

  Context ctx;
  Communicator comm;  ///< of the rounds
  RowsTarget target;
  std::int64_t element_bytes;
  bool is_beside;  ///< rounds run on the I/O thread

  RowRange rows{-1, -1};          ///< that have come
  std::int64_t head_end = 0;      ///< where the first slab that begins on this rank does
  std::vector<std::byte> head;    ///< elements before, for the rank that has the slab's first
  std::vector<std::byte> coming;  ///< elements from `coming_begin` on
  std::int64_t coming_begin = 0;
  std::exception_ptr failure;  ///< of this rank alone, until the ranks agree on it

  std::vector<std::byte> going;   ///< what a round writes
  std::vector<ElementBox> boxes;  ///< and where
  std::int64_t going_slabs = 0;
  std::exception_ptr round_failure;
  std::atomic<bool> is_running = false;
};

}  // namespace serried
