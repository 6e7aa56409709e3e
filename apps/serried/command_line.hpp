#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "serried/array/histogram.hpp"
#include "serried/array/statistics.hpp"
#include "serried/comm/memory_limit.hpp"
#include "serried/comm/watchdog.hpp"
#include "serried/context.hpp"
#include "serried/io/address.hpp"
#include "serried/io/dataset.hpp"
#include "serried/io/file_check.hpp"
#include "serried/ml/glm.hpp"
#include "serried/ml/kmeans.hpp"
#include "serried/ml/linear.hpp"
#include "serried/ml/softmax.hpp"

namespace serried::app {

/// Options that every verb takes, before or after its name.
struct CommonOptions {
  std::string device;      ///< auto, host or cuda
  bool share_gpu = false;  ///< more ranks than GPUs may share them
  int threads = 0;         ///< 0: the runtime decides
  MemoryLimit memory;
  std::optional<WatchdogOptions> watchdog;  ///< unset: by SERRIED_WATCHDOG
  bool is_json = false;
  bool is_quiet = false;
  bool has_report = false;   ///< the run report as text
  std::string page_path;     ///< the report as a page; empty: none, as the next two
  std::string picture_path;  ///< the main picture
  std::string trace_path;
  std::optional<bool> progress;  ///< unset: on a terminal, or when the run takes longer
  IoMode io_mode = IoMode::independent;
  std::optional<FileCheck> untrusted;  ///< files come from elsewhere
};

/// Where labels or an array go: a file and the dataset in it.
struct OutputAddress {
  std::string path;
  std::string object;
  bool has_xdmf = false;  ///< with an .xmf file beside it
};

struct InfoCommand {
  std::vector<Address> files;
};

/// `NAME=ADDR`: what a name of an expression stands for.
struct NamedAddress {
  std::string name;
  Address address;
  std::string alias{};  ///< another name of it; empty: none
};

struct StatsCommand {
  std::vector<Address> addresses;
  StatisticsOptions options;
  std::vector<double> quantiles;
  std::string where;  ///< an expression; empty: all elements
  std::vector<NamedAddress> operands;
};

/// One dataset, or two whose elements are counted by pairs.
struct HistogramCommand {
  std::vector<Address> addresses;
  std::vector<BinAxis> axes;  ///< one for each
  std::optional<Address> weights;
};

struct ReduceCommand {
  std::string text;  ///< expressions, separated by commas
  std::vector<NamedAddress> operands;
  std::vector<int> axes;  ///< of reductions that name none; empty: all
};

/// `NAME = EXPR`, and where its array goes.
struct EvalItem {
  std::string name;  ///< which later expressions may use; empty: none
  std::string text;
  OutputAddress output{};
};

struct EvalCommand {
  std::string text;
  std::vector<EvalItem> items;
  std::vector<NamedAddress> operands;
  std::optional<DType> dtype;
};

struct SliceCommand {
  Address address;
  std::string text;  ///< the selection, in brackets
  std::vector<AxisSelection> selection;
  OutputAddress output;
};

/// The indices come from one of three places.
struct TakeCommand {
  Address address;
  OutputAddress output;
  std::optional<int> axis;
  std::vector<std::int64_t> indices;
  std::optional<Address> indices_address;
  std::string where;  ///< a condition
  std::vector<NamedAddress> operands;
};

struct SortCommand {
  Address address;
  OutputAddress output;
  std::optional<OutputAddress> indices;
  int axis = -1;
  bool is_descending = false;
};

struct UniqueCommand {
  Address address;
  std::optional<OutputAddress> output;
  bool has_counts = false;
  std::int64_t limit = 100;  ///< values that are printed
};

/// `--clusters LO:HI[:STEP]`.
struct ClusterRange {
  std::int64_t lowest = 2;
  std::int64_t highest = 2;
  std::int64_t step = 1;
};

/// `--checkpoint`, `--every` and `--resume`.
struct CheckpointWishes {
  std::string path;    ///< empty: none is written
  std::string resume;  ///< empty: from the beginning
  std::int64_t every_iterations = 0;
  double every_s = 0;
};

struct KMeansCommand {
  std::vector<Address> addresses;
  SampleAxes samples;
  KMeansOptions options;
  bool has_clusters = false;  ///< else their number is that of the given centres
  std::optional<ClusterRange> range;
  std::int64_t silhouette_sample = 10000;
  std::optional<Address> given_centers;
  std::optional<Address> weights;
  std::optional<OutputAddress> labels;
  std::string model_path;  ///< empty: none
  CheckpointWishes checkpoint;
};

struct GlmCommand {
  std::vector<Address> x;
  SampleAxes samples;
  Address y;
  GlmOptions options;
  std::optional<Address> weights;
  std::optional<Address> offset;
  std::optional<Address> trials;
  std::string model_path;      ///< empty: none
  std::string residuals_path;  ///< empty: none
};

struct LinearCommand {
  std::vector<Address> x;
  SampleAxes samples;
  std::vector<Address> y;
  LinearOptions options{};
  std::optional<Address> weights;
  std::string model_path;  ///< empty: none
};

struct SoftmaxCommand {
  std::vector<Address> x;
  SampleAxes samples;
  Address y;
  SoftmaxOptions options{};
  std::optional<Address> weights;
  std::string model_path;  ///< empty: none
};

struct PredictCommand {
  std::string model_path;
  std::vector<Address> addresses;
  SampleAxes samples;
  bool drop_missing = false;
  std::optional<OutputAddress> labels;
  std::string predictions_path{};   ///< of models of glm and linear; empty: none
  std::optional<Address> offset{};  ///< of models of glm
  std::vector<Address> y{};         ///< to compare with; a dataset for each response
  std::optional<Address> weights{};
};

struct CommandLine {
  CommonOptions common;
  std::variant<InfoCommand, StatsCommand, HistogramCommand, ReduceCommand, EvalCommand,
               SliceCommand, TakeCommand, SortCommand, UniqueCommand, KMeansCommand, GlmCommand,
               LinearCommand, SoftmaxCommand, PredictCommand>
      verb;
  std::string text;  ///< the whole command line, quoted for a shell
};

/// The command line asks for nothing but a text: help, or what is wrong with it.
struct TextOnly {
  int exit_code = 0;
  std::string text;
};

/// `--version`: its text needs the libraries.
struct VersionRequest {};

/// Reads the command line. Touches no file and needs no MPI; the same on every rank.
[[nodiscard]] std::variant<CommandLine, TextOnly, VersionRequest> parse_command_line(
    int argc, const char* const* argv);

}  // namespace serried::app
