#include <algorithm>
#include <array>
#include <cstdio>
#include <serried/serried.hpp>

using namespace serried;

int main() try {
  const Runtime runtime;
  const Context ctx(runtime);

  // a velocity field of 4 million cells, its rows spread over the ranks
  const Shape shape{2000, 2000};
  const Array u = Array::random_normal(ctx, shape, DType::f32, 1);
  const Array v = Array::random_normal(ctx, shape, DType::f32, 2);

  // an expression is a plan; nothing is read yet
  const Expr speed = sqrt(u * u + v * v);

  // several reductions share one read, and no temporary has the size of the field
  const std::vector<Expr> wanted{mean(speed), max(speed), count_nonzero(speed > 3)};
  const std::vector<Array> found = evaluate(ctx, wanted);
  const float mean_speed = found[0].local<float>()[0];
  const float top_speed = found[1].local<float>()[0];

  // what needs an earlier result is read once more: the mean first, then the rest
  const double spread = evaluate_as<double>(ctx, stddev(cast(speed, DType::f64) - mean(speed)));

  // along an axis; the means of all columns come to every rank
  const Array columns = evaluate(ctx, mean(speed, {.axes = {0}}));

  // exact quantiles without a sort, and a sort over all ranks
  const Array quartiles = evaluate(ctx, quantile(speed, {0.25, 0.5, 0.75}));
  const Sorted fastest = topk(evaluate(ctx, speed), 3);

  // running sums along an axis, and a joint histogram of two fields
  const Array path = cumsum(evaluate(ctx, speed), {.axis = 1});
  const float longest = evaluate_as<float>(ctx, max(path));
  const std::array<const TileSource*, 2> fields{&u, &v};
  const HistogramTable joint = histogram(ctx, fields, {.axes = {{.bins = 100}}});

  // the same language as text
  const auto find = [&](std::string_view name) -> std::optional<Expr> {
    if (name == "u") return u;
    if (name == "v") return v;
    return std::nullopt;
  };
  const Expr angle = parse_expression("degrees(arctan2(v, u)) % 360", find);
  const float mean_angle = evaluate_as<float>(ctx, mean(angle));

  if (ctx.rank() != 0) return 0;
  std::printf("speed: mean %.4f, at most %.4f, spread %.4f\n", mean_speed, top_speed, spread);
  std::printf("first column %.4f, median %.4f\n", columns.local<float>()[0],
              quartiles.local<float>()[1]);
  std::printf("fastest: cell %lld\n",
              static_cast<long long>(fastest.indices.local<std::int64_t>()[0]));
  std::printf("longest path %.2f, fullest bin %lld\n", longest,
              static_cast<long long>(*std::ranges::max_element(joint.counts)));
  std::printf("mean angle %.2f\n", mean_angle);
} catch (const Error& error) {
  std::fprintf(stderr, "%s\n", error.what());
  abort_job(1);
}
