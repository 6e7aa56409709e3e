#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "serried/base/api.hpp"
#include "serried/context.hpp"

namespace SERRIED_API serried {

/// Holds the name of an output from the start of the work until it is written: its folder has been
/// written to, another run with the same output on this host ends with an error instead of doing
/// the same work, and what earlier runs have left unfinished has been removed. What it holds is the
/// empty temporary file; a FileWriter of the same path writes that.
class OutputClaim {
 public:
  struct Impl;  ///< in src/

  /// @param least_bytes what will be written for certain; set aside now where the file system can,
  /// else compared with what is free.
  /// Collective.
  /// @throws RankError (kind io) if the output cannot be made, is being written by another process,
  /// or has no room.
  OutputClaim(const Context& ctx, const std::string& path, std::int64_t least_bytes = 0);
  /// Removes the temporary file, if nothing was published. Local.
  ~OutputClaim();
  OutputClaim(OutputClaim&& other) noexcept;
  OutputClaim& operator=(OutputClaim&&) = delete;

  /// Lets it hold the output also when one is complete, for the next one: another process never
  /// finds it free in between. Local.
  void keep();

 private:
  friend class OutputSet;
  std::shared_ptr<Impl> impl_;
};

}  // namespace serried
