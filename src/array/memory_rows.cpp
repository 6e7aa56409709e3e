// Rows of a program's own memory: views where it lies as rows do, else put together batch by batch.
#include "serried/array/memory_rows.hpp"

#include <algorithm>
#include <optional>
#include <utility>

#include "array/memory_offer.hpp"
#include "array/strided_copy.hpp"
#include "serried/base/row_axes.hpp"
#include "serried/comm/agree.hpp"

namespace serried {
namespace {

constexpr int halo_tag = 31003;
// Memory that is read where it lies need not be cut finely: a batch costs the waking of threads.
constexpr std::int64_t viewed_batch_bytes = std::int64_t{64} << 20;
// What is put together by a thread for a batch at least: what the second level of its cache holds
// until it is used.
constexpr std::int64_t gathered_thread_bytes = std::int64_t{512} << 10;
constexpr std::int64_t piece_bytes = std::int64_t{1} << 16;

int row_axes_of(MemoryRowAxes axes, const Shape& shape, std::int64_t item_bytes) {
  switch (axes) {
    case MemoryRowAxes::all:
      return shape.dimensions();
    case MemoryRowAxes::first:
      return 1;
    case MemoryRowAxes::flattened:
      break;
  }
  return flattened_row_axes(shape, item_bytes);
}

std::size_t size_from(std::int64_t bytes) {
  return static_cast<std::size_t>(bytes);
}

}  // namespace

struct MemoryRows::Impl {
  struct Field {
    const std::byte* data;
    std::vector<std::int64_t> strides;
  };

  Context ctx;
  Shape shape;        // of the whole box
  Shape local_shape;  // of this rank's part
  DType dtype;
  int row_axes;  // leading axes that are rows
  MemoryCuts cuts;
  std::vector<Field> fields;
  std::int64_t item_bytes;
  bool is_viewed = false;         // here
  bool is_viewed_by_all = false;  // which decides on the batches
  int most_threads = 1;           // of a rank
  std::string title;
  std::optional<Array> kept;  // whose memory it is

  [[nodiscard]] RowRange held() const { return cuts.held.rows_of(ctx.rank()); }
  [[nodiscard]] std::int64_t field_bytes() const {
    return shape.elements(row_axes, shape.dimensions()) * item_bytes;
  }
  [[nodiscard]] std::int64_t row_bytes() const {
    return field_bytes() * static_cast<std::int64_t>(fields.size());
  }

  /// Puts rows of this rank's memory together, on all threads.
  void gather(RowRange rows, std::byte* to) const;
  /// One field's local rows [begin, end) below an index of the axes before `axis`, whose first
  /// element is `from`.
  void copy_rows(const Field& field, int axis, RowRange rows, const std::byte* from,
                 std::byte* to) const;
  void copy_whole(const Field& field, int axis, std::int64_t count, const std::byte* from,
                  std::byte* to) const;
  [[nodiscard]] RowRange front_rows(const Leaves& leaves) const;
  [[nodiscard]] bool has_halo(const Leaves& leaves) const;
  /// Of the plan's largest batch that lies here as a whole.
  [[nodiscard]] std::int64_t gathered_rows(const ReadPlan& plan) const;
  const std::byte* read_across(const Leaves& leaves, RowRange rows, Buffer& scratch) const;
};

void MemoryRows::Impl::copy_whole(const Field& field, int axis, std::int64_t count,
                                  const std::byte* from, std::byte* to) const {
  const Shape block = local_shape.slice(axis, local_shape.dimensions()).with_extent(0, count);
  std::vector<std::int64_t> to_strides = c_strides(block, item_bytes);
  // rows are as far apart as the rows of all fields together
  const auto fields_of_row = static_cast<std::int64_t>(fields.size());
  for (int i = axis; i < row_axes; ++i) to_strides[size_from(i - axis)] *= fields_of_row;
  copy_strided(block, item_bytes, to, to_strides, from,
               std::span(field.strides).subspan(size_from(axis)));
}

// Worked example: rows [3, 11) of 4 x 5 cells: the tail of line 0 (2 cells), line 1 whole, and the
// head of line 2 (1 cell).
void MemoryRows::Impl::copy_rows(const Field& field, int axis, RowRange rows, const std::byte* from,
                                 std::byte* to) const {
  if (rows.is_empty()) return;
  const std::int64_t stride = field.strides[size_from(axis)];
  if (axis + 1 == row_axes)
    return copy_whole(field, axis, rows.size(), from + rows.begin * stride, to);
  const std::int64_t below = local_shape.elements(axis + 1, row_axes);
  const std::int64_t first = rows.begin / below;
  const std::int64_t head_end = std::min(rows.end, (first + 1) * below);
  std::int64_t whole = first;
  if (rows.begin % below != 0 || head_end != (first + 1) * below) {
    copy_rows(field, axis + 1, {rows.begin - first * below, head_end - first * below},
              from + first * stride, to);
    ++whole;
  }
  const std::int64_t last = rows.end / below;
  if (last < whole) return;
  if (last > whole)
    copy_whole(field, axis, last - whole, from + whole * stride,
               to + (whole * below - rows.begin) * row_bytes());
  copy_rows(field, axis + 1, {0, rows.end - last * below}, from + last * stride,
            to + (last * below - rows.begin) * row_bytes());
}

void MemoryRows::Impl::gather(RowRange rows, std::byte* to) const {
  if (rows.is_empty() || row_bytes() == 0) return;
  const std::int64_t piece_rows = std::max<std::int64_t>(1, piece_bytes / row_bytes());
  const std::int64_t pieces = (rows.size() + piece_rows - 1) / piece_rows;
  const std::int64_t held_begin = held().begin;
  ctx.backend()->threads().parallel_for(pieces, [&](std::int64_t piece, int /*worker*/) {
    const std::int64_t begin = rows.begin + piece * piece_rows;
    const std::int64_t end = std::min(rows.end, begin + piece_rows);
    std::byte* out = to + (begin - rows.begin) * row_bytes();
    for (const Field& field : fields) {
      copy_rows(field, 0, {begin - held_begin, end - held_begin}, field.data, out);
      out += field_bytes();
    }
  });
}

// The rows at this rank's front that belong to a leaf of an earlier rank.
RowRange MemoryRows::Impl::front_rows(const Leaves& leaves) const {
  const RowRange mine = held();
  const std::int64_t first_own = leaves.row_begin(leaves.first_leaf(ctx.rank()));
  return {mine.begin, std::min(mine.end, first_own)};
}

bool MemoryRows::Impl::has_halo(const Leaves& leaves) const {
  for (int rank = 0; rank < ctx.size(); ++rank) {
    const RowRange wanted = leaves.rows_of(rank);
    if (!wanted.is_empty() && wanted.end > cuts.held.rows_of(rank).end) return true;
  }
  return false;
}

std::int64_t MemoryRows::Impl::gathered_rows(const ReadPlan& plan) const {
  std::int64_t most = 0;
  for (const RowRange& rows : plan.batches)
    if (rows.end <= held().end) most = std::max(most, rows.size());
  return most;
}

const std::byte* MemoryRows::Impl::read_across(const Leaves& leaves, RowRange rows,
                                               Buffer& scratch) const {
  const Communicator& comm = ctx.comm();
  const RowRange mine = held();
  const RowRange front = front_rows(leaves);
  const bool has_rows = !rows.is_empty();
  const RowRange halo = has_rows ? RowRange{std::max(rows.begin, mine.end), rows.end} : rows;
  Buffer sent;
  agree(comm, [&] {
    if (has_rows) {
      scratch.reserve(ctx.backend(), size_from(rows.size() * row_bytes()));
      gather(intersect(rows, mine), scratch.data());
    }
    sent.reserve(ctx.backend(), size_from(front.size() * row_bytes()));
    gather(front, sent.data());
  });
  std::vector<Communicator::Request> requests;
  for (int source = ctx.rank() + 1; source < ctx.size() && !halo.is_empty(); ++source) {
    const RowRange piece = intersect(cuts.held.rows_of(source), halo);
    if (piece.is_empty()) continue;
    std::byte* const to = scratch.data() + (piece.begin - rows.begin) * row_bytes();
    requests.push_back(comm.ireceive(
        std::span<std::byte>(to, size_from(piece.size() * row_bytes())), source, halo_tag));
    if (piece.end == halo.end) break;
  }
  if (!front.is_empty()) {
    const std::int64_t leaf = leaves.layout().tile_of_row(front.begin) / leaves.tiles_per_leaf();
    requests.push_back(
        comm.isend(std::span<const std::byte>(sent.data(), size_from(front.size() * row_bytes())),
                   leaves.owner(leaf), halo_tag));
  }
  for (auto& request : requests) request.wait();
  return scratch.data();
}

MemoryRows::MemoryRows(std::shared_ptr<const Impl> impl) : impl_(std::move(impl)) {}

MemoryRows MemoryRows::wrap(const Context& ctx, std::span<const MemoryField> fields, DType dtype,
                            const Shape& local_shape, MemoryRowAxes axes) {
  const auto item_bytes = static_cast<std::int64_t>(size_of(dtype));
  const auto extents = local_shape.extents();
  const bool is_empty = std::ranges::find(extents, 0) != extents.end();
  const std::vector<std::int64_t> wanted = c_strides(local_shape, item_bytes);
  MemoryOffer offer = offer_of(local_shape, dtype, 0);
  offer.fields = static_cast<std::int32_t>(fields.size());
  offer.is_viewable = fields.size() == 1;
  offer.threads = ctx.backend()->threads().threads();
  std::vector<Impl::Field> views;
  for (const MemoryField& field : fields) {
    const bool has_strides =
        field.byte_strides.empty() || field.byte_strides.size() == wanted.size();
    offer.has_all_strides = offer.has_all_strides && has_strides;
    offer.has_data = offer.has_data && (field.data != nullptr || is_empty);
    views.push_back({static_cast<const std::byte*>(field.data),
                     field.byte_strides.empty() ? wanted : field.byte_strides});
    offer.is_viewable = offer.is_viewable && has_strides &&
                        (is_empty || (is_lying_as(local_shape, views.back().strides, wanted) &&
                                      is_aligned(field.data, item_bytes)));
  }
  const std::vector<MemoryOffer> offers = exchange_offers(ctx, offer, "rows of memory");

  std::int64_t planes = 0;
  for (const MemoryOffer& each : offers) planes += each.extents[0];
  const Shape shape = local_shape.with_extent(0, planes);
  const int row_axes = row_axes_of(axes, shape, item_bytes);
  const std::int64_t plane_rows = shape.elements(1, row_axes);
  std::vector<std::int64_t> begins{0};
  for (const MemoryOffer& each : offers)
    begins.push_back(begins.back() + each.extents[0] * plane_rows);
  auto impl = std::make_shared<Impl>(Impl{.ctx = ctx,
                                          .shape = shape,
                                          .local_shape = local_shape,
                                          .dtype = dtype,
                                          .row_axes = row_axes,
                                          .cuts = cuts_of(ctx, std::move(begins)),
                                          .fields = std::move(views),
                                          .item_bytes = item_bytes,
                                          .is_viewed = offer.is_viewable,
                                          .title = {},
                                          .kept = {}});
  impl->is_viewed_by_all =
      std::ranges::all_of(offers, [](const MemoryOffer& each) { return each.is_viewable; });
  for (const MemoryOffer& each : offers)
    impl->most_threads = std::max(impl->most_threads, each.threads);
  if (ctx.rank() == 0 && impl->cuts.moving_rows > 0)
    ctx.recorder().set_fact(
        "rows of cut tiles",
        std::to_string(impl->cuts.moving_rows) + " of " + std::to_string(impl->cuts.owned.rows()) +
            " rows in memory go to another rank in each pass: its ranks' first rows do not lie on "
            "tile boundaries (every " +
            std::to_string(impl->cuts.owned.tile_rows()) + " rows)");
  return MemoryRows(std::move(impl));
}

MemoryRows MemoryRows::wrap(const Array& array, MemoryRowAxes axes) {
  if (array.is_replicated() || array.split_axis() != 0 || array.is_on_device())
    throw InvalidArgument(array.describe() +
                          " gives no rows of memory: it must be split along axis 0, on the host");
  const MemoryField field{.data = array.local_data()};
  const MemoryRows rows = wrap(array.context(), {&field, 1}, array.dtype(),
                               array.shape().with_extent(0, array.local_rows().size()), axes);
  auto impl = std::make_shared<Impl>(*rows.impl_);
  impl->kept = array;
  impl->title = array.describe();
  return MemoryRows(std::move(impl));
}

const Shape& MemoryRows::shape() const noexcept {
  return impl_->shape;
}

RowRange MemoryRows::held_rows() const {
  return impl_->held();
}

std::int64_t MemoryRows::moving_rows() const noexcept {
  return impl_->cuts.moving_rows;
}

bool MemoryRows::is_viewed() const noexcept {
  return impl_->is_viewed;
}

MemoryRows MemoryRows::named(std::string title) const {
  auto impl = std::make_shared<Impl>(*impl_);
  impl->title = std::move(title);
  return MemoryRows(std::move(impl));
}

Array MemoryRows::to_holders(const Array& results) const {
  const Layout& held = impl_->cuts.held;
  if (results.is_replicated() || results.layout() != layout())
    throw InvalidArgument(results.describe() + " does not have the rows of " + describe());
  if (moving_rows() == 0) return results;
  const RowRange mine = results.local_rows();
  std::vector<std::int64_t> offsets;
  for (int rank = 0; rank <= impl_->ctx.size(); ++rank) {
    const std::int64_t cut = rank < impl_->ctx.size() ? held.rows_of(rank).begin : held.rows();
    offsets.push_back((std::clamp(cut, mine.begin, mine.end) - mine.begin) * results.row_bytes());
  }
  const auto received = impl_->ctx.comm().alltoall(
      std::span<const std::byte>(results.local_data(), size_from(offsets.back())), offsets);
  Buffer local;
  agree(impl_->ctx.comm(), [&] {
    local = Buffer(impl_->ctx.backend(), received.values.size());
    std::ranges::copy(received.values, local.data());
  });
  return Array::from_buffer(impl_->ctx, results.shape(), results.dtype(), held, std::move(local));
}

const Layout& MemoryRows::layout() const {
  return impl_->cuts.owned;
}

DType MemoryRows::dtype() const {
  return impl_->dtype;
}

Shape MemoryRows::row_shape() const {
  const Shape row = impl_->shape.slice(impl_->row_axes, impl_->shape.dimensions());
  const auto fields = static_cast<std::int64_t>(impl_->fields.size());
  return fields == 1 ? row : row.with_inserted(0, fields);
}

std::string MemoryRows::describe() const {
  if (!impl_->title.empty()) return impl_->title;
  return "memory of " + std::string(name(impl_->dtype)) + " " + impl_->shape.to_string();
}

ReadPlan MemoryRows::plan(const Leaves& leaves, std::int64_t bytes, int rank) const {
  if (leaves.layout() != layout())
    throw InvalidArgument("leaves of another layout cannot be read from " + describe());
  const std::int64_t least =
      impl_->is_viewed_by_all ? viewed_batch_bytes : gathered_thread_bytes * impl_->most_threads;
  return plan_batches(leaves, impl_->row_bytes(), std::max(bytes, least), rank, true,
                      &impl_->cuts.held);
}

void MemoryRows::prepare(const ReadPlan& plan, Buffer& scratch) const {
  if (impl_->is_viewed_by_all || impl_->row_bytes() == 0) return;
  agree(impl_->ctx.comm(), [&] {
    if (impl_->is_viewed) return;
    scratch.reserve(impl_->ctx.backend(), size_from(impl_->gathered_rows(plan) * row_bytes()));
  });
}

TileView MemoryRows::read(const ReadPlan& plan, std::int64_t batch, Buffer& scratch) const {
  const RowRange rows = plan.batches[size_from(batch)];
  const std::int64_t bytes = impl_->row_bytes();
  TileView view{rows, row_elements(), impl_->dtype, nullptr, DeviceKind::host};
  if (bytes == 0) return view;  // rows without elements lie nowhere
  const bool is_last = batch + 1 == static_cast<std::int64_t>(plan.batches.size());
  if (is_last && impl_->ctx.size() > 1) {
    const Leaves leaves = Leaves::of_tiles(layout(), plan.tiles_per_leaf);
    if (impl_->has_halo(leaves)) {
      view.data = impl_->read_across(leaves, rows, scratch);
      return view;
    }
  }
  const RowRange mine = impl_->held();
  if (!rows.is_empty() && (rows.begin < mine.begin || rows.end > mine.end))
    throw InvalidArgument("this plan was not made by the plan() of " + describe());
  if (impl_->is_viewed) {
    if (!rows.is_empty()) view.data = impl_->fields[0].data + (rows.begin - mine.begin) * bytes;
    return view;
  }
  if (scratch.bytes() < size_from(rows.size() * bytes))
    throw InvalidArgument("a read of " + describe() + " must begin with prepare()");
  impl_->gather(rows, scratch.data());
  view.data = scratch.data();
  return view;
}

}  // namespace serried
