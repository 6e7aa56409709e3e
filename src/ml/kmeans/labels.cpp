#include "ml/kmeans/labels.hpp"

#include <algorithm>

#include "serried/comm/agree.hpp"

namespace serried::kmeans {

Array labels_array(const Rows& rows, std::vector<std::int32_t> labels) {
  const Context& ctx = rows.context();
  const Layout& layout = rows.source().layout();
  const auto in_leaves = [&](int rank) { return rows.leaves().rows_of(rank); };
  const auto in_layout = [&](int rank) { return layout.rows_of(rank); };
  bool is_alike = true;
  for (int rank = 0; rank < ctx.size(); ++rank) {
    const RowRange a = in_leaves(rank);
    const RowRange b = in_layout(rank);
    is_alike = is_alike && (a == b || (a.is_empty() && b.is_empty()));
  }
  if (!is_alike) labels = exchange_rows<std::int32_t>(ctx.comm(), labels, in_leaves, in_layout);
  Buffer buffer;
  agree(ctx.comm(), [&] { buffer = Buffer(ctx.backend(), labels.size() * sizeof(std::int32_t)); });
  std::ranges::copy(labels, buffer.as<std::int32_t>(labels.size()).begin());
  return Array::from_buffer(ctx, Shape{rows.global_rows()}, DType::i32, layout, std::move(buffer));
}

}  // namespace serried::kmeans
