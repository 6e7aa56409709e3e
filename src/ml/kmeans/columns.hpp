#pragma once

#include <cstdint>
#include <vector>

#include "ml/kmeans/rows.hpp"
#include "serried/device/kmeans_kernels.hpp"

namespace serried::kmeans {

/// What a fit needs to know about the columns before it begins: two reads of the data.
struct Columns {
  std::int64_t usable_rows = 0;    ///< of all ranks, without the missing ones
  std::vector<double> shift;       ///< column means, in the data's dtype
  double scale = 1;                ///< power of two with scale * max|x - shift| in [1/2, 1)
  double mean_variance = 0;        ///< mean over the columns of their variances
  std::vector<double> deviations;  ///< standard deviations
  std::vector<double> maxima;      ///< max |w * (x - shift)|
  double largest = 0;              ///< max |x - shift| over all columns
  double largest_weight = 1;       ///< of the usable rows, in [1/2, 1) where there are weights
  int weight_exponent = 0;         ///< the rows' weights are those given times 2^-weight_exponent
  /// By local row, 1 for missing rows (in data or weights); empty where no rank has any.
  std::vector<std::uint8_t> is_missing;

  [[nodiscard]] bool is_missing_row(std::int64_t local_row) const {
    return !is_missing.empty() && is_missing[static_cast<std::size_t>(local_row)] != 0;
  }
  [[nodiscard]] KMeansFrame frame() const { return {shift, scale}; }
};

/// Reads the weights into the rows' partition and checks them. Missing ones (NaN, Inf) become NaN.
/// Collective.
/// @throws InvalidArgument if there is not one weight for each row; DataError for negative weights,
/// or if none is above 0.
void read_weights(Rows& rows, const TileSource& weights);

/// Finds missing rows, means, variances and maxima, and brings the rows' weights into [0, 1) by a
/// power of two, so that they may lie anywhere in the range of f64.
/// Collective.
/// @throws DataError for missing rows unless they are to be dropped; for numbers whose squares
/// leave the range of f64; if no usable row has a weight above 0.
[[nodiscard]] Columns scan_columns(Rows& rows, bool drop_missing);

/// The frame for new data and a given model: centred on the mean of the centres, in the dtype of
/// the data. Local.
struct ModelFrame {
  std::vector<double> shift;
  double scale = 1;
  double largest = 0;  ///< of all |centre - shift|
};
[[nodiscard]] ModelFrame frame_of_centers(DType dtype, const std::vector<double>& centers,
                                          std::int64_t features);

/// The largest of non-negative doubles over all ranks; their bits are ordered as they are.
/// Collective.
void all_maxima(const Communicator& comm, std::vector<double>& values);
/// 2^-e with 2^(e - 1) <= largest < 2^e, inside what the dtype can hold. Local.
[[nodiscard]] double scale_for(DType dtype, double largest);
/// The value rounded to the dtype, f32 or f64. Local.
[[nodiscard]] double in_dtype(DType dtype, double value);
/// Local.
/// @throws DataError where values that lie up to `largest` from their mean cannot be squared.
void check_range(const Rows& rows, double largest);
/// Brings the weights of usable rows into [0, 1). A power of two changes no digit of a fit, and
/// without it w * d^2 may leave the range of f64. Collective.
/// @throws DataError if no usable row has a weight above 0.
void scale_weights(Rows& rows, Columns& columns);

/// The error for rows with NaN or Inf.
[[noreturn]] void throw_missing(const Rows& rows, std::int64_t missing, std::int64_t first_row);

}  // namespace serried::kmeans
