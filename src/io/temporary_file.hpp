#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "io/temporary_name.hpp"

namespace serried {

/// Claims an output for this process: makes the empty temporary file, which stands for the claim
/// until the output is published or given up, and looks for those of others in the folder.
///
/// - Those of processes that are gone, and of earlier attempts of this Slurm job, are removed.
/// - One of a process that runs, or of a later attempt of this job, is an error that names it.
/// - Of any other it is said, by `warn`, that nothing is known of its process.
///
/// Of processes that claim one output at the same time exactly one gets it: each makes its file
/// first and looks then, so of any two the later one sees the earlier. A file is made without the
/// right to read it, and gets that when the claim stands. Who sees one that stands gives up, and so
/// does who sees one that does not, with a lower name; who sees none but higher ones waits until
/// they have given up or stand.
///
/// Local; for rank 0.
/// @throws IoError naming what is wrong: no such folder, no permission, a folder of that name, ...
void claim_output(const std::string& path, const std::string& temporary,
                  const std::function<void(const std::string&)>& warn);

/// The inode number of a file, 0 where there is none: the same on all nodes that share a file
/// system. Local.
[[nodiscard]] std::uint64_t inode_of(const std::string& file) noexcept;

/// Brings what was written to a file onto the disk.
/// Local. @throws IoError.
void sync_file(const std::string& path);

/// A complete temporary file and its final name.
struct FileName {
  std::string temporary;
  std::string path;
};

/// As rename_files for one file, with a new and empty temporary file of the same name when it
/// returns: at no moment is there none that stands for the claim, for another process to see (but
/// where the output's name is so long that it has one temporary name only).
/// Local. @throws IoError.
void rename_and_claim(const FileName& file);

/// Gives files that have been synced their final names, in this order, and syncs their folders.
/// Where that fails, none of the final names is left.
/// Local. @throws IoError.
void rename_files(const std::vector<FileName>& files);

}  // namespace serried
