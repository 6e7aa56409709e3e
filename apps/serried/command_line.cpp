#include "command_line.hpp"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdlib>
#include <filesystem>

#include "cli_options.hpp"
#include "command_options.hpp"
#include "expression_options.hpp"
#include "generated_texts.hpp"
#include "histogram_options.hpp"
#include "regression_options.hpp"
#include "select_options.hpp"

namespace serried::app {
namespace {

constexpr const char* overview_footer =
    R"(Addresses: PATH[:OBJECT][[SELECTION]], e.g. run.h5:/fields/u[0:10,:,3]; 'run_*.h5:/u' is a series.
Exit codes: 0 done, 1 failure, 2 wrong usage, 3 bad input data, 4 file trouble, 85 stopped by USR1, with a checkpoint.
Completion: source <(serried completion bash), or zsh. No colour where NO_COLOR is set.

Example:
  mpirun -n 4 serried stats run.h5:/u --bins 20)";

constexpr const char* info_footer =
    R"(Without a file: the program, its libraries, and where the ranks run.

Example:
  serried info run.h5)";

constexpr const char* stats_footer =
    R"(NaN is left out and counted. Skewness and kurtosis are biased, kurtosis is Fisher's (0 for a normal
distribution). The file is read once; twice for a histogram without --range, and two times more for quantiles.
In --where, x is the dataset, and so is its own name, such as u of run.h5:/u; NAME=ADDR says what other names are.

Example:
  mpirun -n 4 serried stats run.h5:/u --bins 20 --range 0,1
  mpirun -n 4 serried stats run.h5:/u --quantiles 0.05,0.5,0.95 --where 'u > 0 and mask' mask=grid.h5:/mask)";

constexpr const char* sort_footer =
    R"(Equal values keep their order, NaN comes last, as with numpy.sort(kind="stable"). All is done in memory, by
all ranks together; a series of numbers is sorted over all ranks.

Example:
  mpirun -n 4 serried sort run.h5:/particles/mass -o sorted.h5:/mass --descending --indices sorted.h5:/order)";

constexpr const char* unique_footer =
    R"(The different values of all elements, ascending, as with numpy.unique: NaN is one value, -0 is 0.

Example:
  mpirun -n 4 serried unique labels.h5:/labels --counts)";

constexpr const char* kmeans_footer =
    R"(Several addresses give the features side by side. --sample-axes names the axes whose indices are the
samples, all other axes are features; with 'all' each element is a sample with one feature for each
address. The answer depends on data, options and seed, never on the number of ranks.
Of a range of clusters, e.g. 2:20, each number is fitted and scored; the best by silhouette is written.
USR1 makes a fit with --checkpoint save its state and exit with code 85; --resume goes on from it, on any
number of ranks, with the same result. With one FILE for both, the first run, which has none yet, begins afresh.

Example:
  mpirun -n 4 serried kmeans run.h5:/u run.h5:/v --sample-axes all --clusters 5 --labels labels.h5)";

constexpr const char* predict_footer =
    R"(The model is a file that kmeans, glm, linear or softmax wrote with --model: clusters, responses or classes of rows.

Example:
  mpirun -n 4 serried predict model.h5 run.h5:/u run.h5:/v --sample-axes all --labels labels.h5)";

/// All that the command line says, before it is put in order.
struct Words {
  CommonOptions common;
  std::string io = "independent";
  std::string untrusted;
  std::string missing = "error";
  std::string bounds = "auto";
  std::vector<std::string> addresses;
  StatisticsOptions stats;
  std::vector<double> quantiles;
  std::optional<std::string> where;
  std::optional<OutputAddress> output;
  std::optional<OutputAddress> indices;
  int axis = -1;
  bool is_descending = false;
  bool has_counts = false;
  std::int64_t limit = 100;
  KMeansOptions kmeans;
  bool has_clusters = false;
  std::optional<ClusterRange> range;
  std::optional<std::int64_t> silhouette_sample;
  bool has_tolerance = false;
  SampleAxes samples;
  std::optional<Address> given_centers;
  std::optional<Address> weights;
  std::optional<OutputAddress> labels;
  bool has_xdmf = false;
  std::string model_path;
  CheckpointWishes checkpoint;
  ExpressionWords expressions;
  HistogramWords histogram;
  SelectWords select;
  RegressionWords regression;
};

void add_reports(CLI::App& app, CommonOptions& common, const std::string& group) {
  app.add_option_function<std::vector<std::string>>(
         "--report",
         [&common](const std::vector<std::string>& texts) { take_reports(texts, common); },
         "results and run as a page; '-': the run report as text on standard error")
      ->type_name("FILE.html|-")
      ->expected(1)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll)
      ->group(group);
  add_value(app, "--picture", "OUT.png", "the main picture: the field, or the map of the labels",
            [&common](const std::string& text) {
              common.picture_path = parse_file_name("--picture", text);
            })
      ->group(group);
  add_value(
      app, "--trace", "FILE.json", "what each rank did when, for chrome://tracing or Perfetto",
      [&common](const std::string& text) { common.trace_path = parse_file_name("--trace", text); })
      ->group(group);
}

void add_common(CLI::App& app, Words& words) {
  const std::string group = "Common options (before or after the verb)";
  add_choice(app, "--device", {"auto", "host", "cuda"},
             "where to compute [SERRIED_DEVICE, or auto]", words.common.device, group);
  app.add_flag("--share-gpu", words.common.share_gpu,
               "let ranks share GPUs where a node has fewer GPUs than ranks")
      ->group(group);
  add_value(app, "--threads", "N",
            "threads of each rank [OMP_NUM_THREADS, or its share of the cores]",
            [&words](const std::string& text) {
              const std::int64_t threads = parse_count("--threads", text, 1);
              if (threads > 4096) throw InvalidArgument("--threads " + text + ": at most 4096");
              words.common.threads = static_cast<int>(threads);
            })
      ->group(group);
  add_value(
      app, "--memory", "SIZE",
      "memory for all ranks of a node: 4G, 500M, 50% of what there is [60%]",
      [&words](const std::string& text) { words.common.memory = parse_memory("--memory", text); })
      ->group(group);
  add_value(app, "--watchdog", "SETTINGS",
            "off, or seconds: lost=30,deadlock=5,stalled=600,start=600 [SERRIED_WATCHDOG]",
            [&words](const std::string& text) {
              words.common.watchdog = WatchdogOptions::from_text(text);
            })
      ->group(group);
  app.add_flag("--json", words.common.is_json,
               "one JSON object on standard output, and nothing else")
      ->group(group);
  app.add_flag("--quiet", words.common.is_quiet, "no progress and no warnings on standard error")
      ->group(group);
  add_reports(app, words.common, group);
  app.add_flag_callback(
         "--progress", [&words] { words.common.progress = true; },
         "show progress from the start [on a terminal, or after 10 s]")
      ->group(group);
  app.add_flag_callback(
         "--no-progress", [&words] { words.common.progress = false; }, "never show progress")
      ->group(group);
  add_choice(app, "--io", {"independent", "collective"},
             "how HDF5 transfers are made [independent]", words.io, group);
  app.add_flag("--untrusted{metadata}", words.untrusted,
               "input files come from elsewhere: another process reads them first, within limits\n"
               "(--untrusted=full: all their values too)")
      ->group(group);
}

void add_addresses(CLI::App& app, Words& words, const std::string& description) {
  app.add_option("ADDR", words.addresses, description)->required()->type_name("");
}

void add_samples(CLI::App& app, Words& words) {
  add_value(app, "--sample-axes", "AXES", "axes whose indices are the samples: 0 | 1,2 | all [0]",
            [&words](const std::string& text) {
              words.samples = parse_sample_axes("--sample-axes", text);
            });
  add_choice(app, "--missing", {"error", "drop"},
             "samples with NaN or Inf: an error, or left out with label -1 [error]", words.missing);
  add_value(app, "--labels", "OUT.h5[:/labels]",
            "write the labels, int32 in the shape of the sample axes",
            [&words](const std::string& text) { words.labels = parse_output("--labels", text); });
  app.add_flag("--xdmf", words.has_xdmf,
               "beside the labels OUT.xmf, with which ParaView and VisIt open them on their grid");
}

void set_up_info(CLI::App& app, Words& words) {
  app.add_option("FILE", words.addresses, "files to list, or FILE:/GROUP for a part")
      ->type_name("");
  app.footer(info_footer);
}

void set_up_stats(CLI::App& app, Words& words) {
  add_addresses(app, words, "datasets; each has statistics of its own");
  add_value(
      app, "--bins", "N", "a histogram of N bins [10 with --range]",
      [&words](const std::string& text) { words.stats.bins = parse_count("--bins", text, 1); });
  add_value(app, "--range", "LO,HI", "range of the histogram [minimum and maximum of the data]",
            [&words](const std::string& text) {
              const auto [low, high] = parse_range("--range", text);
              words.stats.range_low = low;
              words.stats.range_high = high;
            });
  app.add_flag("--by-column", words.stats.by_column,
               "statistics of each column: axis 0 holds the rows");
  add_value(app, "--ddof", "N", "variance = sum of squares / (count - N) [0]",
            [&words](const std::string& text) {
              words.stats.ddof = static_cast<int>(
                  std::min<std::int64_t>(parse_count("--ddof", text, 0), INT32_MAX));
            });
  add_value(app, "--quantiles", "Q,...",
            "exact quantiles, 0 to 1, as numpy.quantile: 0.01,0.5,0.99",
            [&words](const std::string& text) {
              words.quantiles = parse_quantiles("--quantiles", text);
            });
  add_value(app, "--where", "EXPR", "only elements for which this is true, e.g. 'x > 0'",
            [&words](const std::string& text) { words.where = text; });
  app.footer(stats_footer);
}

void set_up_sort(CLI::App& app, Words& words) {
  app.add_option("ADDR", words.addresses, "a dataset or a series")
      ->required()
      ->expected(1)
      ->type_name("");
  add_value(app, "-o,--output", "OUT.h5[:/sorted]", "the file, and the dataset in it, to write",
            [&words](const std::string& text) {
              words.output = parse_output("--output", text, "/sorted");
            })
      ->required();
  add_value(app, "--axis", "AXIS", "along which to sort; negative ones count from the end [-1]",
            [&words](const std::string& text) { words.axis = parse_axis("--axis", text); });
  app.add_flag("--descending", words.is_descending, "highest values first [ascending]");
  add_value(app, "--indices", "OUT.h5[:/indices]",
            "write also where each value came from along the axis, as numpy.argsort",
            [&words](const std::string& text) {
              words.indices = parse_output("--indices", text, "/indices");
            });
  app.footer(sort_footer);
}

void set_up_unique(CLI::App& app, Words& words) {
  app.add_option("ADDR", words.addresses, "a dataset or a series")
      ->required()
      ->expected(1)
      ->type_name("");
  add_value(app, "-o,--output", "OUT.h5[:/values]",
            "write all of them, and NAME_counts with --counts", [&words](const std::string& text) {
              words.output = parse_output("--output", text, "/values");
            });
  app.add_flag("--counts", words.has_counts, "how often each value stands in the data");
  add_value(app, "--limit", "N", "print at most N values [100]",
            [&words](const std::string& text) { words.limit = parse_count("--limit", text, 0); });
  app.footer(unique_footer);
}

void add_checkpoints(CLI::App& app, CheckpointWishes& wishes) {
  const auto take_path = [](const std::string& option, std::string& path) {
    return [option, &path](const std::string& text) {
      if (text.empty()) throw InvalidArgument(option + " '': a file name is needed");
      path = text;
    };
  };
  add_value(app, "--checkpoint", "FILE", "save the state there, from time to time and on USR1",
            take_path("--checkpoint", wishes.path));
  add_value(app, "--every", "N|TIME",
            "save after N iterations, or after a time: 90s, 15min, 2h [15min]",
            [&wishes](const std::string& text) { parse_every("--every", text, wishes); });
  add_value(app, "--resume", "FILE", "go on from a checkpoint of the same fit",
            take_path("--resume", wishes.resume));
}

void set_up_kmeans(CLI::App& app, Words& words) {
  add_addresses(app, words, "datasets of equal sample shape; their features stand side by side");
  add_value(app, "--clusters", "K|LO:HI[:STEP]",
            "number of clusters (needed unless --init gives centres), or a range to choose from",
            [&words](const std::string& text) {
              words.range = parse_cluster_range("--clusters", text);
              if (!words.range) words.kmeans.clusters = parse_count("--clusters", text, 1);
              words.has_clusters = true;
            });
  add_value(app, "--silhouette-sample", "ROWS",
            "with a range: samples that the silhouettes are computed on [10000]",
            [&words](const std::string& text) {
              words.silhouette_sample = parse_count("--silhouette-sample", text, 2);
            });
  add_samples(app, words);
  add_value(app, "--init", "NAME|ADDR",
            "kmeans-parallel | kmeans++ | random | address of centres [kmeans-parallel]",
            [&words](const std::string& text) {
              if (const auto init = parse_init_name("--init", text)) {
                words.kmeans.init = *init;
              } else {
                words.kmeans.init = KMeansInit::given;
                words.given_centers = parse_address(text);
              }
            });
  add_value(app, "--n-init", "N", "fits from different seeds; the best is kept [1]",
            [&words](const std::string& text) {
              words.kmeans.n_init = static_cast<int>(
                  std::min<std::int64_t>(parse_count("--n-init", text, 1), INT32_MAX));
            });
  add_value(app, "--max-iterations", "N", "[300]; with --batch: passes over the samples",
            [&words](const std::string& text) {
              words.kmeans.max_iterations = static_cast<int>(
                  std::min<std::int64_t>(parse_count("--max-iterations", text, 1), INT32_MAX));
            });
  add_value(app, "--tolerance", "T",
            "stop when the centres' squared movement is at most T * mean variance [1e-4]",
            [&words](const std::string& text) {
              words.kmeans.tolerance = parse_non_negative("--tolerance", text);
              words.has_tolerance = true;
            });
  add_value(app, "--batch", "ROWS",
            "mini-batch k-means with batches of about so many samples; reads the data few times",
            [&words](const std::string& text) {
              words.kmeans.batch_rows = parse_count("--batch", text, 1);
            });
  add_choice(app, "--bounds", {"auto", "off"},
             "skip comparisons that bounds on distances decide; same result [auto]", words.bounds);
  add_value(app, "--seed", "S", "of the random numbers [0]",
            [&words](const std::string& text) { words.kmeans.seed = parse_seed("--seed", text); });
  add_value(app, "--weights", "ADDR", "one weight for each sample",
            [&words](const std::string& text) { words.weights = parse_address(text); });
  add_value(app, "--model", "OUT.h5", "write the model", [&words](const std::string& text) {
    if (text.empty()) throw InvalidArgument("--model '': a file name is needed");
    words.model_path = text;
  });
  add_checkpoints(app, words.checkpoint);
  app.footer(kmeans_footer);
}

void set_up_predict(CLI::App& app, Words& words) {
  app.add_option("MODEL", words.model_path, "a model file")->required()->type_name("");
  add_addresses(app, words, "datasets, as for kmeans");
  add_samples(app, words);
  add_predictions(app, words.regression);
  app.footer(predict_footer);
}

std::string quoted(const std::string& word) {
  static constexpr std::string_view safe =
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789@%_-+=:,./";
  if (!word.empty() && word.find_first_not_of(safe) == std::string::npos) return word;
  std::string result = "'";
  for (const char c : word) result += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return result + '\'';
}

void check_kmeans(const Words& words) {
  if (!words.has_clusters && !words.given_centers)
    throw InvalidArgument("--clusters K is needed, the number of clusters");
  if (words.given_centers && words.range)
    throw InvalidArgument("--clusters takes no range with given centres: they are one number");
  if (words.silhouette_sample && !words.range)
    throw InvalidArgument("--silhouette-sample has no use without a range, --clusters LO:HI");
  if (words.given_centers && words.kmeans.n_init > 1)
    throw InvalidArgument("--n-init has no use with given centres: every fit would be the same");
  if (words.kmeans.batch_rows > 0 && words.has_tolerance)
    throw InvalidArgument(
        "--tolerance has no use with --batch: batches end when they bring no more improvement");
  const bool has_every = words.checkpoint.every_iterations > 0 || words.checkpoint.every_s > 0;
  if (has_every && words.checkpoint.path.empty())
    throw InvalidArgument("--every has no use without --checkpoint FILE");
  if (words.labels && !words.model_path.empty() &&
      std::filesystem::path(words.labels->path).lexically_normal() ==
          std::filesystem::path(words.model_path).lexically_normal())
    throw InvalidArgument("--labels and --model name the same file; each is a file of its own");
}

/// SERRIED_DEVICE counts where --device is not given.
void take_device_from_environment(Words& words) {
  if (!words.common.device.empty()) return;
  const char* const wish = std::getenv("SERRIED_DEVICE");
  words.common.device = wish == nullptr || *wish == '\0' ? "auto" : wish;
  for (const char* known : {"auto", "host", "cuda"})
    if (words.common.device == known) return;
  throw InvalidArgument("SERRIED_DEVICE is '" + words.common.device +
                        "'; auto, host or cuda is needed");
}

CommandLine put_in_order(const std::string& verb, Words& words) {
  take_device_from_environment(words);
  CommandLine line;
  line.common = words.common;
  line.common.untrusted = parse_file_check("--untrusted", words.untrusted);
  line.common.io_mode = words.io == "collective" ? IoMode::collective : IoMode::independent;
  if (words.has_xdmf && !words.labels) throw InvalidArgument("--xdmf has no use without --labels");
  if (words.labels) words.labels->has_xdmf = words.has_xdmf;
  if (verb == "reduce") {
    if (!words.common.picture_path.empty())
      throw InvalidArgument("--picture has no use with reduce; --report has what can be drawn");
    line.verb = reduce_command(words.expressions);
  } else if (verb == "eval") {
    line.verb = eval_command(words.expressions);
  } else if (verb == "info") {
    if (!words.common.picture_path.empty())
      throw InvalidArgument("--picture has no use with info: the list of a file is no picture");
    InfoCommand command{.files = parse_addresses(words.addresses)};
    for (const Address& address : command.files)
      if (!address.selection.empty())
        throw InvalidArgument(address.text + ": info takes no selection");
    line.verb = std::move(command);
  } else if (verb == "stats") {
    StatsCommand command{.options = words.stats, .quantiles = words.quantiles};
    if (words.where)
      command = selecting_command(command, *words.where, words.addresses);
    else
      command.addresses = parse_addresses(words.addresses);
    line.verb = std::move(command);
  } else if (verb == "histogram") {
    line.verb = histogram_command(words.histogram);
  } else if (verb == "slice" || verb == "take") {
    if (!words.common.picture_path.empty())
      throw InvalidArgument("--picture has no use with " + verb);
    if (verb == "slice")
      line.verb = slice_command(words.select);
    else
      line.verb = take_command(words.select);
  } else if (verb == "sort" || verb == "unique") {
    if (!words.common.picture_path.empty())
      throw InvalidArgument("--picture has no use with " + verb);
    const Address address = parse_address(words.addresses.front());
    if (verb == "sort")
      line.verb = SortCommand{.address = address,
                              .output = words.output.value(),
                              .indices = words.indices,
                              .axis = words.axis,
                              .is_descending = words.is_descending};
    else
      line.verb = UniqueCommand{.address = address,
                                .output = words.output,
                                .has_counts = words.has_counts,
                                .limit = words.limit};
  } else if (verb == "kmeans") {
    check_kmeans(words);
    words.kmeans.drop_missing = words.missing == "drop";
    if (words.bounds == "off") words.kmeans.bounds = KMeansBoundsUse::off;
    line.verb = KMeansCommand{.addresses = parse_addresses(words.addresses),
                              .samples = words.samples,
                              .options = words.kmeans,
                              .has_clusters = words.has_clusters,
                              .range = words.range,
                              .silhouette_sample = words.silhouette_sample.value_or(10000),
                              .given_centers = words.given_centers,
                              .weights = words.weights,
                              .labels = words.labels,
                              .model_path = words.model_path,
                              .checkpoint = words.checkpoint};
  } else if (verb == "glm" || verb == "linear" || verb == "softmax") {
    if (!words.common.picture_path.empty())
      throw InvalidArgument("--picture has no use with " + verb);
    if (verb == "glm")
      line.verb = glm_command(words.regression);
    else if (verb == "linear")
      line.verb = linear_command(words.regression);
    else
      line.verb = softmax_command(words.regression);
  } else {
    line.verb = PredictCommand{.model_path = words.model_path,
                               .addresses = parse_addresses(words.addresses),
                               .samples = words.samples,
                               .drop_missing = words.missing == "drop",
                               .labels = words.labels,
                               .predictions_path = words.regression.predictions_path,
                               .offset = words.regression.offset,
                               .y = parse_addresses(words.regression.y),
                               .weights = words.regression.weights};
  }
  return line;
}

/// CLI11 would take '[ab].h5:/u[0]' for a list in brackets; './' in front changes no meaning. It
/// wants the last word first.
std::vector<std::string> arguments_of(const CLI::App& app, int argc, const char* const* argv) {
  std::vector<std::string> arguments;
  bool is_of_expressions = false;
  // 'serried help sort' is 'serried sort --help'; what is no verb is an error without --help
  if (argc > 1 && std::string_view(argv[1]) == "help") {
    if (argc < 3) return {"--help"};
    const auto verbs =
        app.get_subcommands([&](const CLI::App* verb) { return verb->get_name() == argv[2]; });
    if (verbs.empty()) return {argv[2]};
    return {"--help", argv[2]};
  }
  for (int i = 1; i < argc; ++i) {
    std::string word = argv[i];
    if (is_of_expressions) word = with_blank_before_minus(word);
    is_of_expressions = is_of_expressions || word == "reduce" || word == "eval";
    if (word.size() > 1 && word.front() == '[' && word.back() == ']') word.insert(0, "./");
    arguments.push_back(std::move(word));
  }
  std::ranges::reverse(arguments);
  return arguments;
}

/// "info, stats and kmeans".
std::string verbs_text(const CLI::App& app, const std::string& last_word) {
  const auto verbs = app.get_subcommands([](const CLI::App*) { return true; });
  std::string text;
  for (std::size_t i = 0; i < verbs.size(); ++i)
    text += (i == 0                 ? ""
             : i + 1 < verbs.size() ? ", "
                                    : " " + last_word + " ") +
            verbs[i]->get_name();
  return text;
}

TextOnly wrong_usage(const std::string& program, const std::string& message) {
  return {.exit_code = exit_code(ErrorKind::invalid_argument),
          .text = fmt::format("serried: {}\nTry '{} --help'.\n", message, program)};
}

std::string program_of(const CLI::App& app) {
  const auto verbs = app.get_subcommands();
  return verbs.empty() ? "serried" : "serried " + verbs.front()->get_name();
}

}  // namespace

std::variant<CommandLine, TextOnly, VersionRequest> parse_command_line(int argc,
                                                                       const char* const* argv) {
  Words words;
  CLI::App app("Statistics, expressions and clusters of HDF5 data, on any number of MPI ranks.",
               "serried");
  app.set_help_flag("-h,--help", "this text; after a verb: its options");
  app.get_formatter()->column_width(36);
  app.footer(overview_footer);
  app.require_subcommand(0, 1);
  bool is_version = false;  // found below already; here for the help
  app.add_flag("--version", is_version, "version, commit, configuration and libraries");
  for (int i = 1; i < argc; ++i)  // before or after a verb, whatever else is there
    if (std::string_view(argv[i]) == "--version") return VersionRequest{};
  add_common(app, words);
  set_up_info(*app.add_subcommand("info", "List HDF5 files"), words);
  set_up_stats(*app.add_subcommand("stats", "Statistics and histograms"), words);
  set_up_histogram(*app.add_subcommand("histogram", "Counts by bins, of one dataset or two"),
                   words.histogram);
  set_up_reduce(*app.add_subcommand("reduce", "Sums, means, extrema ... of expressions"),
                words.expressions);
  set_up_eval(*app.add_subcommand("eval", "Write the array that an expression makes"),
              words.expressions);
  set_up_slice(*app.add_subcommand("slice", "Write a part of a dataset, as NumPy's x[::2, -1]"),
               words.select);
  set_up_take(*app.add_subcommand("take", "Write some indices of a dataset, in any order"),
              words.select);
  set_up_sort(*app.add_subcommand("sort", "Sort along an axis"), words);
  set_up_unique(*app.add_subcommand("unique", "Different values, and how often each is there"),
                words);
  set_up_kmeans(*app.add_subcommand("kmeans", "Cluster samples"), words);
  set_up_glm(*app.add_subcommand("glm", "Generalised linear models"), words.regression);
  set_up_linear(*app.add_subcommand("linear", "Least squares"), words.regression);
  set_up_softmax(*app.add_subcommand("softmax", "Multinomial logistic regression"),
                 words.regression);
  set_up_predict(*app.add_subcommand("predict", "Clusters or responses of rows, by a model"),
                 words);
  for (CLI::App* verb : app.get_subcommands([](const CLI::App*) { return true; }))
    add_common(*verb, words);
  if (auto text = generated_text(app, argc, argv)) return std::move(*text);
  try {
    app.parse(arguments_of(app, argc, argv));
    if (app.get_subcommands().empty())
      return wrong_usage("serried", "a verb is needed: " + verbs_text(app, "or"));
    CommandLine line = put_in_order(app.get_subcommands().front()->get_name(), words);
    for (int i = 0; i < argc; ++i) line.text += (i > 0 ? " " : "") + quoted(argv[i]);
    return line;
  } catch (const CLI::CallForHelp&) {
    return TextOnly{.exit_code = 0, .text = app.help()};
  } catch (const CLI::ExtrasError& error) {
    const auto verbs = app.get_subcommands();
    const CLI::App& asked = verbs.empty() ? app : *verbs.front();
    std::string message = error.what();
    for (const std::string& word : app.remaining(true))
      if (const std::string meant = suggestion_for_option(asked, word); !meant.empty())
        return wrong_usage(program_of(app), message + meant);
    if (!verbs.empty()) return wrong_usage(program_of(app), message);
    message += "; verbs are " + verbs_text(app, "and");
    for (const std::string& word : app.remaining(true))
      if (!word.starts_with("-"))
        return wrong_usage("serried", message + suggestion_for_verb(app, word));
    return wrong_usage("serried", message);
  } catch (const CLI::ParseError& error) {
    return wrong_usage(program_of(app), error.what());
  } catch (const InvalidArgument& error) {
    return wrong_usage(program_of(app), error.what());
  }
}

}  // namespace serried::app
