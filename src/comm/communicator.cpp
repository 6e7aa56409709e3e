#include "serried/comm/communicator.hpp"

#include <algorithm>
#include <array>
#include <limits>
#include <string>
#include <utility>

#include "comm/communicator_state.hpp"
#include "comm/flow.hpp"
#include "comm/watch/call.hpp"
#include "comm/watch/comparison.hpp"
#include "serried/base/error.hpp"

namespace serried {
namespace {

// Reductions and broadcasts of more than one piece: so many in flight at a time.
constexpr int pieces_in_flight = 2;

template <class T>
T neutral_value(ReduceOp op) {
  switch (op) {
    case ReduceOp::sum:
    case ReduceOp::bit_or:
      return T{0};
    case ReduceOp::min:
      return std::numeric_limits<T>::max();
    case ReduceOp::max:
      return std::numeric_limits<T>::lowest();
    case ReduceOp::bit_and:
      return static_cast<T>(~T{0});
  }
  return T{0};
}

template <class T>
void set_neutral(void* value, ReduceOp op) {
  *static_cast<T*>(value) = neutral_value<T>(op);
}

void set_neutral(void* value, DType dtype, ReduceOp op) {
  switch (dtype) {
    case DType::i8:
      return set_neutral<std::int8_t>(value, op);
    case DType::u8:
      return set_neutral<std::uint8_t>(value, op);
    case DType::i16:
      return set_neutral<std::int16_t>(value, op);
    case DType::u16:
      return set_neutral<std::uint16_t>(value, op);
    case DType::i32:
      return set_neutral<std::int32_t>(value, op);
    case DType::u32:
      return set_neutral<std::uint32_t>(value, op);
    case DType::i64:
      return set_neutral<std::int64_t>(value, op);
    default:
      return set_neutral<std::uint64_t>(value, op);
  }
}

/// Posts `post(begin, length, request)` for each piece of `count` and waits; nothing for a count of
/// 0.
template <class Post>
void run_pieces(comm::CommunicatorState& impl, const char* operation, std::int64_t count,
                Post post) {
  if (count <= 0) return;
  const std::int64_t limit = impl.limit();
  if (count <= limit) {
    MPI_Request request = MPI_REQUEST_NULL;
    comm::check(post(std::int64_t{0}, static_cast<int>(count), &request), operation);
    comm::wait_for(impl, request, operation);
    return;
  }
  comm::Flow flow(
      impl, operation, (count + limit - 1) / limit, pieces_in_flight, [&](std::int64_t i) {
        const std::int64_t begin = i * limit;
        comm::Piece piece;
        comm::check(post(begin, static_cast<int>(std::min(limit, count - begin)), &piece.request),
                    operation);
        return piece;
      });
  flow.run();
}

void broadcast_unrecorded(comm::CommunicatorState& impl, void* data, std::int64_t bytes, int root) {
  auto* const begin = static_cast<std::byte*>(data);
  run_pieces(impl, "MPI_Ibcast", bytes, [&](std::int64_t at, int length, MPI_Request* request) {
    return MPI_Ibcast(begin + at, length, MPI_BYTE, root, impl.comm, request);
  });
}

}  // namespace

Communicator::Communicator(std::shared_ptr<comm::CommunicatorState> impl)
    : impl_(std::move(impl)) {}

Communicator Communicator::from_fortran_handle(int handle, std::shared_ptr<Recorder> recorder,
                                               CommunicatorOptions options) {
  constexpr std::int64_t longest = std::int64_t{1} << 30;
  if (options.max_message_elements < 1)
    throw InvalidArgument("max_message_elements must be at least 1, not " +
                          std::to_string(options.max_message_elements));
  options.max_message_elements = std::min(options.max_message_elements, longest);
  if (!comm::is_mpi_running())
    throw InvalidArgument(
        "a communicator can be made only while MPI runs: between MPI_Init and MPI_Finalize");
  MPI_Comm original = MPI_Comm_f2c(handle);
  if (original == MPI_COMM_NULL) throw InvalidArgument("the communicator is MPI_COMM_NULL");
  MPI_Comm own = MPI_COMM_NULL;
  comm::check(MPI_Comm_dup(original, &own), "MPI_Comm_dup");
  return Communicator(std::make_shared<comm::CommunicatorState>(own, std::move(recorder), options));
}

int Communicator::fortran_handle() const noexcept {
  return MPI_Comm_c2f(impl_->comm);
}
int Communicator::rank() const noexcept {
  return impl_->rank;
}
int Communicator::size() const noexcept {
  return impl_->size;
}
const CommunicatorOptions& Communicator::options() const noexcept {
  return impl_->options;
}
const std::shared_ptr<Recorder>& Communicator::recorder() const noexcept {
  return impl_->recorder;
}

std::unique_ptr<Communicator> Communicator::split(int color, int key, CallSite site) const {
  const comm::Call call(*impl_, {.kind = comm::CallKind::split}, site);
  const auto span = impl_->span("split", 0);
  MPI_Comm part = MPI_COMM_NULL;
  comm::check(MPI_Comm_split(impl_->comm, color < 0 ? MPI_UNDEFINED : color, key, &part),
              "MPI_Comm_split");
  if (part == MPI_COMM_NULL) return nullptr;
  return std::unique_ptr<Communicator>(new Communicator(
      std::make_shared<comm::CommunicatorState>(part, impl_->recorder, impl_->options)));
}

Communicator Communicator::split_node(CallSite site) const {
  const comm::Call call(*impl_, {.kind = comm::CallKind::split_node}, site);
  const auto span = impl_->span("split_node", 0);
  MPI_Comm node = MPI_COMM_NULL;
  comm::check(MPI_Comm_split_type(impl_->comm, MPI_COMM_TYPE_SHARED, rank(), MPI_INFO_NULL, &node),
              "MPI_Comm_split_type");
  return Communicator(
      std::make_shared<comm::CommunicatorState>(node, impl_->recorder, impl_->options));
}

bool Communicator::has_thread_multiple() const {
  int level = MPI_THREAD_SINGLE;
  comm::check(MPI_Query_thread(&level), "MPI_Query_thread");
  return level >= MPI_THREAD_MULTIPLE;
}

Communicator Communicator::duplicate(CallSite site) const {
  const comm::Call call(*impl_, {.kind = comm::CallKind::duplicate}, site);
  const auto span = impl_->span("duplicate", 0);
  return from_fortran_handle(fortran_handle(), impl_->recorder, impl_->options);
}

void Communicator::compare_calls(CallSite site) const {
  const auto span = impl_->span("compare calls", 0);
  const comm::Call call(*impl_, {.kind = comm::CallKind::comparison}, site);
  comm::compare_histories(*impl_);
}

void Communicator::barrier(CallSite site) const {
  const auto span = impl_->span("barrier", 0);
  if (size() == 1) return;
  const comm::Call call(*impl_, {.kind = comm::CallKind::barrier}, site);
  MPI_Request request = MPI_REQUEST_NULL;
  comm::check(MPI_Ibarrier(impl_->comm, &request), "MPI_Ibarrier");
  comm::wait_for(*impl_, request, "MPI_Ibarrier");
}

void Communicator::allreduce_bytes(void* values, std::int64_t count, DType dtype, ReduceOp op,
                                   CallSite site) const {
  const auto element_bytes = static_cast<std::int64_t>(size_of(dtype));
  const auto span = impl_->span("allreduce", count * element_bytes);
  if (size() == 1) return;
  const comm::Call call(*impl_,
                        comm::reduction_details(comm::CallKind::allreduce, dtype, op, count), site);
  auto* const begin = static_cast<std::byte*>(values);
  run_pieces(*impl_, "MPI_Iallreduce", count,
             [&](std::int64_t at, int length, MPI_Request* request) {
               return MPI_Iallreduce(MPI_IN_PLACE, begin + at * element_bytes, length,
                                     comm::mpi_type(dtype), impl_->mpi_op(op, dtype), impl_->comm,
                                     request);
             });
}

void Communicator::reduce_bytes(void* values, std::int64_t count, DType dtype, ReduceOp op,
                                int root, CallSite site) const {
  impl_->check_rank(root, "the root of a reduction,");
  const auto element_bytes = static_cast<std::int64_t>(size_of(dtype));
  const auto span = impl_->span("reduce", count * element_bytes);
  if (size() == 1) return;
  const comm::Call call(
      *impl_, comm::reduction_details(comm::CallKind::reduce, dtype, op, count, root), site);
  auto* const begin = static_cast<std::byte*>(values);
  run_pieces(*impl_, "MPI_Ireduce", count, [&](std::int64_t at, int length, MPI_Request* request) {
    std::byte* const piece = begin + at * element_bytes;
    const bool is_root = rank() == root;
    return MPI_Ireduce(is_root ? MPI_IN_PLACE : piece, is_root ? piece : nullptr, length,
                       comm::mpi_type(dtype), impl_->mpi_op(op, dtype), root, impl_->comm, request);
  });
}

void Communicator::exscan_bytes(void* value, DType dtype, ReduceOp op, CallSite site) const {
  const auto span = impl_->span("exscan", static_cast<std::int64_t>(size_of(dtype)));
  const comm::Call call(*impl_, comm::reduction_details(comm::CallKind::exscan, dtype, op, 1),
                        site);
  std::array<std::byte, 8> own{};
  std::copy_n(static_cast<const std::byte*>(value), size_of(dtype), own.begin());
  MPI_Request request = MPI_REQUEST_NULL;
  comm::check(MPI_Iexscan(own.data(), value, 1, comm::mpi_type(dtype), impl_->mpi_op(op, dtype),
                          impl_->comm, &request),
              "MPI_Iexscan");
  comm::wait_for(*impl_, request, "MPI_Iexscan");
  if (rank() == 0) set_neutral(value, dtype, op);
}

void Communicator::broadcast_bytes(void* data, std::int64_t bytes, int root, CallSite site) const {
  impl_->check_rank(root, "the root of a broadcast,");
  const auto span = impl_->span("broadcast", rank() == root ? bytes : 0);
  if (size() == 1) return;
  const comm::Call call(*impl_, {.kind = comm::CallKind::broadcast, .root = root, .count = bytes},
                        site);
  broadcast_unrecorded(*impl_, data, bytes, root);
}

std::string Communicator::broadcast_text(const std::string& text, int root, CallSite site) const {
  impl_->check_rank(root, "the root of a broadcast,");
  auto length = static_cast<std::int64_t>(text.size());
  const auto span = impl_->span("broadcast", rank() == root ? length : 0);
  if (size() == 1) return text;
  const comm::Call call(*impl_, {.kind = comm::CallKind::broadcast_text, .root = root}, site);
  broadcast_unrecorded(*impl_, &length, sizeof(length), root);
  std::string result = rank() == root ? text : std::string(static_cast<std::size_t>(length), '\0');
  broadcast_unrecorded(*impl_, result.data(), length, root);
  return result;
}

std::vector<std::string> Communicator::allgather_text(const std::string& text,
                                                      CallSite site) const {
  const auto pieces = allgather(std::span<const char>(text.data(), text.size()), site);
  std::vector<std::string> texts;
  texts.reserve(static_cast<std::size_t>(size()));
  for (int r = 0; r < size(); ++r) {
    const auto piece = pieces.piece(r);
    texts.emplace_back(piece.begin(), piece.end());
  }
  return texts;
}

}  // namespace serried
