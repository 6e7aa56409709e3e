#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace serried {

/// Whose an unfinished output is. Its name says so:
///
///     .NAME.tmp.<job>.<attempt>.<host>.<boot>.<pid>.<start>
///
/// job      SLURM_JOB_ID, 0 without one
/// attempt  SLURM_RESTART_COUNT, 0 without one
/// host     the host's name, up to 16 characters and with `_` for what is no letter or digit, `-`,
///          and 6 hexadecimal digits of a hash of the name, /etc/machine-id and the pid namespace:
///          where the digits are equal, process numbers mean the same
/// boot     6 hexadecimal digits of a hash of the boot's id
/// pid      of the process of rank 0
/// start    its start in clock ticks since the boot, hexadecimal (/proc/PID/stat, field 22)
///
/// Where that is too long for MPI-IO or the file system it is `.~<hash>.tmp.` and the same parts,
/// the hash 10 hexadecimal digits of NAME's and the host without its name. A NAME that begins with
/// `~` always has this form. So the files of an output are found by its NAME, and no file of
/// another output is taken for one: the six parts have no dots.
///
/// Example: `.labels.h5.tmp.4711.1.node-17-8c01d2.55aa0f.2301.1d4f3a`
struct TemporaryOwner {
  std::int64_t job = 0;
  std::int64_t attempt = 0;
  std::string host_name;  ///< for people; empty in the short form
  std::uint32_t host = 0;
  std::uint32_t boot = 0;
  std::int64_t pid = 0;
  std::uint64_t start = 0;  ///< 0: not known

  /// In the words of a message: "process 2301 on host node-17, Slurm job 4711".
  [[nodiscard]] std::string to_string() const;
};

/// This process. Local.
[[nodiscard]] TemporaryOwner this_owner();

/// The path under which an owner makes an output, in the folder of `path`. Local.
[[nodiscard]] std::string temporary_name(const std::string& path, const TemporaryOwner& owner);
/// That of this process. To be called on rank 0 and broadcast. Local.
[[nodiscard]] std::string temporary_name(const std::string& path);

/// Another name for an output of this process: the short form; empty where that is the only one.
/// Local.
[[nodiscard]] std::string second_temporary_name(const std::string& path);

/// Whose unfinished file of the output `path` an entry of its folder is; nothing if it is none.
/// Local.
[[nodiscard]] std::optional<TemporaryOwner> owner_of(const std::string& path,
                                                     const std::string& entry);

/// What one process can know of another one that has an unfinished output.
enum class Standing {
  alive,            ///< runs on this host
  gone,             ///< ran on this host
  earlier_attempt,  ///< of this process's Slurm job: Slurm has ended it
  later_attempt,    ///< of this process's Slurm job: this process is the one that should be gone
  unknown           ///< on another host, or hidden by this one
};

/// What `self`, this process, can know of an owner. Local.
[[nodiscard]] Standing standing_of(const TemporaryOwner& owner, const TemporaryOwner& self);

/// The folder of a path with its trailing slash, and the name in it. Local.
[[nodiscard]] std::pair<std::string, std::string> split_path(const std::string& path);

}  // namespace serried
