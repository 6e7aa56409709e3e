// Rows of generalised linear models: a block of rows is widened to f64, shifted and scaled once and
// then read from the cache for the predictor and for the products.
#include "serried/device/glm_kernels.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <optional>
#include <vector>

#include "backend/host/glm_factors.hpp"
#include "backend/host/glm_softmax.hpp"
#include "backend/host/highway_targets.hpp"
#include "backend/host/kernel_tables.hpp"

#ifndef SERRIED_GLM_PRODUCTS
#define SERRIED_GLM_PRODUCTS
namespace serried::host {
namespace {
// What is made of rows beside deviance and counts.
enum class Products { none, gram, triangle, slope };
}  // namespace
}  // namespace serried::host
#endif

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "backend/host/glm_kernels.cpp"
#include "hwy/foreach_target.h"
// after foreach_target.h
#include "backend/host/glm_sums-inl.hpp"
#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace serried::host::HWY_NAMESPACE {

// Values by row of a block, in one piece of memory.
class BlockValues {
 public:
  explicit BlockValues(std::int64_t rows) : rows_(rows), memory_(11 * rows) {
    for (double** values :
         {&block_.predictor, &block_.mean, &block_.rest, &block_.slope, &block_.working_weight,
          &block_.working_residual, &block_.deviance, &block_.invalid, &block_.extreme})
      *values = next();
    weight_ = next();
    response_ = next();
    trials_.assign(static_cast<std::size_t>(rows), 1.);
    block_.weight = weight_;
    block_.response = response_;
    block_.trials = trials_.data();
  }

  void set_distribution(const GlmDistribution& distribution) {
    block_.family_parameter = distribution.family_parameter;
    block_.link_power = distribution.link_power;
  }
  // The rows [begin, begin + count) of a run, filled up to a multiple of 8.
  void set_rows(const GlmRows& rows, std::int64_t begin, std::int64_t count) {
    block_.count = (count + 7) / 8 * 8;
    fill(weight_, rows.weights, 1, begin, count, 0);
    fill(response_, rows.response, 1, begin, count, 1);
    if (rows.trials != nullptr) fill(trials_.data(), rows.trials, 1, begin, count, 1);
  }
  // values[i] = from[begin + i], or `other` without them, and `behind` after the last one.
  void fill(double* values, const double* from, double other, std::int64_t begin,
            std::int64_t count, double behind) const {
    for (std::int64_t i = 0; i < count; ++i) values[i] = from == nullptr ? other : from[begin + i];
    for (std::int64_t i = count; i < block_.count; ++i) values[i] = behind;
  }

  [[nodiscard]] const GlmBlock& block() const { return block_; }

 private:
  double* next() { return memory_.data() + rows_ * used_++; }

  std::int64_t rows_;
  std::int64_t used_ = 0;
  Lines memory_;
  std::vector<double> trials_;
  double* weight_ = nullptr;
  double* response_ = nullptr;
  GlmBlock block_;
};

// The leaves of a call, block by block.
template <class T>
class Accumulation {
 public:
  Accumulation(const GlmPass& pass, const GlmRows& rows, Products products)
      : pass_(pass),
        rows_(rows),
        functions_(block_functions()),
        packed_(pass, rows.x, 1),
        sums_{packed_.width() - 1},
        values_(packed_.block_rows()),
        coefficients_(packed_.stride()),
        weighted_(packed_.block_rows() * packed_.stride()),
        products_(packed_.stride() * (products == Products::gram    ? packed_.width()
                                      : products == Products::slope ? 1
                                                                    : 0)),
        is_slope_(products == Products::slope) {
    values_.set_distribution(pass.distribution);
    if (pass.has_intercept) *coefficients_.data() = pass.intercept;
    std::copy(pass.coefficients.begin(), pass.coefficients.end(),
              coefficients_.data() + packed_.first());
    if (products == Products::triangle)
      triangle_.emplace(packed_.width(), packed_.stride(), packed_.block_rows());
  }

  HWY_INLINE void add_leaf(std::int64_t begin, std::int64_t end, double* payload) {
    products_.clear();
    if (triangle_) triangle_->clear();
    LaneSums deviance;
    LaneSums invalid;
    LaneSums extreme;
    for (; begin < end; begin += packed_.block_rows()) {
      const std::int64_t count = std::min(packed_.block_rows(), end - begin);
      add_block(begin, count);
      const GlmBlock& block = values_.block();
      deviance.add(block.deviance, block.count);
      invalid.add(block.invalid, block.count);
      extreme.add(block.extreme, block.count);
    }
    double* to = payload;
    if (triangle_) {
      triangle_->copy_to(payload);
      to += sums_.products();
    } else {
      const std::int64_t lines = is_slope_ ? 1 : packed_.width();
      for (std::int64_t i = 0; i < lines; ++i) {
        const double* const line = products_.data() + i * packed_.stride();
        to = std::copy(line + i, line + packed_.width(), to);
      }
    }
    *to++ = deviance.total();
    *to++ = pass_.is_start ? 0 : invalid.total();
    *to = extreme.total();
  }

  HWY_INLINE void predict(std::int64_t count, double* out) {
    for (std::int64_t begin = 0; begin < count; begin += packed_.block_rows()) {
      const std::int64_t rows = std::min(packed_.block_rows(), count - begin);
      packed_.pack(begin, rows);
      set_predictors(begin, rows, out + begin);
    }
  }

 private:
  HWY_INLINE void set_predictors(std::int64_t begin, std::int64_t count, double* out) const {
    for (std::int64_t row = 0; row < count; ++row)
      out[row] = dot(packed_.row(row), coefficients_.data(), packed_.stride());
    if (rows_.offset == nullptr) return;
    for (std::int64_t row = 0; row < count; ++row) out[row] += rows_.offset[begin + row];
  }

  HWY_INLINE void add_block(std::int64_t begin, std::int64_t count) {
    values_.set_rows(rows_, begin, count);
    const GlmBlock& block = values_.block();
    packed_.pack(begin, count);
    const auto family = static_cast<std::size_t>(pass_.distribution.family);
    const auto link = static_cast<std::size_t>(pass_.distribution.link);
    if (pass_.is_start) {
      functions_.family_start[family](block);
      functions_.link_predictor[link](block);
    } else {
      set_predictors(begin, count, block.predictor);
      std::fill(block.predictor + count, block.predictor + block.count, 1.);
    }
    functions_.link_mean[link](block);
    functions_.family_weigh[family](block);
    for (std::int64_t row = 0; row < count; ++row) {
      double residual = block.working_residual[row];
      if (pass_.is_start && block.working_weight[row] > 0)
        residual +=
            block.predictor[row] - (rows_.offset == nullptr ? 0 : rows_.offset[begin + row]);
      packed_.row(row)[packed_.width() - 1] = residual;
    }
    if (is_slope_) {
      add_slope(block, count);
      return;
    }
    // scaled in a loop of its own: a vector that holds what was just stored would wait for it
    if (triangle_) {
      for (std::int64_t row = 0; row < count; ++row)
        block.working_weight[row] = std::sqrt(block.working_weight[row]);
      packed_.scale_rows(block.working_weight, count, weighted_.data());
      triangle_->add(weighted_.data(), block.count);
      return;
    }
    packed_.scale_rows(block.working_weight, count, weighted_.data());
    const auto row_bytes = packed_.columns() * static_cast<std::int64_t>(sizeof(T));
    const auto* const next = static_cast<const std::byte*>(rows_.x) + (begin + count) * row_bytes;
    const Ahead ahead{next, next + packed_.block_rows() * row_bytes};
    add_products(weighted_.data(), packed_.row(0), count, packed_.stride(), packed_.width(), ahead,
                 products_.data());
  }

  // Sums of working weight * residual * the packed row, which ends with the residual.
  HWY_INLINE void add_slope(const GlmBlock& block, std::int64_t count) {
    double* const sums = products_.data();
    for (std::int64_t row = 0; row < count; ++row) {
      const double* const packed = packed_.row(row);
      const auto factor = hn::Set(doubles, block.working_weight[row] * packed[packed_.width() - 1]);
      for (std::int64_t j = 0; j < packed_.stride(); j += vector_lanes)
        hn::Store(hn::MulAdd(factor, hn::Load(doubles, packed + j), hn::Load(doubles, sums + j)),
                  doubles, sums + j);
    }
  }

  const GlmPass& pass_;
  const GlmRows& rows_;
  const GlmBlockFunctions& functions_;
  PackedRows<T> packed_;  // terms, and the residual
  GlmSums sums_;
  BlockValues values_;
  Lines coefficients_;
  Lines weighted_;  // packed rows times the working weight, or its root
  Lines products_;
  bool is_slope_ = false;
  std::optional<Triangle> triangle_;
};

void accumulate_rows(DType dtype, const GlmPass& pass, const GlmRows& rows, Products products,
                     std::span<const std::int64_t> offsets, double* payloads) {
  const std::int64_t terms =
      static_cast<std::int64_t>(pass.coefficients.size()) + (pass.has_intercept ? 1 : 0);
  const std::int64_t size =
      products == Products::slope ? GlmSlopeSums{terms}.size() : GlmSums{terms}.size();
  visit_real(dtype, [&](auto tag) {
    Accumulation<typename decltype(tag)::type> work(pass, rows, products);
    for (std::size_t leaf = 0; leaf + 1 < offsets.size(); ++leaf)
      work.add_leaf(offsets[leaf], offsets[leaf + 1],
                    payloads + static_cast<std::int64_t>(leaf) * size);
  });
}

void predict_rows(DType dtype, const GlmPass& pass, const GlmRows& rows, std::int64_t count,
                  double* out) {
  visit_real(dtype, [&](auto tag) {
    Accumulation<typename decltype(tag)::type>(pass, rows, Products::none).predict(count, out);
  });
}

// Rows of a block of what is without x.
constexpr std::int64_t sum_rows = 256;

void evaluate_rows(const GlmDistribution& distribution, const GlmRows& rows,
                   const double* predictors, std::int64_t count, const GlmRowValues& out) {
  BlockValues values(sum_rows);
  values.set_distribution(distribution);
  const GlmBlock& block = values.block();
  const auto mean = block_functions().link_mean[static_cast<std::size_t>(distribution.link)];
  const auto weigh = block_functions().family_weigh[static_cast<std::size_t>(distribution.family)];
  for (std::int64_t row = 0; row < count; row += sum_rows) {
    const std::int64_t length = std::min(sum_rows, count - row);
    values.set_rows(rows, row, length);
    values.fill(block.predictor, predictors, 0, row, length, 1);
    mean(block);
    weigh(block);
    const auto give = [&](const double* from, double* to) {
      if (to != nullptr) std::copy_n(from, length, to + row);
    };
    give(block.mean, out.mean);
    give(block.working_weight, out.working_weight);
    give(block.working_residual, out.working_residual);
    give(block.deviance, out.deviance);
  }
}

void sum_likelihood(const GlmDistribution& distribution, const GlmRows& rows,
                    std::span<const std::int64_t> offsets, double* sums) {
  BlockValues values(sum_rows);
  values.set_distribution(distribution);
  const auto function =
      block_functions().family_likelihood[static_cast<std::size_t>(distribution.family)];
  for (std::size_t leaf = 0; leaf + 1 < offsets.size(); ++leaf) {
    LaneSums sum;
    for (std::int64_t row = offsets[leaf]; row < offsets[leaf + 1]; row += sum_rows) {
      values.set_rows(rows, row, std::min(sum_rows, offsets[leaf + 1] - row));
      function(values.block());
      sum.add(values.block().deviance, values.block().count);
    }
    sums[leaf] = sum.total();
  }
}

void sum_theta(const GlmDistribution& distribution, const GlmRows& rows, const double* predictors,
               std::span<const std::int64_t> offsets, double* sums) {
  BlockValues values(sum_rows);
  values.set_distribution(distribution);
  const GlmBlock& block = values.block();
  const auto mean = block_functions().link_mean[static_cast<std::size_t>(distribution.link)];
  for (std::size_t leaf = 0; leaf + 1 < offsets.size(); ++leaf) {
    LaneSums score;
    LaneSums information;
    for (std::int64_t row = offsets[leaf]; row < offsets[leaf + 1]; row += sum_rows) {
      const std::int64_t count = std::min(sum_rows, offsets[leaf + 1] - row);
      values.set_rows(rows, row, count);
      values.fill(block.predictor, predictors, 0, row, count, 1);
      mean(block);
      block_functions().theta(block);
      score.add(block.deviance, block.count);
      information.add(block.extreme, block.count);
    }
    sums[2 * leaf] = score.total();
    sums[2 * leaf + 1] = information.total();
  }
}

}  // namespace serried::host::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace serried::host {
namespace {

HWY_EXPORT(accumulate_rows);
HWY_EXPORT(predict_rows);
HWY_EXPORT(evaluate_rows);
HWY_EXPORT(sum_likelihood);
HWY_EXPORT(sum_theta);

class HostGlmKernels final : public GlmKernels {
 public:
  explicit constexpr HostGlmKernels(DType dtype) : dtype_(dtype) {}

  void accumulate(const GlmPass& pass, const GlmRows& rows, std::span<const std::int64_t> offsets,
                  double* payloads) const override {
    HWY_DYNAMIC_DISPATCH(accumulate_rows)(dtype_, pass, rows, Products::gram, offsets, payloads);
  }
  void slope(const GlmPass& pass, const GlmRows& rows, std::span<const std::int64_t> offsets,
             double* payloads) const override {
    HWY_DYNAMIC_DISPATCH(accumulate_rows)(dtype_, pass, rows, Products::slope, offsets, payloads);
  }
  void factor(const GlmPass& pass, const GlmRows& rows, std::span<const std::int64_t> offsets,
              double* payloads) const override {
    HWY_DYNAMIC_DISPATCH(accumulate_rows)
    (dtype_, pass, rows, Products::triangle, offsets, payloads);
  }
  void factor_targets(const GlmPass& pass, const GlmRows& rows, std::int64_t targets,
                      std::span<const std::int64_t> offsets, double* payloads) const override {
    host::factor_targets(dtype_, pass, rows, targets, offsets, payloads);
  }
  void combine_factors(std::int64_t width, double* left, const double* right) const override {
    host::combine_factors(width, left, right);
  }
  void softmax(const SoftmaxPass& pass, const GlmRows& rows, bool has_information,
               std::span<const std::int64_t> offsets, double* payloads) const override {
    sum_softmax(dtype_, pass, rows, has_information, offsets, payloads);
  }
  void softmax_probabilities(const SoftmaxPass& pass, const GlmRows& rows, std::int64_t count,
                             double* out) const override {
    predict_softmax(dtype_, pass, rows, count, out);
  }
  void predict(const GlmPass& pass, const GlmRows& rows, std::int64_t count,
               double* out) const override {
    HWY_DYNAMIC_DISPATCH(predict_rows)(dtype_, pass, rows, count, out);
  }
  void row_values(const GlmDistribution& distribution, const GlmRows& rows,
                  const double* predictors, std::int64_t count,
                  const GlmRowValues& values) const override {
    HWY_DYNAMIC_DISPATCH(evaluate_rows)(distribution, rows, predictors, count, values);
  }
  void quadratic_forms(const GlmPass& pass, const GlmRows& rows, std::span<const double> root,
                       std::int64_t columns, std::int64_t count, double* out) const override {
    host::quadratic_forms(dtype_, pass, rows, root, columns, count, out);
  }
  void likelihood_terms(const GlmDistribution& distribution, const GlmRows& rows,
                        std::span<const std::int64_t> offsets, double* sums) const override {
    HWY_DYNAMIC_DISPATCH(sum_likelihood)(distribution, rows, offsets, sums);
  }
  void theta_terms(const GlmDistribution& distribution, const GlmRows& rows,
                   const double* predictors, std::span<const std::int64_t> offsets,
                   double* sums) const override {
    HWY_DYNAMIC_DISPATCH(sum_theta)(distribution, rows, predictors, offsets, sums);
  }

 private:
  DType dtype_;
};

}  // namespace

const void* find_glm_kernels(DType dtype) {
  if (!is_real(dtype)) return nullptr;
  return visit_real(dtype, [](auto tag) -> const GlmKernels* {
    static const HostGlmKernels kernels(dtype_of<typename decltype(tag)::type>);
    return &kernels;
  });
}

}  // namespace serried::host
#endif  // HWY_ONCE
