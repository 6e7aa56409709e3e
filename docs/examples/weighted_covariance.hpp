#pragma once

#include "serried/array/reduce_rows.hpp"

namespace example {

/// Sum of weights, means, and sums of weight * (deviation product): xy / weight is the covariance.
struct Covariance {
  double weight = 0, mean_x = 0, mean_y = 0, xx = 0, xy = 0, yy = 0;
};

/// Adds b to a (Chan, Golub and LeVeque, "Algorithms for computing the sample variance", 1983).
inline void merge(Covariance& a, const Covariance& b) {
  if (b.weight == 0) return;
  const double sum = a.weight + b.weight, share = b.weight / sum, f = a.weight * share;
  const double dx = b.mean_x - a.mean_x, dy = b.mean_y - a.mean_y;
  a = {sum,
       a.mean_x + dx * share,
       a.mean_y + dy * share,
       a.xx + b.xx + f * dx * dx,
       a.xy + b.xy + f * dx * dy,
       a.yy + b.yy + f * dy * dy};
}

/// Of rows (weight, x, y) in f64, the same bits on every rank and at every number of ranks.
/// Collective.
inline Covariance weighted_covariance(const serried::Context& ctx,
                                      const serried::TileSource& rows) {
  const auto per_leaf = [](const serried::TileView& leaf, Covariance& partial) {
    const auto v = leaf.as<double>();
    for (std::size_t i = 0; i < v.size(); i += 3) merge(partial, {v[i], v[i + 1], v[i + 2]});
  };
  return reduce_rows(ctx, rows, Covariance{}, per_leaf, merge);
}

}  // namespace example
