#pragma once

#include <cstring>
#include <functional>
#include <string>

#include "serried/base/philox.hpp"
#include "serried/comm/agree.hpp"
#include "serried/comm/tile_source.hpp"
#include "serried/context.hpp"
#include "support/spmd.hpp"

namespace serried::test {

/// A source of doubles that are a function of (row, column), read into scratch memory as a file
/// would be.
class FunctionSource final : public TileSource {
 public:
  using Function = std::function<double(std::int64_t row, std::int64_t column)>;
  FunctionSource(const Context& ctx, Layout layout, std::int64_t columns, Function function)
      : ctx_(ctx), layout_(std::move(layout)), columns_(columns), function_(std::move(function)) {}

  [[nodiscard]] const Layout& layout() const override { return layout_; }
  [[nodiscard]] DType dtype() const override { return DType::f64; }
  [[nodiscard]] Shape row_shape() const override { return {columns_}; }
  [[nodiscard]] std::string describe() const override { return "test function"; }
  [[nodiscard]] TileView read(const ReadPlan& plan, std::int64_t batch,
                              Buffer& scratch) const override {
    const RowRange rows = plan.batches[static_cast<std::size_t>(batch)];
    const auto count = static_cast<std::size_t>(rows.size() * columns_);
    agree(ctx_.comm(), [&] {
      if (ctx_.rank() == failing_rank && batch == failing_batch) throw IoError("read failed");
      scratch.reserve(ctx_.backend(), count * sizeof(double));
    });
    auto values = scratch.as<double>(count);
    for (std::int64_t row = rows.begin; row < rows.end; ++row)
      for (std::int64_t column = 0; column < columns_; ++column)
        values[static_cast<std::size_t>((row - rows.begin) * columns_ + column)] =
            function_(row, column);
    return {rows, columns_, DType::f64, scratch.data()};
  }

  int failing_rank = -1;
  std::int64_t failing_batch = 0;

 private:
  Context ctx_;
  Layout layout_;
  std::int64_t columns_;
  Function function_;
};

/// A number in [0, 1) for each (row, column).
inline double noise(std::int64_t row, std::int64_t column) {
  return to_unit_interval(
      philox_words(99, static_cast<std::uint64_t>(column), static_cast<std::uint64_t>(row))[0]);
}

/// The same communicator with another number of threads.
inline Context with_threads(const Context& ctx, int threads) {
  return on_test_device(
      Context(ctx.comm(), make_host_backend(threads), ctx.comm().recorder(), ctx.options()));
}

}  // namespace serried::test
