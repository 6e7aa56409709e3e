#pragma once

#include <memory>
#include <string>

#include "serried/io/output_claim.hpp"

namespace serried {

/// An output's temporary file on its way; an OutputClaim and a FileWriter of one path share it.
/// Every rank has the file in the list of base/temporary_files.hpp from before it is made until it
/// is renamed or removed, so that it goes whichever rank is left to remove it. Its name belongs to
/// one process: removing it can never remove the output itself.
struct OutputClaim::Impl {
  /// What this process has of an output already, or a new one. Collective.
  static std::shared_ptr<Impl> of(const Context& ctx, const std::string& path);

  Impl(std::string of_path, std::string of_temporary);
  /// Removes the file, if it is there. Local.
  ~Impl();
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;

  /// Makes the temporary file, unless it is there. Collective.
  /// @throws RankError (kind io); then there is none.
  void make(const Context& ctx);
  /// The file is complete: gives it its name, or keeps it for its OutputSet, which will.
  /// Collective. @throws RankError (kind io).
  void complete(const Context& ctx);
  /// The file has its name, and is not to be removed any more. Local.
  void forget() noexcept;
  /// Removes the file, if this claim has made it. Local.
  void remove() noexcept;

  std::string path;
  std::string temporary;
  std::string absolute;      ///< temporary, whatever the working folder
  bool is_listed = false;    ///< among the process's temporary files
  bool is_written = false;   ///< by a FileWriter, now
  bool is_deferred = false;  ///< an OutputSet gives it its name
  bool is_kept = false;      ///< it goes on to hold the output when one is complete
  enum class State { growing, complete } state = State::growing;
};

}  // namespace serried
