#include "array/evaluate/joint_reader.hpp"

#include <algorithm>
#include <exception>

#include "array/device_view.hpp"
#include "serried/base/error.hpp"
#include "serried/comm/agree.hpp"

namespace serried {

const std::byte* JointReader::Part::find(RowRange rows) const {
  for (const TileView& view : views)
    if (view.rows.begin <= rows.begin && rows.end <= view.rows.end) {
      if (view.data == nullptr) return nullptr;
      return view.data + (rows.begin - view.rows.begin) * source->row_bytes();
    }
  throw InvalidArgument("rows of " + source->describe() + " were asked for that were not read");
}

std::int64_t JointReader::Part::end_of(std::int64_t row) const {
  for (const TileView& view : views)
    if (view.rows.begin <= row && row < view.rows.end) return view.rows.end;
  return INT64_MAX;
}

JointReader::JointReader(const Context& ctx, std::vector<const TileSource*> sources,
                         const Leaves& leaves, std::int64_t batch_rows)
    : JointReader(ctx, std::move(sources), leaves, batch_rows, ctx.rank()) {}

JointReader::JointReader(const Context& ctx, std::vector<const TileSource*> sources,
                         const Leaves& leaves, std::int64_t batch_rows, int rank)
    : ctx_(ctx), leaves_(leaves), batch_rows_(batch_rows), rank_(rank) {
  for (const TileSource* source : sources) {
    if (source->layout() != leaves.layout())
      throw InvalidArgument(source->describe() +
                            " lies in other tiles than the arrays beside it; "
                            "balance() gives arrays of the same rows the same tiles");
    const auto* array = dynamic_cast<const Array*>(source);
    if (array != nullptr && array->is_on_device())
      throw InvalidArgument(source->describe() +
                            " lies on a device, where expressions are not evaluated; to_host()");
    parts_.push_back({.source = source, .is_in_memory = array != nullptr});
  }
  plan_files();
}

/// Plans the same batches for all files, and few for arrays.
void JointReader::plan_files() {
  const std::int64_t bytes = ctx_.options().batch_bytes * ctx_.backend()->threads().threads();
  if (batch_rows_ == 0)
    batch_rows_ = std::max<std::int64_t>(1, bytes / std::max<std::int64_t>(1, file_row_bytes()));
  // a source may read in larger batches than it is asked to; then all do
  for (bool is_settled = false; !is_settled;) {
    is_settled = true;
    for (Part& part : parts_) {
      if (part.is_in_memory) continue;
      const std::int64_t row_bytes = std::max<std::int64_t>(1, part.source->row_bytes());
      part.plan = part.source->plan(leaves_, batch_rows_ * row_bytes, rank_);
      const std::int64_t planned = part.plan.batch_bytes / row_bytes;
      if (planned > batch_rows_) {
        batch_rows_ = planned;
        is_settled = false;
      }
    }
  }
  const Part* first = nullptr;
  for (Part& part : parts_) {
    if (part.is_in_memory) {
      part.plan = part.source->plan(leaves_, INT64_MAX / 2, rank_);
    } else if (first == nullptr) {
      first = &part;
    } else if (part.plan.first_leaves != first->plan.first_leaves) {
      throw InvalidArgument(part.source->describe() + " and " + first->source->describe() +
                            " cannot be read side by side");
    }
    part.scratch.resize(part.is_in_memory ? part.plan.batches.size() : 1);
  }
}

const ReadPlan* JointReader::file_plan() const noexcept {
  for (const Part& part : parts_)
    if (!part.is_in_memory) return &part.plan;
  return nullptr;
}

std::int64_t JointReader::file_row_bytes() const noexcept {
  std::int64_t bytes = 0;
  for (const Part& part : parts_)
    if (!part.is_in_memory) bytes += part.source->row_bytes();
  return bytes;
}

void JointReader::use_leaves(std::int64_t first_leaf, std::int64_t last_leaf,
                             const Use& use) const {
  const std::int64_t rows_end = leaves_.row_begin(last_leaf);
  std::vector<const std::byte*> data;
  // cut where an array has its last leaf elsewhere
  for (std::int64_t leaf = first_leaf; leaf < last_leaf;) {
    const std::int64_t begin = leaves_.row_begin(leaf);
    std::int64_t limit = rows_end;
    for (const Part& part : parts_) limit = std::min(limit, part.end_of(begin));
    std::int64_t end = last_leaf;
    while (end > leaf + 1 && leaves_.row_begin(end) > limit) --end;
    JointStep step{.rows = {begin, leaves_.row_begin(end)}, .first_leaf = leaf, .last_leaf = end};
    data.clear();
    for (const Part& part : parts_)
      data.push_back(step.rows.is_empty() ? nullptr : part.find(step.rows));
    step.data = data;
    use(step);
    leaf = end;
  }
}

void JointReader::begin() {
  for (Part& part : parts_) {
    part.views.clear();
    if (!part.is_in_memory) {
      part.source->prepare(part.plan, part.scratch.front());
      continue;
    }
    for (std::size_t batch = 0; batch < part.plan.batches.size(); ++batch)
      part.views.push_back(
          part.source->read(part.plan, static_cast<std::int64_t>(batch), part.scratch[batch]));
  }
}

void JointReader::read_files(std::int64_t batch) {
  for (Part& part : parts_)
    if (!part.is_in_memory)
      part.views.assign(1, part.source->read(part.plan, batch, part.scratch.front()));
}

void JointReader::prefetch_files(std::int64_t batch) const {
  for (const Part& part : parts_)
    if (!part.is_in_memory) part.source->prefetch(part.plan, batch);
}

void JointReader::check_views() const {
  for (const Part& part : parts_)
    for (const TileView& view : part.views)
      if (view.data != nullptr) require_host(view);
}

void JointReader::read(const Use& use) {
  begin();
  std::exception_ptr failure;
  const auto attempt = [&](std::int64_t first, std::int64_t last) {
    if (failure || first >= last) return;
    try {
      const auto span = ctx_.recorder().span("evaluate", Activity::computation);
      use_leaves(first, last, use);
    } catch (...) {
      failure = std::current_exception();
    }
  };
  const ReadPlan* const files = file_plan();
  if (files == nullptr) {
    attempt(leaves_.first_leaf(ctx_.rank()), leaves_.first_leaf(ctx_.rank() + 1));
  } else {
    const auto batches = static_cast<std::int64_t>(files->batches.size());
    for (std::int64_t batch = 0; batch < batches; ++batch) {
      read_files(batch);
      if (batch + 1 < batches) prefetch_files(batch + 1);
      const auto i = static_cast<std::size_t>(batch);
      attempt(files->first_leaves[i], files->first_leaves[i + 1]);
      if (batches > 1) ctx_.recorder().progress("evaluate", batch + 1, batches);
    }
  }
  agree(ctx_.comm(), [&] {
    check_views();
    if (failure) std::rethrow_exception(failure);
  });
}

}  // namespace serried
