// The operations that return a Request.
#include <string>
#include <utility>

#include "comm/request_impl.hpp"
#include "comm/watch/call.hpp"
#include "comm/watch/condemned.hpp"
#include "serried/base/error.hpp"

namespace serried {
namespace {

void check_tag(int tag) {
  if (tag < 0 || tag >= comm::internal_tag)
    throw InvalidArgument("a tag must be in 0 .. 32766, not " + std::to_string(tag));
}

}  // namespace

Communicator::Request Communicator::isend_bytes(const void* data, std::int64_t bytes,
                                                int destination, int tag, CallSite site) const {
  impl_->check_rank(destination, "the destination");
  check_tag(tag);
  const auto span = impl_->span("send", bytes);
  Request request;
  if (comm::is_lost(destination)) return request;
  request.impl_ = std::make_unique<Request::Impl>(impl_, "MPI_Isend");
  request.impl_->note_message(comm::CallKind::send, destination, tag, site);
  const auto* const begin = static_cast<const std::byte*>(comm::not_null(data));
  request.impl_->post_pieces(bytes, [&](std::int64_t at, int length, MPI_Request* posted) {
    return MPI_Isend(begin + at, length, MPI_BYTE, destination, tag, impl_->comm, posted);
  });
  return request;
}

Communicator::Request Communicator::ireceive_bytes(void* data, std::int64_t bytes, int source,
                                                   int tag, CallSite site) const {
  impl_->check_rank(source, "the source");
  check_tag(tag);
  const auto span = impl_->span("receive", 0);
  Request request;
  request.impl_ = std::make_unique<Request::Impl>(impl_, "MPI_Irecv");
  request.impl_->note_message(comm::CallKind::receive, source, tag, site);
  auto* const begin = static_cast<std::byte*>(comm::not_null(data));
  request.impl_->post_pieces(bytes, [&](std::int64_t at, int length, MPI_Request* posted) {
    return MPI_Irecv(begin + at, length, MPI_BYTE, source, tag, impl_->comm, posted);
  });
  for (std::size_t i = 0; i < request.impl_->pieces.size(); ++i)
    request.impl_->pieces[i].expected_bytes =
        std::min(impl_->limit(), bytes - static_cast<std::int64_t>(i) * impl_->limit());
  return request;
}

Communicator::Request Communicator::iallreduce_bytes(void* values, std::int64_t count, DType dtype,
                                                     ReduceOp op, CallSite site) const {
  const auto element_bytes = static_cast<std::int64_t>(size_of(dtype));
  const auto span = impl_->span("allreduce", count * element_bytes);
  Request request;
  if (count == 0 || size() == 1) return request;
  request.impl_ = std::make_unique<Request::Impl>(impl_, "MPI_Iallreduce");
  request.impl_->note_call(comm::reduction_details(comm::CallKind::allreduce, dtype, op, count),
                           site);
  auto* const begin = static_cast<std::byte*>(values);
  request.impl_->post_pieces(count, [&](std::int64_t at, int length, MPI_Request* posted) {
    return MPI_Iallreduce(MPI_IN_PLACE, begin + at * element_bytes, length, comm::mpi_type(dtype),
                          impl_->mpi_op(op, dtype), impl_->comm, posted);
  });
  return request;
}

Communicator::Request Communicator::ibroadcast_bytes(void* data, std::int64_t bytes, int root,
                                                     CallSite site) const {
  impl_->check_rank(root, "the root of a broadcast,");
  const auto span = impl_->span("broadcast", rank() == root ? bytes : 0);
  Request request;
  if (bytes == 0 || size() == 1) return request;
  request.impl_ = std::make_unique<Request::Impl>(impl_, "MPI_Ibcast");
  request.impl_->note_call({.kind = comm::CallKind::broadcast, .root = root, .count = bytes}, site);
  auto* const begin = static_cast<std::byte*>(data);
  request.impl_->post_pieces(bytes, [&](std::int64_t at, int length, MPI_Request* posted) {
    return MPI_Ibcast(begin + at, length, MPI_BYTE, root, impl_->comm, posted);
  });
  return request;
}

Communicator::Request Communicator::ibarrier(CallSite site) const {
  const auto span = impl_->span("barrier", 0);
  Request request;
  request.impl_ = std::make_unique<Request::Impl>(impl_, "MPI_Ibarrier");
  request.impl_->note_call({.kind = comm::CallKind::barrier}, site);
  request.impl_->post_pieces(
      0, [&](std::int64_t, int, MPI_Request* posted) { return MPI_Ibarrier(impl_->comm, posted); });
  return request;
}

}  // namespace serried
