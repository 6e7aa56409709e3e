#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "array/leaf_pass.hpp"
#include "serried/comm/leaves.hpp"
#include "serried/comm/tile_source.hpp"
#include "serried/context.hpp"

namespace serried::regression {

/// x itself, if a model can have it as its columns. Local.
/// @throws InvalidArgument.
[[nodiscard]] const TileSource& checked_columns(const Context& ctx, const TileSource& x);

/// Whether a source has `row_elements` real numbers for each row of x (any number: 0) and lies as x
/// does. Local.
/// @throws InvalidArgument.
void check_beside(const TileSource& x, const TileSource& source, const char* role,
                  std::int64_t row_elements = 1);

/// The columns' names, "x0", "x1", ... where none are given, behind the intercept's. Local.
/// @throws InvalidArgument for another number of names.
[[nodiscard]] std::vector<std::string> term_names(const TileSource& x, bool has_intercept,
                                                  const std::vector<std::string>& column_names);

/// Leaves of a source whose rows lie as those of other leaves. Local.
[[nodiscard]] Leaves leaves_alike(const TileSource& source, const Leaves& leaves);

/// So many zeros on this rank. Collective.
/// @throws RankError on all ranks if one has no memory for them.
[[nodiscard]] std::vector<double> make_values(const Context& ctx, std::int64_t count);

/// The rows of this rank's leaves as f64, C order. Collective.
[[nodiscard]] std::vector<double> read_values(const Context& ctx, const TileSource& source,
                                              const Leaves& leaves, const char* role);

/// Sums of the leaves of a run: `x` are its first row's elements, `local_row` that row counted from
/// this rank's first one, `offsets` the leaves' rows counted from there.
using SumLeaves = std::function<void(const std::byte* x, std::int64_t local_row,
                                     std::span<const std::int64_t> offsets, double* payloads)>;

/// `width` numbers for each leaf, combined along the reduction tree, by one read of a source.
/// Collective.
[[nodiscard]] std::vector<double> reduce(const Context& ctx, const TileSource& source,
                                         const Leaves& leaves, std::int64_t width,
                                         const SumLeaves& sum_leaves,
                                         const CombineFunction& combine,
                                         const TreeReduceOptions& tree_options);
[[nodiscard]] std::vector<double> sum(const Context& ctx, const TileSource& source,
                                      const Leaves& leaves, std::int64_t width,
                                      const SumLeaves& sum_leaves);

/// Numbers for the rows of a run: `x` are its first row's elements, `local_row` that row counted
/// from this rank's first one.
using UseRows = std::function<void(const std::byte* x, std::int64_t local_row, std::int64_t count,
                                   double* values)>;
/// One number for each row of this rank's leaves, by a read of x. Collective.
[[nodiscard]] std::vector<double> by_row(const Context& ctx, const TileSource& x,
                                         const Leaves& leaves, const UseRows& use);

/// left += right, of `count` f64.
void add_numbers(std::byte* left, const std::byte* right, std::int64_t count);

/// What is wrong with a local row, or nothing.
using RowFault = std::function<std::string(std::int64_t local_row)>;
/// Collective.
/// @throws DataError naming the first row of all with a fault.
void check_rows(const Context& ctx, const TileSource& source, RowRange own, const RowFault& fault);

}  // namespace serried::regression
