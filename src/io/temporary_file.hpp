#pragma once

#include <cstdint>
#include <string>

namespace serried {

/// The name under which an output is made: `.NAME.tmp.<job>.<attempt>` in the folder of `path`. The
/// job is SLURM_JOB_ID with SLURM_RESTART_COUNT as the attempt, or host and process number. A NAME
/// that would make it too long for MPI-IO is cut and gets its hash. Local; to be called on rank 0
/// and broadcast.
[[nodiscard]] std::string temporary_name(const std::string& path);

/// Finds out, before work starts, whether an output can be made: makes the empty temporary file.
/// Local. @throws IoError naming what is wrong: no such folder, no permission, a folder of that
/// name, ...
void make_temporary_file(const std::string& path, const std::string& temporary);

/// The inode number of a file, 0 where there is none: the same on all nodes that share a file
/// system. Local.
[[nodiscard]] std::uint64_t inode_of(const std::string& file) noexcept;

/// Finds out whether `bytes` more can be written to the file system of a file. HDF5 does not
/// survive a full disk in parallel: ranks get out of step and wait for each other. Local.
/// @throws IoError "what: ..." with the bytes needed and free.
void check_free_space(const std::string& file, std::int64_t bytes, const std::string& what);

/// Gives a complete temporary file its final name: fsync, rename, fsync of the folder.
/// Local. @throws IoError.
void publish_file(const std::string& temporary, const std::string& path);

}  // namespace serried
