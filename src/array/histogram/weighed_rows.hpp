#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "serried/comm/tile_source.hpp"
#include "serried/context.hpp"
#include "serried/device/histogram_kernels.hpp"

namespace serried {

/// One number for each element that is put into a table: element i of a run stands at
/// source[i * stride + offset].
struct TableColumn {
  const TileSource* source = nullptr;
  std::int64_t stride = 1;
  std::int64_t offset = 0;
};

/// A run of elements: where the first of each column lies.
struct TableRun {
  std::int64_t count = 0;
  std::span<const std::byte* const> columns;
};

/// The elements of sources that stand side by side, of which the last may be weights.
class WeighedRows {
 public:
  /// @param weights null: none. Local.
  /// @throws InvalidArgument for complex numbers, arrays on a device, and sources that do not have
  /// the same rows.
  WeighedRows(const Context& ctx, const char* function, std::vector<TableColumn> columns,
              const TileSource* weights);

  [[nodiscard]] std::int64_t elements() const noexcept { return elements_; }
  /// With the weights at the end.
  [[nodiscard]] const std::vector<TableColumn>& columns() const noexcept { return columns_; }
  [[nodiscard]] bool has_weights() const noexcept { return has_weights_; }

  /// One read: calls use(run, worker) on several threads. Collective.
  void read(const std::function<void(const TableRun& run, int worker)>& use) const;
  /// The extent of each column, above the bound of each. One read. Collective.
  [[nodiscard]] std::vector<NumberExtent> extents(std::span<const double> bounds) const;
  /// The largest absolute weight. @throws DataError on all ranks where one is not finite.
  [[nodiscard]] double largest_weight(const NumberExtent& extent) const;

  /// Calls use(first, count, weights), for pieces of a run; weights are null where there are none.
  void for_each_piece(const TableRun& run,
                      const std::function<void(std::int64_t first, std::int64_t count,
                                               const double* weights)>& use) const;

 private:
  const Context& ctx_;
  const char* function_;
  std::vector<TableColumn> columns_;
  bool has_weights_;
  std::int64_t elements_ = 0;
};

}  // namespace serried
