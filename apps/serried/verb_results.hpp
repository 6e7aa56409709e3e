#pragma once

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "command_line.hpp"
#include "serried/array/array.hpp"
#include "serried/array/histogram.hpp"
#include "serried/array/statistics.hpp"
#include "serried/device/cuda.hpp"
#include "serried/ml/kmeans.hpp"
#include "serried/report/run_report.hpp"

namespace serried::app {

/// Names and seconds, in order; the last is "total".
using Seconds = std::vector<std::pair<std::string, double>>;

/// The statistics of one address.
struct StatsResult {
  std::string address;
  Shape shape;
  DType dtype = DType::f64;
  std::string file_type;  ///< "i16 big-endian"
  Shape column_shape;     ///< extents of a row, with is_by_column
  bool is_by_column = false;
  std::vector<Statistics> statistics;  ///< one entry, or one for each column
  std::vector<double> q;
  std::vector<double> quantiles;  ///< of each q, and of each column
  std::string where;              ///< which elements; empty: all
  /// What the statistics are of, to be read again; NaN for elements that are left out.
  std::shared_ptr<const TileSource> rows;

  [[nodiscard]] double quantile(std::size_t i, std::size_t column) const {
    return quantiles[i * statistics.size() + column];
  }
};

/// The different values of a dataset, on every rank those that are shown.
struct UniqueResult {
  std::string address;
  Shape shape;
  DType dtype = DType::f64;
  std::int64_t total = 0;  ///< different values
  Array values;            ///< the first of them
  std::optional<Array> counts;
  std::optional<OutputAddress> output;
};

/// Some elements of a dataset, which were written.
struct SelectResult {
  std::string verb;
  std::string address;
  std::string selection;  ///< "[::2, -1]", "3,1,-1 along axis 0"
  OutputAddress output;
  Shape source_shape;
  Shape shape;
  DType dtype = DType::f64;
};

/// A sorted dataset that was written.
struct SortResult {
  std::string address;
  OutputAddress output;
  std::optional<OutputAddress> indices;
  Shape shape;
  DType dtype = DType::f64;
  int axis = 0;
  bool is_descending = false;
};

/// A histogram, on every rank.
struct HistogramResult {
  std::vector<Address> addresses;
  std::optional<Address> weights;
  Shape shape;
  DType dtype = DType::f64;
  bool is_logarithmic = false;
  HistogramTable table;
  std::int64_t outside = -1;  ///< elements in no bin; -1 with weights
};

/// The table as numbers, in C order. Local.
[[nodiscard]] std::vector<double> values_of(const HistogramResult& result);

/// An expression and its value, on every rank.
struct ReduceResult {
  std::string text;
  Array value;
};

/// An expression whose value was written.
struct EvalResult {
  std::string text;
  OutputAddress output;
  Shape shape;
  DType dtype = DType::f64;
};

/// What the program is and where it runs.
struct ProgramInfo {
  std::string version;
  std::string commit;
  std::string configuration;
  std::string mpi_library;
  std::string hdf5_library;
  std::string device;              ///< which was chosen, and why
  std::optional<CudaSystem> cuda;  ///< as rank 0 sees it
  std::string nccl;                ///< version, or why there is none; empty without GPUs
  std::vector<RankReport> ranks;
};

}  // namespace serried::app
