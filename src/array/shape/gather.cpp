#include "array/shape/gather.hpp"

#include <algorithm>
#include <atomic>
#include <string>
#include <vector>

#include "array/array_bytes.hpp"
#include "array/shape/arrange.hpp"
#include "serried/base/error.hpp"
#include "serried/comm/agree.hpp"

namespace serried {
namespace {

/// The C-order number of a local element.
std::int64_t number_of(const Array& array, std::int64_t local) {
  if (array.is_replicated() || array.shape().dimensions() == 0) return local;
  const Shape& shape = array.shape();
  const int split = array.split_axis();
  const std::int64_t inner = shape.elements(split + 1, shape.dimensions());
  const std::int64_t row = array.local_rows().begin + local / array.row_elements();
  const std::int64_t rest = local % array.row_elements();
  return (rest / inner * shape[split] + row) * inner + rest % inner;
}

}  // namespace

AxisBlocks blocks_of(const Array& array, int axis) {
  AxisBlocks blocks{.outer = 1,
                    .extent = array.shape()[axis],
                    .bytes = static_cast<std::int64_t>(size_of(array.dtype()))};
  for (int a = 0; a < array.shape().dimensions(); ++a) {
    const bool is_split = !array.is_replicated() && a == array.split_axis();
    if (is_split)
      blocks.outer *= array.local_rows().size();
    else if (a < axis)
      blocks.outer *= array.shape()[a];
    else if (a > axis)
      blocks.bytes *= array.shape()[a];
  }
  return blocks;
}

Array gathered_here(const Array& array, std::span<const std::int64_t> indices, int axis) {
  const auto count = static_cast<std::int64_t>(indices.size());
  Array to = empty_array(array.context(), array.shape().with_extent(axis, count), array.dtype(),
                         split_of(array),
                         array.is_replicated() ? std::nullopt : std::optional(array.layout()));
  const AxisBlocks blocks = blocks_of(array, axis);
  std::byte* const memory = memory_of(to);
  const std::byte* const from = array.local_data();
  const std::int64_t all = blocks.outer * count;
  const std::int64_t run =
      std::max<std::int64_t>(1, (1 << 16) / std::max<std::int64_t>(1, blocks.bytes));
  if (blocks.bytes == 0) return to;
  array.context().backend()->threads().parallel_for(
      (all + run - 1) / run, [&](std::int64_t r, int) {
        std::int64_t outer = r * run / count;
        auto i = static_cast<std::size_t>(r * run % count);
        for (std::int64_t at = r * run; at < std::min(all, (r + 1) * run); ++at) {
          copy_item(memory + at * blocks.bytes,
                    from + (outer * blocks.extent + indices[i]) * blocks.bytes, blocks.bytes);
          if (++i == indices.size()) {
            i = 0;
            ++outer;
          }
        }
      });
  return to;
}

std::vector<std::int64_t> checked_indices(const Array& indices, std::int64_t extent, int axis) {
  if (!is_integer(indices.dtype()))
    throw InvalidArgument("arrays used as indices must be of integer dtype, not " +
                          std::string(name(indices.dtype())));
  const Communicator& comm = indices.context().comm();
  std::vector<std::int64_t> checked;
  std::int64_t first_wrong = INT64_MAX;
  std::string text;
  agree(comm, [&] {
    visit_real(indices.dtype(), [&](auto tag) {
      using T = typename decltype(tag)::type;
      if constexpr (std::is_integral_v<T> && !std::is_same_v<T, bool>) {
        const auto values = indices.local<T>();
        checked.resize(values.size());
        for (std::size_t i = 0; i < values.size(); ++i) {
          const T value = values[i];
          if (std::cmp_less(value, extent) && std::cmp_greater_equal(value, -extent)) {
            checked[i] = static_cast<std::int64_t>(value) +
                         (std::cmp_less(value, 0) ? extent : std::int64_t{0});
            continue;
          }
          const std::int64_t number = number_of(indices, static_cast<std::int64_t>(i));
          if (number >= first_wrong) continue;
          first_wrong = number;
          text = "index " + std::to_string(value) + ", element " + std::to_string(number) +
                 " of the indices, is out of bounds for axis " + std::to_string(axis) +
                 " with size " + std::to_string(extent);
        }
      }
    });
  });
  if (indices.is_replicated()) {
    if (!text.empty()) throw DataError(text);
    return checked;
  }
  const std::int64_t first = comm.allreduce(first_wrong, ReduceOp::min);
  if (first == INT64_MAX) return checked;
  const int owner = comm.allreduce(first_wrong == first ? comm.rank() : comm.size(), ReduceOp::min);
  throw DataError(comm.broadcast_text(text, owner));
}

}  // namespace serried
