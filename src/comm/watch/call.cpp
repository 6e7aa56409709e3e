#include "comm/watch/call.hpp"

#include "comm/watch/call_text.hpp"
#include "comm/watch/comparison.hpp"
#include "comm/watch/condemned.hpp"

namespace serried::comm {

Call::Call(CommunicatorState& impl, const CallDetails& details, const CallSite& site) {
  if (impl.size == 1) return;
  throw_if_condemned();
  const BoardCall call = board::begin_call(impl.place, details, site);
  waiting_.emplace(details.kind, impl.place.id, call);
  if (impl.check_comm != MPI_COMM_NULL) compare_call(impl, call);
  if (is_lost(faults::Fault::any_peer)) wait_for(impl, never_complete(), name_of(details.kind));
}

std::optional<BoardCall> note_call(CommunicatorState& impl, const CallDetails& details,
                                   const CallSite& site) {
  if (impl.size == 1) return std::nullopt;
  throw_if_condemned();
  const BoardCall call = board::begin_call(impl.place, details, site);
  if (impl.check_comm != MPI_COMM_NULL) {
    const board::Waiting waiting(details.kind, impl.place.id, call);
    compare_call(impl, call);
  }
  return call;
}

}  // namespace serried::comm
