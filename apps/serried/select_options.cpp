#include "select_options.hpp"

#include <fmt/format.h>

#include <CLI/CLI.hpp>

#include "cli_options.hpp"
#include "command_options.hpp"
#include "expression_options.hpp"

namespace serried::app {
namespace {

constexpr const char* slice_footer =
    R"(The selection is NumPy's: ranges with a step, which may be negative, indices, which drop their axis, and '...'.
Of a series its first axis counts. Only what is selected is read, and it is written while it is read.

Example:
  mpirun -n 4 serried slice run.h5:/fields/u '[::-1, 10:20]' -o part.h5:/u)";

constexpr const char* take_footer =
    R"(As numpy.take: indices in any order, as often as they are given, negative ones from the end; or those where a
condition is true, as x[mask]. In --where, x is the dataset, and so is its own name, such as u of run.h5:/u; NAME=ADDR
says what other names are. The condition has the shape of the dataset or of its first axes; with --axis, that of the
axis. All is done in memory, by all ranks together.

Example:
  mpirun -n 4 serried take run.h5:/fields/u --indices 3,1,-1 --axis 1 -o part.h5:/u
  mpirun -n 4 serried take run.h5:/fields/u --where 'u > 0 and mask' mask=grid.h5:/mask -o part.h5:/u)";

void add_output(CLI::App& app, SelectWords& words, const std::string& object) {
  add_value(app, "-o,--output", "OUT.h5[:" + object + "]",
            "the file, and the dataset in it, to write",
            [&words, object](const std::string& text) {
              words.output = parse_output("--output", text, object);
            })
      ->required();
}

}  // namespace

void set_up_slice(CLI::App& app, SelectWords& words) {
  app.add_option("ADDR", words.address, "a dataset or a series")->required()->type_name("");
  app.add_option("SELECTION", words.selection, "'[::2, 10:20, -1]', with or without the brackets")
      ->required()
      ->type_name("");
  add_output(app, words, "/slice");
  app.footer(slice_footer);
}

void set_up_take(CLI::App& app, SelectWords& words) {
  app.add_option(
         "ADDR", words.addresses,
         "a dataset or a series, and behind it a dataset of indices, or NAME=ADDR for --where")
      ->required()
      ->type_name("");
  add_output(app, words, "/taken");
  add_value(app, "--indices", "I,...", "the indices: 3,1,-1",
            [&words](const std::string& text) { words.indices = text; });
  add_value(app, "--where", "EXPR", "those for which this is true, e.g. 'x > 0'",
            [&words](const std::string& text) { words.where = text; });
  add_value(app, "--axis", "AXIS", "of the indices; negative ones count from the end [0]",
            [&words](const std::string& text) { words.axis = parse_axis("--axis", text); });
  app.footer(take_footer);
}

SliceCommand slice_command(const SelectWords& words) {
  std::string text = words.selection;
  // see arguments_of, which keeps brackets away from CLI11
  if (text.starts_with("./[")) text.erase(0, 2);
  const bool has_brackets = text.starts_with('[') && text.ends_with(']');
  return {.address = parse_address(words.address),
          .text = has_brackets ? text : "[" + text + "]",
          .selection = parse_selection(text),
          .output = words.output.value()};
}

TakeCommand take_command(const SelectWords& words) {
  TakeCommand command{.output = words.output.value(), .axis = words.axis};
  std::vector<Address> addresses;
  if (words.where) {
    const StatsCommand selecting = selecting_command({}, *words.where, words.addresses);
    addresses = selecting.addresses;
    command.where = *words.where;
    command.operands = selecting.operands;
  } else {
    addresses = parse_addresses(words.addresses);
  }
  const int ways = (words.where ? 1 : 0) + (words.indices ? 1 : 0) + (addresses.size() > 1 ? 1 : 0);
  if (ways != 1 || addresses.size() > 2)
    throw InvalidArgument(
        "which indices to take is said once: by --indices 3,1,-1, by the address of a dataset that "
        "holds them, or by --where 'x > 0'");
  command.address = addresses.front();
  if (addresses.size() > 1) command.indices_address = addresses.back();
  if (words.indices) command.indices = parse_indices("--indices", *words.indices);
  return command;
}

}  // namespace serried::app
