#pragma once

#include <filesystem>

namespace serried {

/// The folder of the file that holds this code: the shared library, or the program that it is
/// linked into. Links are resolved; empty where /proc does not tell. Local.
[[nodiscard]] std::filesystem::path library_folder();

/// The folder of the program that runs, as above. Local.
[[nodiscard]] std::filesystem::path program_folder();

}  // namespace serried
