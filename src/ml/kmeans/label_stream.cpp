#include "ml/kmeans/label_stream.hpp"

#include <algorithm>

#include "serried/base/faults.hpp"
#include "serried/comm/agree.hpp"

namespace serried::kmeans {

LabelStream::LabelStream(const Context& ctx, std::int64_t clusters, std::int64_t most_rows,
                         RowSink* sink)
    : sink_(sink), device_(ctx.device()) {
  agree(ctx.comm(), [&] {
    faults::before_allocation();
    labels_.resize(static_cast<std::size_t>(most_rows));
    if (ctx.has_device()) on_device_ = Buffer(device_, labels_.size() * sizeof(std::int32_t));
    counts_.resize(static_cast<std::size_t>(clusters) + 1);
  });
  if (sink == nullptr) return;
  const std::int64_t most = ctx.comm().allreduce(most_rows, ReduceOp::max);
  batches_between_ =
      std::max<std::int64_t>(1, sink->rows_between() / std::max<std::int64_t>(1, most));
}

void LabelStream::begin(RowRange batch) {
  end();
  if (sink_ != nullptr) sink_->rest();
  batch_ = batch;
  const std::int64_t rows = std::max<std::int64_t>(0, batch.size());
  if (on_device_.data() == nullptr)
    std::fill_n(labels_.begin(), rows, -1);
  else
    device_->fill(on_device_.data(), ~std::uint32_t{0}, static_cast<std::size_t>(rows));
}

void LabelStream::advance(std::int64_t batch) {
  if (sink_ != nullptr && batch % batches_between_ == 0) sink_->advance();
}

void LabelStream::end() {
  const std::int64_t rows = std::max<std::int64_t>(0, batch_.size());
  if (on_device_.data() != nullptr)
    device_->copy_to_host(labels_.data(), on_device_.data(),
                          static_cast<std::size_t>(rows) * sizeof(std::int32_t));
  for (std::int64_t i = 0; i < rows; ++i) {
    const std::int32_t label = labels_[static_cast<std::size_t>(i)];
    ++counts_[label < 0 ? counts_.size() - 1 : static_cast<std::size_t>(label)];
    if (label < 0) first_missing_ = std::min(first_missing_, batch_.begin + i);
  }
  const std::span<const std::int32_t> done(labels_.data(), static_cast<std::size_t>(rows));
  if (sink_ != nullptr && rows > 0) sink_->append(batch_, std::as_bytes(done));
  batch_ = {};
}

}  // namespace serried::kmeans
