// The quality of seedings: k-means from many seeds on one dataset, one process.
//   build/host/bin/bench/kmeans_seeds ADDRESS CLUSTERS SEEDS INIT [SAMPLE-AXES [FIRST-SEED]]
// INIT is kmeans-parallel, kmeans++ or random, SAMPLE-AXES 0 (the default) or 1,2; rows with NaN or
// Inf are left out. For each seed one line of JSON: the inertia of the initial centres, that of
// the fit with the default options, and its iterations. bench/kmeans_quality.py compares them with
// a peer.
#include <cstdio>
#include <cstdlib>
#include <string>

#include "ml/kmeans/lloyd.hpp"
#include "ml/kmeans/seeding.hpp"
#include "serried/comm/runtime.hpp"
#include "serried/io/dataset.hpp"

namespace serried {
namespace {

KMeansInit init_of(const std::string& name) {
  if (name == "kmeans-parallel") return KMeansInit::kmeans_parallel;
  if (name == "kmeans++") return KMeansInit::kmeans_plus_plus;
  if (name == "random") return KMeansInit::random;
  throw InvalidArgument("no init is called " + name);
}

double inertia_of(kmeans::SharedReads& reads, const kmeans::Columns& columns,
                  const std::vector<double>& centers) {
  const kmeans::Rows& rows = reads.rows();
  const auto clusters = static_cast<std::int64_t>(centers.size()) / rows.features();
  const auto prepared =
      rows.kernels().prepare(columns.frame(), centers, clusters, KMeansUse::assign);
  std::vector<std::int32_t> labels(static_cast<std::size_t>(rows.local_rows()), -1);
  return reads.run(kmeans::assign_and_measure(reads, *prepared, false, labels.data(), nullptr));
}

void run(const Context& ctx, int argc, char** argv) {
  const std::string axes = argc > 5 ? argv[5] : "0";
  DatasetOptions opening;
  if (axes == "1,2") opening.samples.axes = {1, 2};
  const Array data = Dataset::open(ctx, parse_address(argv[1]), opening).to_array();
  kmeans::Rows rows(ctx, data);
  const kmeans::Columns columns = kmeans::scan_columns(rows, true);
  const kmeans::FixedPoint fixed(columns, rows.features(), false);
  kmeans::SharedReads reads(rows);
  KMeansOptions options{.clusters = std::atoll(argv[2]), .init = init_of(argv[4])};
  const std::uint64_t first = argc > 6 ? std::strtoull(argv[6], nullptr, 10) : 0;
  const std::uint64_t seeds = std::strtoull(argv[3], nullptr, 10);
  for (options.seed = first; options.seed < first + seeds; ++options.seed) {
    std::vector<double> centers = reads.run(kmeans::choose_centers(reads, columns, options, 0));
    const double initial = inertia_of(reads, columns, centers);
    kmeans::FitProgress progress(ctx.recorder(), options.max_iterations);
    const auto fit =
        reads.run(kmeans::run_lloyd(reads, columns, fixed, std::move(centers), options, progress));
    if (ctx.rank() == 0)
      std::printf("{\"seed\": %llu, \"init\": %.17g, \"fit\": %.17g, \"iterations\": %lld}\n",
                  static_cast<unsigned long long>(options.seed), initial, fit.inertia,
                  static_cast<long long>(fit.iterations));
  }
}

}  // namespace
}  // namespace serried

int main(int argc, char** argv) {
  using namespace serried;
  if (argc < 5) {
    std::fprintf(stderr, "usage: kmeans_seeds ADDRESS CLUSTERS SEEDS INIT [AXES [FIRST-SEED]]\n");
    return 2;
  }
  try {
    const Runtime runtime;
    run(Context(runtime), argc, argv);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
    abort_job(1);
  }
  return 0;
}
