#include "ml/kmeans/checkpoints.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "serried/base/fingerprint.hpp"
#include "serried/base/stopped.hpp"

namespace serried::kmeans {
namespace {

/// Of the state as it stands in a Checkpoint; see save.
constexpr std::int64_t state_format = 1;

std::string_view init_name(KMeansInit init) {
  switch (init) {
    case KMeansInit::kmeans_parallel:
      return "kmeans-parallel";
    case KMeansInit::kmeans_plus_plus:
      return "kmeans++";
    case KMeansInit::random:
      return "random";
    case KMeansInit::given:
      break;
  }
  return "given centres";
}

/// Ranks may have different cards of one model.
std::string device_name(Backend& device) {
  if (device.kind() == DeviceKind::host) return "host";
  const std::string text = device.description();
  return text.substr(0, text.find(", device "));
}

/// Everything that two reads of all rows have told about them.
std::string fingerprint_of(const Columns& columns) {
  Fingerprint hash;
  hash.add(static_cast<std::uint64_t>(columns.usable_rows));
  for (const auto* values : {&columns.shift, &columns.deviations, &columns.maxima})
    hash.add(std::span<const double>(*values));
  const std::array<double, 4> more = {columns.scale, columns.mean_variance, columns.largest,
                                      columns.largest_weight};
  hash.add(std::span<const double>(more));
  hash.add(static_cast<std::uint64_t>(columns.weight_exponent));
  return hash.text();
}

/// Numbers of one fit in the table "fits" of a checkpoint.
constexpr std::size_t entries = 11;

std::array<std::int64_t, entries> table_row(const FitState& state) {
  const auto size = [](const auto& values) { return static_cast<std::int64_t>(values.size()); };
  return {static_cast<std::int64_t>(state.stage),
          state.iterations,
          state.is_converged ? 1 : 0,
          state.are_labels_final ? 1 : 0,
          state.examined_rows,
          state.visited_rows,
          size(state.centers),
          size(state.label_centers),
          size(state.sizes),
          size(state.numbers),
          size(state.counts)};
}

template <class T>
void append(std::vector<T>& to, const std::vector<T>& from) {
  to.insert(to.end(), from.begin(), from.end());
}

/// Takes the values of a checkpoint one after the other.
template <class T>
class Cursor {
 public:
  Cursor(const std::map<std::string, std::vector<T>>& values, const char* name) {
    const auto found = values.find(name);
    if (found != values.end()) rest_ = found->second;
  }
  std::vector<T> take(std::int64_t count) {
    if (count < 0 || count > static_cast<std::int64_t>(rest_.size()))
      throw DataError("the checkpoint's state is cut off");
    const auto part = rest_.first(static_cast<std::size_t>(count));
    rest_ = rest_.subspan(part.size());
    return {part.begin(), part.end()};
  }
  [[nodiscard]] bool is_empty() const { return rest_.empty(); }

 private:
  std::span<const T> rest_;
};

void require_sense(bool is_good) {
  if (!is_good) throw DataError("the checkpoint's state makes no sense");
}

bool are_finite(const std::vector<double>& values) {
  return std::ranges::all_of(values, [](double value) { return std::isfinite(value); });
}

/// The fit's own numbers, beside the arrays.
void check_state(const FitState& state, std::int64_t clusters, std::int64_t features) {
  const auto elements = static_cast<std::size_t>(clusters * features);
  const auto is_whole = [&](const std::vector<double>& centers) {
    return centers.size() == elements;
  };
  require_sense(state.iterations >= 0 && are_finite(state.centers) &&
                are_finite(state.label_centers));
  require_sense(state.label_centers.empty() || is_whole(state.label_centers));
  if (state.stage == FitState::Stage::untouched) require_sense(state.centers.empty());
  if (state.stage == FitState::Stage::running) require_sense(is_whole(state.centers));
  if (state.stage == FitState::Stage::done)
    require_sense(state.centers.empty() ||
                  (is_whole(state.centers) && is_whole(state.label_centers) &&
                   static_cast<std::int64_t>(state.sizes.size()) == clusters));
}

}  // namespace

Checkpoints::Checkpoints(const Context& ctx, CheckpointHook* hook, std::string kind,
                         Checkpoint::Facts options)
    : ctx_(ctx), hook_(hook), kind_(std::move(kind)), facts_(std::move(options)) {
  if (hook_ != nullptr && hook_->former() != nullptr)
    require_same(*hook_->former(), kind_, state_format, facts_);
}

void Checkpoints::add_data(const Rows& rows, const Columns& columns, const TileSource& data,
                           const TileSource* weights) {
  if (!is_on()) return;
  facts_.emplace_back("device", device_name(*rows.device()));
  facts_.emplace_back("leaves", std::to_string(rows.leaves().count()));
  // Where these differ, so does what is computed from the data.
  if (hook_->former() != nullptr) require_same(*hook_->former(), kind_, state_format, facts_);
  facts_.emplace_back("data",
                      fingerprint_rows(ctx_, data) + ", columns " + fingerprint_of(columns));
  if (weights != nullptr) facts_.emplace_back("weights", fingerprint_rows(ctx_, *weights));
  if (hook_->former() != nullptr) require_same(*hook_->former(), kind_, state_format, facts_);
}

void Checkpoints::set_fits(const std::vector<std::int64_t>& clusters, std::int64_t features) {
  states_.assign(clusters.size(), {});
  if (is_on() && hook_->former() != nullptr) restore(*hook_->former(), clusters, features);
}

Checkpoints::Votes Checkpoints::votes() {
  if (!is_on()) return {};
  const bool is_save_due = ctx_.rank() == 0 && hook_->should_save(iterations_ + 1);
  return {hook_->should_stop() ? 1 : 0, is_save_due ? 1 : 0};
}

void Checkpoints::take_votes(std::span<const std::int64_t> sums) {
  if (!is_on()) return;
  has_voted_ = true;
  is_stop_wanted_ = is_stop_wanted_ || sums[0] > 0;
  is_save_wanted_ = is_save_wanted_ || sums[1] > 0;
}

void Checkpoints::between_reads() {
  if (!is_on()) return;
  if (!has_voted_) {
    Votes sums = votes();
    ctx_.comm().allreduce(std::span<std::int64_t>(sums), ReduceOp::sum);
    take_votes(sums);
  }
  has_voted_ = false;
  if (std::exchange(has_iterated_, false)) ++iterations_;
  if (is_stop_wanted_) {
    save(true);
    std::int64_t most = 0;
    for (const FitState& state : states_) most = std::max(most, state.iterations);
    throw Stopped(
        fmt::format("stopped as asked, after {} iterations; {}", most, hook_->how_to_go_on()));
  }
  if (std::exchange(is_save_wanted_, false)) save(false);
}

void Checkpoints::save(bool is_last) {
  Checkpoint checkpoint;
  checkpoint.kind = kind_;
  checkpoint.format = state_format;
  checkpoint.belongs_to = facts_;
  for (const FitState& state : states_) {
    const auto row = table_row(state);
    append(checkpoint.counts["fits"], std::vector<std::int64_t>(row.begin(), row.end()));
    append(checkpoint.counts["sizes"], state.sizes);
    append(checkpoint.counts["more_counts"], state.counts);
    append(checkpoint.numbers["inertia_and_weight"], {state.inertia, state.weight});
    append(checkpoint.numbers["centers"], state.centers);
    append(checkpoint.numbers["label_centers"], state.label_centers);
    append(checkpoint.numbers["more_numbers"], state.numbers);
  }
  hook_->save(checkpoint, is_last);
  iterations_ = 0;
}

void Checkpoints::restore(const Checkpoint& former, std::span<const std::int64_t> clusters,
                          std::int64_t features) {
  Cursor<std::int64_t> fits(former.counts, "fits");
  Cursor<std::int64_t> sizes(former.counts, "sizes");
  Cursor<std::int64_t> counts(former.counts, "more_counts");
  Cursor<double> results(former.numbers, "inertia_and_weight");
  Cursor<double> centers(former.numbers, "centers");
  Cursor<double> label_centers(former.numbers, "label_centers");
  Cursor<double> numbers(former.numbers, "more_numbers");
  for (std::size_t i = 0; i < states_.size(); ++i) {
    FitState& state = states_[i];
    const std::vector<std::int64_t> row = fits.take(entries);
    require_sense(row[0] >= 0 && row[0] <= static_cast<std::int64_t>(FitState::Stage::done));
    state.stage = static_cast<FitState::Stage>(row[0]);
    state.iterations = row[1];
    state.is_converged = row[2] != 0;
    state.are_labels_final = row[3] != 0;
    state.examined_rows = row[4];
    state.visited_rows = row[5];
    state.centers = centers.take(row[6]);
    state.label_centers = label_centers.take(row[7]);
    state.sizes = sizes.take(row[8]);
    state.numbers = numbers.take(row[9]);
    state.counts = counts.take(row[10]);
    const std::vector<double> result = results.take(2);
    state.inertia = result[0];
    state.weight = result[1];
    check_state(state, clusters[i], features);
  }
  require_sense(fits.is_empty() && sizes.is_empty() && counts.is_empty() && results.is_empty() &&
                centers.is_empty() && label_centers.is_empty() && numbers.is_empty());
}

void require_options(const Checkpoint& checkpoint, const std::string& kind,
                     const Checkpoint::Facts& facts) {
  require_same(checkpoint, kind, state_format, facts);
}

Checkpoint::Facts option_facts(const KMeansOptions& options, const std::string& clusters,
                               const TileSource& data, bool has_weights) {
  std::string init(init_name(options.init));
  if (options.init == KMeansInit::given) {
    Fingerprint hash;
    hash.add(std::span<const double>(options.initial_centers));
    init += " " + hash.text();
  } else {
    if (options.init_rounds) init += fmt::format(", {} rounds", *options.init_rounds);
    init += fmt::format(", {} candidates", options.init_candidates);
  }
  return {{"clusters", clusters},
          {"init", init},
          {"fits from different seeds", std::to_string(options.n_init)},
          {"seed", std::to_string(options.seed)},
          {"rows of a batch", std::to_string(options.batch_rows)},
          {"tolerance", fmt::format("{}", options.tolerance)},
          {"most iterations", std::to_string(options.max_iterations)},
          {"missing rows", options.drop_missing ? "drop" : "error"},
          {"weights are given", has_weights ? "yes" : "no"},
          {"shape of the data", fmt::format("{} rows of {} {}", data.rows(),
                                            data.row_shape().to_string(), name(data.dtype()))}};
}

}  // namespace serried::kmeans
