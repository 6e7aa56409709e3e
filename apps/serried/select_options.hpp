#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "command_line.hpp"

namespace CLI {
class App;
}

namespace serried::app {

/// What the command line says to `slice` and `take`, before it is put in order.
struct SelectWords {
  std::string address;                 ///< of `slice`
  std::vector<std::string> addresses;  ///< of `take`, those of indices and of names among them
  std::string selection;
  std::optional<std::string> indices;
  std::optional<std::string> where;
  std::optional<int> axis;
  std::optional<OutputAddress> output;
};

/// The options of `slice` and of `take`. `words` must outlive the app. Local.
void set_up_slice(CLI::App& app, SelectWords& words);
void set_up_take(CLI::App& app, SelectWords& words);

/// The commands. Local.
/// @throws InvalidArgument for addresses and selections that are none, and for indices that are not
/// given in just one way.
[[nodiscard]] SliceCommand slice_command(const SelectWords& words);
[[nodiscard]] TakeCommand take_command(const SelectWords& words);

}  // namespace serried::app
