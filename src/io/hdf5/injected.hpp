#pragma once

#include "io/hdf5/handle.hpp"
#include "serried/base/faults.hpp"

namespace serried::hdf5 {

/// Puts an injected fault onto HDF5's error stack, as HDF5 does with what fails in it; returns what
/// its calls return then. Local.
int put_fault(faults::Kind kind);

/// The result of a call that this rank makes by itself; where a fault is due it is not made.
/// Local. @throws InvalidArgument if SERRIED_FAULT is wrong.
template <class Call>
[[nodiscard]] auto alone(faults::Kind kind, Call&& call) -> decltype(call()) {
  return faults::is_due(kind) ? decltype(call())(put_fault(kind)) : call();
}

/// The result of a collective call; where a fault is due on this rank, the call has been made with
/// the others (they would wait for it), and is then said to have failed.
/// Local. @throws InvalidArgument as alone().
template <class Result>
[[nodiscard]] Result together(faults::Kind kind, Result result) {
  return faults::is_due(kind) ? Result(put_fault(kind)) : result;
}

}  // namespace serried::hdf5
