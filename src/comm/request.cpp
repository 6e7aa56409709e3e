#include "comm/backoff.hpp"
#include "comm/communicator_state.hpp"
#include "comm/request_impl.hpp"
#include "comm/watch/call.hpp"
#include "comm/watch/condemned.hpp"
#include "serried/base/error.hpp"

namespace serried {

Communicator::Request::Impl::~Impl() {
  if (!comm::is_mpi_running()) return;
  for (; next < pieces.size(); ++next) communicator->adopt(pieces[next].request);
  communicator->release_completed_orphans();
}

void Communicator::Request::Impl::note_call(const comm::CallDetails& details,
                                            const CallSite& site) {
  kind_ = details.kind;
  call_ = comm::note_call(*communicator, details, site);
}

void Communicator::Request::Impl::note_message(comm::CallKind kind, int peer, int tag,
                                               const CallSite& its_site) {
  comm::throw_if_condemned();
  kind_ = kind;
  peer_ = peer;
  tag_ = tag;
  site_ = its_site;
  if (communicator->size == 1) return;
  message_ = comm::board::count_message(kind, communicator->place.id, peer, tag);
}

void Communicator::Request::Impl::begin_wait(std::optional<comm::board::Waiting>& waiting) const {
  if (communicator->size == 1) return;
  if (call_)
    waiting.emplace(kind_, communicator->place.id, *call_);
  else
    waiting.emplace(kind_, communicator->place.id, peer_, tag_, message_, site_);
}

bool Communicator::Request::Impl::advance() {
  while (next < pieces.size()) {
    comm::throw_if_condemned();
    if (!comm::is_mpi_running())
      throw Error(ErrorKind::internal,
                  std::string(operation) + " was still pending when MPI ended");
    if (!comm::test(pieces[next], operation)) return false;
    ++next;
  }
  return true;
}

Communicator::Request::Request() = default;
Communicator::Request::Request(Request&&) noexcept = default;
Communicator::Request& Communicator::Request::operator=(Request&&) noexcept = default;
Communicator::Request::~Request() = default;

bool Communicator::Request::is_complete() {
  if (!impl_) return true;
  if (!impl_->advance()) return false;
  impl_.reset();
  return true;
}

void Communicator::Request::wait() {
  if (!impl_) return;
  const auto span = impl_->communicator->span("wait", 0);
  std::optional<comm::board::Waiting> waiting;
  impl_->begin_wait(waiting);
  comm::Backoff backoff(impl_->communicator->options.spin_polls);
  for (std::size_t before = impl_->next; !impl_->advance(); before = impl_->next) {
    if (impl_->next != before)
      backoff.reset();
    else
      backoff.pause();
  }
  impl_.reset();
}

}  // namespace serried
