// Elements by condition: what is left of each tile is counted first, so that every rank knows the
// new tiles.
#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <string>

#include "array/array_bytes.hpp"
#include "array/shape/arrange.hpp"
#include "array/shape/gather.hpp"
#include "array/shape/pack_items.hpp"
#include "serried/array/indexing.hpp"
#include "serried/array/manipulation.hpp"
#include "serried/base/error.hpp"
#include "serried/comm/agree.hpp"

namespace serried {
namespace {

/// What is left of an array's rows, each of which has as many flags.
struct Kept {
  Layout layout;                     ///< of what is left
  std::vector<std::int64_t> begins;  ///< where each tile's begins in this rank's part
};

/// Calls task(tile, first flag, last flag) for the tiles of this rank.
template <class F>
void for_tiles(const Array& array, std::int64_t row_flags, const F& task) {
  const Layout& layout = array.layout();
  const bool is_whole = array.is_replicated();
  const std::int64_t first = is_whole ? 0 : layout.first_tile(array.context().rank());
  const std::int64_t last =
      is_whole ? layout.tiles() : layout.first_tile(array.context().rank() + 1);
  const std::int64_t begin = array.local_rows().begin;
  array.context().backend()->threads().parallel_for(last - first, [&](std::int64_t i, int) {
    task(i, (layout.tile_begin(first + i) - begin) * row_flags,
         (layout.tile_begin(first + i + 1) - begin) * row_flags);
  });
}

/// How many of the flags are not 0.
std::int64_t count_set(const std::uint8_t* flags, std::int64_t count) {
  std::int64_t set = 0;
  std::int64_t i = 0;
  for (; i + 8 <= count; i += 8) {
    std::uint64_t eight = 0;
    std::memcpy(&eight, flags + i, sizeof eight);
    // the highest bit of each byte that is not 0
    constexpr std::uint64_t low = 0x7f7f7f7f7f7f7f7full;
    set += std::popcount((((eight & low) + low) | eight) & ~low);
  }
  for (; i < count; ++i) set += flags[i] != 0 ? 1 : 0;
  return set;
}

/// Collective: the counts of all tiles come to every rank.
Kept count_kept(const Array& array, const std::uint8_t* flags, std::int64_t row_flags) {
  const Context& ctx = array.context();
  const Layout& layout = array.layout();
  std::vector<std::int64_t> counts;
  agree(ctx.comm(), [&] {
    counts.resize(static_cast<std::size_t>(
        array.is_replicated() ? layout.tiles()
                              : layout.first_tile(ctx.rank() + 1) - layout.first_tile(ctx.rank())));
    for_tiles(array, row_flags, [&](std::int64_t tile, std::int64_t first, std::int64_t last) {
      counts[static_cast<std::size_t>(tile)] = count_set(flags + first, last - first);
    });
  });
  std::vector<std::int64_t> begins{0};
  for (const std::int64_t count : counts) begins.push_back(begins.back() + count);
  if (!array.is_replicated())
    counts = ctx.comm().allgather(std::span<const std::int64_t>(counts)).values;
  std::vector<std::int64_t> tiles{0};
  for (const std::int64_t count : counts) tiles.push_back(tiles.back() + count);
  std::vector<std::int64_t> owners;
  for (int rank = 0; rank <= layout.ranks(); ++rank) owners.push_back(layout.first_tile(rank));
  return {.layout = Layout::from_tiles(std::move(tiles), std::move(owners)),
          .begins = std::move(begins)};
}

bool is_uneven(const Layout& layout) {
  const std::int64_t runs = std::min<std::int64_t>(64, layout.tiles());
  std::int64_t most = 0;
  for (std::int64_t i = 0; i < runs; ++i)
    most = std::max(most, layout.tile_begin(layout.tiles() * (i + 1) / runs) -
                              layout.tile_begin(layout.tiles() * i / runs));
  return runs > 0 && most > 2 * ((layout.rows() + runs - 1) / runs);
}

/// The array of what is left: give_run(first flag, last flag, where it goes) gives what belongs to
/// those that are set, with an item of `inner` for each. Collective.
template <class F>
Array kept_of(const Array& array, const std::uint8_t* flags, std::int64_t row_flags,
              const std::vector<std::int64_t>& inner, int axis, DType dtype, Balance balance,
              const F& give_run) {
  const Kept kept = count_kept(array, flags, row_flags);
  const Shape shape = shape_of(inner).with_inserted(axis, kept.layout.rows());
  Array to = empty_array(array.context(), shape, dtype,
                         array.is_replicated() ? std::nullopt : std::optional(axis), kept.layout);
  const std::int64_t bytes = shape_of(inner).elements() * static_cast<std::int64_t>(size_of(dtype));
  std::byte* const memory = memory_of(to);
  for_tiles(array, row_flags, [&](std::int64_t tile, std::int64_t first, std::int64_t last) {
    give_run(first, last, memory + kept.begins[static_cast<std::size_t>(tile)] * bytes);
  });
  const bool is_moved =
      balance == Balance::always || (balance == Balance::automatic && is_uneven(kept.layout));
  return is_moved ? to.balance() : to;
}

void check_mask(const Array& array, const Array& mask, int first_axis) {
  require_host(array);
  require_host(mask);
  if (mask.dtype() != DType::b8)
    throw InvalidArgument("a mask is of dtype b8, not " + std::string(name(mask.dtype())));
  for (int axis = 0; axis < mask.shape().dimensions(); ++axis)
    if (mask.shape()[axis] != array.shape()[first_axis + axis])
      throw InvalidArgument("boolean index did not match indexed array along axis " +
                            std::to_string(first_axis + axis) + "; size of axis is " +
                            std::to_string(array.shape()[first_axis + axis]) +
                            " but size of corresponding boolean axis is " +
                            std::to_string(mask.shape()[axis]));
}

const std::uint8_t* flags_of(const Array& mask) {
  return reinterpret_cast<const std::uint8_t*>(mask.local_data());
}

/// Rows (the split axis) with flags, of items that lie one behind the other.
Array compressed(const Array& array, const Array& mask, int axis, std::int64_t row_flags,
                 const std::vector<std::int64_t>& inner, Balance balance) {
  const std::byte* const from = array.local_data();
  const std::int64_t bytes =
      shape_of(inner).elements() * static_cast<std::int64_t>(size_of(array.dtype()));
  const std::uint8_t* const flags = flags_of(mask);
  return kept_of(array, flags, row_flags, inner, axis, array.dtype(), balance,
                 [&](std::int64_t first, std::int64_t last, std::byte* to) {
                   const std::byte* const items = from + first * bytes;
                   const std::int64_t count = last - first;
                   if (pack_items(items, bytes, flags + first, count, to)) return;
                   for (std::int64_t i = 0; i < count; ++i) {
                     if (flags[first + i] == 0) continue;
                     copy_item(to, items + i * bytes, bytes);
                     to += bytes;
                   }
                 });
}

/// Whether each element is not 0.
std::vector<std::uint8_t> flags_of_elements(const Array& array) {
  std::vector<std::uint8_t> flags;
  agree(array.context().comm(), [&] {
    visit_numeric(array.dtype(), [&](auto tag) {
      using T = typename decltype(tag)::type;
      const auto values = array.local<T>();
      flags.resize(values.size());
      constexpr std::int64_t run = std::int64_t{1} << 16;
      const auto count = static_cast<std::int64_t>(values.size());
      array.context().backend()->threads().parallel_for(
          (count + run - 1) / run, [&](std::int64_t r, int) {
            for (std::int64_t i = r * run; i < std::min(count, (r + 1) * run); ++i) {
              const auto at = static_cast<std::size_t>(i);
              if constexpr (std::is_same_v<T, Half>)
                flags[at] = (values[at].bits & 0x7fffu) != 0 ? 1 : 0;
              else
                flags[at] = values[at] != T{} ? 1 : 0;
            }
          });
    });
  });
  return flags;
}

/// `give(number in C order, where it goes)` for each element that is not 0.
template <class F>
Array of_nonzero(const Array& array, const std::vector<std::int64_t>& inner, Balance balance,
                 const F& give) {
  require_host(array);
  const Array rows =
      array.is_replicated() || array.split_axis() == 0 ? array : array.with_split_axis(0);
  const std::int64_t row_flags = rows.row_elements();
  const std::int64_t before = rows.local_rows().begin * row_flags;
  const std::vector<std::uint8_t> flags = flags_of_elements(rows);
  const std::int64_t bytes = shape_of(inner).elements() * std::int64_t{sizeof(std::int64_t)};
  return kept_of(rows, flags.data(), row_flags, inner, 0, DType::i64, balance,
                 [&](std::int64_t first, std::int64_t last, std::byte* to) {
                   for (std::int64_t i = first; i < last; ++i) {
                     if (flags[static_cast<std::size_t>(i)] == 0) continue;
                     give(before + i, to);
                     to += bytes;
                   }
                 });
}

}  // namespace

Array compress(const Array& array, const Array& mask, int axis, Balance balance) {
  const int along = checked_axis(array.shape(), axis);
  if (mask.shape().dimensions() != 1)
    throw InvalidArgument("a mask of one axis has one dimension, not shape " +
                          mask.shape().to_string());
  check_mask(array, mask, along);
  if (!array.is_replicated() && array.split_axis() == along)
    return compressed(array, placed(mask, mask.shape(), 0, array.layout()), along, 1,
                      extents_of(array.row_shape()), balance);
  const Array all = mask.replicate();
  std::vector<std::int64_t> indices;
  agree(array.context().comm(), [&] {
    for (std::int64_t i = 0; i < all.shape()[0]; ++i)
      if (flags_of(all)[i] != 0) indices.push_back(i);
  });
  return gathered_here(array, indices, along);
}

Array compress(const Array& array, const Array& mask, Balance balance) {
  const int dimensions = mask.shape().dimensions();
  if (dimensions == 0 || dimensions > array.shape().dimensions())
    throw InvalidArgument("a mask of shape " + mask.shape().to_string() +
                          " is none of the first axes of an array of shape " +
                          array.shape().to_string());
  check_mask(array, mask, 0);
  if (!array.is_replicated() && array.split_axis() != 0)
    return compress(array.with_split_axis(0), mask, balance);
  const Array laid =
      array.is_replicated() ? mask.replicate() : placed(mask, mask.shape(), 0, array.layout());
  const std::vector<std::int64_t> extents = extents_of(array.shape());
  return compressed(array, laid, 0, mask.shape().elements(1, dimensions),
                    {extents.begin() + dimensions, extents.end()}, balance);
}

Array flatnonzero(const Array& array, Balance balance) {
  return of_nonzero(array, {}, balance, [](std::int64_t number, std::byte* to) {
    std::memcpy(to, &number, sizeof number);
  });
}

Array argwhere(const Array& array, Balance balance) {
  const Shape& shape = array.shape();
  return of_nonzero(array, {shape.dimensions()}, balance, [&](std::int64_t number, std::byte* to) {
    for (int axis = shape.dimensions() - 1; axis >= 0; --axis) {
      const std::int64_t index = number % shape[axis];
      number /= shape[axis];
      std::memcpy(to + axis * std::ptrdiff_t{sizeof index}, &index, sizeof index);
    }
  });
}

std::vector<Array> nonzero(const Array& array, Balance balance) {
  if (array.shape().dimensions() == 0)
    throw InvalidArgument(
        "calling nonzero on 0-d arrays is not allowed; expand_dims makes a "
        "series of one of them");
  const Array indices = argwhere(array, balance);
  std::vector<Array> by_axis;
  for (int axis = 0; axis < array.shape().dimensions(); ++axis)
    by_axis.push_back(take(indices, axis, 1));
  return by_axis;
}

}  // namespace serried
