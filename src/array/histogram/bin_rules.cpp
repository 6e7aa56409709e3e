#include "array/histogram/bin_rules.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <memory>
#include <numbers>
#include <string>
#include <vector>

#include "serried/array/evaluate.hpp"
#include "serried/base/error.hpp"
#include "serried/expr/functions.hpp"
#include "serried/expr/quantiles.hpp"
#include "serried/expr/reductions.hpp"

namespace serried {
namespace {

/// A rule that wants more has met data with far outliers.
constexpr double most_bins = 1 << 24;

Expr elements_of(const TileSource& source) {
  if (const auto* array = dynamic_cast<const Array*>(&source)) return Expr(to_operand(*array));
  // it outlives the expression
  return Expr(to_operand(std::shared_ptr<const TileSource>(std::shared_ptr<void>(), &source),
                         source.describe()));
}

/// The numbers in the range, and what rules ask of them.
class Sample {
 public:
  Sample(const Context& ctx, const TileSource& source, double low, double high)
      : ctx_(ctx), x_(cast(elements_of(source), DType::f64)), inside_(x_ >= low && x_ <= high) {
    constexpr double infinity = std::numeric_limits<double>::infinity();
    const std::vector<Expr> questions = {cast(count_nonzero(inside_), DType::f64),
                                         min(where(inside_, x_, infinity)),
                                         max(where(inside_, x_, -infinity))};
    const std::vector<Array> answers = evaluate(ctx, questions);
    size = answers[0].local<double>()[0];
    extent = answers[2].local<double>()[0] - answers[1].local<double>()[0];
  }

  [[nodiscard]] double deviation() const {
    return evaluate_as<double>(ctx_, stddev(x_, {.where = inside_}));
  }
  /// The mean of the third power of standardised numbers.
  [[nodiscard]] double skewness(double deviation) const {
    const Expr standard = (x_ - mean(x_, {.where = inside_})) / deviation;
    return evaluate_as<double>(ctx_, mean(standard * standard * standard, {.where = inside_}));
  }
  /// Between the quartiles.
  [[nodiscard]] double quartile_range() const {
    const Array quartiles =
        evaluate(ctx_, quantile(x_, std::vector<double>{0.25, 0.75}, {.where = inside_}));
    const Array all = quartiles.replicate();
    return all.local<double>()[1] - all.local<double>()[0];
  }

  double size = 0;
  double extent = 0;

 private:
  const Context& ctx_;
  Expr x_;
  Expr inside_;
};

double freedman_diaconis(const Sample& sample) {
  return 2 * sample.quartile_range() * std::pow(sample.size, -1.0 / 3);
}

double sturges(const Sample& sample) {
  return sample.extent / (std::log2(sample.size) + 1);
}

double doane(const Sample& sample) {
  const double n = sample.size;
  if (n <= 2) return 0;
  const double deviation = sample.deviation();
  if (!(deviation > 0)) return 0;
  const double unit = std::sqrt(6 * (n - 2) / ((n + 1) * (n + 3)));
  return sample.extent /
         (1 + std::log2(n) + std::log2(1 + std::abs(sample.skewness(deviation)) / unit));
}

/// The width of a bin, as NumPy's estimators; 0 where there is none.
double width_by(BinRule rule, const Sample& sample) {
  const double n = sample.size;
  switch (rule) {
    case BinRule::square_root:
      return sample.extent / std::sqrt(n);
    case BinRule::sturges:
      return sturges(sample);
    case BinRule::rice:
      return sample.extent / (2 * std::pow(n, 1.0 / 3));
    case BinRule::scott:
      return std::pow(24 * std::sqrt(std::numbers::pi) / n, 1.0 / 3) * sample.deviation();
    case BinRule::doane:
      return doane(sample);
    case BinRule::freedman_diaconis:
      return freedman_diaconis(sample);
    case BinRule::automatic:
      break;
  }
  return std::min(std::max(freedman_diaconis(sample), sample.extent / std::sqrt(n) / 2),
                  sturges(sample));
}

}  // namespace

std::int64_t count_bins_by(const Context& ctx, const TileSource& source, BinRule rule, double low,
                           double high) {
  if (source.rows() * source.row_elements() == 0) return 1;
  const Sample sample(ctx, source, low, high);
  if (sample.size == 0) return 1;
  double width = width_by(rule, sample);
  if (width == 0) return 1;
  if (is_integer(source.dtype())) width = std::max(width, 1.0);
  const double bins = std::ceil((high - low) / width);
  if (!(bins <= most_bins))
    throw DataError("the rule makes " + std::to_string(bins) + " bins of " + source.describe() +
                    ", most of them for outliers: a range is needed, or a number of bins");
  return static_cast<std::int64_t>(bins);
}

}  // namespace serried
