#pragma once

#include <cstdint>
#include <limits>
#include <memory>
#include <vector>

#include "serried/comm/row_sink.hpp"
#include "serried/comm/tile_source.hpp"
#include "serried/context.hpp"
#include "serried/device/buffer.hpp"

namespace serried::kmeans {

/// The labels of the batch that is worked on; those of the batches before have been counted and
/// given to a sink.
class LabelStream {
 public:
  /// @param most_rows of a batch of this rank. @param sink may be null.
  /// Collective.
  LabelStream(const Context& ctx, std::int64_t clusters, std::int64_t most_rows, RowSink* sink);

  /// Goes on to a batch, whose labels are all -1.
  /// Local.
  void begin(RowRange batch);
  /// Lets the sink work now and then. Collective.
  void advance(std::int64_t batch);
  /// Ends the last batch.
  /// Local.
  void end();

  /// Of the batch, where kernels work.
  [[nodiscard]] std::int32_t* labels() noexcept {
    return on_device_.data() == nullptr ? labels_.data()
                                        : reinterpret_cast<std::int32_t*>(on_device_.data());
  }
  [[nodiscard]] RowRange batch() const noexcept { return batch_; }
  /// Rows of this rank by cluster, and at the end those without one.
  [[nodiscard]] std::vector<std::int64_t>& counts() noexcept { return counts_; }
  /// The first row of this rank without a cluster; the largest number where there is none.
  [[nodiscard]] std::int64_t first_missing() const noexcept { return first_missing_; }

 private:
  RowSink* sink_;
  std::shared_ptr<Backend> device_;
  std::vector<std::int32_t> labels_;
  Buffer on_device_;  ///< empty on the host
  RowRange batch_;
  std::vector<std::int64_t> counts_;
  std::int64_t first_missing_ = std::numeric_limits<std::int64_t>::max();
  std::int64_t batches_between_ = 1;  ///< two advances of the sink
};

}  // namespace serried::kmeans
