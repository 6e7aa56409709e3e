#pragma once

#include <string>

#include "io/hdf5/handle.hpp"

namespace serried::hdf5 {

/// Every use of HDF5 by a thread stands in the lifetime of one: it waits until the reading thread
/// rests, and keeps HDF5 from printing its error stack; the caller's setting comes back afterwards.
class Turn {
 public:
  Turn();
  ~Turn();
  Turn(const Turn&) = delete;
  Turn& operator=(const Turn&) = delete;

 private:
  H5E_auto2_t function_ = nullptr;
  void* data_ = nullptr;
};

/// The innermost entry of HDF5's error stack: the cause. Reads it before any other HDF5 call.
/// Local.
[[nodiscard]] std::string error_cause();

/// All entries of the stack, innermost first, in one line.
/// Local.
[[nodiscard]] std::string error_stack();

/// Local. @throws IoError "what: cause" for a negative status or identifier.
void check(herr_t status, const std::string& what);
/// Local. @return the identifier.
/// @throws IoError "what: cause" if it is negative.
[[nodiscard]] hid_t checked(hid_t id, const std::string& what);

}  // namespace serried::hdf5
