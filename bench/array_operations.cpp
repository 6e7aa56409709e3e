// Speed of operations on arrays, as bench/array_peers.py runs them beside their peers:
//   mpirun -n 2 build/host/bin/bench/array_operations [--scale S] [--repeats N] [OPERATION...]
// Prints one JSON object a line for each operation: its name and the seconds of each repetition,
// which are those of the slowest rank. `read` is a plain loop that reads 5e7 f64 and adds them up:
// what memory gives. --scale multiplies all sizes.
#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "serried/serried.hpp"

namespace {

using namespace serried;

double scale = 1;
int repeats = 5;

std::int64_t sized(double elements) {
  return std::max<std::int64_t>(1, static_cast<std::int64_t>(scale * elements));
}

Array normal(const Context& ctx, double elements, std::uint64_t seed) {
  return Array::random_normal(ctx, Shape{sized(elements)}, DType::f64, seed);
}

/// An operation: `prepare` makes its operands, which are not timed, and what is timed of them.
struct Operation {
  std::string name;
  std::function<std::function<void()>(const Context&)> prepare;
};

/// A loop as a person writes it who only wants the sum, with enough chains to be bound by memory.
double plain_sum(std::span<const double> values) {
  double sums[16] = {};
  std::size_t i = 0;
  for (; i + 16 <= values.size(); i += 16)
    for (std::size_t k = 0; k < 16; ++k) sums[k] += values[i + k];
  for (; i < values.size(); ++i) sums[0] += values[i];
  double all = 0;
  for (const double each : sums) all += each;
  return all;
}

volatile double sink = 0;

std::vector<Operation> operations() {
  std::vector<Operation> all;
  const auto add = [&](const char* name, auto prepare) { all.push_back({name, prepare}); };
  add("read", [](const Context& ctx) {
    const Array x = normal(ctx, 5e7, 1);
    return [x] { sink = plain_sum(x.local<double>()); };
  });
  add("chain", [](const Context& ctx) {
    const Array a = normal(ctx, 5e7, 1);
    const Array b = normal(ctx, 5e7, 2);
    const Array c = normal(ctx, 5e7, 3);
    return [ctx, a, b, c] {
      const Expr x = to_operand(a);
      const Expr y = to_operand(b);
      sink = evaluate_as<double>(ctx, sum(sqrt(x * x + y * y) * to_operand(c) - 0.5 * x));
    };
  });
  add("mean_std_axis0", [](const Context& ctx) {
    const Array x = Array::random_normal(ctx, Shape{sized(1e7), 8}, DType::f64, 1);
    return [ctx, x] {
      const std::vector<Expr> both = {mean(to_operand(x), {.axes = {0}}),
                                      stddev(to_operand(x), {.axes = {0}})};
      sink = evaluate(ctx, both)[0].local<double>()[0];
    };
  });
  add("percentiles", [](const Context& ctx) {
    const Array x = normal(ctx, 5e7, 1);
    return [ctx, x] {
      sink = evaluate(ctx, quantile(to_operand(x), std::vector<double>{0.01, 0.5, 0.99}))
                 .local<double>()[0];
    };
  });
  add("sort", [](const Context& ctx) {
    const Array x = normal(ctx, 2e7, 1);
    return [x] { static_cast<void>(sort(x)); };
  });
  add("sort_distinct", [](const Context& ctx) {
    const Array x = normal(ctx, 1e7, 1);
    return [x] { static_cast<void>(sort(x)); };
  });
  add("sort_equal", [](const Context& ctx) {
    const Array x = normal(ctx, 1e7, 1);
    const Expr value = to_operand(x);
    // nine tenths of normal numbers lie between the bounds
    const Array equal = evaluate(ctx, where(abs(value) < 1.6448536, 0.25, value));
    return [equal] { static_cast<void>(sort(equal)); };
  });
  add("unique", [](const Context& ctx) {
    const Array x = Array::random_integers(ctx, Shape{sized(1e7)}, DType::i64, 1, 0, sized(1e7));
    return [x] { static_cast<void>(unique(x)); };
  });
  add("topk", [](const Context& ctx) {
    const Array x = normal(ctx, 2e7, 1);
    return [x] { static_cast<void>(topk(x, 100)); };
  });
  add("mask", [](const Context& ctx) {
    const Array x = normal(ctx, 2e7, 1);
    return [ctx, x] { static_cast<void>(compress(x, evaluate(ctx, x > 0))); };
  });
  add("concatenate", [](const Context& ctx) {
    const Array x = normal(ctx, 2e7, 1);
    return [x] { static_cast<void>(concatenate({x, x})); };
  });
  add("take", [](const Context& ctx) {
    const Array x = normal(ctx, 2e7, 1);
    const Array places = Array::random_permutation(ctx, sized(2e7), 3);
    return [x, places] { static_cast<void>(take(x, places)); };
  });
  add("split_axis", [](const Context& ctx) {
    const Array x = Array::random_normal(ctx, Shape{sized(8192), 8192}, DType::f64, 1);
    return [x] { static_cast<void>(x.with_split_axis(1)); };
  });
  add("histogram", [](const Context& ctx) {
    const Array x = normal(ctx, 5e7, 1);
    return [ctx, x] {
      sink = static_cast<double>(
          histogram(ctx, x, {.axes = {{.bins = 1000, .low = -5, .high = 5}}}).counts[0]);
    };
  });
  add("histogram_log", [](const Context& ctx) {
    const Array x = Array::random_uniform(ctx, Shape{sized(5e7)}, DType::f64, 1, 0.001, 1000);
    return [ctx, x] {
      sink = static_cast<double>(
          histogram(ctx, x,
                    {.axes = {{.bins = 1000, .low = 0.001, .high = 1000, .is_logarithmic = true}}})
              .counts[0]);
    };
  });
  add("histogram_edges", [](const Context& ctx) {
    const Array x = normal(ctx, 5e7, 1);
    std::vector<double> edges;
    for (int i = 0; i <= 1000; ++i) edges.push_back(4 * std::sin(0.00157 * (2 * i - 1000)));
    return [ctx, x, edges] {
      sink = static_cast<double>(histogram(ctx, x, {.axes = {{.edges = edges}}}).counts[0]);
    };
  });
  add("cumsum", [](const Context& ctx) {
    const Array x = normal(ctx, 5e7, 1);
    return [x] { static_cast<void>(cumsum(x)); };
  });
  add("random_normal",
      [](const Context& ctx) { return [ctx] { static_cast<void>(normal(ctx, 2e7, 1)); }; });
  add("elementary", [](const Context& ctx) {
    const Array x = Array::random_uniform(ctx, Shape{sized(2e7)}, DType::f64, 1, 0.1, 10);
    return [ctx, x] {
      const Expr v = to_operand(x);
      static_cast<void>(evaluate(ctx, exp(-0.1 * v) * sin(v) + log(v)));
    };
  });
  add("small_arrays", [](const Context& ctx) {
    const Array x = Array::random_normal(ctx, Shape{1000}, DType::f64, 1);
    return [ctx, x] {  // a hundred operations
      Array each = x;
      for (int i = 0; i < 100; ++i) each = evaluate(ctx, to_operand(each) + 1.0);
    };
  });
  add("parse", [](const Context& ctx) {
    const Array x = Array::random_normal(ctx, Shape{1000}, DType::f64, 1);
    return [x] {  // a hundred texts
      for (int i = 0; i < 100; ++i)
        static_cast<void>(parse_expression(
            "sum(sqrt(a*a + b*b)*c - 0.5*a)",
            [&](std::string_view) -> std::optional<Expr> { return to_operand(x); }));
    };
  });
  return all;
}

/// A line of /proc/self/status, in bytes.
std::int64_t memory_line(const std::string& wanted) {
  std::ifstream status("/proc/self/status");
  std::string name;
  while (status >> name) {
    std::int64_t kib = 0;
    if (name == wanted && status >> kib) return kib << 10;
    status.ignore(1 << 20, '\n');
  }
  return 0;
}

void time(const Context& ctx, const Operation& operation) {
  const std::function<void()> work = operation.prepare(ctx);
  std::string text;
  std::int64_t growth = 0;
  for (int i = 0; i <= repeats; ++i) {            // the first one warms up
    std::ofstream("/proc/self/clear_refs") << 5;  // VmHWM begins anew
    const std::int64_t before = memory_line("VmRSS:");
    ctx.comm().barrier();
    const auto begin = std::chrono::steady_clock::now();
    work();
    const auto nanoseconds = std::chrono::duration_cast<std::chrono::nanoseconds>(
                                 std::chrono::steady_clock::now() - begin)
                                 .count();
    const std::int64_t slowest =
        ctx.comm().allreduce(static_cast<std::int64_t>(nanoseconds), ReduceOp::max);
    growth = ctx.comm().allreduce(memory_line("VmHWM:") - before, ReduceOp::max);
    if (i > 0) text += (i > 1 ? ", " : "") + std::to_string(1e-9 * static_cast<double>(slowest));
  }
  if (ctx.rank() != 0) return;
  std::printf("{\"operation\": \"%s\", \"seconds\": [%s], \"bytes\": %lld}\n",
              operation.name.c_str(), text.c_str(), static_cast<long long>(growth));
  std::fflush(stdout);
}

}  // namespace

int main(int argc, char** argv) try {
  const Runtime runtime;
  const Context ctx(runtime);
  std::vector<std::string> wanted;
  for (int i = 1; i < argc; ++i) {
    const std::string argument = argv[i];
    if (argument == "--scale" && i + 1 < argc)
      scale = std::atof(argv[++i]);
    else if (argument == "--repeats" && i + 1 < argc)
      repeats = std::atoi(argv[++i]);
    else
      wanted.push_back(argument);
  }
  for (const Operation& operation : operations())
    if (wanted.empty() || std::find(wanted.begin(), wanted.end(), operation.name) != wanted.end())
      time(ctx, operation);
} catch (const Error& error) {
  std::fprintf(stderr, "%s\n", error.what());
  abort_job(1);
}
