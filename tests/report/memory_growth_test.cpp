// host
// ranks: 1 2 4
// What operations need beside their inputs and results, by the peak of the run report, against what
// their documentation says.
#include <malloc.h>

#include <cstdio>
#include <fstream>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "serried/report/run_report.hpp"
#include "serried/serried.hpp"
#include "support/spmd.hpp"

namespace serried::test {
namespace {

constexpr std::int64_t mebibyte = std::int64_t{1} << 20;
constexpr std::int64_t elements = std::int64_t{4} << 20;
/// What threads, messages and the allocator take besides.
constexpr std::int64_t slack = 3 * mebibyte;

/// The kernel's counter of the peak begins anew.
bool reset_peak() {
  std::ofstream file("/proc/self/clear_refs");
  file << 5;
  file.flush();
  return static_cast<bool>(file);
}

std::int64_t peak_of_this_rank(const Context& ctx) {
  const RunReport report = collect_run_report(runtime(), ctx);
  return report.ranks[static_cast<std::size_t>(ctx.rank())].peak_memory_bytes;
}

class MemoryGrowth : public testing::Test {
 protected:
  MemoryGrowth() : ctx(runtime()) {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
    is_told = false;  // they have memory of their own
#else
    is_told = reset_peak();
    // what is freed goes back to the system, and is not kept for what comes next
    mallopt(M_MMAP_THRESHOLD, static_cast<int>(mebibyte));
#endif
    is_told = ctx.comm().allreduce(std::int64_t{is_told ? 1 : 0}, ReduceOp::min) != 0;
  }

  /// @param beside bytes of this rank that are allowed beside what `work` returns; `result` bytes
  /// of the result on this rank.
  void expect(const std::string& name, std::int64_t result, std::int64_t beside,
              const std::function<void()>& work) {
    if (!is_told) GTEST_SKIP() << "the peak of memory is not told here";
    work();  // libraries make their buffers
    malloc_trim(0);
    ctx.comm().barrier();
    ASSERT_TRUE(reset_peak());
    const std::int64_t before = peak_of_this_rank(ctx);
    work();
    const std::int64_t growth = peak_of_this_rank(ctx) - before;
    EXPECT_LE(growth, result + beside + slack) << name;
    const std::int64_t most = ctx.comm().allreduce(growth - result, ReduceOp::max);
    if (ctx.rank() == 0)
      std::printf("%-30s at most %6.2f MiB beside input and result of %.0f MiB; allowed %.2f\n",
                  name.c_str(), static_cast<double>(most) / mebibyte,
                  static_cast<double>(result) / mebibyte, static_cast<double>(beside) / mebibyte);
  }

  [[nodiscard]] std::int64_t own(const Array& array) const {
    return array.local_rows().size() * array.row_bytes();
  }

  Context ctx;
  bool is_told = true;
};

TEST_F(MemoryGrowth, is_what_the_documentation_says) {
  const Array x = Array::random_normal(ctx, Shape{elements}, DType::f64, 1);
  const Array y = Array::random_normal(ctx, Shape{elements}, DType::f64, 2);
  const Array square = Array::random_normal(ctx, Shape{2048, 2048}, DType::f64, 3);
  const Array mask = evaluate(ctx, to_operand(x) > 0.0);
  const Array places = Array::random_integers(ctx, Shape{elements}, DType::i64, 4, 0, elements);
  const std::int64_t mine = own(x);
  const std::int64_t of_element = mine / 8;

  expect("expression", mine, 0, [&] {
    static_cast<void>(
        evaluate(ctx, sqrt(abs(to_operand(x))) * to_operand(y) - 2.0 * to_operand(x)));
  });
  expect("reductions", 0, 0, [&] {
    const std::vector<Expr> both{mean(to_operand(x) * to_operand(y)), stddev(to_operand(x))};
    static_cast<void>(evaluate(ctx, both));
  });
  expect("passes after passes", 0, 0, [&] {
    const Expr v = to_operand(x);
    static_cast<void>(evaluate(ctx, stddev(v - mean(v))));
  });
  expect("quantiles", 0, 4 * mebibyte + 16 * elements / 100, [&] {
    static_cast<void>(evaluate(ctx, quantile(to_operand(x), std::vector<double>{0.01, 0.5, 0.99})));
  });
  expect("sort", 2 * mine, 32 * of_element, [&] { static_cast<void>(sort(x)); });
  expect("unique", mine, 32 * of_element, [&] { static_cast<void>(unique(x)); });
  expect("topk", 0, 0, [&] { static_cast<void>(topk(x, 1000)); });
  expect("cumsum", mine, 0, [&] { static_cast<void>(cumsum(x)); });
  expect("histogram", 0, 0,
         [&] { static_cast<void>(histogram(ctx, x, {.axes = {{.bins = 1000}}})); });
  const std::int64_t kept = own(compress(x, mask));
  expect("mask", kept, 0, [&] { static_cast<void>(compress(x, mask)); });
  expect("take", mine, 24 * of_element + 24 * mebibyte,
         [&] { static_cast<void>(take(x, places)); });
  expect("concatenate", 2 * mine, 4 * mebibyte, [&] { static_cast<void>(concatenate({x, y})); });
  expect("change of split axis", own(square), 4 * mebibyte,
         [&] { static_cast<void>(square.with_split_axis(1)); });
  // columns of a square on each rank
  const std::int64_t columns = 2048 / ctx.size();
  const std::vector<double> block(static_cast<std::size_t>(2048 * columns), 1.0);
  const std::int64_t origin[] = {0, columns * ctx.rank()};
  expect("blocks", own(square), 4 * mebibyte, [&] {
    static_cast<void>(
        Array::redistribute(ctx, block.data(), DType::f64, origin, Shape{2048, columns}));
  });
  expect("roll", mine, 4 * mebibyte, [&] { static_cast<void>(roll(x, 12345)); });
  expect("slice", mine / 2, 4 * mebibyte,
         [&] { static_cast<void>(x.slice(std::vector<Slice>{Slice{.step = -2}})); });
}

}  // namespace
}  // namespace serried::test
