#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "serried/comm/tile_source.hpp"

namespace serried::kmeans {

/// A source with batches of a given size that tells when a pass over it goes on to the next batch,
/// on all ranks alike.
class WatchedSource final : public TileSource {
 public:
  /// `on_read` is called before a batch is read: all use of the one before has ended. `on_prefetch`
  /// is called before the batch that was read is used; it may be Collective.
  WatchedSource(const TileSource& source, std::int64_t batch_bytes,
                std::function<void(const ReadPlan& plan, std::int64_t batch)> on_read,
                std::function<void(std::int64_t next_batch)> on_prefetch)
      : source_(source),
        batch_bytes_(batch_bytes),
        on_read_(std::move(on_read)),
        on_prefetch_(std::move(on_prefetch)) {}

  [[nodiscard]] const Layout& layout() const override { return source_.layout(); }
  [[nodiscard]] DType dtype() const override { return source_.dtype(); }
  [[nodiscard]] Shape row_shape() const override { return source_.row_shape(); }
  [[nodiscard]] std::string describe() const override { return source_.describe(); }
  [[nodiscard]] ReadPlan plan(const Leaves& leaves, std::int64_t /*bytes*/,
                              int rank) const override {
    return source_.plan(leaves, batch_bytes_, rank);
  }
  void prepare(const ReadPlan& plan, Buffer& scratch) const override {
    source_.prepare(plan, scratch);
  }
  [[nodiscard]] TileView read(const ReadPlan& plan, std::int64_t batch,
                              Buffer& scratch) const override {
    on_read_(plan, batch);
    return source_.read(plan, batch, scratch);
  }
  void prefetch(const ReadPlan& plan, std::int64_t batch) const override {
    source_.prefetch(plan, batch);
    on_prefetch_(batch);
  }

 private:
  const TileSource& source_;
  std::int64_t batch_bytes_;
  std::function<void(const ReadPlan&, std::int64_t)> on_read_;
  std::function<void(std::int64_t)> on_prefetch_;
};

}  // namespace serried::kmeans
