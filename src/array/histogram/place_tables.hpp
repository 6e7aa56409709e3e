#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <vector>

#include "serried/context.hpp"
#include "serried/device/histogram_kernels.hpp"

namespace serried {

__extension__ typedef __int128 WideInteger;

/// Weights as integers: multiples of 2^unit, so fine that sums of all elements, and no more, fit
/// into 127 bits.
class WeightUnit {
 public:
  /// @param largest of the absolute values, finite.
  WeightUnit(double largest, std::int64_t elements);
  /// The nearest multiple, ties away from zero.
  [[nodiscard]] WideInteger units_of(double weight) const noexcept;
  /// Correctly rounded.
  [[nodiscard]] double sum_of(WideInteger units) const noexcept;

 private:
  int unit_ = 0;
};

/// Counts by place, or sums of weights, in a table for each thread (fewer where tables are large).
class PlaceTables {
 public:
  /// Local.
  PlaceTables(const Context& ctx, std::int64_t places, std::optional<WeightUnit> unit);

  /// Adds elements at places 0 .. places - 1; those at -1 are left out.
  /// @param weights one for each, or null. Local, on any thread.
  void add(std::span<const std::int64_t> places, const double* weights, int worker);
  /// As add, of a kernel that counts for itself: count(table).
  template <class Count>
  void add_counts(int worker, Count count) {
    Table& table = table_of(worker);
    const std::lock_guard<std::mutex> lock(table.mutex);
    table.counts.resize(static_cast<std::size_t>(places_));
    count(std::span<std::int64_t>(table.counts));
  }

  /// Of all threads and ranks. Collective.
  [[nodiscard]] std::vector<std::int64_t> counts();
  [[nodiscard]] std::vector<double> sums();

 private:
  struct Table {
    std::mutex mutex;
    std::vector<std::int64_t> counts;
    std::vector<WideInteger> units;
  };
  [[nodiscard]] Table& table_of(int worker) {
    return *tables_[static_cast<std::size_t>(worker) % tables_.size()];
  }

  const Context& ctx_;
  std::int64_t places_;
  std::optional<WeightUnit> unit_;
  std::vector<std::unique_ptr<Table>> tables_;
};

/// Places in a table beyond which none is made.
inline constexpr std::int64_t most_places = std::int64_t{1} << 31;

/// The extents of all ranks. Collective.
[[nodiscard]] std::vector<NumberExtent> combined(const Context& ctx,
                                                 std::vector<NumberExtent> extents);

}  // namespace serried
