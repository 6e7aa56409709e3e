#include "comm/backoff.hpp"
#include "comm/communicator_state.hpp"
#include "comm/request_impl.hpp"
#include "serried/base/error.hpp"

namespace serried {

Communicator::Request::Impl::~Impl() {
  if (!comm::is_mpi_running()) return;
  for (; next < pieces.size(); ++next) communicator->adopt(pieces[next].request);
  communicator->release_completed_orphans();
}

bool Communicator::Request::Impl::advance() {
  while (next < pieces.size()) {
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
