#pragma once

#include <string>

namespace serried::app {

enum class Tone { plain, warning, failure, faint };

/// Whether what goes to this descriptor is coloured: on a terminal that can (TERM is set and not
/// `dumb`), unless NO_COLOR is set and not empty, or CLICOLOR is 0. CLICOLOR_FORCE, set and not 0,
/// colours files too. Local.
[[nodiscard]] bool has_colors(int descriptor);

/// The text in that tone, with terminal sequences around it; as it is for Tone::plain. Local.
[[nodiscard]] std::string in_tone(Tone tone, const std::string& text);

}  // namespace serried::app
