#include "cli_options.hpp"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <utility>

namespace serried::app {

CLI::Option* add_value(CLI::App& app, const std::string& name, const std::string& value_name,
                       const std::string& description, Setter set) {
  return app.add_option_function<std::string>(name, std::move(set), description)
      ->type_name(value_name);
}

void add_choice(CLI::App& app, const std::string& name, const std::vector<std::string>& choices,
                const std::string& description, std::string& target, const std::string& group) {
  app.add_option(name, target, description)
      ->check([choices, name](const std::string& text) {
        for (const std::string& choice : choices)
          if (text == choice) return std::string();
        return fmt::format("{} is not one of {}", text, fmt::join(choices, ", "));
      })
      ->type_name(fmt::format("{}", fmt::join(choices, "|")))
      ->group(group);
}

}  // namespace serried::app
