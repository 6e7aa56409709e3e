// Models of several classes: packed rows give the predictors of all classes, these the
// probabilities, and these the gradient and the information by pairs of classes.
#include "backend/host/glm_softmax.hpp"

#include <algorithm>

#include "backend/host/highway_targets.hpp"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "backend/host/glm_softmax.cpp"
#include "hwy/foreach_target.h"
// after foreach_target.h
#include "backend/host/glm_sums-inl.hpp"
#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace serried::host::HWY_NAMESPACE {

// The columns of a pass, as PackedRows wants them.
GlmPass columns_of(const SoftmaxPass& pass) {
  GlmPass columns;
  columns.has_intercept = pass.has_intercept;
  columns.coefficients = pass.shift;  // for their number
  columns.shift = pass.shift;
  columns.scale = pass.scale;
  return columns;
}

template <class T>
class Softmax {
 public:
  Softmax(const SoftmaxPass& pass, const GlmRows& rows, bool has_information)
      : rows_(rows),
        packed_(columns_of(pass), rows.x, 0),
        sums_{packed_.width(), pass.classes, has_information},
        length_(packed_.block_rows()),
        coefficients_((pass.classes - 1) * packed_.stride()),
        values_((pass.classes + 3) * length_),
        gradient_((pass.classes - 1) * packed_.stride()),
        weighted_(has_information ? length_ * packed_.stride() : 0),
        information_(has_information ? sums_.pairs() * packed_.width() * packed_.stride() : 0),
        factors_(length_) {
    for (std::int64_t k = 0; k + 1 < pass.classes; ++k)
      std::copy_n(pass.coefficients.data() + k * sums_.terms, sums_.terms,
                  coefficients_.data() + k * packed_.stride());
    block_.classes = pass.classes;
    block_.stride = length_;
    block_.values = values_.data();
    block_.first = values_.data() + (pass.classes - 1) * length_;
    block_.log_likelihood = block_.first + length_;
    weight_ = block_.log_likelihood + length_;
    response_ = weight_ + length_;
    block_.weight = weight_;
    block_.response = response_;
  }

  HWY_INLINE void add_leaf(std::int64_t begin, std::int64_t end, double* payload) {
    gradient_.clear();
    information_.clear();
    LaneSums log_likelihood;
    for (; begin < end; begin += length_) {
      const std::int64_t count = std::min(length_, end - begin);
      evaluate(begin, count);
      log_likelihood.add(block_.log_likelihood, block_.count);
      add_gradient(count);
      if (sums_.has_information) add_information(count);
    }
    double* to = payload;
    for (std::int64_t k = 0; k + 1 < sums_.classes; ++k)
      to = std::copy_n(gradient_.data() + k * packed_.stride(), sums_.terms, to);
    *to++ = log_likelihood.total();
    if (!sums_.has_information) return;
    for (std::int64_t pair = 0; pair < sums_.pairs(); ++pair)
      for (std::int64_t i = 0; i < sums_.terms; ++i) {
        const double* const line =
            information_.data() + (pair * sums_.terms + i) * packed_.stride();
        to = std::copy(line + i, line + sums_.terms, to);
      }
  }

  HWY_INLINE void predict(std::int64_t count, double* out) {
    for (std::int64_t begin = 0; begin < count; begin += length_) {
      const std::int64_t rows = std::min(length_, count - begin);
      evaluate(begin, rows);
      for (std::int64_t i = 0; i < rows; ++i) {
        *out++ = block_.first[i];
        for (std::int64_t k = 0; k + 1 < sums_.classes; ++k) *out++ = values(k)[i];
      }
    }
  }

 private:
  [[nodiscard]] double* values(std::int64_t k) const { return values_.data() + k * length_; }

  // Probabilities of the rows [begin, begin + count).
  HWY_INLINE void evaluate(std::int64_t begin, std::int64_t count) {
    packed_.pack(begin, count);
    block_.count = (count + 7) / 8 * 8;
    for (std::int64_t i = 0; i < block_.count; ++i) {
      const bool is_row = i < count;
      weight_[i] = !is_row ? 0 : rows_.weights == nullptr ? 1 : rows_.weights[begin + i];
      response_[i] = is_row && rows_.response != nullptr ? rows_.response[begin + i] : 0;
    }
    for (std::int64_t k = 0; k + 1 < sums_.classes; ++k) {
      double* const predictors = values(k);
      for (std::int64_t i = 0; i < count; ++i)
        predictors[i] =
            dot(packed_.row(i), coefficients_.data() + k * packed_.stride(), packed_.stride());
      std::fill(predictors + count, predictors + block_.count, 0.);
    }
    block_functions().softmax(block_);
  }

  HWY_INLINE void add_gradient(std::int64_t count) {
    const std::int64_t stride = packed_.stride();
    for (std::int64_t k = 0; k + 1 < sums_.classes; ++k) {
      for (std::int64_t i = 0; i < count; ++i)
        factors_.data()[i] =
            weight_[i] * ((response_[i] == static_cast<double>(k + 1) ? 1 : 0) - values(k)[i]);
      double* const to = gradient_.data() + k * stride;
      for (std::int64_t j = 0; j < stride; j += vector_lanes) {
        auto sum = hn::Load(doubles, to + j);
        for (std::int64_t i = 0; i < count; ++i)
          sum = hn::MulAdd(hn::Set(doubles, factors_.data()[i]),
                           hn::Load(doubles, packed_.row(i) + j), sum);
        hn::Store(sum, doubles, to + j);
      }
    }
  }

  HWY_INLINE void add_information(std::int64_t count) {
    double* products = information_.data();
    for (std::int64_t k = 0; k + 1 < sums_.classes; ++k)
      for (std::int64_t l = k; l + 1 < sums_.classes; ++l) {
        for (std::int64_t i = 0; i < count; ++i)
          factors_.data()[i] = weight_[i] * values(k)[i] * ((k == l ? 1 : 0) - values(l)[i]);
        packed_.scale_rows(factors_.data(), count, weighted_.data());
        add_products(weighted_.data(), packed_.row(0), count, packed_.stride(), packed_.width(),
                     Ahead{}, products);
        products += packed_.width() * packed_.stride();
      }
  }

  const GlmRows& rows_;
  PackedRows<T> packed_;
  SoftmaxSums sums_;
  std::int64_t length_;  // of a block
  Lines coefficients_;
  Lines values_;  // by class, and what else a block has for each row
  Lines gradient_;
  Lines weighted_;
  Lines information_;
  Lines factors_;
  SoftmaxBlock block_;
  double* weight_ = nullptr;
  double* response_ = nullptr;
};

void sum_rows(DType dtype, const SoftmaxPass& pass, const GlmRows& rows, bool has_information,
              std::span<const std::int64_t> offsets, double* payloads) {
  const SoftmaxSums sums{
      static_cast<std::int64_t>(pass.shift.size()) + (pass.has_intercept ? 1 : 0), pass.classes,
      has_information};
  visit_real(dtype, [&](auto tag) {
    Softmax<typename decltype(tag)::type> work(pass, rows, has_information);
    for (std::size_t leaf = 0; leaf + 1 < offsets.size(); ++leaf)
      work.add_leaf(offsets[leaf], offsets[leaf + 1],
                    payloads + static_cast<std::int64_t>(leaf) * sums.size());
  });
}

void predict_rows(DType dtype, const SoftmaxPass& pass, const GlmRows& rows, std::int64_t count,
                  double* out) {
  visit_real(dtype, [&](auto tag) {
    Softmax<typename decltype(tag)::type>(pass, rows, false).predict(count, out);
  });
}

}  // namespace serried::host::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace serried::host {
namespace {

HWY_EXPORT(sum_rows);
HWY_EXPORT(predict_rows);

}  // namespace

void sum_softmax(DType dtype, const SoftmaxPass& pass, const GlmRows& rows, bool has_information,
                 std::span<const std::int64_t> offsets, double* payloads) {
  HWY_DYNAMIC_DISPATCH(sum_rows)(dtype, pass, rows, has_information, offsets, payloads);
}
void predict_softmax(DType dtype, const SoftmaxPass& pass, const GlmRows& rows, std::int64_t count,
                     double* out) {
  HWY_DYNAMIC_DISPATCH(predict_rows)(dtype, pass, rows, count, out);
}

}  // namespace serried::host
#endif  // HWY_ONCE
