#include "ml/glm/rows.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <span>
#include <utility>

#include "serried/base/error.hpp"
#include "serried/base/faults.hpp"
#include "serried/base/order_key.hpp"
#include "serried/comm/agree.hpp"

namespace serried::glm {
namespace {

/// What is wrong with a row, or nothing.
std::string fault_of(const GlmFamilyFacts& family, bool is_low_allowed, double y, double weight,
                     double offset, double trials, bool has_trials) {
  if (!std::isfinite(weight) || weight < 0)
    return fmt::format("has the weight {}; weights must be numbers >= 0", weight);
  if (has_trials && (!(trials >= 0) || std::floor(trials) != trials || std::isinf(trials)))
    return fmt::format("has {} trials; they must be a whole number >= 0", trials);
  if (weight == 0 || (has_trials && trials == 0 && y == 0)) return {};
  if (!std::isfinite(offset)) return fmt::format("has the offset {}", offset);
  if (!std::isfinite(y)) return fmt::format("has the response {}", y);
  if (family.family == GlmFamily::binomial && !has_trials)
    return y == 0 || y == 1 ? std::string()
                            : fmt::format(
                                  "has the response {}; the binomial family needs 0 or 1, "
                                  "or successes and their trials",
                                  y);
  if (has_trials)
    return y >= 0 && y <= trials && std::floor(y) == y
               ? std::string()
               : fmt::format(
                     "has {} successes in {} trials; they must be a whole number from 0 to "
                     "the trials",
                     y, trials);
  if (y > family.low || (is_low_allowed && y == family.low)) return {};
  return fmt::format("has the response {}; the {} family needs numbers {} {}", y, family.name,
                     is_low_allowed ? ">=" : ">", family.low);
}

GlmSums sums_of(const GlmPass& pass) {
  return {static_cast<std::int64_t>(pass.coefficients.size()) + (pass.has_intercept ? 1 : 0)};
}

double value_at(const std::vector<double>& values, std::size_t i, double other) {
  return values.empty() ? other : values[i];
}

}  // namespace

Rows::Rows(const Context& ctx, const TileSource& x, const TileSource& y, const GlmOptions& options,
           RowCuts cuts)
    : ctx_(ctx.on_host()),
      x_(regression::checked_columns(ctx, x)),
      y_(y),
      kernels_(ctx_.device()->kernels<GlmKernels>(x.dtype())),
      leaves_(cuts == RowCuts::tiles
                  ? Leaves::single_tiles(x.layout())
                  : Leaves(x.layout(), x.row_bytes(),
                           8 * GlmSums{x.row_elements() + (options.has_intercept ? 1 : 0)}.size())),
      own_(leaves_.rows_of(ctx.rank())),
      has_trials_(options.trials != nullptr),
      is_frequency_(options.weights_meaning == WeightsMeaning::frequency) {
  regression::check_beside(x, y, "y");
  if (options.weights != nullptr) regression::check_beside(x, *options.weights, "weights");
  if (options.offset != nullptr) regression::check_beside(x, *options.offset, "offset");
  if (options.trials != nullptr) regression::check_beside(x, *options.trials, "trials");
  response_ = values_of(y, "y");
  if (options.weights != nullptr) weights_ = values_of(*options.weights, "weights");
  if (options.offset != nullptr) offset_ = values_of(*options.offset, "offset");
  if (options.trials != nullptr) trials_ = values_of(*options.trials, "trials");
  check(options, y);
  prepare(options);
}

std::vector<double> Rows::values_of(const TileSource& source, const char* role) const {
  return regression::read_values(ctx_, source, leaves_, role);
}

void Rows::check(const GlmOptions& options, const TileSource& y) const {
  const GlmFamilyFacts& family = facts(options.family);
  const bool allows_low =
      family.allows_low && !(options.family == GlmFamily::tweedie && options.tweedie_power > 2);
  regression::check_rows(ctx_, y, own_, [&](std::int64_t local_row) {
    const auto i = static_cast<std::size_t>(local_row);
    return fault_of(family, allows_low, response_[i], value_at(weights_, i, 1),
                    value_at(offset_, i, 0), value_at(trials_, i, 1), !trials_.empty());
  });
}

void Rows::prepare(const GlmOptions& options) {
  agree(ctx_.comm(), [&] {
    if (!trials_.empty() && weights_.empty()) weights_.assign(response_.size(), 1.);
  });
  std::int64_t used = 0;
  for (std::size_t i = 0; i < response_.size(); ++i) {
    if (value_at(weights_, i, 1) > 0 && value_at(trials_, i, 1) > 0) {
      ++used;
      continue;
    }
    weights_[i] = 0;
    response_[i] = 1;
    if (!offset_.empty()) offset_[i] = 0;
    if (!trials_.empty()) trials_[i] = 1;
  }
  used_ = ctx_.comm().allreduce(used, ReduceOp::sum);
  if (used_ == 0)
    throw DataError(x_.rows() == 0 ? x_.describe() + " has no rows"
                                   : "no row of " + x_.describe() + " has a weight above 0");
  weight_sum_ = static_cast<double>(used_);
  if (options.weights != nullptr)
    weight_sum_ =
        sum(y_, 1, [&](const GlmRows& rows, std::span<const std::int64_t> offsets, double* sums) {
          for (std::size_t leaf = 0; leaf + 1 < offsets.size(); ++leaf) {
            sums[leaf] = 0;
            for (std::int64_t i = offsets[leaf]; i < offsets[leaf + 1]; ++i)
              sums[leaf] += rows.weights[i];
          }
        })[0];
  count_ = is_frequency_ ? weight_sum_ : static_cast<double>(used_);
  for (std::size_t i = 0; i < trials_.size(); ++i) {
    if (weights_[i] == 0) continue;
    response_[i] /= trials_[i];
    weights_[i] *= trials_[i];
  }
}

GlmRows Rows::rows_from(std::int64_t local_row) const {
  const auto from = [&](const std::vector<double>& values) {
    return values.empty() ? nullptr : values.data() + local_row;
  };
  GlmRows rows;
  rows.response = from(response_);
  rows.weights = from(weights_);
  rows.offset = from(offset_);
  rows.trials = from(trials_);
  return rows;
}

std::vector<double> Rows::sum(const TileSource& source, std::int64_t width,
                              const LeafSums& leaf_sums) const {
  return regression::sum(ctx_, source, leaves_, width, with_rows(leaf_sums));
}

regression::SumLeaves Rows::with_rows(const LeafSums& leaf_sums) const {
  return [this, &leaf_sums](const std::byte* x, std::int64_t local_row,
                            std::span<const std::int64_t> offsets, double* payloads) {
    GlmRows rows = rows_from(local_row);
    rows.x = x;
    leaf_sums(rows, offsets, payloads);
  };
}

std::vector<double> Rows::accumulate(const GlmPass& pass) const {
  return sum(pass.coefficients.empty() ? y_ : x_, sums_of(pass).size(),
             [&](const GlmRows& rows, std::span<const std::int64_t> offsets, double* payloads) {
               kernels_.accumulate(pass, rows, offsets, payloads);
             });
}

std::vector<double> Rows::slope(const GlmPass& pass) const {
  return sum(pass.coefficients.empty() ? y_ : x_, GlmSlopeSums{sums_of(pass).terms}.size(),
             [&](const GlmRows& rows, std::span<const std::int64_t> offsets, double* payloads) {
               kernels_.slope(pass, rows, offsets, payloads);
             });
}

std::vector<double> Rows::factor(const GlmPass& pass) const {
  const GlmSums sums = sums_of(pass);
  const std::int64_t behind = sums.products() * static_cast<std::int64_t>(sizeof(double));
  const LeafSums factors = [&](const GlmRows& rows, std::span<const std::int64_t> offsets,
                               double* payloads) {
    kernels_.factor(pass, rows, offsets, payloads);
  };
  return regression::reduce(
      ctx_, pass.coefficients.empty() ? y_ : x_, leaves_, sums.size(), with_rows(factors),
      [&](std::byte* left, const std::byte* right) {
        kernels_.combine_factors(sums.terms + 1, reinterpret_cast<double*>(left),
                                 reinterpret_cast<const double*>(right));
        regression::add_numbers(left + behind, right + behind, sums.size() - sums.products());
      },
      {});
}

std::vector<double> Rows::by_row(
    const std::function<void(const GlmRows& rows, std::int64_t count, double* values)>& use) const {
  return regression::by_row(
      ctx_, x_, leaves_,
      [&](const std::byte* x, std::int64_t local_row, std::int64_t count, double* values) {
        GlmRows rows = rows_from(local_row);
        rows.x = x;
        use(rows, count, values);
      });
}

std::vector<double> Rows::predict(const GlmPass& pass, bool with_offset) const {
  return by_row([&](GlmRows rows, std::int64_t count, double* values) {
    if (!with_offset) rows.offset = nullptr;
    kernels_.predict(pass, rows, count, values);
  });
}

std::vector<double> Rows::quadratic_forms(const GlmPass& pass,
                                          const std::vector<double>& root) const {
  const auto columns =
      static_cast<std::int64_t>(pass.coefficients.size()) + (pass.has_intercept ? 1 : 0);
  return by_row([&](const GlmRows& rows, std::int64_t count, double* values) {
    kernels_.quadratic_forms(pass, rows, root, columns, count, values);
  });
}

std::vector<double> Rows::make_values() const {
  return regression::make_values(ctx_, own_.size());
}

RowValues Rows::row_values(const GlmDistribution& distribution,
                           const std::vector<double>& predictors) const {
  RowValues values;
  for (std::vector<double>* all :
       {&values.mean, &values.working_weight, &values.working_residual, &values.deviance})
    *all = make_values();
  kernels_.row_values(distribution, rows_from(0), predictors.data(), own_.size(),
                      {values.mean.data(), values.working_weight.data(),
                       values.working_residual.data(), values.deviance.data()});
  return values;
}

std::vector<double> Rows::gram(const GlmPass& pass, const std::vector<double>& weights) const {
  GlmPass plain = pass;
  plain.distribution = {};
  const GlmSums sums = sums_of(pass);
  const auto payload =
      sum(pass.coefficients.empty() ? y_ : x_, sums.size(),
          [&](GlmRows rows, std::span<const std::int64_t> offsets, double* payloads) {
            rows.weights = weights.data() + (rows.response - response_.data());
            rows.offset = rows.trials = nullptr;
            kernels_.accumulate(plain, rows, offsets, payloads);
          });
  // without the residual's products
  std::vector<double> result;
  const double* from = payload.data();
  for (std::int64_t i = 0; i < sums.terms; from += sums.terms + 1 - i++)
    result.insert(result.end(), from, from + sums.terms - i);
  return result;
}

double Rows::common_predictor(const GlmDistribution& distribution) const {
  const auto totals =
      sum(y_, 2, [](const GlmRows& rows, std::span<const std::int64_t> offsets, double* sums) {
        for (std::size_t leaf = 0; leaf + 1 < offsets.size(); ++leaf, sums += 2) {
          sums[0] = sums[1] = 0;
          for (std::int64_t i = offsets[leaf]; i < offsets[leaf + 1]; ++i) {
            const double weight = rows.weights == nullptr ? 1 : rows.weights[i];
            sums[0] += weight * rows.response[i];
            sums[1] += weight;
          }
        }
      });
  // The fit to one row that has this response, and a weight by which it counts.
  const double mean = totals[0] / totals[1];
  const double weight = 1e6;
  GlmPass pass;
  pass.distribution = distribution;
  pass.is_start = true;
  const std::array<std::int64_t, 2> offsets{0, 1};
  std::vector<double> payload(static_cast<std::size_t>(GlmSums{1}.size()));
  for (int step = 0; step < 50; ++step) {
    kernels_.accumulate(pass, {nullptr, &mean, &weight, nullptr, nullptr}, offsets, payload.data());
    const double former = pass.intercept;
    pass.intercept += payload[1] / payload[0];
    const bool is_at_rest = std::abs(pass.intercept - former) <= 1e-15 * std::abs(former);
    if (!std::isfinite(pass.intercept) || (!pass.is_start && is_at_rest)) break;
    pass.is_start = false;
  }
  return pass.intercept;
}

std::array<double, 2> Rows::offset_range() const {
  std::array<std::uint64_t, 2> keys{order_key(-std::numeric_limits<double>::infinity()),
                                    order_key(-std::numeric_limits<double>::infinity())};
  for (std::int64_t i = 0; i < local_rows(); ++i) {
    if (weight(i) == 0) continue;
    const double offset = value_at(offset_, static_cast<std::size_t>(i), 0);
    keys[0] = std::max(keys[0], order_key(-offset));
    keys[1] = std::max(keys[1], order_key(offset));
  }
  ctx_.comm().allreduce(std::span<std::uint64_t>(keys), ReduceOp::max);
  return {-double_from_key(keys[0]), double_from_key(keys[1])};
}

double Rows::likelihood_terms(const GlmDistribution& distribution) const {
  return sum(y_, 1, [&](const GlmRows& rows, std::span<const std::int64_t> offsets, double* sums) {
    kernels_.likelihood_terms(distribution, rows, offsets, sums);
  })[0];
}

std::array<double, 2> Rows::theta_terms(const GlmDistribution& distribution,
                                        const std::vector<double>& predictors) const {
  const auto sums =
      sum(y_, 2, [&](const GlmRows& rows, std::span<const std::int64_t> offsets, double* payloads) {
        const auto local = rows.response - response_.data();
        kernels_.theta_terms(distribution, rows, predictors.data() + local, offsets, payloads);
      });
  return {sums[0], sums[1]};
}

}  // namespace serried::glm
