// ranks: 1 2 3 4 7
// The documented example of a user's own estimator, against a serial oracle and against itself.
#include "../../docs/examples/weighted_covariance.hpp"

#include <cstring>

#include "array/array_support.hpp"
#include "array/function_source.hpp"

namespace serried {
namespace {

using Index = std::int64_t;

// Rows (weight, x, y) far from zero, with y following x; every seventh row has no weight.
double value_at(Index row, Index column) {
  if (column == 0) return row % 7 == 3 ? 0 : 0.5 + test::noise(row, 0);
  const double x = 300 + test::noise(row, 1);
  return column == 1 ? x : 1000 - 2 * x + 0.1 * test::noise(row, 2);
}

Array rows_of(const Context& ctx, Index rows) {
  return Array::from_function(ctx, {rows, 3}, DType::f64, [](std::span<const Index> index) {
    return value_at(index[0], index[1]);
  });
}

TEST(UserEstimator, agrees_with_a_serial_loop) {
  const Context ctx = test::context();
  for (const Index rows : {Index{0}, Index{1}, Index{2}, Index{5}, Index{1000}, Index{60001}}) {
    const auto result = example::weighted_covariance(ctx, rows_of(ctx, rows));
    long double weight = 0, x = 0, y = 0, xx = 0, xy = 0, yy = 0;
    for (Index row = 0; row < rows; ++row) {
      const long double w = value_at(row, 0);
      weight += w;
      x += w * value_at(row, 1);
      y += w * value_at(row, 2);
    }
    for (Index row = 0; row < rows && weight > 0; ++row) {
      const long double w = value_at(row, 0);
      const long double dx = value_at(row, 1) - x / weight;
      const long double dy = value_at(row, 2) - y / weight;
      xx += w * dx * dx;
      xy += w * dx * dy;
      yy += w * dy * dy;
    }
    // rounding of a sum of n terms of one sign, and the deviations' own
    const double tolerance = 1e-12;
    EXPECT_NEAR(result.weight, static_cast<double>(weight),
                tolerance * static_cast<double>(weight));
    if (rows == 0) continue;
    EXPECT_NEAR(result.mean_x, static_cast<double>(x / weight), 300 * tolerance);
    EXPECT_NEAR(result.mean_y, static_cast<double>(y / weight), 1000 * tolerance);
    const double scale = static_cast<double>(weight) * 1e-10;
    EXPECT_NEAR(result.xx, static_cast<double>(xx), scale);
    EXPECT_NEAR(result.xy, static_cast<double>(xy), scale);
    EXPECT_NEAR(result.yy, static_cast<double>(yy), scale);
  }
}

TEST(UserEstimator, same_bits_alone_and_together) {
  const Context ctx = test::context();
  const auto alone = ctx.comm().split(ctx.rank(), 0);
  const Context serial(*alone, make_host_backend(1), alone->recorder(), ctx.options());
  for (const Index rows : {Index{1}, Index{2}, Index{20000}, Index{700001}}) {
    const auto together =
        example::weighted_covariance(test::with_threads(ctx, 2), rows_of(ctx, rows));
    const auto expected = example::weighted_covariance(serial, rows_of(serial, rows));
    EXPECT_EQ(std::memcmp(&together, &expected, sizeof together), 0) << rows;
  }
}

}  // namespace
}  // namespace serried
