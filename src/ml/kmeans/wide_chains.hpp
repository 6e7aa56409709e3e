#pragma once

#include <cstdint>
#include <vector>

#include "serried/device/thread_pool.hpp"

namespace serried::kmeans {

/// Squared distances of rows to centres by the direct form (see KMeansKernels), carried from one
/// piece of the columns to the next: each is one chain of fused multiply-adds over ascending
/// columns, whatever the pieces.
class Chains {
 public:
  Chains() = default;
  Chains(std::int64_t rows, std::int64_t centers);

  void clear();
  [[nodiscard]] std::int64_t centers() const noexcept { return centers_; }
  [[nodiscard]] double at(std::int64_t row, std::int64_t center) const noexcept {
    return values_[static_cast<std::size_t>(row * stride_ + center)];
  }
  /// The nearest centre, ties to the lowest; -1 where all are infinitely far.
  [[nodiscard]] std::int32_t nearest(std::int64_t row) const noexcept;

  /// Adds ((x - c) * scale)^2 of the next columns.
  /// Local.
  /// @param x (rows, width). @param c (centers, width), C order. @param scale a power of two; with
  /// 1 it changes nothing.
  void extend(const ThreadPool& threads, const double* x, std::int64_t width, const double* c,
              double scale = 1);
  /// As extend, of (x * scale - c * scale)^2, for distances that are beyond the range of f64.
  void extend_scaled(const ThreadPool& threads, const double* x, std::int64_t width,
                     const double* c, double scale);

  /// Bytes for so many rows and centres, and for the columns of a piece. Local.
  [[nodiscard]] static std::int64_t bytes(std::int64_t rows, std::int64_t centers) noexcept;

 private:
  template <class Difference>
  void run(const ThreadPool& threads, const double* x, std::int64_t width, const double* c,
           const Difference& difference);

  std::int64_t rows_ = 0;
  std::int64_t centers_ = 0;
  std::int64_t stride_ = 0;  ///< centers_ padded to whole blocks
  std::vector<double> values_;
  std::vector<double> transposed_;  ///< (blocks, width, 8): the lanes run over the centres
};

}  // namespace serried::kmeans
