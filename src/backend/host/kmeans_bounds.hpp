#pragma once

#include <algorithm>
#include <cstdint>
#include <limits>
#include <vector>

#include "serried/device/kmeans_kernels.hpp"

namespace serried::host {

// Limits and reaches are f32. Let u = 2^-24. Storing a bound makes errors of at most 4 u (bound +
// reach) (the reach is a true one rounded by at most 2 u, and there are two roundings of sums), and
// comparing it one of at most u of the result. Both are covered by widening. The direct form's own
// rounding, (p + 3) 2^-53 of each squared distance, is far below the widening for any p.

/// By which a freshly computed distance, and the comparison of two bounds, are widened.
inline constexpr float bound_widening = 0x1.0p-20F;
/// Added to an upper bound that is compared, so that underflow does no harm.
inline constexpr float smallest = 0x1.0p-100F;
/// By which a bound is widened when it is stored, relative to bound + reach.
inline constexpr float storing_slack = 0x1.0p-21F;

/// Whether an upper bound to the own centre and a lower one to any other decide a row.
[[nodiscard]] inline bool is_settled(float upper, float lower, const KMeansReach& reach) {
  return upper * (1 + bound_widening) + smallest < std::max(reach.half_gap, lower);
}

[[nodiscard]] inline float stored_upper(float upper, const KMeansReach& reach) {
  return (upper - reach.own) + storing_slack * (upper + reach.own);
}
[[nodiscard]] inline float stored_lower(float lower, const KMeansReach& reach) {
  return (lower + reach.others) - storing_slack * (lower + reach.others);
}

inline void count_slack(const KMeansBounds& bounds, std::int64_t row, float slack) {
  if ((bounds.first_row + row) % 8 == 0) ++bounds.slack_counts[kmeans_slack_bin(slack)];
}

/// Stores the bounds of a row with this label: `upper` to its own centre, `lower` to any other.
inline void keep_bounds(const KMeansBounds& bounds, std::int64_t row, std::int32_t label,
                        float upper, float lower) {
  float* const limits = bounds.limits + 2 * row;
  if (label < 0) {  // a missing row stays one
    limits[0] = -std::numeric_limits<float>::infinity();
    limits[1] = 0x1.0p120F;
    return;
  }
  limits[0] = stored_upper(upper, bounds.reaches[label]);
  limits[1] = stored_lower(lower, bounds.reaches[label]);
  count_slack(bounds, row, lower - upper);
}

/// Row numbers in ascending order.
class RowList {
 public:
  /// Vectors of numbers may be written up to this many beyond the last one.
  static constexpr std::int64_t padding = 16;

  explicit RowList(std::int64_t most = 0) : numbers_(static_cast<std::size_t>(most + padding)) {}
  /// Room for so many more.
  void make_room(std::int64_t count) {
    const auto needed = static_cast<std::size_t>(size_ + count + padding);
    if (needed > numbers_.size()) numbers_.resize(2 * needed);
  }
  void add_if(bool is_wanted, std::int64_t number) {
    *end() = static_cast<std::int32_t>(number);
    size_ += is_wanted ? 1 : 0;
  }
  /// Where the next numbers belong, and how many were put there.
  [[nodiscard]] std::int32_t* end() { return numbers_.data() + size_; }
  void grow(std::int64_t count) { size_ += count; }
  [[nodiscard]] const std::int32_t* data() const { return numbers_.data(); }
  [[nodiscard]] std::int64_t size() const { return size_; }

 private:
  std::vector<std::int32_t> numbers_;
  std::int64_t size_ = 0;
};

/// Wider than bound_widening and all roundings: what a gate decides, is_settled does for each row.
inline constexpr float gate_widening = 0x1.0p-18F;

/// Whether the bounds of all rows of a gate decide them. If so, counts their slack: one row with
/// the least, the others with the mean.
[[nodiscard]] inline bool is_settled_together(const KMeansBounds& bounds, const KMeansGate& gate,
                                              std::int64_t count) {
  if (!(gate.gap >= 0)) return false;
  const bool has_label = gate.label >= 0;
  const KMeansReach& reach = has_label ? bounds.reaches[gate.label] : bounds.worst;
  const float upper = std::max(gate.upper + reach.own, 0.F);
  const float moves = (reach.own + reach.others) * (1 + gate_widening);
  const bool is_gap_wide = gate.gap > moves + upper * gate_widening + smallest;
  const bool is_near = has_label && upper * (1 + gate_widening) + smallest < reach.half_gap;
  if (!is_gap_wide && !is_near) return false;
  if (gate.mean_gap >= 0) {
    const auto sampled = (count + 7) / 8;
    ++bounds.slack_counts[kmeans_slack_bin(gate.gap - moves)];
    bounds.slack_counts[kmeans_slack_bin(gate.mean_gap - moves)] += sampled - 1;
  }
  return true;
}

/// The gate of rows that their bounds decide one by one.
[[nodiscard]] inline KMeansGate gate_of(const float* limits, const std::int32_t* labels,
                                        std::int64_t count) {
  KMeansGate gate{.gap = std::numeric_limits<float>::infinity(),
                  .mean_gap = 0,
                  .upper = -std::numeric_limits<float>::infinity(),
                  .label = labels[0]};
  std::int64_t there = 0;
  for (std::int64_t row = 0; row < count; ++row) {
    if (labels[row] != gate.label) gate.label = -1;
    if (labels[row] < 0) continue;
    const float gap = limits[2 * row + 1] - limits[2 * row];
    gate.gap = std::min(gate.gap, gap);
    gate.mean_gap += gap;
    gate.upper = std::max(gate.upper, limits[2 * row]);
    ++there;
  }
  gate.mean_gap = there > 0 ? gate.mean_gap / static_cast<float>(there) : -1;
  return gate;
}

/// Appends the rows [begin, end) whose bounds do not decide them. (One by one: in vectors it took
/// longer.)
inline void add_open_rows(const KMeansBounds& bounds, const std::int32_t* labels,
                          std::int64_t begin, std::int64_t end, RowList& open) {
  open.make_room(end - begin);
  for (std::int64_t row = begin; row < end; ++row) {
    const KMeansReach& reach = bounds.reaches[std::max(labels[row], 0)];
    const float upper = bounds.limits[2 * row] + reach.own;
    const float lower = bounds.limits[2 * row + 1] - reach.others;
    const bool is_open = !is_settled(upper, lower, reach);
    open.add_if(is_open, row);
    if ((bounds.first_row + row) % 8 == 0 && !is_open && labels[row] >= 0)
      ++bounds.slack_counts[kmeans_slack_bin(lower - upper)];
  }
}

/// The rows whose bounds do not decide them.
[[nodiscard]] inline RowList open_rows(const KMeansBounds& bounds, const std::int32_t* labels,
                                       std::int64_t count) {
  RowList open;
  for (std::int64_t begin = 0; begin < count; begin += kmeans_gate_rows) {
    const std::int64_t end = std::min(count, begin + kmeans_gate_rows);
    if (bounds.gates == nullptr) {
      add_open_rows(bounds, labels, begin, end, open);
      continue;
    }
    KMeansGate& gate = bounds.gates[begin / kmeans_gate_rows];
    if (is_settled_together(bounds, gate, end - begin)) continue;
    const std::int64_t before = open.size();
    add_open_rows(bounds, labels, begin, end, open);
    if (open.size() > before)
      gate.gap = -1;  // their bounds will be others
    else if (gate.gap < 0)
      gate = gate_of(bounds.limits + 2 * begin, labels + begin, end - begin);
  }
  return open;
}

/// The bounds of all rows may become others.
inline void forget_gates(const KMeansBounds& bounds, std::int64_t count) {
  for (std::int64_t begin = 0; bounds.gates != nullptr && begin < count; begin += kmeans_gate_rows)
    bounds.gates[begin / kmeans_gate_rows].gap = -1;
}

}  // namespace serried::host
