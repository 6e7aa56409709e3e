#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "ml/kmeans/rows.hpp"
#include "ml/kmeans/seeding.hpp"

namespace serried::kmeans {

/// This rank's rows of one batch, in row order.
struct Batch {
  KMeansRows rows;
  const double* weights = nullptr;  ///< null without weights
  std::span<const std::int64_t> numbers;
};

/// The batches of mini-batch k-means. In each epoch every row is in one of count() batches, drawn
/// for it at random, so that batches have `batch_rows` rows in the mean, look like the data however
/// its rows are sorted, and are spread evenly over the ranks. Which rows a batch has follows from
/// seed, epoch and global row numbers alone. Batches are loaded by runs, a read of the data for
/// each.
class Batches {
 public:
  /// Local.
  Batches(Rows& rows, std::int64_t batch_rows, const RunRandom& random);

  [[nodiscard]] std::int64_t count() const noexcept { return count_; }
  /// Holds the batches [first, last) of an epoch in memory, instead of those before.
  /// Collective.
  /// @throws RankError on all ranks if reading or allocating fails on one.
  void load(std::int64_t epoch, std::int64_t first, std::int64_t last);
  /// One of those that are loaded. Local.
  [[nodiscard]] Batch batch(std::int64_t number) const;

 private:
  void choose(std::int64_t epoch, std::int64_t first, std::int64_t last);
  void copy(const Unit& unit);

  Rows& rows_;
  const RunRandom& random_;
  std::int64_t count_;
  std::int64_t row_bytes_;
  std::int64_t first_ = 0;             ///< of the batches that are loaded
  std::vector<std::int64_t> offsets_;  ///< places of their rows: batch b has [b - first, + 1)
  /// By place: the row's global number, data and weight.
  std::vector<std::int64_t> numbers_;
  std::vector<std::byte> data_;
  std::vector<double> weights_;
  struct Chosen {
    std::int64_t row = 0;
    std::int64_t place = 0;
  };
  std::vector<Chosen> chosen_;  ///< by row
};

}  // namespace serried::kmeans
