#include <algorithm>
#include <memory>
#include <utility>

#include "array/evaluate/passes.hpp"
#include "expr/text.hpp"
#include "serried/base/error.hpp"
#include "serried/comm/agree.hpp"

namespace serried {
namespace {

/// Batches between which the ranks do not speak of elements that have no value.
constexpr std::int64_t batches_between_agreements = 64;

class ComputedRows : public TileSource {
 public:
  ComputedRows(const Context& ctx, const Domain& domain, const detail::NodePtr& node,
               const Known& known)
      : ctx_(ctx), domain_(domain), node_(node), known_(known) {
    detail::Lowering lowering(domain.shape, domain.split_axis);
    known_.tell(lowering);
    static_cast<void>(lowering.add_output(node));
    program_.emplace(ctx_, domain_, lowering, reads_);
  }

  [[nodiscard]] const Layout& layout() const override { return *domain_.layout; }
  [[nodiscard]] DType dtype() const override { return node_->dtype; }
  [[nodiscard]] Shape row_shape() const override {
    return domain_.shape.without(domain_.split_axis);
  }
  [[nodiscard]] std::string describe() const override { return detail::text_of(*node_); }

  [[nodiscard]] ReadPlan plan(const Leaves& leaves, std::int64_t bytes, int rank) const override {
    const JointReader in_rows(ctx_, reads_, leaves, 1, rank);
    const std::int64_t widest = std::max(own_row_bytes(), in_rows.file_row_bytes());
    return plan_of(
        JointReader(ctx_, reads_, leaves, std::max<std::int64_t>(1, bytes / widest), rank), leaves,
        rank);
  }

  [[nodiscard]] TileView read(const ReadPlan& plan, std::int64_t batch,
                              Buffer& scratch) const override {
    if (batch == 0 || !pass_ || pass_->key != key_of(plan)) begin(plan);
    Pass& pass = *pass_;
    if (pass.reader.file_plan() != nullptr) pass.reader.read_files(batch);
    const auto i = static_cast<std::size_t>(batch);
    const RowRange rows = plan.batches[i];
    // in every batch: the caller goes on with what it is given
    agree(ctx_.comm(), [&] {
      const auto span = ctx_.recorder().span("evaluate", Activity::computation);
      scratch.reserve(ctx_.backend(), static_cast<std::size_t>(rows.size() * row_bytes()));
      pass.reader.check_views();
      const DType dtypes[] = {dtype()};
      pass.reader.use_leaves(
          plan.first_leaves[i], plan.first_leaves[i + 1], [&](const JointStep& step) {
            std::byte* const to[] = {scratch.data() + (step.rows.begin - rows.begin) * row_bytes()};
            evaluate_rows(ctx_, domain_, *program_, step, dtypes, to, pass.without_value);
          });
    });
    if (batch % batches_between_agreements == 0 || i + 1 == plan.batches.size())
      agree_on_elements(ctx_, domain_, pass.without_value.element());
    return {.rows = rows, .row_elements = row_elements(), .dtype = dtype(), .data = scratch.data()};
  }

  void prefetch(const ReadPlan& plan, std::int64_t batch) const override {
    if (pass_ && pass_->key == key_of(plan)) pass_->reader.prefetch_files(batch);
  }

 private:
  /// Which plan it is.
  using Key = std::pair<std::int64_t, std::int64_t>;
  struct Pass {
    JointReader reader;
    Key key;
    FirstFailure without_value{};
  };

  static Key key_of(const ReadPlan& plan) { return {plan.tiles_per_leaf, plan.batch_bytes}; }
  [[nodiscard]] std::int64_t own_row_bytes() const {
    return std::max<std::int64_t>(1, row_bytes());
  }

  [[nodiscard]] ReadPlan plan_of(const JointReader& reader, const Leaves& leaves, int rank) const {
    const std::int64_t bytes = reader.batch_rows() * own_row_bytes();
    ReadPlan plan = reader.file_plan() != nullptr
                        ? *reader.file_plan()
                        : plan_batches(leaves, own_row_bytes(), bytes, rank);
    plan.batch_bytes = bytes;
    return plan;
  }

  void begin(const ReadPlan& plan) const {
    pass_.reset(new Pass{
        .reader = JointReader(ctx_, reads_, Leaves::of_tiles(layout(), plan.tiles_per_leaf),
                              plan.batch_bytes / own_row_bytes()),
        .key = key_of(plan)});
    pass_->reader.begin();
  }

  Context ctx_;
  Domain domain_;
  detail::NodePtr node_;
  Known known_;
  std::vector<const TileSource*> reads_;
  std::optional<PlacedProgram> program_;
  mutable std::unique_ptr<Pass> pass_;
};

}  // namespace

std::shared_ptr<const TileSource> make_rows(const Context& ctx, const Domain& domain,
                                            const detail::NodePtr& node, const Known& known) {
  return std::make_shared<const ComputedRows>(ctx, domain, node, known);
}

}  // namespace serried
