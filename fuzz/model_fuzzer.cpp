// Model files from elsewhere: what the other process has read, this one reads without harm.
#include "input_file.hpp"
#include "ml/kmeans_reading.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace serried;
  const fuzz::InputFile file(fuzz::text_of(data, size));
  if (!fuzz::is_accepted(file, [&] { check_table_file(file.path(), fuzz::small_check()); }))
    return 0;
  KMeansModel model;
  if (!fuzz::is_accepted(file, [&] { model = read_kmeans(file.path()); })) return 0;
  fuzz::require(model.clusters >= 1 && model.features >= 1, "clusters and features");
  fuzz::require(model.centers.size() == static_cast<std::size_t>(model.clusters * model.features) &&
                    model.sizes.size() == static_cast<std::size_t>(model.clusters),
                "the arrays do not fit");
  return 0;
}
