#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "array/device_view.hpp"
#include "ml/kmeans/columns.hpp"
#include "ml/kmeans/label_stream.hpp"
#include "ml/kmeans/labels.hpp"
#include "ml/kmeans/lloyd.hpp"
#include "ml/kmeans/predict_checks.hpp"
#include "ml/kmeans/watched_source.hpp"
#include "serried/array/map_rows.hpp"
#include "serried/comm/agree.hpp"
#include "serried/device/convert_kernels.hpp"
#include "serried/ml/kmeans.hpp"

namespace serried {
namespace {

using kmeans::ModelFrame;
using kmeans::Rows;

void check_model(const KMeansModel& model, const TileSource& data) {
  if (model.clusters < 1 || model.features < 1 ||
      static_cast<std::int64_t>(model.centers.size()) != model.clusters * model.features)
    throw InvalidArgument(
        "this is no fitted k-means model: " + std::to_string(model.centers.size()) +
        " numbers for " + std::to_string(model.clusters) + " centres of " +
        std::to_string(model.features) + " features");
  if (!std::ranges::all_of(model.centers, [](double value) { return std::isfinite(value); }))
    throw InvalidArgument("this k-means model has NaN or Inf in its centres");
  if (data.row_elements() != model.features)
    throw InvalidArgument(data.describe() + " has " + std::to_string(data.row_elements()) +
                          " features in a row, the model has " + std::to_string(model.features));
}

/// Throws if rows are missing that may not be.
void check_missing(const Rows& rows, const std::vector<std::int32_t>& labels,
                   std::int64_t missing) {
  const auto first = std::ranges::find(labels, -1);
  const std::int64_t local = first == labels.end() ? std::numeric_limits<std::int64_t>::max()
                                                   : rows.first_row() + (first - labels.begin());
  const std::int64_t first_row = rows.context().comm().allreduce(local, ReduceOp::min);
  kmeans::throw_missing(rows, missing, first_row);
}

/// A sink works while one batch is computed, so a batch is to give it what it works on at a time,
/// as far as memory allows.
std::int64_t bytes_of_a_batch(const Context& ctx, const TileSource& data, const RowSink* sink) {
  constexpr std::int64_t most = std::int64_t{16} << 20;
  const std::int64_t memory = ctx.options().memory_bytes;
  std::int64_t least = ctx.options().batch_bytes;
  if (ctx.has_device())
    least = std::min(device_batch_bytes(ctx),
                     std::max(least, memory > 0 ? std::min(most, memory / 16) : most));
  if (sink == nullptr) return least;
  const std::int64_t allowed = memory > 0 ? std::min(most, memory / 16) : most;
  if (sink->rows_between() > allowed / std::max<std::int64_t>(1, data.row_bytes()))
    return std::max(least, allowed);
  return std::max(least, sink->rows_between() * data.row_bytes());
}

std::int64_t most_rows_of_a_batch(const ReadPlan& plan) {
  std::int64_t most = 0;
  for (const RowRange& batch : plan.batches) most = std::max(most, batch.size());
  return most;
}

}  // namespace

void kmeans::check_range_of_centers(double largest) {
  constexpr double least = 0x1.0p-511;  // its square is the least normal number
  if (largest == 0 || (largest >= least && largest * least < 1)) return;
  throw DataError("the centres of this k-means model lie up to " + fmt::format("{:g}", largest) +
                  " from their mean, so that squared distances leave the range of f64");
}

KMeansPrediction predict_kmeans(const Context& ctx, const KMeansModel& model,
                                const TileSource& data, bool drop_missing) {
  check_model(model, data);
  Rows rows(ctx, data);
  const ModelFrame frame = kmeans::frame_of_centers(rows.dtype(), model.centers, model.features);
  kmeans::check_range_of_centers(frame.largest);
  const auto centers = rows.kernels().prepare({frame.shift, frame.scale}, model.centers,
                                              model.clusters, KMeansUse::assign);
  kmeans::RowValues<std::int32_t> placed;
  agree(ctx.comm(), [&] { placed = {rows.device(), rows.local_rows(), -1}; });
  kmeans::SharedReads reads(rows);
  const double inertia =
      reads.run(kmeans::assign_and_measure(reads, *centers, false, placed.data(), nullptr));
  std::vector<std::int32_t> labels = placed.take();
  std::vector<std::int64_t> counts(static_cast<std::size_t>(model.clusters) + 1, 0);
  for (const std::int32_t label : labels)
    ++counts[label < 0 ? counts.size() - 1 : static_cast<std::size_t>(label)];
  ctx.comm().allreduce(std::span<std::int64_t>(counts), ReduceOp::sum);
  const std::int64_t missing = counts.back();
  counts.pop_back();
  if (missing > 0 && !drop_missing) check_missing(rows, labels, missing);
  return {{std::move(counts), inertia, rows.global_rows(), rows.global_rows() - missing},
          kmeans::labels_array(rows, std::move(labels))};
}

KMeansPredictionSummary predict_kmeans_into(const Context& ctx, const KMeansModel& model,
                                            const TileSource& data, RowSink* sink,
                                            bool drop_missing) {
  check_model(model, data);
  const Leaves leaves = kmeans::leaves_of(data);
  const std::int64_t batch_bytes = bytes_of_a_batch(ctx, data, sink);
  const ReadPlan own_plan = data.plan(leaves, batch_bytes, ctx.rank());
  kmeans::LabelStream stream(ctx, model.clusters, most_rows_of_a_batch(own_plan), sink);
  std::int64_t first_row = 0;
  const kmeans::WatchedSource watched(
      data, batch_bytes,
      [&](const ReadPlan& plan, std::int64_t batch) {
        stream.begin(plan.batches[static_cast<std::size_t>(batch)]);
        first_row = stream.batch().begin - leaves.rows_of(ctx.rank()).begin;
      },
      [&](std::int64_t batch) { stream.advance(batch); });
  Rows rows(ctx, watched);
  const ModelFrame frame = kmeans::frame_of_centers(rows.dtype(), model.centers, model.features);
  kmeans::check_range_of_centers(frame.largest);
  const auto centers = rows.kernels().prepare({frame.shift, frame.scale}, model.centers,
                                              model.clusters, KMeansUse::assign);
  kmeans::SharedReads reads(rows);
  const double inertia = reads.run(
      kmeans::assign_and_measure(reads, *centers, false, stream.labels(), nullptr, &first_row));
  stream.end();
  std::vector<std::int64_t> counts = std::move(stream.counts());
  ctx.comm().allreduce(std::span<std::int64_t>(counts), ReduceOp::sum);
  const std::int64_t missing = counts.back();
  counts.pop_back();
  if (missing > 0 && !drop_missing)
    kmeans::throw_missing(rows, missing,
                          ctx.comm().allreduce(stream.first_missing(), ReduceOp::min));
  return {std::move(counts), inertia, rows.global_rows(), rows.global_rows() - missing};
}

Array transform_kmeans(const Context& ctx, const KMeansModel& model, const TileSource& data) {
  check_model(model, data);
  if (!is_real(data.dtype()))
    throw InvalidArgument(data.describe() + " has dtype " + std::string(name(data.dtype())) +
                          "; k-means needs real numbers");
  const DType dtype = data.dtype() == DType::f32 ? DType::f32 : DType::f64;
  const auto& kernels = ctx.backend()->kernels<KMeansKernels>(dtype);
  const ModelFrame frame = kmeans::frame_of_centers(dtype, model.centers, model.features);
  // The direct form takes centres prepared for either use.
  const auto centers =
      kernels.prepare({frame.shift, frame.scale}, model.centers, model.clusters, KMeansUse::assign);
  const bool is_f32 = model.dtype == DType::f32;
  return map_rows(
      ctx, data, Shape{model.clusters}, is_f32 ? DType::f32 : DType::f64,
      [&](const TileView& rows, std::byte* result) {
        const void* values = rows.data;
        std::vector<double> converted;
        if (rows.dtype != dtype) {
          const std::int64_t count = rows.rows.size() * rows.row_elements;
          converted.resize(static_cast<std::size_t>(count));
          const auto& kernels_of_rows = ctx.backend()->kernels<ConvertKernels>(rows.dtype);
          static_cast<void>(
              kernels_of_rows.convert(rows.data, count, DType::f64, converted.data()));
          values = converted.data();
        }
        std::vector<double> squared(static_cast<std::size_t>(rows.rows.size() * model.clusters));
        kernels.all_distances(*centers, {values, rows.rows.size()}, squared.data());
        for (std::size_t i = 0; i < squared.size(); ++i) {
          const double distance = std::sqrt(squared[i]);
          if (is_f32)
            reinterpret_cast<float*>(result)[i] = static_cast<float>(distance);
          else
            reinterpret_cast<double*>(result)[i] = distance;
        }
      });
}

}  // namespace serried
