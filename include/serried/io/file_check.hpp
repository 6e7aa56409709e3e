#pragma once

#include <cstdint>
#include <string>

#include "serried/base/api.hpp"

namespace SERRIED_API serried {

/// How files from elsewhere are read before they are trusted: HDF5 can crash on a damaged file, or
/// never come back. So a process of its own (the program serried_check_file, without MPI, with
/// limits on memory and time) does with a file what the ranks would do. Whatever happens to that
/// process becomes an IoError that names the file. What is covered is told in docs/formats.md.
struct FileCheck {
  enum class Depth : std::uint8_t {
    metadata,  ///< everything but the values, and one chunk at each end of what was selected
    full       ///< all values that were selected too
  };
  Depth depth = Depth::metadata;
  /// The longest time without progress: for one file's metadata, or for a few MiB of values.
  double seconds = 30;
  std::int64_t memory_bytes = std::int64_t{4} << 30;  ///< the most that the process may take
};

/// Has a model or table (see TableFile) read whole by a process of its own: attributes and numbers.
/// For use inside agree_on_root, before the file is opened.
/// Local.
/// @throws IoError that names the file and says what happened, and whatever error the process met;
/// Error (kind internal) if the process cannot be started.
void check_table_file(const std::string& path, const FileCheck& check);

/// All that the program serried_check_file does: takes a task from standard input, does it, and
/// writes what came of it to descriptor 3. Does not return: ends the process.
/// Local.
[[noreturn]] void run_file_checker() noexcept;

}  // namespace serried
