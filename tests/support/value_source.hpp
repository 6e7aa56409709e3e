#pragma once

#include <functional>
#include <string>
#include <utility>

#include "serried/comm/agree.hpp"
#include "serried/comm/tile_source.hpp"
#include "serried/context.hpp"
#include "support/spmd.hpp"

namespace serried::test {

/// A source of any dtype whose element (row, column) is a function of both, read into scratch
/// memory in batches as a file would be.
template <class T>
class ValueSource final : public TileSource {
 public:
  using Function = std::function<T(std::int64_t row, std::int64_t column)>;
  ValueSource(const Context& ctx, std::int64_t rows, std::int64_t columns, Function function)
      : ctx_(ctx),
        layout_(Layout::uniform(rows, ctx.size(), ctx.options().max_tiles)),
        columns_(columns),
        function_(std::move(function)) {}

  [[nodiscard]] const Layout& layout() const override { return layout_; }
  [[nodiscard]] DType dtype() const override { return dtype_of<T>; }
  [[nodiscard]] Shape row_shape() const override { return {columns_}; }
  [[nodiscard]] std::string describe() const override { return "test values"; }
  [[nodiscard]] TileView read(const ReadPlan& plan, std::int64_t batch,
                              Buffer& scratch) const override {
    const RowRange rows = plan.batches[static_cast<std::size_t>(batch)];
    const auto count = static_cast<std::size_t>(rows.size() * columns_);
    agree(ctx_.comm(), [&] {
      if (ctx_.rank() == failing_rank) throw IoError("read failed");
      scratch.reserve(ctx_.backend(), count * sizeof(T));
    });
    auto values = scratch.as<T>(count);
    for (std::int64_t row = rows.begin; row < rows.end; ++row)
      for (std::int64_t column = 0; column < columns_; ++column)
        values[static_cast<std::size_t>((row - rows.begin) * columns_ + column)] =
            function_(row, column);
    return {rows, columns_, dtype_of<T>, scratch.data()};
  }

  int failing_rank = -1;

 private:
  Context ctx_;
  Layout layout_;
  std::int64_t columns_;
  Function function_;
};

/// The same data on this rank alone, with one thread.
inline Context alone(const Context& ctx) {
  const auto self = ctx.comm().split(ctx.rank(), 0);
  return on_test_device(Context(*self, make_host_backend(1), ctx.comm().recorder(), ctx.options()));
}

}  // namespace serried::test
