#pragma once

#include <cstdint>
#include <string>

#include "comm/watch/external_call.hpp"
#include "serried/base/faults.hpp"
#include "serried/comm/communicator.hpp"

namespace serried::hdf5 {

/// Agrees on what a collective HDF5 call has returned on each rank, a status or an identifier: the
/// last of the three steps of such a call. First, all that can fail on one rank alone (types,
/// spaces, properties, memory) is done and agreed on; then every rank makes the call, with nothing
/// before it that could keep one rank away; then comes this, before any other HDF5 call of this
/// rank, which would forget the cause. It is one event for fault injection: said to have failed on
/// this rank after all ranks have made the call.
/// Collective. @throws RankError (kind io) "what: cause" if it is negative on any rank.
void agree_on_status(const Communicator& comm, std::int64_t status, const std::string& what,
                     faults::Kind kind = faults::Kind::write, CallSite site = CallSite::current());

/// Makes a collective HDF5 call, which the watchdog then knows of, and returns what it returns.
/// Collective. @param name a literal, e.g. "H5Dwrite"; the same on all ranks.
template <class Call>
auto in_collective(const Communicator& comm, const char* name, Call call,
                   CallSite site = CallSite::current()) {
  const comm::ExternalCall external(comm, name, site);
  return call();
}

}  // namespace serried::hdf5
