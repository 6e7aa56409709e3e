// ranks: 1 2 3 4 7
// Fits that share reads of the data: as many reads as the longest needs, and the bits of fits
// alone.
#include <numeric>

#include "ml/kmeans/fits.hpp"
#include "ml/kmeans_support.hpp"

namespace serried::test {
namespace {

using kmeans::LloydResult;
using kmeans::SharedReads;
using kmeans::Task;
using kmeans::Unit;

/// Sums a column in some passes, after a fetch of some rows, which it checks.
Task<double> sum_again_and_again(SharedReads& reads, int fetches, int passes) {
  const kmeans::Rows& rows = reads.rows();
  for (int i = 0; i < fetches; ++i) {
    const std::vector<std::int64_t> numbers{rows.global_rows() - 1, i, i};
    const std::vector<double> values = co_await reads.fetch(numbers);
    for (std::size_t j = 0; j < 3; ++j) EXPECT_EQ(values[j], static_cast<double>(numbers[j]));
  }
  double sum = 0;
  for (int i = 0; i < passes; ++i) {
    kmeans::LeafTotals totals(rows, 1);
    const auto work = [&](const Unit& unit) {
      for (std::int64_t leaf = unit.first_leaf; leaf < unit.last_leaf; ++leaf) {
        const double* const x = static_cast<const double*>(unit.data);
        totals.leaf(leaf)[0] =
            std::accumulate(x + (rows.leaves().row_begin(leaf) - unit.rows.begin),
                            x + (rows.leaves().row_begin(leaf + 1) - unit.rows.begin), 0.);
      }
    };
    co_await reads.pass("sum", work, totals);
    sum += totals.finish()[0];
  }
  co_return sum;
}

/// Visits the own first leaf, if there is one, and then each other leaf.
Task<std::int64_t> count_in_leaves(SharedReads& reads, std::int64_t step) {
  const kmeans::Rows& rows = reads.rows();
  std::vector<std::int64_t> wanted;
  for (std::int64_t leaf = rows.first_leaf(); leaf < rows.last_leaf(); leaf += step)
    wanted.push_back(leaf);
  std::int64_t seen = 0;
  const auto work = [&](const Unit& unit) {
    EXPECT_EQ(unit.last_leaf, unit.first_leaf + 1);
    EXPECT_EQ((unit.first_leaf - rows.first_leaf()) % step, 0);
    ++seen;
  };
  co_await reads.visit_leaves(wanted, work);
  EXPECT_EQ(seen, static_cast<std::int64_t>(wanted.size()));
  co_return seen;
}

TEST(SharedReads, one_read_serves_all_tasks) {
  const Context ctx = wide_host_context();
  for (const std::int64_t count : {std::int64_t{5}, std::int64_t{30000}}) {
    const Array data = Array::arange(ctx, 0, static_cast<double>(count));
    kmeans::Rows rows(ctx, data);
    SharedReads reads(rows);
    const double sum = 0.5 * static_cast<double>(count) * static_cast<double>(count - 1);
    const auto make = [&](std::int64_t number) -> Task<> {
      if (number == 1) {
        co_await count_in_leaves(reads, 1);
        co_await count_in_leaves(reads, 2);
      }
      const int n = static_cast<int>(number);
      EXPECT_EQ(co_await sum_again_and_again(reads, n, 3 * n), 3 * n * sum);
    };
    reads.run(4, 4, make);  // the last: 3 fetches and 9 passes; beside it 2 visits
    EXPECT_EQ(rows.reads(), 3 + 9 + 2);
    reads.run(4, 1, make);
    EXPECT_EQ(rows.reads(), 14 + (3 + 2 + 1) + (9 + 6 + 3) + 2);
    reads.run(0, 1, make);
    EXPECT_EQ(reads.run(sum_again_and_again(reads, 0, 1)), sum);
  }
}

TEST(SharedReads, a_failure_is_everyone_s) {
  const Context ctx = wide_host_context();
  const Array data = Array::arange(ctx, 0, 1000);
  for (int rank = 0; rank < ctx.size(); ++rank) {
    kmeans::Rows rows(ctx, data);
    SharedReads reads(rows);
    const auto make = [&](std::int64_t number) -> Task<> {
      const auto work = [&](const Unit& unit) {
        if (number == 1 && unit.rows.contains(999 * rank / std::max(1, ctx.size() - 1)))
          throw DataError("found");
      };
      co_await reads.pass("search", work);
    };
    EXPECT_THROW(reads.run(3, 3, make), RankError);
    EXPECT_THROW(reads.run(3, 2,
                           [](std::int64_t number) -> Task<> {
                             if (number == 1) throw DataError("alike on all ranks");
                             co_return;
                           }),
                 DataError);
    // While one task waits for rows, another fails: what comes next is not disturbed.
    EXPECT_THROW(reads.run(2, 2,
                           [&](std::int64_t number) -> Task<> {
                             if (number == 1) throw DataError("alike on all ranks");
                             static_cast<void>(co_await sum_again_and_again(reads, 1, 1));
                           }),
                 DataError);
    EXPECT_EQ(reads.run(sum_again_and_again(reads, 1, 1)), 999 * 500);
  }
}

LloydResult best_of(SharedReads& reads, const kmeans::Columns& columns,
                    const kmeans::FixedPoint& fixed, const KMeansOptions& options) {
  LloydResult best;
  kmeans::run_fits(reads, columns, fixed, {&options, 1},
                   [&](std::size_t, LloydResult result) -> Task<> {
                     best = std::move(result);
                     co_return;
                   });
  return best;
}

TEST(KMeansFits, reads_are_those_of_the_longest_fit) {
  const Context ctx = wide_host_context();
  const Array data = make_array(ctx, Blobs{4000, 3, 9, 0, 1.});
  for (const KMeansInit init :
       {KMeansInit::kmeans_parallel, KMeansInit::kmeans_plus_plus, KMeansInit::random}) {
    kmeans::Rows rows(ctx, data);
    const kmeans::Columns columns = kmeans::scan_columns(rows, false);
    const kmeans::FixedPoint fixed(columns, 3, false);
    SharedReads reads(rows);
    std::vector<KMeansOptions> options;
    for (const std::int64_t clusters : {2, 9, 5})
      options.push_back({.clusters = clusters, .init = init, .tolerance = 0});
    std::vector<LloydResult> alone;
    std::int64_t longest = 0, passes = 0;
    for (const KMeansOptions& each : options) {
      const std::int64_t before = rows.reads();
      alone.push_back(best_of(reads, columns, fixed, each));
      longest = std::max(longest, rows.reads() - before);
      passes = std::max(passes, alone.back().iterations);
    }
    EXPECT_GT(passes, 10);
    const std::int64_t before = rows.reads();
    std::vector<LloydResult> together(3);
    kmeans::run_fits(reads, columns, fixed, options,
                     [&](std::size_t index, LloydResult result) -> Task<> {
                       together[index] = std::move(result);
                       co_return;
                     });
    // One fit may choose its centres while another iterates most.
    EXPECT_LE(rows.reads() - before, longest + (init == KMeansInit::kmeans_plus_plus ? 16 : 2));
    for (std::size_t i = 0; i < 3; ++i) {
      EXPECT_EQ(together[i].centers, alone[i].centers);
      EXPECT_EQ(together[i].labels, alone[i].labels);
      EXPECT_EQ(together[i].inertia, alone[i].inertia);
      EXPECT_EQ(together[i].iterations, alone[i].iterations);
      EXPECT_EQ(together[i].examined_rows, alone[i].examined_rows);
    }
  }
}

TEST(KMeansFits, the_result_does_not_depend_on_how_many_run_at_once) {
  const Blobs blobs{3000, 3, 9, 0, 1.};
  const auto weight = [](std::int64_t row) { return static_cast<double>(row % 4); };
  for (const KMeansInit init :
       {KMeansInit::kmeans_parallel, KMeansInit::kmeans_plus_plus, KMeansInit::random}) {
    const auto fit = [&](const Context& ctx, int at_once) {
      const KMeansOptions options{
          .clusters = 7, .init = init, .n_init = 5, .fits_at_once = at_once, .max_iterations = 20};
      const Array weights = make_weights(ctx, blobs.rows, weight);
      return whole(fit_kmeans(ctx, make_array(ctx, blobs), options, &weights));
    };
    const WholeFit alone = computed_alone({}, [&](const Context& ctx) { return fit(ctx, 1); });
    for (const int at_once : {0, 1, 2, 3, 9})
      expect_same_bits(alone, fit(wide_host_context(), at_once), std::to_string(at_once));
    expect_same_bits(alone, fit(wide_host_context(2), 0), "2 threads");
  }
  EXPECT_THROW(
      static_cast<void>(fit_kmeans(wide_host_context(), make_array(wide_host_context(), blobs),
                                   {.fits_at_once = -1})),
      InvalidArgument);
}

}  // namespace
}  // namespace serried::test
