#include "serried/io/dataset.hpp"

#include <algorithm>
#include <utility>

#include "io/batch_reader.hpp"
#include "io/coordinates.hpp"
#include "io/element_boxes.hpp"
#include "io/file_access.hpp"
#include "io/guard/untrusted.hpp"
#include "serried/comm/agree.hpp"

namespace serried {
namespace {

Shape joined(const Shape& a, const Shape& b) {
  std::vector<std::int64_t> extents(a.extents().begin(), a.extents().end());
  extents.insert(extents.end(), b.extents().begin(), b.extents().end());
  return Shape(std::span<const std::int64_t>(extents));
}

/// The features of all parts, side by side.
Shape joined_features(const std::vector<PartGeometry>& geometry, std::int64_t row_elements) {
  const Shape& first = geometry.front().features;
  if (geometry.size() == 1) return first;
  const bool are_equal =
      std::all_of(geometry.begin(), geometry.end(),
                  [&](const PartGeometry& part) { return part.features == first; });
  if (are_equal && first.dimensions() < max_dimensions)
    return first.with_inserted(0, static_cast<std::int64_t>(geometry.size()));
  return Shape{row_elements};
}

std::vector<AxisRoles> roles_of(const DatasetMeta& meta, const SampleAxes& samples) {
  std::vector<AxisRoles> roles;
  for (const PartMeta& part : meta.parts)
    roles.push_back(resolve_roles(samples, part.shape, size_of(meta.dtype), part.text));
  return roles;
}

/// @param roles one for each part.
std::vector<PartGeometry> lay_out(const DatasetMeta& meta, const std::vector<AxisRoles>& roles) {
  std::vector<PartGeometry> geometry;
  std::int64_t row_elements = 0;
  for (std::size_t i = 0; i < meta.parts.size(); ++i) {
    const PartMeta& part = meta.parts[i];
    PartGeometry g;
    g.roles = roles[i];
    g.samples = extents_of(part.shape, g.roles.samples);
    g.features = extents_of(part.shape, g.roles.features);
    g.feature_begin = row_elements;
    row_elements += g.features.elements();
    if (!geometry.empty() && !(g.samples == geometry.front().samples))
      throw InvalidArgument(part.text + " has samples of shape " + g.samples.to_string() +
                            ", but " + meta.parts.front().text + " has " +
                            geometry.front().samples.to_string());
    geometry.push_back(std::move(g));
  }
  for (std::size_t i = 0; i < geometry.size(); ++i) {
    PartGeometry& g = geometry[i];
    g.strides.assign(static_cast<std::size_t>(meta.parts[i].shape.dimensions()), 0);
    const auto rows = c_strides(g.samples.extents());
    const auto columns = c_strides(g.features.extents());
    for (std::size_t a = 0; a < rows.size(); ++a)
      g.strides[static_cast<std::size_t>(g.roles.samples[a])] = rows[a] * row_elements;
    for (std::size_t a = 0; a < columns.size(); ++a)
      g.strides[static_cast<std::size_t>(g.roles.features[a])] = columns[a];
  }
  return geometry;
}

/// A part of which only a box of features is left.
/// @param axes the feature axes, in the order of the box.
PartMeta narrowed(const PartMeta& part, const std::vector<int>& axes, const ElementBox& box) {
  PartMeta result = part;
  std::vector<std::int64_t> extents(part.shape.extents().begin(), part.shape.extents().end());
  for (std::size_t i = 0; i < axes.size(); ++i) {
    const auto axis = static_cast<std::size_t>(axes[i]);
    extents[axis] = box.extent[i];
    if (part.is_series && axis == 0) {
      const auto first = part.items.begin() + box.start[i];
      result.items.assign(first, first + box.extent[i]);
    }
  }
  for (ItemMeta& item : result.items) {
    std::size_t kept = part.is_series ? 1 : 0;  // the axis of the part's shape
    for (SelectedAxis& selected : item.axes) {
      if (selected.is_dropped) continue;
      const auto at = std::ranges::find(axes, static_cast<int>(kept++));
      if (at == axes.end()) continue;
      const auto place = static_cast<std::size_t>(at - axes.begin());
      selected = select_within(selected, {.start = box.start[place], .count = box.extent[place]});
    }
  }
  result.shape = Shape(std::span<const std::int64_t>(extents));
  return result;
}

/// A part of which only some indices along each axis are left.
/// @param axes one for each axis of the part's shape.
PartMeta selected_part(const PartMeta& part, const std::vector<SelectedAxis>& axes) {
  PartMeta result = part;
  result.shape = selected_shape(axes);
  if (part.is_series) {
    const SelectedAxis& series = axes.front();
    if (series.count == 0) throw InvalidArgument(part.text + ": no dataset of the series is left");
    result.is_series = !series.is_dropped;
    result.items.clear();
    for (std::int64_t i = 0; i < series.count; ++i)
      result.items.push_back(part.items[static_cast<std::size_t>(series.start + i * series.step)]);
    if (series.is_reversed) std::ranges::reverse(result.items);
  }
  for (ItemMeta& item : result.items) {
    std::size_t kept = part.is_series ? 1 : 0;  // the axis of the part's shape
    for (SelectedAxis& selected : item.axes)
      if (!selected.is_dropped) selected = select_within(selected, axes[kept++]);
  }
  return result;
}

/// Pieces of columns are read by each rank for itself: a communicator for each of them, as
/// collective transfers want it, would cost more than it brings. Where rows are cut into pieces,
/// memory is short, and so are batches.
Context context_of_columns(const Context& ctx) {
  constexpr std::int64_t most_batch_bytes = std::int64_t{256} << 10;
  ContextOptions options = ctx.options();
  options.io_mode = IoMode::independent;
  options.batch_bytes = std::min(options.batch_bytes, most_batch_bytes);
  return ctx.with_options(options);
}

}  // namespace

struct Dataset::Impl {
  Impl(const Context& context, DatasetMeta&& metadata, const std::vector<AxisRoles>& roles)
      : ctx(context),
        meta(std::move(metadata)),
        geometry(lay_out(meta, roles)),
        row_elements(geometry.back().feature_begin + geometry.back().features.elements()),
        samples(geometry.front().samples),
        features(joined_features(geometry, row_elements)),
        shape(meta.parts.size() == 1 ? meta.parts.front().shape : joined(samples, features)),
        layout(Layout::uniform(samples.elements(), context.size(), context.options().max_tiles)),
        reader(context, meta.parts, geometry, layout, row_elements, meta.dtype, text) {
    for (const PartMeta& part : meta.parts) {
      text += (text.empty() ? "" : " + ") + part.text;
      for (const ItemMeta& item : part.items)
        if (std::find(files.begin(), files.end(), item.file) == files.end())
          files.push_back(item.file);
    }
    for (const std::string& source : meta.sources)
      if (std::find(files.begin(), files.end(), source) == files.end()) files.push_back(source);
    file_type = meta.parts.front().items.front().type.text;
  }

  Context ctx;
  DatasetMeta meta;
  std::vector<PartGeometry> geometry;
  std::int64_t row_elements;
  Shape samples;
  Shape features;
  Shape shape;
  Layout layout;
  Annotations annotations;
  std::vector<std::string> files;
  std::string file_type;
  std::string text;
  BatchReader reader;
};

Dataset::Dataset(std::shared_ptr<Impl> impl) : impl_(std::move(impl)) {}

Dataset Dataset::open(const Context& ctx, const Address& address, const DatasetOptions& options) {
  return open(ctx, std::vector<Address>{address}, options);
}

Dataset Dataset::open(const Context& ctx, const std::vector<Address>& addresses,
                      const DatasetOptions& options) {
  if (addresses.empty()) throw InvalidArgument("a dataset to open must be named");
  if (options.dtype && !is_real(*options.dtype))
    throw InvalidArgument("files cannot be read as " + std::string(name(*options.dtype)));
  std::string bytes;
  guard::Described untrusted;
  agree_on_root(ctx.comm(), 0, [&] {
    if (options.untrusted) untrusted = guard::describe_untrusted(addresses, options);
    bytes = options.untrusted ? untrusted.metadata : read_metadata(addresses, options).to_bytes();
  });
  bytes = ctx.comm().broadcast_text(bytes, 0);
  DatasetMeta meta = DatasetMeta::from_bytes(bytes);
  const std::vector<AxisRoles> roles = roles_of(meta, options.samples);
  auto impl = std::make_shared<Impl>(ctx, std::move(meta), roles);
  if (ctx.rank() == 0)
    for (const std::string& warning : impl->meta.warnings)
      ctx.recorder().say(Severity::warning, warning);
  agree_on_root(ctx.comm(), 0, [&] {
    bytes = std::move(untrusted.annotations);
    if (options.untrusted) return;
    WireWriter wire;
    put_annotations(wire,
                    read_annotations(impl->meta.parts.front(), impl->geometry.front().roles.samples,
                                     options.is_decoding, *ctx.backend()));
    bytes = wire.bytes();
  });
  bytes = ctx.comm().broadcast_text(bytes, 0);
  WireReader wire(bytes);
  impl->annotations = get_annotations(wire);
  if (ctx.options().io_mode != IoMode::collective || ctx.size() == 1)
    note_file_access(ctx.recorder(), "reading files", "independent, each rank without MPI-IO");
  impl->reader.try_open();
  return Dataset(std::move(impl));
}

Dataset Dataset::columns(RowRange range) const {
  if (range.is_empty() || range.begin < 0 || range.end > impl_->row_elements)
    throw InvalidArgument(impl_->text + " has no columns [" + std::to_string(range.begin) + ", " +
                          std::to_string(range.end) + ")");
  DatasetMeta meta;
  meta.dtype = impl_->meta.dtype;
  std::vector<AxisRoles> roles;
  for (std::size_t i = 0; i < impl_->geometry.size(); ++i) {
    const PartGeometry& g = impl_->geometry[i];
    const RowRange own =
        intersect(range, {g.feature_begin, g.feature_begin + g.features.elements()});
    if (own.is_empty()) continue;
    const RowRange features{own.begin - g.feature_begin, own.end - g.feature_begin};
    for (const ElementBox& box : cut_into_boxes(g.features, features, INT64_MAX)) {
      meta.parts.push_back(narrowed(impl_->meta.parts[i], g.roles.features, box));
      roles.push_back(g.roles);
    }
  }
  auto impl = std::make_shared<Impl>(context_of_columns(impl_->ctx), std::move(meta), roles);
  impl->text = impl_->text;
  return Dataset(std::move(impl));
}

Dataset Dataset::sliced(std::span<const Slice> slices, const SampleAxes& samples) const {
  std::vector<AxisSelection> selection;
  for (const Slice& slice : slices) selection.push_back({.range = slice});
  return selected(selection, samples, context_of_columns(impl_->ctx));
}

Dataset Dataset::selected(std::span<const AxisSelection> selection,
                          const SampleAxes& samples) const {
  Dataset result = selected(selection, samples, impl_->ctx);
  result.impl_->reader.try_open();
  return result;
}

Dataset Dataset::selected(std::span<const AxisSelection> selection, const SampleAxes& samples,
                          const Context& ctx) const {
  if (impl_->meta.parts.size() != 1)
    throw InvalidArgument(impl_->text + " is several addresses, which cannot be sliced together");
  DatasetMeta meta;
  meta.dtype = impl_->meta.dtype;
  meta.sources = impl_->meta.sources;
  const std::vector<SelectedAxis> axes = apply_selection(selection, impl_->shape, impl_->text);
  meta.parts.push_back(selected_part(impl_->meta.parts.front(), axes));
  const std::vector<AxisRoles> roles = roles_of(meta, samples);
  auto impl = std::make_shared<Impl>(ctx, std::move(meta), roles);
  const std::vector<int>& known = impl_->geometry.front().roles.samples;
  const std::vector<int>& wanted = roles.front().samples;
  impl->annotations.text_attributes = impl_->annotations.text_attributes;
  for (const Coordinate& coordinate : impl_->annotations.coordinates) {
    const int before = known[static_cast<std::size_t>(coordinate.axis)];
    if (axes[static_cast<std::size_t>(before)].is_dropped) continue;
    const auto axis = before - static_cast<int>(std::count_if(
                                   axes.begin(), axes.begin() + before,
                                   [](const SelectedAxis& each) { return each.is_dropped; }));
    const auto place = std::ranges::find(wanted, axis);
    if (place == wanted.end()) continue;
    impl->annotations.coordinates.push_back(
        select_of(coordinate, axes[static_cast<std::size_t>(before)]));
    impl->annotations.coordinates.back().axis = static_cast<int>(place - wanted.begin());
  }
  return Dataset(std::move(impl));
}

const Shape& Dataset::shape() const noexcept {
  return impl_->shape;
}
const Shape& Dataset::sample_shape() const noexcept {
  return impl_->samples;
}
const Shape& Dataset::feature_shape() const noexcept {
  return impl_->features;
}
const std::vector<Coordinate>& Dataset::sample_coordinates() const noexcept {
  return impl_->annotations.coordinates;
}

const std::vector<std::pair<std::string, std::string>>& Dataset::text_attributes() const noexcept {
  return impl_->annotations.text_attributes;
}
const std::vector<std::string>& Dataset::files() const noexcept {
  return impl_->files;
}
const std::string& Dataset::file_type() const noexcept {
  return impl_->file_type;
}
const Layout& Dataset::layout() const {
  return impl_->layout;
}
DType Dataset::dtype() const {
  return impl_->meta.dtype;
}
Shape Dataset::row_shape() const {
  return impl_->features;
}
std::string Dataset::describe() const {
  return impl_->text;
}

ReadPlan Dataset::plan(const Leaves& leaves, std::int64_t bytes, int rank) const {
  return plan_batches(leaves, row_bytes(), std::max(bytes, impl_->reader.least_batch_bytes()),
                      rank);
}

TileView Dataset::read(const ReadPlan& plan, std::int64_t batch, Buffer& scratch) const {
  return impl_->reader.read(plan, batch, scratch);
}

void Dataset::prefetch(const ReadPlan& plan, std::int64_t batch) const {
  impl_->reader.prefetch(plan, batch);
}

std::int64_t Dataset::reading_bytes() const {
  return impl_->reader.reading_bytes(impl_->ctx.options().memory_bytes);
}

std::int64_t Dataset::least_memory(std::int64_t other_bytes) const {
  // caches and batches grow with the memory that there is
  std::int64_t memory = other_bytes;
  for (int i = 0; i < 100; ++i) {
    const std::int64_t needed = other_bytes + impl_->reader.reading_bytes(memory);
    if (needed <= memory) break;
    memory = needed + needed / 64;
  }
  return memory;
}

bool Dataset::is_read_together() const {
  return impl_->reader.is_sharing();
}

void Dataset::set_batch_bytes_together(std::int64_t bytes) {
  impl_->reader.set_sharing_batch_bytes(bytes);
}

void Dataset::hold(std::int64_t bytes) {
  impl_->reader.hold(std::max<std::int64_t>(bytes, 0));
}

Array Dataset::to_array() const {
  Impl& impl = *impl_;
  return Array::from_buffer(impl.ctx, joined(Shape{impl.samples.elements()}, impl.features),
                            dtype(), impl.layout, impl.reader.read_all());
}

}  // namespace serried
