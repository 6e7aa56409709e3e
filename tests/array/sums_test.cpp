#include "serried/array/sums.hpp"

#include <bit>
#include <cmath>
#include <limits>
#include <vector>

#include "backend/targets.hpp"
#include "serried/array/array.hpp"
#include "support/numbers.hpp"
#include "support/spmd.hpp"
#include "support/value_source.hpp"

namespace serried::test {
namespace {

std::vector<std::uint64_t> words_of(const std::vector<double>& values) {
  std::vector<std::uint64_t> words;
  for (const double value : values) words.push_back(std::bit_cast<std::uint64_t>(value));
  return words;
}

template <class T>
void expect_sums(const Context& ctx, std::int64_t rows, std::int64_t columns) {
  SCOPED_TRACE(testing::Message() << rows << " x " << columns);
  const auto value = [columns](std::int64_t row, std::int64_t column) {
    return number<T>(row * columns + column);
  };
  const Context self = alone(ctx);
  const ValueSource<T> own(self, rows, columns, value);
  const ValueSource<T> source(ctx, rows, columns, value);
  const std::vector<double> sums = sum_columns(ctx, source);
  const auto expected = words_of(sum_columns(self, own));
  EXPECT_EQ(words_of(sums), expected);
  const Context threaded = on_test_device(
      Context(ctx.comm(), make_host_backend(2), ctx.comm().recorder(), ctx.options()));
  EXPECT_EQ(words_of(sum_columns(threaded, source)), expected);
  for (const auto& level : available_targets()) {
    const TargetScope scope(level);
    EXPECT_EQ(words_of(sum_columns(ctx, source)), expected) << level;
  }
  const Array array = Array::from_function(
      ctx, {rows, columns}, dtype_of<T>,
      [&](std::span<const std::int64_t> index) { return to_double(value(index[0], index[1])); });
  EXPECT_EQ(words_of(sum_columns(ctx, array)), expected);
  for (const std::int64_t j : {std::int64_t{0}, columns / 2, columns - 1}) {
    Quad exact = 0;
    for (std::int64_t row = 0; row < rows; ++row) exact += to_quad(value(row, j));
    EXPECT_LE(std::fabs(static_cast<double>(static_cast<Quad>(sums[static_cast<std::size_t>(j)]) -
                                            exact)),
              1e-15 * std::fabs(static_cast<double>(exact)));
  }
}

TEST(Sums, same_bits_at_every_cut_and_right) {
  for (const std::int64_t max_tiles : {16384, 64, 3}) {
    const Context ctx = context({.max_tiles = max_tiles});
    for (const std::int64_t rows : {1, 3, 1000}) {
      expect_sums<double>(ctx, rows, 3);
      expect_sums<float>(ctx, rows, 65);
    }
    expect_sums<double>(ctx, 30'001, 1);
    expect_sums<std::int32_t>(ctx, 30'001, 2);
  }
}

TEST(Sums, large_payloads_travel_in_slices) {
  expect_sums<float>(context({.max_tiles = 16}), 20, 140'000);  // 1.1 MB of sums
}

TEST(Sums, above_600_000_rows) {
  expect_sums<float>(context(), 600'011, 1);
}

TEST(Sums, no_rows_and_no_columns) {
  const Context ctx = context();
  const ValueSource<double> no_rows(ctx, 0, 3, [](std::int64_t, std::int64_t) { return 1.0; });
  EXPECT_EQ(sum_columns(ctx, no_rows), (std::vector<double>(3)));
  const ValueSource<double> no_columns(ctx, 5, 0, [](std::int64_t, std::int64_t) { return 1.0; });
  EXPECT_TRUE(sum_columns(ctx, no_columns).empty());
}

TEST(Sums, nan_propagates) {
  const Context ctx = context();
  const ValueSource<float> source(ctx, 500, 2, [](std::int64_t row, std::int64_t column) {
    return row == 499 && column == 1 ? std::numeric_limits<float>::quiet_NaN() : 1.0f;
  });
  const auto sums = sum_columns(ctx, source);
  EXPECT_EQ(sums[0], 500);
  EXPECT_TRUE(std::isnan(sums[1]));
}

TEST(Sums, refuse_what_is_no_real_number) {
  const Context ctx = context();
  EXPECT_THROW(static_cast<void>(sum_columns(ctx, Array::zeros(ctx, {4}, DType::c64))), DataError);
}

}  // namespace
}  // namespace serried::test
