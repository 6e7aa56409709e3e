#pragma once

#include <optional>

#include "command_line.hpp"
#include "help_pages.hpp"

namespace serried::app {

/// What `serried completion bash|zsh`, `serried completion objects ADDR` and `serried manual
/// [VERB]` print; none for all other command lines. Needs no MPI. Local.
[[nodiscard]] std::optional<TextOnly> generated_text(const CLI::App& app, int argc,
                                                     const char* const* argv);

}  // namespace serried::app
