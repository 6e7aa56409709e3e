#include "comm/watch/external_call.hpp"

#include "comm/communicator_state.hpp"
#include "comm/watch/condemned.hpp"

namespace serried::comm {

ExternalCall::ExternalCall(const Communicator& comm, const char* name, CallSite site) {
  CommunicatorState& impl = *comm.impl_;
  if (impl.size == 1) {
    waiting_.emplace(CallKind::own_work, 0, -1, 0, 0, site);
    return;
  }
  throw_if_condemned();
  const BoardCall call =
      board::begin_call(impl.place, {.kind = CallKind::external, .name = name}, site);
  waiting_.emplace(CallKind::external, impl.place.id, call);
}

}  // namespace serried::comm
