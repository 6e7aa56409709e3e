#include "histogram_options.hpp"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <array>
#include <string_view>

#include "cli_options.hpp"
#include "command_options.hpp"

namespace serried::app {
namespace {

/// Numbers that are printed or drawn.
constexpr std::int64_t most_bins = 4000000;

constexpr const char* histogram_footer =
    R"(Bins are half open, but the last one is closed, as numpy.histogram's; NaN is left out. Of two datasets of one
shape the pairs of elements at the same place are counted: the first is horizontal in a picture. With --log bins are
equidistant in the logarithm, and numbers of 0 and below are left out.
The data is read once; twice without --range, or with --weights, and up to four times more for a rule.

Example:
  mpirun -n 4 serried histogram run.h5:/u run.h5:/v --bins 200 --picture joint.png)";

std::optional<BinRule> rule_named(const std::string& text) {
  static constexpr std::array<std::pair<std::string_view, BinRule>, 7> names = {{
      {"auto", BinRule::automatic},
      {"fd", BinRule::freedman_diaconis},
      {"doane", BinRule::doane},
      {"scott", BinRule::scott},
      {"rice", BinRule::rice},
      {"sturges", BinRule::sturges},
      {"sqrt", BinRule::square_root},
  }};
  for (const auto& [name, rule] : names)
    if (text == name) return rule;
  return std::nullopt;
}

/// What is given once counts for all axes.
template <class T>
const T& of_axis(const std::vector<T>& given, std::size_t axis) {
  return given.size() == 1 ? given.front() : given[axis];
}

}  // namespace

void set_up_histogram(CLI::App& app, HistogramWords& words) {
  app.add_option("ADDR", words.addresses, "a dataset, or two of one shape")
      ->required()
      ->type_name("");
  add_value(app, "--bins", "N[,N]|RULE",
            "number of bins, of both datasets or of each [100; 50 each], or NumPy's rule for it:\n"
            "auto, fd, doane, scott, rice, sturges, sqrt",
            [&words](const std::string& text) {
              words.rule = rule_named(text);
              if (!words.rule) words.bins = parse_bins("--bins", text);
            });
  add_value(app, "--range", "LO:HI[,LO:HI]", "range of the bins [minimum and maximum of the data]",
            [&words](const std::string& text) { words.ranges = parse_ranges("--range", text); });
  app.add_flag("--log", words.is_logarithmic, "bins that are equidistant in the logarithm");
  add_value(app, "--weights", "ADDR", "sums of these weights instead of counts",
            [&words](const std::string& text) { words.weights = text; });
  app.footer(histogram_footer);
}

HistogramCommand histogram_command(const HistogramWords& words) {
  HistogramCommand command{.addresses = parse_addresses(words.addresses)};
  const std::size_t axes = command.addresses.size();
  if (axes > 2)
    throw InvalidArgument(
        fmt::format("histogram takes one dataset or two, but {} are given", axes));
  if (words.bins.size() > axes || words.ranges.size() > axes)
    throw InvalidArgument("--bins and --range: as many are needed as there are datasets, or one");
  if (words.rule && (axes > 1 || words.is_logarithmic || !words.weights.empty()))
    throw InvalidArgument("--bins: a rule is for one dataset, without --log and --weights");
  std::int64_t places = 1;
  for (std::size_t a = 0; a < axes; ++a) {
    BinAxis axis{
        .bins = axes == 1 ? 100 : 50, .rule = words.rule, .is_logarithmic = words.is_logarithmic};
    if (!words.bins.empty()) axis.bins = of_axis(words.bins, a);
    if (!words.ranges.empty()) {
      const auto& [low, high] = of_axis(words.ranges, a);
      axis.low = low;
      axis.high = high;
      if (axis.is_logarithmic && !(low > 0 && low < high))
        throw InvalidArgument("--range: with --log it lies above 0, and has an extent");
    }
    if (axis.bins > most_bins / places)
      throw InvalidArgument(fmt::format("--bins: at most {} in all", most_bins));
    places *= axis.bins;
    command.axes.push_back(axis);
  }
  if (!words.weights.empty()) command.weights = parse_address(words.weights);
  return command;
}

}  // namespace serried::app
