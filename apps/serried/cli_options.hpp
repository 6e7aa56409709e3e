#pragma once

#include <functional>
#include <string>
#include <vector>

namespace CLI {
class App;
class Option;
}  // namespace CLI

namespace serried::app {

using Setter = std::function<void(const std::string&)>;

/// An option whose text is read by our own parser, so that every message has the same form. Local.
CLI::Option* add_value(CLI::App& app, const std::string& name, const std::string& value_name,
                       const std::string& description, Setter set);

/// An option whose value is one of some words. Local.
void add_choice(CLI::App& app, const std::string& name, const std::vector<std::string>& choices,
                const std::string& description, std::string& target,
                const std::string& group = "Options");

}  // namespace serried::app
