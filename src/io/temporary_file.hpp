#pragma once

#include <string>

namespace serried {

/// The name under which an output is made: `.NAME.tmp.<job>.<attempt>` in the folder of `path`. The
/// job is SLURM_JOB_ID with SLURM_RESTART_COUNT as the attempt, or host and process number. Local;
/// to be called on rank 0 and broadcast.
[[nodiscard]] std::string temporary_name(const std::string& path);

/// Finds out, before work starts, whether an output can be made: makes the empty temporary file.
/// Local. @throws IoError naming what is wrong: no such folder, no permission, a folder of that
/// name, ...
void make_temporary_file(const std::string& path, const std::string& temporary);

/// Gives a complete temporary file its final name: fsync, rename, fsync of the folder.
/// Local. @throws IoError.
void publish_file(const std::string& temporary, const std::string& path);

}  // namespace serried
