#include "ml/softmax/rows.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <string>

#include "serried/base/error.hpp"

namespace serried::softmax {
namespace {

constexpr std::int64_t most_classes = 1000;

}  // namespace

Rows::Rows(const Context& ctx, const TileSource& x, const TileSource& y,
           const SoftmaxOptions& options)
    : ctx_(ctx.on_host()),
      x_(regression::checked_columns(ctx, x)),
      kernels_(ctx_.device()->kernels<GlmKernels>(x.dtype())),
      // as for two classes: how many there are is not known before y is read
      leaves_(x.layout(), x.row_bytes(), 8 * GlmSums{x.row_elements() + 1}.size()),
      own_(leaves_.rows_of(ctx.rank())) {
  regression::check_beside(x, y, "y");
  if (options.weights != nullptr) regression::check_beside(x, *options.weights, "weights");
  responses_ = regression::read_values(ctx_, y, leaves_, "y");
  if (options.weights != nullptr)
    weights_ = regression::read_values(ctx_, *options.weights, leaves_, "weights");
  check(y);
  find_classes(y);
  count_classes(y);
}

void Rows::check(const TileSource& y) const {
  regression::check_rows(ctx_, y, own_, [&](std::int64_t row) {
    const auto i = static_cast<std::size_t>(row);
    const double weight = weights_.empty() ? 1 : weights_[i];
    if (!std::isfinite(weight) || weight < 0)
      return fmt::format("has the weight {}; weights must be numbers >= 0", weight);
    if (weight > 0 && !(std::floor(responses_[i]) == responses_[i] && std::isfinite(responses_[i])))
      return fmt::format("has the response {}; classes are whole numbers", responses_[i]);
    return std::string();
  });
}

void Rows::find_classes(const TileSource& y) {
  std::vector<double> own;
  for (std::size_t i = 0; i < responses_.size(); ++i) {
    if (!weights_.empty() && weights_[i] == 0) continue;
    const double value = responses_[i] + 0.0;  // -0 is 0
    const auto at = std::ranges::lower_bound(own, value);
    if (at != own.end() && *at == value) continue;
    own.insert(at, value);
    if (static_cast<std::int64_t>(own.size()) > most_classes) break;
  }
  classes_ = ctx_.comm().allgather(std::span<const double>(own)).values;
  std::ranges::sort(classes_);
  classes_.erase(std::unique(classes_.begin(), classes_.end()), classes_.end());
  if (classes_.empty())
    throw DataError(x_.rows() == 0 ? x_.describe() + " has no rows"
                                   : "no row of " + x_.describe() + " has a weight above 0");
  if (classes_.size() < 2)
    throw DataError(fmt::format("{} has one class, {}; two are needed at least", y.describe(),
                                classes_.front()));
  if (static_cast<std::int64_t>(classes_.size()) > most_classes)
    throw DataError(fmt::format("{} has more than {} classes", y.describe(), most_classes));
  for (std::size_t i = 0; i < responses_.size(); ++i) {
    const auto at = std::ranges::lower_bound(classes_, responses_[i] + 0.0);
    // of a row of weight 0 it may be none
    const bool is_known = at != classes_.end() && *at == responses_[i] + 0.0;
    responses_[i] = is_known ? static_cast<double>(at - classes_.begin()) : 0;
  }
}

void Rows::count_classes(const TileSource& y) {
  const std::size_t classes = classes_.size();
  const auto sums = regression::sum(
      ctx_, y, leaves_, static_cast<std::int64_t>(classes + 2),
      [&](const std::byte*, std::int64_t local_row, std::span<const std::int64_t> offsets,
          double* payloads) {
        for (std::size_t leaf = 0; leaf + 1 < offsets.size(); ++leaf, payloads += classes + 2) {
          std::fill_n(payloads, classes + 2, 0.);
          for (std::int64_t i = offsets[leaf]; i < offsets[leaf + 1]; ++i) {
            const auto row = static_cast<std::size_t>(local_row + i);
            const double weight = weights_.empty() ? 1 : weights_[row];
            if (weight == 0) continue;
            payloads[static_cast<std::size_t>(responses_[row])] += weight;
            payloads[classes] += weight;
            payloads[classes + 1] += 1;
          }
        }
      });
  class_weights_.assign(sums.begin(), sums.begin() + static_cast<std::ptrdiff_t>(classes));
  weight_sum_ = sums[classes];
  used_ = static_cast<std::int64_t>(sums[classes + 1]);
}

std::vector<double> Rows::accumulate(const SoftmaxPass& pass, bool has_information) const {
  const SoftmaxSums sums{
      static_cast<std::int64_t>(pass.shift.size()) + (pass.has_intercept ? 1 : 0), pass.classes,
      has_information};
  return regression::sum(ctx_, x_, leaves_, sums.size(),
                         [&](const std::byte* x, std::int64_t local_row,
                             std::span<const std::int64_t> offsets, double* payloads) {
                           GlmRows rows;
                           rows.x = x;
                           rows.response = responses_.data() + local_row;
                           if (!weights_.empty()) rows.weights = weights_.data() + local_row;
                           kernels_.softmax(pass, rows, has_information, offsets, payloads);
                         });
}

}  // namespace serried::softmax
