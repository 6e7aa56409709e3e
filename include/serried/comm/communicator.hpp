#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "serried/base/api.hpp"
#include "serried/base/dtype.hpp"
#include "serried/base/recorder.hpp"
#include "serried/comm/call_site.hpp"
#include "serried/device/buffer.hpp"

namespace SERRIED_API serried {
namespace comm {
struct CommunicatorState;
class ExternalCall;
}  // namespace comm

/// Operations that give the same bits in any order. Sums are modulo 2^bits, as those of unsigned
/// integers. There is no floating-point sum: use reduce_rows, or tree_reduce, whose order is fixed.
enum class ReduceOp : std::uint8_t { sum, min, max, bit_and, bit_or };

/// Types whose sums and extrema are exact in any order.
template <class T>
concept ExactlyReducible = std::is_integral_v<T> && !std::is_same_v<T, bool>;

/// Types that are sent as bytes.
template <class T>
concept Sendable = std::is_trivially_copyable_v<T>;

struct CommunicatorOptions {
  /// Longest piece of one MPI message, in elements of a reduction and in bytes of what is moved as
  /// bytes; longer ones are cut. It bounds the memory that MPI takes for itself, and a waiting rank
  /// sees by each piece that data is flowing. At most 2^30 counts. Lowered in tests.
  std::int64_t max_message_elements = std::int64_t{1} << 23;
  /// Polls of a waiting rank before it begins to yield its core. Runtime raises it where the node's
  /// ranks do not outnumber its cores.
  int spin_polls = 0;
};

/// An MPI communicator of Serried's own (duplicated from the one it was made from). Counts are
/// int64 without limit; empty spans are legal everywhere. Copies share the communicator.
///
/// All operations are posted non-blocking and polled: briefly in a loop, then the core is yielded
/// between polls, then the rank sleeps between polls, up to 100 microseconds. Operations that every
/// rank calls must be called in the same order by all of them, and by one thread at a time. A wrong
/// argument is an InvalidArgument before anything is sent; a failure of MPI is an Error of kind
/// internal with MPI's text. Collectives are written down with where they are called (the last
/// argument, which callers leave alone), so that ranks which call different things are found out:
/// by the watchdogs within a second, by compare_calls, or, with SERRIED_CHECK=1, before each call;
/// that is a RankError of kind communication. With a recorder, each call is a span of
/// Activity::communication with the payload bytes that this rank hands over (forwarding inside MPI
/// is not counted).
class Communicator {
 public:
  /// A pending operation. Its buffers must live until wait() returns or is_complete() says true. A
  /// request that is destroyed (or assigned over) while it is pending is kept, with its
  /// communicator, until it completes or MPI ends; its buffers must then live on as long, which is
  /// the caller's duty.
  class Request {
   public:
    Request();
    Request(Request&&) noexcept;
    Request& operator=(Request&&) noexcept;
    ~Request();
    /// Local; progresses MPI. True for a request without an operation.
    /// @throws Error if MPI reports a failure, or if a received message is not as long as its
    /// buffer.
    [[nodiscard]] bool is_complete();
    /// Returns when the operation is complete; at once for a request without an operation.
    /// @throws Error as is_complete.
    void wait();

   private:
    friend class Communicator;
    struct Impl;
    std::unique_ptr<Impl> impl_;
  };

  /// Duplicates a communicator given as a Fortran handle (`MPI_Comm_c2f(comm)`).
  /// Collective over that communicator.
  /// @throws InvalidArgument for max_message_elements < 1 or a null communicator.
  [[nodiscard]] static Communicator from_fortran_handle(int handle,
                                                        std::shared_ptr<Recorder> recorder = {},
                                                        CommunicatorOptions options = {});
  /// The Fortran handle of this communicator, for code that calls MPI itself (`MPI_Comm_f2c`).
  [[nodiscard]] int fortran_handle() const noexcept;

  [[nodiscard]] int rank() const noexcept;
  [[nodiscard]] int size() const noexcept;
  /// The recorder that calls are recorded with; empty where there is none.
  [[nodiscard]] const std::shared_ptr<Recorder>& recorder() const noexcept;
  /// Those that it was made with, or took over from the communicator that it was split from.
  [[nodiscard]] const CommunicatorOptions& options() const noexcept;

  /// Ranks of equal colour form a communicator, ordered by key, then rank. Colour < 0 gives this
  /// rank none (an empty pointer). Collective.
  [[nodiscard]] std::unique_ptr<Communicator> split(int color, int key,
                                                    CallSite site = CallSite::current()) const;
  /// The ranks that share this rank's node, in the order of their ranks here.
  /// Collective.
  [[nodiscard]] Communicator split_node(CallSite site = CallSite::current()) const;
  /// A communicator of the same ranks, e.g. for an I/O thread: its operations do not mix with this
  /// one's. Collective.
  [[nodiscard]] Communicator duplicate(CallSite site = CallSite::current()) const;
  /// Whether several threads may communicate at a time (MPI_THREAD_MULTIPLE), each on a
  /// communicator of its own. Local.
  [[nodiscard]] bool has_thread_multiple() const;

  /// Returns when every rank has called it.
  /// Collective.
  void barrier(CallSite site = CallSite::current()) const;

  /// Finds out whether the ranks have called the same things so far, on this communicator and on
  /// all others that they have in common. Whoever gives a result away calls it before.
  /// Collective. Communication: 768 bytes from every rank to every rank.
  /// @throws RankError (kind communication) on all ranks alike, naming what two ranks called
  /// differently, and where.
  void compare_calls(CallSite site = CallSite::current()) const;

  /// Element-wise; every rank gets the result.
  /// Collective.
  template <ExactlyReducible T>
  void allreduce(std::span<T> values, ReduceOp op, CallSite site = CallSite::current()) const {
    allreduce_bytes(values.data(), static_cast<std::int64_t>(values.size()), dtype_of_integral<T>(),
                    op, site);
  }
  template <ExactlyReducible T>
  [[nodiscard]] T allreduce(T value, ReduceOp op, CallSite site = CallSite::current()) const {
    allreduce(std::span<T>(&value, 1), op, site);
    return value;
  }
  /// Element-wise; only `root` gets the result, other ranks' values are left as they are.
  /// Collective.
  template <ExactlyReducible T>
  void reduce(std::span<T> values, ReduceOp op, int root,
              CallSite site = CallSite::current()) const {
    reduce_bytes(values.data(), static_cast<std::int64_t>(values.size()), dtype_of_integral<T>(),
                 op, root, site);
  }
  /// Result on rank r: op over the values of ranks 0 .. r - 1; the operation's neutral value on
  /// rank 0. Collective.
  template <ExactlyReducible T>
  [[nodiscard]] T exscan(T value, ReduceOp op, CallSite site = CallSite::current()) const {
    exscan_bytes(&value, dtype_of_integral<T>(), op, site);
    return value;
  }

  /// Root's values on every rank; the length must be the same on all ranks.
  /// Collective.
  template <Sendable T>
  void broadcast(std::span<T> values, int root, CallSite site = CallSite::current()) const {
    broadcast_bytes(values.data(), bytes_of(values), root, site);
  }
  template <Sendable T>
  [[nodiscard]] T broadcast(T value, int root, CallSite site = CallSite::current()) const {
    broadcast_bytes(&value, sizeof(T), root, site);
    return value;
  }
  /// Root's text on every rank.
  /// Collective.
  [[nodiscard]] std::string broadcast_text(const std::string& text, int root,
                                           CallSite site = CallSite::current()) const;

  /// What gather and allgather of pieces of different lengths return.
  template <class T>
  struct Gathered {
    static_assert(!std::is_same_v<T, bool>,
                  "std::vector<bool> has no memory that could be sent to");
    std::vector<T> values;  ///< all pieces in rank order; empty where nothing is received
    std::vector<std::int64_t>
        offsets;  ///< size() + 1 entries: piece r is [offsets[r], offsets[r + 1])
    [[nodiscard]] std::span<const T> piece(int r) const {
      const auto i = static_cast<std::size_t>(r);
      return std::span<const T>(values).subspan(
          static_cast<std::size_t>(offsets[i]),
          static_cast<std::size_t>(offsets[i + 1] - offsets[i]));
    }
  };
  /// Pieces of any length from every rank, in rank order, on `root` (others get empty pieces). The
  /// lengths are exchanged first; then the pieces are received where they stay, without a copy
  /// between. Collective.
  /// @throws std::bad_alloc on a rank that has no memory for the result, as allgather and alltoall
  /// do.
  template <Sendable T>
  [[nodiscard]] Gathered<T> gather(std::span<const T> piece, int root,
                                   CallSite site = CallSite::current()) const {
    Gathered<T> result;
    result.offsets = gather_offsets(count_of(piece), root, site);
    result.values.resize(static_cast<std::size_t>(result.offsets.back()));
    const KeptOnError<std::vector<T>> keep(result.values);
    gather_pieces(piece.data(), count_of(piece), sizeof(T), result.offsets, result.values.data(),
                  root, site);
    return result;
  }
  /// As gather, on every rank.
  /// Collective.
  template <Sendable T>
  [[nodiscard]] Gathered<T> allgather(std::span<const T> piece,
                                      CallSite site = CallSite::current()) const {
    Gathered<T> result;
    result.offsets = allgather_offsets(count_of(piece), site);
    result.values.resize(static_cast<std::size_t>(result.offsets.back()));
    const KeptOnError<std::vector<T>> keep(result.values);
    allgather_pieces(piece.data(), sizeof(T), result.offsets, result.values.data(), site);
    return result;
  }
  /// One value of every rank, in rank order, on every rank.
  /// Collective.
  template <Sendable T>
  [[nodiscard]] std::vector<T> allgather(const T& value,
                                         CallSite site = CallSite::current()) const {
    static_assert(!std::is_same_v<T, bool>,
                  "std::vector<bool> has no memory that could be sent to");
    std::vector<T> values(static_cast<std::size_t>(size()), value);
    const KeptOnError<std::vector<T>> keep(values);
    allgather_values(&value, sizeof(T), values.data(), site);
    return values;
  }
  /// Every rank's text, on every rank.
  /// Collective.
  [[nodiscard]] std::vector<std::string> allgather_text(const std::string& text,
                                                        CallSite site = CallSite::current()) const;

  /// Sends send[offsets[r] .. offsets[r + 1]) to rank r; returns what was received, in rank order.
  /// `offsets` has size() + 1 ascending entries within `send`; they need not begin at 0.
  /// Collective.
  template <Sendable T>
  [[nodiscard]] Gathered<T> alltoall(std::span<const T> send, std::span<const std::int64_t> offsets,
                                     CallSite site = CallSite::current()) const {
    Gathered<T> result;
    result.offsets = alltoall_offsets(offsets, count_of(send), site);
    result.values.resize(static_cast<std::size_t>(result.offsets.back()));
    const KeptOnError<std::vector<T>> keep(result.values);
    alltoall_pieces(send.data(), sizeof(T), offsets, result.offsets, result.values.data(), site);
    return result;
  }
  /// Where alltoall puts what it receives: piece r will be [result[r], result[r + 1]). For those
  /// who agree on having the memory before they call alltoall_into. Collective.
  template <Sendable T>
  [[nodiscard]] std::vector<std::int64_t> offsets_of_alltoall(
      std::span<const T> send, std::span<const std::int64_t> offsets,
      CallSite site = CallSite::current()) const {
    return alltoall_offsets(offsets, count_of(send), site);
  }
  /// As alltoall, into memory of at least receive_offsets.back() elements, which
  /// offsets_of_alltoall told. Collective.
  template <Sendable T>
  void alltoall_into(std::span<const T> send, std::span<const std::int64_t> offsets,
                     std::span<const std::int64_t> receive_offsets, Buffer& to,
                     CallSite site = CallSite::current()) const {
    const KeptOnError<Buffer> keep(to);
    static_cast<void>(to.as<T>(static_cast<std::size_t>(receive_offsets.back())));
    alltoall_pieces(send.data(), sizeof(T), offsets, receive_offsets, to.data(), site);
  }

  /// Point to point; tags are 0 .. 32 766. `receive` needs the exact length, and the same
  /// communicator options on both sides. Messages between two ranks with the same tag arrive in the
  /// order of sending.
  template <Sendable T>
  void send(std::span<const T> values, int destination, int tag,
            CallSite site = CallSite::current()) const {
    Request request = isend(values, destination, tag, site);
    request.wait();
  }
  template <Sendable T>
  void receive(std::span<T> values, int source, int tag,
               CallSite site = CallSite::current()) const {
    Request request = ireceive(values, source, tag, site);
    request.wait();
  }
  template <Sendable T>
  [[nodiscard]] Request isend(std::span<const T> values, int destination, int tag,
                              CallSite site = CallSite::current()) const {
    return isend_bytes(values.data(), bytes_of(values), destination, tag, site);
  }
  template <Sendable T>
  [[nodiscard]] Request ireceive(std::span<T> values, int source, int tag,
                                 CallSite site = CallSite::current()) const {
    return ireceive_bytes(values.data(), bytes_of(values), source, tag, site);
  }
  /// Non-blocking forms. All pieces of a long message are posted at once, so that the order of
  /// operations is the same on all ranks; MPI may take as much memory again for a reduction.
  /// Collective.
  template <ExactlyReducible T>
  [[nodiscard]] Request iallreduce(std::span<T> values, ReduceOp op,
                                   CallSite site = CallSite::current()) const {
    return iallreduce_bytes(values.data(), static_cast<std::int64_t>(values.size()),
                            dtype_of_integral<T>(), op, site);
  }
  template <Sendable T>
  [[nodiscard]] Request ibroadcast(std::span<T> values, int root,
                                   CallSite site = CallSite::current()) const {
    return ibroadcast_bytes(values.data(), bytes_of(values), root, site);
  }
  [[nodiscard]] Request ibarrier(CallSite site = CallSite::current()) const;

 private:
  /// Lets memory outlive a call that throws: MPI may still write to it.
  template <class Memory>
  class KeptOnError {
   public:
    explicit KeptOnError(Memory& memory) : memory_(memory) {}
    ~KeptOnError() {
      if (std::uncaught_exceptions() > exceptions_before_)
        static_cast<void>(new Memory(std::move(memory_)));
    }
    KeptOnError(const KeptOnError&) = delete;
    KeptOnError& operator=(const KeptOnError&) = delete;

   private:
    Memory& memory_;
    int exceptions_before_ = std::uncaught_exceptions();
  };

  template <class T>
  static constexpr DType dtype_of_integral() {
    if constexpr (std::is_signed_v<T>)
      return sizeof(T) == 8   ? DType::i64
             : sizeof(T) == 4 ? DType::i32
             : sizeof(T) == 2 ? DType::i16
                              : DType::i8;
    else
      return sizeof(T) == 8   ? DType::u64
             : sizeof(T) == 4 ? DType::u32
             : sizeof(T) == 2 ? DType::u16
                              : DType::u8;
  }
  template <class T>
  static std::int64_t bytes_of(std::span<T> values) {
    return static_cast<std::int64_t>(values.size_bytes());
  }
  template <class T>
  static std::int64_t count_of(std::span<T> values) {
    return static_cast<std::int64_t>(values.size());
  }

  void allreduce_bytes(void* values, std::int64_t count, DType dtype, ReduceOp op,
                       CallSite site) const;
  void reduce_bytes(void* values, std::int64_t count, DType dtype, ReduceOp op, int root,
                    CallSite site) const;
  void exscan_bytes(void* value, DType dtype, ReduceOp op, CallSite site) const;
  void broadcast_bytes(void* data, std::int64_t bytes, int root, CallSite site) const;
  // Offsets are in elements, with size() + 1 entries.
  [[nodiscard]] std::vector<std::int64_t> gather_offsets(std::int64_t count, int root,
                                                         CallSite site) const;
  void gather_pieces(const void* data, std::int64_t count, std::size_t element_bytes,
                     std::span<const std::int64_t> offsets, void* to, int root,
                     CallSite site) const;
  [[nodiscard]] std::vector<std::int64_t> allgather_offsets(std::int64_t count,
                                                            CallSite site) const;
  void allgather_pieces(const void* data, std::size_t element_bytes,
                        std::span<const std::int64_t> offsets, void* to, CallSite site) const;
  void allgather_values(const void* value, std::size_t bytes, void* to, CallSite site) const;
  [[nodiscard]] std::vector<std::int64_t> alltoall_offsets(
      std::span<const std::int64_t> send_offsets, std::int64_t count, CallSite site) const;
  void alltoall_pieces(const void* data, std::size_t element_bytes,
                       std::span<const std::int64_t> send_offsets,
                       std::span<const std::int64_t> receive_offsets, void* to,
                       CallSite site) const;
  [[nodiscard]] Request isend_bytes(const void* data, std::int64_t bytes, int destination, int tag,
                                    CallSite site) const;
  [[nodiscard]] Request ireceive_bytes(void* data, std::int64_t bytes, int source, int tag,
                                       CallSite site) const;
  [[nodiscard]] Request iallreduce_bytes(void* values, std::int64_t count, DType dtype, ReduceOp op,
                                         CallSite site) const;
  [[nodiscard]] Request ibroadcast_bytes(void* data, std::int64_t bytes, int root,
                                         CallSite site) const;

  friend class comm::ExternalCall;
  explicit Communicator(std::shared_ptr<comm::CommunicatorState> impl);
  std::shared_ptr<comm::CommunicatorState> impl_;
};

}  // namespace serried
