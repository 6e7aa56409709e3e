#include "ml/linear/rows.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <string>

#include "serried/base/error.hpp"

namespace serried::linear {
namespace {

/// Of a payload behind the triangle.
enum Behind : std::int64_t { used, weight_sum, log_weight_sum, behind };

std::int64_t triangle_size(std::int64_t width) {
  return width * (width + 1) / 2;
}

const TileSource& checked_responses(const TileSource& x, const TileSource& y) {
  regression::check_beside(x, y, "y", 0);
  return y;
}

}  // namespace

Rows::Rows(const Context& ctx, const TileSource& x, const TileSource& y,
           const LinearOptions& options)
    : ctx_(ctx.on_host()),
      x_(regression::checked_columns(ctx, x)),
      targets_(checked_responses(x, y).row_elements()),
      kernels_(ctx_.device()->kernels<GlmKernels>(x.dtype())),
      leaves_(x.layout(), x.row_bytes(),
              8 * (triangle_size(x.row_elements() + 1 + targets_) + behind)),
      own_(leaves_.rows_of(ctx.rank())) {
  if (options.weights != nullptr) regression::check_beside(x, *options.weights, "weights");
  responses_ = regression::read_values(ctx_, y, leaves_, "y");
  if (options.weights != nullptr)
    weights_ = regression::read_values(ctx_, *options.weights, leaves_, "weights");
  check(y);
  for (std::size_t i = 0; i < weights_.size(); ++i)
    if (weights_[i] == 0)
      std::fill_n(responses_.begin() + static_cast<std::ptrdiff_t>(i) * targets_, targets_, 0.);
}

void Rows::check(const TileSource& y) const {
  regression::check_rows(ctx_, y, own_, [&](std::int64_t i) {
    const double weight = weights_.empty() ? 1 : weights_[static_cast<std::size_t>(i)];
    if (!std::isfinite(weight) || weight < 0)
      return fmt::format("has the weight {}; weights must be numbers >= 0", weight);
    for (std::int64_t k = 0; k < targets_ && weight > 0; ++k) {
      const double value = responses_[static_cast<std::size_t>(i * targets_ + k)];
      if (std::isfinite(value)) continue;
      return targets_ == 1 ? fmt::format("has the response {}", value)
                           : fmt::format("has the response {} in column {}", value, k);
    }
    return std::string();
  });
}

Triangle Rows::factor(const regression::Columns& columns, bool has_intercept) const {
  GlmPass pass;
  pass.has_intercept = has_intercept;
  pass.coefficients = columns.shift;  // for their number
  pass.shift = columns.shift;
  pass.scale = columns.scale;
  const std::int64_t width = (has_intercept ? 1 : 0) + x_.row_elements() + targets_;
  const std::int64_t size = triangle_size(width);
  const auto payload = regression::reduce(
      ctx_, x_, leaves_, size + behind,
      [&](const std::byte* x, std::int64_t local_row, std::span<const std::int64_t> offsets,
          double* payloads) {
        GlmRows rows;
        rows.response = responses_.data() + local_row * targets_;
        if (!weights_.empty()) rows.weights = weights_.data() + local_row;
        for (std::size_t leaf = 0; leaf + 1 < offsets.size(); ++leaf, payloads += size + behind) {
          rows.x = x;
          const std::span<const std::int64_t> of_leaf = offsets.subspan(leaf, 2);
          kernels_.factor_targets(pass, rows, targets_, of_leaf, payloads);
          double* const sums = payloads + size;
          std::fill_n(sums, behind, 0.);
          for (std::int64_t i = of_leaf[0]; i < of_leaf[1]; ++i) {
            const double weight = rows.weights == nullptr ? 1 : rows.weights[i];
            if (weight == 0) continue;
            sums[used] += 1;
            sums[weight_sum] += weight;
            sums[log_weight_sum] += std::log(weight);
          }
        }
      },
      [&](std::byte* left, const std::byte* right) {
        kernels_.combine_factors(width, reinterpret_cast<double*>(left),
                                 reinterpret_cast<const double*>(right));
        const std::int64_t bytes = size * static_cast<std::int64_t>(sizeof(double));
        regression::add_numbers(left + bytes, right + bytes, behind);
      },
      {});
  const double* const sums = payload.data() + size;
  return {std::vector<double>(payload.begin(), payload.begin() + size),
          static_cast<std::int64_t>(sums[used]), sums[weight_sum], sums[log_weight_sum]};
}

}  // namespace serried::linear
