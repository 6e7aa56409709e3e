#include "serried/array/sums.hpp"

#include <cstring>
#include <string>

#include "array/leaf_pass.hpp"
#include "serried/base/error.hpp"
#include "serried/base/tree_nodes.hpp"
#include "serried/device/sum_kernels.hpp"

namespace serried {

std::vector<double> sum_columns(const Context& ctx, const TileSource& source) {
  if (!is_real(source.dtype()))
    throw DataError("sums need real numbers, but " + source.describe() + " has dtype " +
                    std::string(name(source.dtype())));
  const std::int64_t columns = source.row_elements();
  const auto count = static_cast<std::size_t>(columns);
  std::vector<double> result(count);
  if (columns == 0) return result;
  const auto& kernels = ctx.device()->kernels<SumKernels>(source.dtype());
  const auto doubles = [](std::byte* payload) { return reinterpret_cast<double*>(payload); };
  const auto const_doubles = [](const std::byte* payload) {
    return reinterpret_cast<const double*>(payload);
  };
  const auto add = [&](std::byte* left, const std::byte* right, std::int64_t items) {
    // a few additions cost less than the way to the kernel
    if (items <= 8) {
      for (std::int64_t i = 0; i < items; ++i) doubles(left)[i] += const_doubles(right)[i];
      return;
    }
    const auto n = static_cast<std::size_t>(items);
    kernels.add({doubles(left), n}, {const_doubles(right), n});
  };
  const std::int64_t payload_bytes = columns * static_cast<std::int64_t>(sizeof(double));
  const Leaves leaves(source.layout(), source.row_bytes(), payload_bytes);
  const auto bytes = reduce_leaf_runs(
      ctx, source, leaves,
      [&](const LeafRun& run, std::byte* payloads, int) {
        const std::size_t run_leaves = run.offsets.size() - 1;
        if (ctx.has_device()) {
          const auto nodes =
              maximal_nodes(run.first_leaf, run.first_leaf + static_cast<std::int64_t>(run_leaves));
          kernels.fold_columns(run.rows, columns, run.offsets, run.first_leaf,
                               {doubles(payloads), nodes.size() * count});
        } else {
          kernels.reduce_columns(run.rows, columns, run.offsets,
                                 {doubles(payloads), run_leaves * count});
        }
      },
      [&](std::byte* left, const std::byte* right) { add(left, right, columns); },
      std::as_bytes(std::span<const double>(result)),
      {.item_bytes = sizeof(double), .combine_items = add},
      ctx.has_device() ? RunPayloads::nodes : RunPayloads::leaves);
  std::memcpy(result.data(), bytes.data(), bytes.size());
  return result;
}

}  // namespace serried
