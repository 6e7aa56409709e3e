#include <algorithm>
#include <cstring>
#include <memory>
#include <numeric>
#include <utility>

#include "array/evaluate/passes.hpp"
#include "expr/text.hpp"
#include "serried/base/error.hpp"
#include "serried/comm/agree.hpp"

namespace serried {
namespace {

/// Batches between which the ranks do not speak of elements that have no value.
constexpr std::int64_t batches_between_agreements = 64;

/// The rows of several expressions over one domain, computed batch by batch.
class ComputedBatches {
 public:
  ComputedBatches(const Context& ctx, const Domain& domain,
                  const std::vector<detail::NodePtr>& nodes, const Known& known)
      : ctx_(ctx), domain_(domain), nodes_(nodes), known_(known), results_(nodes.size()) {
    detail::Lowering lowering(domain.shape, domain.split_axis);
    known_.tell(lowering);
    const std::int64_t elements = domain.row_elements();
    for (const detail::NodePtr& node : nodes) {
      // expressions that are equal are one output
      output_of_.push_back(static_cast<std::size_t>(lowering.add_output(node).value));
      if (output_of_.back() == dtypes_.size()) {
        dtypes_.push_back(node->dtype);
        first_of_.push_back(row_bytes_.size());
      }
      row_bytes_.push_back(elements * static_cast<std::int64_t>(size_of(node->dtype)));
    }
    program_.emplace(ctx_, domain_, lowering, reads_);
  }

  [[nodiscard]] const Domain& domain() const noexcept { return domain_; }
  [[nodiscard]] const detail::ExprNode& node(std::size_t i) const { return *nodes_[i]; }

  [[nodiscard]] ReadPlan plan(const Leaves& leaves, std::int64_t bytes, int rank) const {
    const JointReader in_rows(ctx_, reads_, leaves, 1, rank);
    const std::int64_t widest = std::max(own_row_bytes(), in_rows.file_row_bytes());
    return plan_of(
        JointReader(ctx_, reads_, leaves, std::max<std::int64_t>(1, bytes / widest), rank), leaves,
        rank);
  }

  /// Expression `which` of a batch, into `scratch`. Collective.
  void read(const ReadPlan& plan, std::int64_t batch, std::size_t which, Buffer& scratch) {
    const bool is_there =
        pass_ && pass_->key == key_of(plan) && pass_->batch == batch && !pass_->is_taken[which];
    if (!is_there) compute(plan, batch);
    std::swap(scratch, results_[which]);
    pass_->is_taken[which] = true;
  }

  void prefetch(const ReadPlan& plan, std::int64_t batch) {
    if (!pass_ || pass_->key != key_of(plan) || pass_->ahead == batch) return;
    pass_->ahead = batch;
    pass_->reader.prefetch_files(batch);
  }

 private:
  /// Which plan it is.
  using Key = std::pair<std::int64_t, std::int64_t>;
  struct Pass {
    JointReader reader;
    Key key;
    FirstFailure without_value{};
    std::int64_t batch = -1;       ///< whose rows are there
    std::int64_t ahead = -1;       ///< which was asked for beforehand
    std::vector<bool> is_taken{};  ///< by expression
  };

  static Key key_of(const ReadPlan& plan) { return {plan.tiles_per_leaf, plan.batch_bytes}; }
  /// Of all expressions together.
  [[nodiscard]] std::int64_t own_row_bytes() const {
    return std::max<std::int64_t>(
        1, std::accumulate(row_bytes_.begin(), row_bytes_.end(), std::int64_t{0}));
  }

  [[nodiscard]] ReadPlan plan_of(const JointReader& reader, const Leaves& leaves, int rank) const {
    const std::int64_t bytes = reader.batch_rows() * own_row_bytes();
    ReadPlan plan = reader.file_plan() != nullptr
                        ? *reader.file_plan()
                        : plan_batches(leaves, own_row_bytes(), bytes, rank);
    plan.batch_bytes = bytes;
    return plan;
  }

  void begin(const ReadPlan& plan) {
    pass_.reset(new Pass{
        .reader = JointReader(ctx_, reads_, Leaves::of_tiles(*domain_.layout, plan.tiles_per_leaf),
                              plan.batch_bytes / own_row_bytes()),
        .key = key_of(plan)});
    pass_->reader.begin();
  }

  void compute(const ReadPlan& plan, std::int64_t batch) {
    if (batch == 0 || !pass_ || pass_->key != key_of(plan)) begin(plan);
    Pass& pass = *pass_;
    pass.batch = -1;
    if (pass.reader.file_plan() != nullptr) pass.reader.read_files(batch);
    const auto i = static_cast<std::size_t>(batch);
    const RowRange rows = plan.batches[i];
    // in every batch: the caller goes on with what it is given
    agree(ctx_.comm(), [&] {
      const auto span = ctx_.recorder().span("evaluate", Activity::computation);
      for (std::size_t k = 0; k < results_.size(); ++k)
        results_[k].reserve(ctx_.backend(), static_cast<std::size_t>(rows.size() * row_bytes_[k]));
      pass.reader.check_views();
      std::vector<std::byte*> to(dtypes_.size());
      pass.reader.use_leaves(
          plan.first_leaves[i], plan.first_leaves[i + 1], [&](const JointStep& step) {
            for (std::size_t o = 0; o < to.size(); ++o) {
              const std::size_t k = first_of_[o];
              to[o] = results_[k].data() + (step.rows.begin - rows.begin) * row_bytes_[k];
            }
            evaluate_rows(ctx_, domain_, *program_, step, dtypes_, to, pass.without_value);
          });
      for (std::size_t k = 0; k < results_.size(); ++k)
        if (const std::size_t first = first_of_[output_of_[k]]; first != k && !rows.is_empty())
          std::memcpy(results_[k].data(), results_[first].data(),
                      static_cast<std::size_t>(rows.size() * row_bytes_[k]));
    });
    if (batch % batches_between_agreements == 0 || i + 1 == plan.batches.size())
      agree_on_elements(ctx_, domain_, pass.without_value.element());
    pass.batch = batch;
    pass.is_taken.assign(results_.size(), false);
  }

  Context ctx_;
  Domain domain_;
  std::vector<detail::NodePtr> nodes_;
  Known known_;
  std::vector<std::size_t> output_of_;  ///< of the program, by expression
  std::vector<std::size_t> first_of_;   ///< expression, by output
  std::vector<DType> dtypes_;           ///< by output
  std::vector<std::int64_t> row_bytes_;
  std::vector<const TileSource*> reads_;
  std::optional<PlacedProgram> program_;
  std::vector<Buffer> results_;  ///< of the batch that is there
  std::unique_ptr<Pass> pass_;
};

/// The rows of one of them.
class ComputedRows : public TileSource {
 public:
  ComputedRows(std::shared_ptr<ComputedBatches> batches, std::size_t which)
      : batches_(std::move(batches)), which_(which) {}

  [[nodiscard]] const Layout& layout() const override { return *batches_->domain().layout; }
  [[nodiscard]] DType dtype() const override { return batches_->node(which_).dtype; }
  [[nodiscard]] Shape row_shape() const override {
    return batches_->domain().shape.without(batches_->domain().split_axis);
  }
  [[nodiscard]] std::string describe() const override {
    return detail::text_of(batches_->node(which_));
  }
  [[nodiscard]] ReadPlan plan(const Leaves& leaves, std::int64_t bytes, int rank) const override {
    return batches_->plan(leaves, bytes, rank);
  }
  [[nodiscard]] TileView read(const ReadPlan& plan, std::int64_t batch,
                              Buffer& scratch) const override {
    batches_->read(plan, batch, which_, scratch);
    return {.rows = plan.batches[static_cast<std::size_t>(batch)],
            .row_elements = row_elements(),
            .dtype = dtype(),
            .data = scratch.data()};
  }
  void prefetch(const ReadPlan& plan, std::int64_t batch) const override {
    batches_->prefetch(plan, batch);
  }

 private:
  std::shared_ptr<ComputedBatches> batches_;
  std::size_t which_;
};

}  // namespace

std::vector<std::shared_ptr<const TileSource>> make_rows(const Context& ctx, const Domain& domain,
                                                         const std::vector<detail::NodePtr>& nodes,
                                                         const Known& known) {
  const auto batches = std::make_shared<ComputedBatches>(ctx, domain, nodes, known);
  std::vector<std::shared_ptr<const TileSource>> rows;
  for (std::size_t i = 0; i < nodes.size(); ++i)
    rows.push_back(std::make_shared<const ComputedRows>(batches, i));
  return rows;
}

}  // namespace serried
