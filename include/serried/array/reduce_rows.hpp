#pragma once

#include <cstring>
#include <functional>
#include <type_traits>
#include <vector>

#include "serried/base/api.hpp"
#include "serried/comm/reduction_tree.hpp"
#include "serried/comm/tile_source.hpp"
#include "serried/context.hpp"

namespace SERRIED_API serried {

struct ReduceRowsOptions {
  /// Bytes of one batch; 0: the context's.
  std::int64_t batch_bytes = 0;
  /// Payloads of numbers only: element i of combine's result depends on the elements i of its
  /// arguments alone, so that any aligned run of elements may be combined by itself. Payloads of 1
  /// MiB and more then travel in slices, each rank combining one.
  bool is_elementwise = false;
};

namespace detail {
/// The driver behind reduce_rows: leaf payloads are made by `per_leaf(view of the leaf's rows,
/// payload)`, payload being aligned to 16 bytes and not initialised. A leaf without rows counts as
/// `init`.
[[nodiscard]] std::vector<std::byte> reduce_leaves(
    const Context& ctx, const TileSource& source, std::span<const std::byte> init,
    const std::function<void(const TileView& leaf, std::byte* payload)>& per_leaf,
    const CombineFunction& combine, const ReduceRowsOptions& options,
    const TreeReduceOptions& tree_options = {});
}  // namespace detail

/// A user's own reduction over rows, with the same bits at every number of ranks and threads. For
/// each leaf (a run of tiles, see Leaves) `per_leaf(view, partial)` adds the leaf's rows to
/// `partial`, a copy of `init`; `combine(left, right)` adds `right` to `left`, where left's rows
/// come before right's. Both run on several threads and must be pure. `init` must be neutral; it is
/// the result for no rows. Collective. One read of the source; partial results travel along a tree
/// log2(leaves) deep.
/// @param init a trivially copyable struct.
/// @return the result, on every rank.
/// @throws RankError on all ranks if reading, per_leaf or combine throws on one.
template <class R, class PerLeaf, class Combine>
requires std::is_trivially_copyable_v<R>
[[nodiscard]] R reduce_rows(const Context& ctx, const TileSource& source, const R& init,
                            PerLeaf per_leaf, Combine combine,
                            const ReduceRowsOptions& options = {}) {
  const auto bytes = detail::reduce_leaves(
      ctx, source, std::as_bytes(std::span<const R>(&init, 1)),
      [&](const TileView& leaf, std::byte* payload) {
        R partial = init;
        per_leaf(leaf, partial);
        std::memcpy(payload, &partial, sizeof(R));
      },
      [&](std::byte* left, const std::byte* right) {
        R a, b;
        std::memcpy(&a, left, sizeof(R));
        std::memcpy(&b, right, sizeof(R));
        combine(a, std::as_const(b));
        std::memcpy(left, &a, sizeof(R));
      },
      options);
  R result;
  std::memcpy(&result, bytes.data(), sizeof(R));
  return result;
}

/// As above for a payload of init.size() numbers: per_leaf(view, span<double>),
/// combine(span<double> left, span<const double> right).
template <class PerLeaf, class Combine>
[[nodiscard]] std::vector<double> reduce_rows(const Context& ctx, const TileSource& source,
                                              const std::vector<double>& init, PerLeaf per_leaf,
                                              Combine combine,
                                              const ReduceRowsOptions& options = {}) {
  const std::size_t n = init.size();
  TreeReduceOptions tree_options;
  if (options.is_elementwise) {
    tree_options.item_bytes = sizeof(double);
    tree_options.combine_items = [&](std::byte* left, const std::byte* right, std::int64_t items) {
      const auto count = static_cast<std::size_t>(items);
      combine(std::span<double>(reinterpret_cast<double*>(left), count),
              std::span<const double>(reinterpret_cast<const double*>(right), count));
    };
  }
  const auto bytes = detail::reduce_leaves(
      ctx, source, std::as_bytes(std::span<const double>(init)),
      [&](const TileView& leaf, std::byte* payload) {
        auto* values = reinterpret_cast<double*>(payload);
        std::memcpy(values, init.data(), n * sizeof(double));
        per_leaf(leaf, std::span<double>(values, n));
      },
      [&](std::byte* left, const std::byte* right) {
        combine(std::span<double>(reinterpret_cast<double*>(left), n),
                std::span<const double>(reinterpret_cast<const double*>(right), n));
      },
      options, tree_options);
  std::vector<double> result(n);
  if (n != 0) std::memcpy(result.data(), bytes.data(), n * sizeof(double));
  return result;
}

}  // namespace serried
