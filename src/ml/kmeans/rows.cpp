#include "ml/kmeans/rows.hpp"

#include <algorithm>
#include <cstring>

#include "serried/base/faults.hpp"
#include "serried/device/convert_kernels.hpp"

namespace serried::kmeans {
namespace {

/// Bytes of rows that a thread takes at a time: few enough to stay in the second-level cache.
constexpr std::int64_t unit_bytes = std::int64_t{512} << 10;

DType compute_dtype(const Context& ctx, const TileSource& source) {
  if (source.layout().ranks() != ctx.size())
    throw InvalidArgument(source.describe() + " lies on " +
                          std::to_string(source.layout().ranks()) + " ranks, the context has " +
                          std::to_string(ctx.size()));
  if (!is_real(source.dtype()))
    throw InvalidArgument(source.describe() + " has dtype " + std::string(name(source.dtype())) +
                          "; k-means needs real numbers");
  return source.dtype() == DType::f32 ? DType::f32 : DType::f64;
}

std::int64_t batch_bytes_of(const Context& ctx) {
  const std::int64_t bytes = ctx.options().batch_bytes;
  return ctx.has_device() ? device_batch_bytes(ctx) : bytes;
}

}  // namespace

Leaves leaves_of(const TileSource& source) {
  // What a leaf of the heaviest reduction has as its payload: two sums and a maximum for each
  // column.
  return {source.layout(), source.row_bytes(), 24 * source.row_elements()};
}

Rows::Rows(const Context& ctx, const TileSource& source)
    : ctx_(ctx),
      source_(source),
      features_(source.row_elements()),
      dtype_(compute_dtype(ctx, source)),
      kernels_(ctx.device()->kernels<KMeansKernels>(dtype_)),
      leaves_(leaves_of(source)),
      plan_(source.plan(leaves_, batch_bytes_of(ctx), ctx.rank())),
      own_(leaves_.rows_of(ctx.rank())),
      scratch_(static_cast<std::size_t>(ctx.backend()->threads().threads())),
      device_view_(ctx) {}

void Rows::place_weights() {
  if (!ctx_.has_device()) return;
  const std::size_t bytes = weights_.size() * sizeof(double);
  device_weights_.reserve(device(), bytes);
  device()->copy_from_host(device_weights_.data(), weights_.data(), bytes);
}

std::vector<std::int64_t> Rows::offsets_of(const Unit& unit) const {
  std::vector<std::int64_t> offsets;
  for (std::int64_t leaf = unit.first_leaf; leaf <= unit.last_leaf; ++leaf)
    offsets.push_back(leaves_.row_begin(leaf) - unit.rows.begin);
  return offsets;
}

const void* Rows::converted(const TileView& view, RowRange rows, int worker) {
  const std::byte* data = view.data + (rows.begin - view.rows.begin) * source_.row_bytes();
  if (view.dtype == dtype_) return data;
  auto& buffer = scratch_[static_cast<std::size_t>(worker)];
  const std::int64_t count = rows.size() * features_;
  buffer.reserve(device(), static_cast<std::size_t>(count) * sizeof(double));
  static_cast<void>(device()
                        ->kernels<ConvertKernels>(view.dtype)
                        .convert(data, count, DType::f64, buffer.data()));
  return buffer.data();
}

Unit Rows::unit_of(const TileView& view, std::int64_t first_leaf, std::int64_t last_leaf,
                   int worker) {
  Unit unit;
  unit.rows = {leaves_.row_begin(first_leaf), leaves_.row_begin(last_leaf)};
  unit.local_row = unit.rows.begin - own_.begin;
  unit.first_leaf = first_leaf;
  unit.last_leaf = last_leaf;
  unit.data = converted(view, unit.rows, worker);
  unit.weights = placed_weights(unit.local_row);
  unit.worker = worker;
  return unit;
}

void Rows::pass(const char* name, const std::function<void(const Unit&)>& work,
                std::span<LeafTotals* const> totals) {
  ++reads_;
  const ThreadPool& pool = ctx_.backend()->threads();
  read_batches(
      ctx_.comm(), source_, plan_, read_buffer_, [&](std::size_t batch, const TileView& read) {
        const std::int64_t first = plan_.first_leaves[batch];
        const std::int64_t last = plan_.first_leaves[batch + 1];
        const auto span = ctx_.recorder().span(name, Activity::computation);
        const TileView view = device_view_.of(read);
        for (LeafTotals* total : totals) total->begin_batch(first, last);
        const std::int64_t leaf_bytes =
            std::max<std::int64_t>(1, view.rows.size() * source_.row_bytes() / (last - first));
        if (ctx_.has_device()) {
          work(unit_of(view, first, last, 0));
          for (LeafTotals* total : totals) total->end_batch(first, last);
          return;
        }
        const std::int64_t fair = (last - first) / (4 * pool.threads());
        const std::int64_t most =
            pool.threads() == 1 ? last - first : std::max<std::int64_t>(1, fair);
        const std::int64_t run = std::clamp<std::int64_t>(unit_bytes / leaf_bytes, 1, most);
        pool.parallel_for((last - first + run - 1) / run, [&](std::int64_t i, int worker) {
          const std::int64_t begin = first + i * run;
          work(unit_of(view, begin, std::min(last, begin + run), worker));
        });
        for (LeafTotals* total : totals) total->end_batch(first, last);
      });
}

void Rows::visit_leaves(std::span<const std::int64_t> wanted,
                        const std::function<void(const Unit&)>& work) {
  ++reads_;
  std::vector<std::uint8_t> is_needed(plan_.batches.size(), 0);
  const auto wanted_in = [&](std::size_t batch) {
    const auto first = std::ranges::lower_bound(wanted, plan_.first_leaves[batch]);
    const auto last = std::ranges::lower_bound(wanted, plan_.first_leaves[batch + 1]);
    return std::span<const std::int64_t>(first, last);
  };
  for (std::size_t batch = 0; batch < plan_.batches.size(); ++batch)
    is_needed[batch] = wanted_in(batch).empty() ? 0 : 1;
  ctx_.comm().allreduce(std::span<std::uint8_t>(is_needed), ReduceOp::max);
  read_batches(
      ctx_.comm(), source_, plan_, read_buffer_,
      [&](std::size_t batch, const TileView& read) {
        const TileView view = device_view_.of(read);
        for (const std::int64_t leaf : wanted_in(batch)) work(unit_of(view, leaf, leaf + 1, 0));
      },
      is_needed);
}

std::vector<double> Rows::fetch(std::span<const std::int64_t> global_rows) {
  const auto first = std::ranges::lower_bound(global_rows, own_.begin);
  const auto last = std::ranges::lower_bound(global_rows, std::max(own_.begin, own_.end));
  const std::span<const std::int64_t> mine(first, last);
  std::vector<std::int64_t> wanted;
  for (const std::int64_t row : mine) {
    std::int64_t leaf = wanted.empty() ? first_leaf() : wanted.back();
    if (leaves_.row_begin(leaf + 1) <= row) {
      std::int64_t beyond = last_leaf();
      while (leaf + 1 < beyond) {
        const std::int64_t middle = leaf + (beyond - leaf) / 2;
        (leaves_.row_begin(middle) <= row ? leaf : beyond) = middle;
      }
    }
    if (wanted.empty() || wanted.back() != leaf) wanted.push_back(leaf);
  }
  std::vector<double> values;
  visit_leaves(wanted, [&](const Unit& unit) {
    auto row = std::ranges::lower_bound(mine, unit.rows.begin);
    for (; row != mine.end() && *row < unit.rows.end; ++row) {
      const std::int64_t at = (*row - unit.rows.begin) * features_;
      const auto append = [&](const auto* data) {
        const HostView elements(*device(), data + at, features_);
        values.insert(values.end(), elements.data(), elements.data() + features_);
      };
      if (dtype_ == DType::f32)
        append(static_cast<const float*>(unit.data));
      else
        append(static_cast<const double*>(unit.data));
    }
  });
  // Ranks hold ascending runs of rows, so that the pieces in rank order are in row order.
  return ctx_.comm().allgather(std::span<const double>(values)).values;
}

namespace {

void add_doubles(std::byte* left, const std::byte* right, std::int64_t count) {
  auto* a = reinterpret_cast<double*>(left);
  const auto* b = reinterpret_cast<const double*>(right);
  for (std::int64_t i = 0; i < count; ++i) a[i] += b[i];
}

}  // namespace

LeafTotals::LeafTotals(const Rows& rows, std::int64_t width)
    : rows_(rows),
      width_(width),
      fold_(width * 8,
            [width](std::byte* left, const std::byte* right) { add_doubles(left, right, width); }) {
}

void LeafTotals::begin_batch(std::int64_t first_leaf, std::int64_t last_leaf) {
  first_leaf_ = first_leaf;
  faults::before_allocation();
  partials_.resize(static_cast<std::size_t>((last_leaf - first_leaf) * width_));
}

void LeafTotals::end_batch(std::int64_t first_leaf, std::int64_t last_leaf) {
  for (std::int64_t number = first_leaf; number < last_leaf; ++number)
    fold_.push(number, reinterpret_cast<const std::byte*>(leaf(number)));
}

std::vector<double> LeafTotals::finish() {
  const std::int64_t width = width_;
  TreeReduceOptions options;
  options.item_bytes = 8;
  options.combine_items = add_doubles;
  const std::vector<double> none(static_cast<std::size_t>(width), 0.);
  const auto bytes = tree_reduce(
      rows_.context().comm(), rows_.leaves(), fold_.release(), std::as_bytes(std::span(none)),
      [width](std::byte* left, const std::byte* right) { add_doubles(left, right, width); },
      options);
  std::vector<double> totals(none.size());
  if (!totals.empty()) std::memcpy(totals.data(), bytes.data(), bytes.size());
  return totals;
}

}  // namespace serried::kmeans
