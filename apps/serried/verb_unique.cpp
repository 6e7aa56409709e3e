#include <fmt/format.h>

#include <algorithm>

#include "json_output.hpp"
#include "output_check.hpp"
#include "page_output.hpp"
#include "serried/array/sort.hpp"
#include "serried/base/error.hpp"
#include "serried/io/held_rows.hpp"
#include "session.hpp"
#include "text_output.hpp"

namespace serried::app {
namespace {

/// A rank's share of what the search keeps for each element: the element, a key and a place in two
/// orders; and where all values differ, they, their counts, and these once more in other tiles.
std::int64_t searching_bytes(const Context& ctx, const Dataset& dataset) {
  const auto element = static_cast<std::int64_t>(size_of(dataset.dtype()));
  return dataset.shape().elements() / ctx.size() * (element + 48 + 2 * (element + 8));
}

Array first_of(const Array& array, std::int64_t count) {
  const Slice first{.begin = 0, .end = count};
  return array.slice({&first, 1}).replicate();
}

}  // namespace

void run_unique(const Session& session, const UniqueCommand& command) {
  const Context& ctx = session.ctx;
  const Dataset dataset = [&] {
    const auto phase = ctx.recorder().phase("read");
    // the order of elements does not matter
    return Dataset::open(ctx, command.address,
                         {.samples = {.kind = SampleAxes::Kind::flattened, .axes = {}},
                          .untrusted = session.common().untrusted});
  }();
  if (!is_real(dataset.dtype()))
    throw DataError(fmt::format("{}: numbers of dtype {} have no order", command.address.text,
                                name(dataset.dtype())));
  std::vector<std::string> paths;
  if (command.output) {
    paths.push_back(command.output->path);
    session.outputs.add(check_output(ctx, command.output->path, dataset.files(), 0));
  }
  session.extras.claim(ctx, dataset.files(), paths);
  require_memory(ctx, dataset.least_memory(searching_bytes(ctx, dataset)),
                 "the search, which is done in memory,", session.runtime.node_size());
  const Array data = [&] {
    const auto phase = ctx.recorder().phase("read");
    return dataset.to_array();
  }();
  const Unique found = [&] {
    const auto phase = ctx.recorder().phase("sort");
    return unique(data, {.has_counts = command.has_counts});
  }();
  const std::int64_t total = found.values.shape()[0];
  const std::int64_t shown = std::min(total, command.limit);
  UniqueResult result{.address = command.address.text,
                      .shape = dataset.shape(),
                      .dtype = dataset.dtype(),
                      .total = total,
                      .values = first_of(found.values, shown),
                      .counts = std::nullopt,
                      .output = command.output};
  if (found.counts) result.counts = first_of(*found.counts, shown);
  if (command.output) {
    const auto phase = ctx.recorder().phase("write");
    const WriteOptions options{.attributes = {{"values of", command.address.text}}};
    FileWriter writer(ctx, command.output->path);
    writer.write(command.output->object, found.values, options);
    if (found.counts) writer.write(command.output->object + "_counts", *found.counts, options);
    writer.write_provenance(provenance_of(session, dataset.files(), ""));
    writer.commit();
  }
  const Seconds seconds = measure_seconds(session, {"read", "sort", "write"});
  print_result(session, session.common().is_json ? to_json(result, seconds)
                                                 : to_text(result) + to_text(seconds));
  if (session.extras.has_page()) fill_page(session, result);
}

}  // namespace serried::app
