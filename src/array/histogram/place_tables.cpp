#include "array/histogram/place_tables.hpp"

#include <algorithm>
#include <bit>
#include <cmath>

#include "serried/base/order_key.hpp"
#include "serried/comm/agree.hpp"

namespace serried {
namespace {

/// Of all tables of a rank together, unless one is larger.
constexpr std::int64_t most_table_bytes = std::int64_t{256} << 20;
constexpr int mantissa_bits = 52;

}  // namespace

WeightUnit::WeightUnit(double largest, std::int64_t elements) {
  if (largest == 0) return;
  // elements <= 2^h, largest < 2^(e + 1): the sum is below 2^126 units
  const int h = static_cast<int>(std::bit_width(static_cast<std::uint64_t>(elements)));
  unit_ = std::ilogb(largest) + 1 + h - 126;
}

WideInteger WeightUnit::units_of(double weight) const noexcept {
  const auto bits = std::bit_cast<std::uint64_t>(weight);
  const auto power = static_cast<int>(bits >> mantissa_bits & 0x7ffu);
  const std::uint64_t fraction = bits & ((std::uint64_t{1} << mantissa_bits) - 1);
  // a subnormal number has the exponent of the least normal one, and no leading digit
  WideInteger units = fraction | std::uint64_t{power != 0} << mantissa_bits;
  const int shift = std::max(power, 1) - 1023 - mantissa_bits - unit_;
  if (shift >= 0)
    units <<= shift;
  else if (shift < -mantissa_bits - 2)
    units = 0;
  else
    units = (units + (WideInteger{1} << (-shift - 1))) >> -shift;
  return weight < 0 ? -units : units;
}

double WeightUnit::sum_of(WideInteger units) const noexcept {
  return std::ldexp(static_cast<double>(units), unit_);
}

PlaceTables::PlaceTables(const Context& ctx, std::int64_t places, std::optional<WeightUnit> unit)
    : ctx_(ctx), places_(places), unit_(unit) {
  const std::int64_t bytes = std::max<std::int64_t>(1, places) * (unit ? 16 : 8);
  const std::int64_t tables =
      std::clamp<std::int64_t>(most_table_bytes / bytes, 1, ctx.backend()->threads().threads());
  for (std::int64_t i = 0; i < tables; ++i) tables_.push_back(std::make_unique<Table>());
}

void PlaceTables::add(std::span<const std::int64_t> places, const double* weights, int worker) {
  if (weights == nullptr) {
    add_counts(worker, [&](std::span<std::int64_t> counts) {
      for (const std::int64_t place : places)
        if (place >= 0) ++counts[static_cast<std::size_t>(place)];
    });
    return;
  }
  Table& table = table_of(worker);
  const std::lock_guard<std::mutex> lock(table.mutex);
  table.units.resize(static_cast<std::size_t>(places_));
  for (std::size_t i = 0; i < places.size(); ++i)
    if (places[i] >= 0)
      table.units[static_cast<std::size_t>(places[i])] += unit_->units_of(weights[i]);
}

std::vector<std::int64_t> PlaceTables::counts() {
  std::vector<std::int64_t> total;
  agree(ctx_.comm(), [&] {
    total.resize(static_cast<std::size_t>(places_));
    for (const auto& table : tables_)
      for (std::size_t i = 0; i < table->counts.size(); ++i) total[i] += table->counts[i];
  });
  ctx_.comm().allreduce(std::span<std::int64_t>(total), ReduceOp::sum);
  return total;
}

std::vector<double> PlaceTables::sums() {
  // three parts of 43 bits, so that sums over a million ranks fit
  constexpr int part_bits = 43;
  constexpr WideInteger mask = (WideInteger{1} << part_bits) - 1;
  const auto count = static_cast<std::size_t>(places_);
  std::vector<std::int64_t> parts;
  std::vector<double> sums;
  agree(ctx_.comm(), [&] {
    parts.resize(3 * count);
    sums.resize(count);
    for (std::size_t i = 0; i < count; ++i) {
      WideInteger units = 0;
      for (const auto& table : tables_)
        if (!table->units.empty()) units += table->units[i];
      parts[3 * i] = static_cast<std::int64_t>(units & mask);
      parts[3 * i + 1] = static_cast<std::int64_t>((units >> part_bits) & mask);
      parts[3 * i + 2] = static_cast<std::int64_t>(units >> (2 * part_bits));
    }
  });
  ctx_.comm().allreduce(std::span<std::int64_t>(parts), ReduceOp::sum);
  for (std::size_t i = 0; i < count; ++i)
    sums[i] = unit_->sum_of(
        ((static_cast<WideInteger>(parts[3 * i + 2]) * (mask + 1) + parts[3 * i + 1]) *
         (mask + 1)) +
        parts[3 * i]);
  return sums;
}

std::vector<NumberExtent> combined(const Context& ctx, std::vector<NumberExtent> extents) {
  std::vector<std::uint64_t> keys;
  std::vector<std::int64_t> nans;
  for (const NumberExtent& extent : extents) {
    keys.push_back(order_key(extent.low));
    keys.push_back(~order_key(extent.high));
    nans.push_back(extent.nan_count);
  }
  ctx.comm().allreduce(std::span<std::uint64_t>(keys), ReduceOp::min);
  ctx.comm().allreduce(std::span<std::int64_t>(nans), ReduceOp::sum);
  for (std::size_t i = 0; i < extents.size(); ++i)
    extents[i] = {.low = double_from_key(keys[2 * i]),
                  .high = double_from_key(~keys[2 * i + 1]),
                  .nan_count = nans[i]};
  return extents;
}

}  // namespace serried
