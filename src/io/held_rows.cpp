#include "serried/io/held_rows.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "base/memory_text.hpp"

namespace serried {

std::unique_ptr<TileSource> hold_what_fits(const Context& ctx, Dataset dataset,
                                           std::int64_t bytes) {
  std::int64_t most_rows = 0;
  for (int rank = 0; rank < ctx.size(); ++rank)
    most_rows = std::max(most_rows, dataset.layout().rows_of(rank).size());
  const double all = static_cast<double>(most_rows) * static_cast<double>(dataset.row_bytes());
  Recorder& recorder = ctx.recorder();
  if (all <= static_cast<double>(bytes)) {
    recorder.set_fact("rows in memory", "all of " + dataset.describe());
    return std::make_unique<Array>(dataset.to_array().named(dataset.describe()));
  }
  if (dataset.is_read_together()) {
    // half is for the rows of a batch, the rest for chunks and what is exchanged
    dataset.set_batch_bytes_together(bytes / 2);
    recorder.set_fact(
        "rows in memory",
        fmt::format("those of a batch of {}: {} batches in each pass, each of which "
                    "decompresses all chunks",
                    dataset.describe(), std::ceil(2 * all / static_cast<double>(bytes))));
    return std::make_unique<Dataset>(std::move(dataset));
  }
  // what reading in batches needs comes first
  const std::int64_t held = std::max<std::int64_t>(0, bytes - dataset.reading_bytes());
  if (held >= dataset.row_bytes()) dataset.hold(held);
  recorder.set_fact(
      "rows in memory",
      fmt::format("{:.0f} % of {}; the others are read again in each pass",
                  100 * std::min(1., static_cast<double>(held) / all), dataset.describe()));
  return std::make_unique<Dataset>(std::move(dataset));
}

void require_memory(const Context& ctx, std::int64_t bytes, const char* work, int node_ranks) {
  if (bytes <= ctx.options().memory_bytes) return;
  const std::int64_t enough = bytes + bytes / 1000;  // rounded to four digits it still is
  throw InvalidArgument(
      fmt::format("{} needs at least {} of memory{}; --memory allows {}", work,
                  memory_text(enough * node_ranks),
                  node_ranks == 1 ? "" : fmt::format(" for the {} ranks of a node", node_ranks),
                  memory_text(ctx.options().memory_bytes * node_ranks)));
}

}  // namespace serried
