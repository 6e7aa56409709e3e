#pragma once

#include <optional>
#include <string>
#include <vector>

#include "command_line.hpp"

namespace CLI {
class App;
}

namespace serried::app {

/// What the command line says to `glm` and `linear`, before it is put in order.
struct RegressionWords {
  std::vector<std::string> x;
  std::vector<std::string> y;
  SampleAxes samples;
  std::string family = "gaussian";
  std::string link;
  std::optional<double> link_power;
  std::optional<double> theta;
  std::optional<double> tweedie_power;
  std::string solver = "auto";
  std::string errors = "none";
  std::optional<double> tolerance;
  std::string weights_meaning = "variance";
  GlmOptions options;
  bool has_no_intercept = false;
  std::optional<Address> offset;
  std::optional<Address> weights;
  std::optional<Address> trials;
  std::string model_path;
  std::string residuals_path;
  std::string predictions_path;  ///< of `predict`, as the offset
};

/// The options of `glm`, of `linear`, of `softmax`, and of `predict` for their models. `words` must
/// outlive the app. Local.
void set_up_glm(CLI::App& app, RegressionWords& words);
void set_up_linear(CLI::App& app, RegressionWords& words);
void set_up_softmax(CLI::App& app, RegressionWords& words);
void add_predictions(CLI::App& app, RegressionWords& words);

/// The commands. Local.
/// @throws InvalidArgument for options that do not go together.
[[nodiscard]] GlmCommand glm_command(const RegressionWords& words);
[[nodiscard]] LinearCommand linear_command(const RegressionWords& words);
[[nodiscard]] SoftmaxCommand softmax_command(const RegressionWords& words);

}  // namespace serried::app
