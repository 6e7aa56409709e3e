#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "command_line.hpp"

namespace CLI {
class App;
}

namespace serried::app {

/// What the command line says to `histogram`, before it is put in order.
struct HistogramWords {
  std::vector<std::string> addresses;
  std::vector<std::int64_t> bins;                 ///< one for all axes, or one for each
  std::optional<BinRule> rule;                    ///< in their place
  std::vector<std::pair<double, double>> ranges;  ///< likewise
  bool is_logarithmic = false;
  std::string weights;
};

/// The options of `histogram`. `words` must outlive the app. Local.
void set_up_histogram(CLI::App& app, HistogramWords& words);

/// @throws InvalidArgument for addresses that are none, more than two, and numbers of bins or
/// ranges that do not fit them. Local.
[[nodiscard]] HistogramCommand histogram_command(const HistogramWords& words);

}  // namespace serried::app
