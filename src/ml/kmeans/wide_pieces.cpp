#include "ml/kmeans/wide_pieces.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "ml/kmeans/wide_columns.hpp"
#include "serried/comm/agree.hpp"
#include "serried/device/convert_kernels.hpp"

namespace serried::kmeans {

WidePieces::WidePieces(Rows& rows, const Dataset& data, std::int64_t width)
    : rows_(rows), data_(data), width_(std::min(width, rows.features())) {
  agree(rows.context().comm(), [&] {
    values_.resize(static_cast<std::size_t>(std::max<std::int64_t>(1, rows.local_rows()) * width_));
  });
}

Piece WidePieces::read(RowRange columns) {
  const Dataset source = data_.columns(columns);
  const Context& ctx = rows_.context();
  const ReadPlan plan = source.plan(rows_.leaves(), ctx.options().batch_bytes, ctx.rank());
  const auto& kernels = ctx.backend()->kernels<ConvertKernels>(source.dtype());
  const auto count = static_cast<std::int64_t>(plan.batches.size());
  source.prepare(plan, scratch_);
  // Nothing here can fail but reading, which the ranks agree on in the last batch.
  for (std::int64_t batch = 0; batch < count; ++batch) {
    const TileView view = source.read(plan, batch, scratch_);
    if (batch + 1 < count) source.prefetch(plan, batch + 1);
    double* const to = values_.data() + (view.rows.begin - rows_.first_row()) * columns.size();
    const std::int64_t elements = view.rows.size() * columns.size();
    if (elements == 0) continue;
    if (view.dtype == DType::f64)
      std::memcpy(to, view.data, static_cast<std::size_t>(elements) * sizeof(double));
    else
      static_cast<void>(kernels.convert(view.data, elements, DType::f64, to));
  }
  return {columns, values_.data()};
}

void WidePieces::pass(const char* name, const std::function<void(const Piece&)>& use) {
  ++passes_;
  for (std::int64_t begin = 0; begin < rows_.features(); begin += width_) {
    const Piece piece = read({begin, std::min(rows_.features(), begin + width_)});
    const auto span = rows_.context().recorder().span(name, Activity::computation);
    use(piece);
  }
}

void WidePieces::read_head(std::int64_t columns, const std::function<void(const Piece&)>& use) {
  use(read({0, std::min({columns, width_, rows_.features()})}));
}

std::vector<double> gather_rows(const WidePieces& pieces, const Piece& piece,
                                std::span<const std::int64_t> numbers) {
  const Rows& rows = pieces.rows();
  const std::int64_t width = piece.width();
  std::vector<std::int64_t> sorted(numbers.begin(), numbers.end());
  std::ranges::sort(sorted);
  sorted.erase(std::unique(sorted.begin(), sorted.end()), sorted.end());
  std::vector<double> own;
  for (const std::int64_t row : sorted) {
    if (!rows.own_rows().contains(row)) continue;
    const double* const x = piece.row(row - rows.first_row());
    own.insert(own.end(), x, x + width);
  }
  // Ranks hold ascending runs of rows, so that the pieces in rank order are in row order.
  const std::vector<double> all =
      rows.context().comm().allgather(std::span<const double>(own)).values;
  own = {};
  std::vector<double> result(numbers.size() * static_cast<std::size_t>(width));
  for (std::size_t i = 0; i < numbers.size(); ++i) {
    const auto at = std::ranges::lower_bound(sorted, numbers[i]) - sorted.begin();
    std::copy_n(all.begin() + at * width, width,
                result.begin() + static_cast<std::ptrdiff_t>(i) * width);
  }
  return result;
}

const std::vector<double>& PieceFrame::shift() {
  if (!has_shift_) {
    own_.shift = sum_leaves(pieces_, all_, piece_);
    const auto count = static_cast<double>(std::max<std::int64_t>(1, all_.usable_rows));
    for (double& value : own_.shift) value = in_dtype(pieces_.rows().dtype(), value / count);
    has_shift_ = true;
  }
  return own_.shift;
}

const Columns& PieceFrame::columns() {
  static_cast<void>(shift());
  if (!has_maxima_) {
    own_.usable_rows = all_.usable_rows;
    own_.largest_weight = all_.largest_weight;
    own_.maxima = find_maxima(pieces_, all_, piece_, own_.shift).weighted;
    has_maxima_ = true;
  }
  return own_;
}

const FixedPoint& PieceFrame::fixed() {
  if (fixed_.empty()) fixed_.emplace_back(columns(), piece_.width(), pieces_.rows().has_weights());
  return fixed_.front();
}

}  // namespace serried::kmeans
