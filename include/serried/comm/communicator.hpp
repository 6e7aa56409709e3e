#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "serried/base/dtype.hpp"
#include "serried/base/recorder.hpp"

namespace serried {

/// Operations that give the same bits in any order. There is no floating-point sum: use reduce_rows, or
/// tree_reduce, whose order is fixed.
enum class ReduceOp : std::uint8_t { sum, min, max, bit_and, bit_or };

/// Types whose sums and extrema are exact in any order.
template <class T>
concept ExactlyReducible = std::is_integral_v<T> && !std::is_same_v<T, bool>;

/// Types that are sent as bytes.
template <class T>
concept Sendable = std::is_trivially_copyable_v<T>;

struct CommunicatorOptions {
  /// Longest piece of one MPI message, in elements; longer ones are cut. Lowered in tests.
  std::int64_t max_message_elements = std::int64_t{1} << 30;
};

/// An MPI communicator of Serried's own (duplicated from the one it was made from). All operations are
/// posted non-blocking and polled. Counts are int64 without limit. Copies share the communicator.
class Communicator {
 public:
  /// A pending operation. Its buffers must live until wait() returns. A destroyed pending request is kept,
  /// with its communicator, until it completes or MPI ends.
  class Request {
   public:
    Request();
    Request(Request&&) noexcept;
    Request& operator=(Request&&) noexcept;
    ~Request();
    /// Local; progresses MPI.
    [[nodiscard]] bool is_complete();
    void wait();

   private:
    friend class Communicator;
    struct Impl;
    std::unique_ptr<Impl> impl_;
  };

  /// Duplicates a communicator given as a Fortran handle (`MPI_Comm_c2f(comm)`).
  /// Collective over that communicator.
  [[nodiscard]] static Communicator from_fortran_handle(int handle, std::shared_ptr<Recorder> recorder = {},
                                                        CommunicatorOptions options = {});
  /// The Fortran handle of this communicator, for code that calls MPI itself (`MPI_Comm_f2c`).
  [[nodiscard]] int fortran_handle() const noexcept;

  [[nodiscard]] int rank() const noexcept;
  [[nodiscard]] int size() const noexcept;
  [[nodiscard]] const std::shared_ptr<Recorder>& recorder() const noexcept;

  /// Collective: ranks of equal colour form a communicator, ordered by key, then rank. Colour < 0 gives
  /// this rank none (an empty pointer).
  [[nodiscard]] std::unique_ptr<Communicator> split(int color, int key) const;
  /// Collective: the ranks that share this rank's node.
  [[nodiscard]] Communicator split_node() const;
  /// Collective: a communicator of the same ranks (e.g. for an I/O thread).
  [[nodiscard]] Communicator duplicate() const;

  void barrier() const;

  /// Element-wise; every rank gets the result.
  /// Collective.
  template <ExactlyReducible T>
  void allreduce(std::span<T> values, ReduceOp op) const {
    allreduce_bytes(values.data(), static_cast<std::int64_t>(values.size()), dtype_of_integral<T>(), op);
  }
  template <ExactlyReducible T>
  [[nodiscard]] T allreduce(T value, ReduceOp op) const {
    allreduce(std::span<T>(&value, 1), op);
    return value;
  }
  /// Element-wise; only `root` gets the result, other ranks' values are left as they are.
  /// Collective.
  template <ExactlyReducible T>
  void reduce(std::span<T> values, ReduceOp op, int root) const {
    reduce_bytes(values.data(), static_cast<std::int64_t>(values.size()), dtype_of_integral<T>(), op, root);
  }
  /// Result on rank r: op over the values of ranks 0 .. r - 1; the operation's neutral value on rank 0.
  /// Collective.
  template <ExactlyReducible T>
  [[nodiscard]] T exscan(T value, ReduceOp op) const {
    exscan_bytes(&value, dtype_of_integral<T>(), op);
    return value;
  }

  /// Collective.
  template <Sendable T>
  void broadcast(std::span<T> values, int root) const {
    broadcast_bytes(values.data(), bytes_of(values), root);
  }
  template <Sendable T>
  [[nodiscard]] T broadcast(T value, int root) const {
    broadcast_bytes(&value, sizeof(T), root);
    return value;
  }
  /// Collective: root's text on every rank.
  [[nodiscard]] std::string broadcast_text(const std::string& text, int root) const;

  /// What gather and allgather of pieces of different lengths return.
  template <class T>
  struct Gathered {
    std::vector<T> values;              ///< all pieces in rank order; empty where nothing is received
    std::vector<std::int64_t> offsets;  ///< size() + 1 entries: piece r is [offsets[r], offsets[r + 1])
    [[nodiscard]] std::span<const T> piece(int r) const {
      const auto i = static_cast<std::size_t>(r);
      return std::span<const T>(values).subspan(static_cast<std::size_t>(offsets[i]),
                                                static_cast<std::size_t>(offsets[i + 1] - offsets[i]));
    }
  };
  /// Pieces of any length from every rank, in rank order, on `root` (others get empty vectors).
  /// Collective.
  template <Sendable T>
  [[nodiscard]] Gathered<T> gather(std::span<const T> piece, int root) const {
    return to_gathered<T>(gather_bytes(piece.data(), bytes_of(piece), root));
  }
  /// As gather, on every rank.
  /// Collective.
  template <Sendable T>
  [[nodiscard]] Gathered<T> allgather(std::span<const T> piece) const {
    return to_gathered<T>(allgather_bytes(piece.data(), bytes_of(piece)));
  }
  template <Sendable T>
  [[nodiscard]] std::vector<T> allgather(const T& value) const {
    return allgather(std::span<const T>(&value, 1)).values;
  }
  /// Every rank's text, on every rank.
  [[nodiscard]] std::vector<std::string> allgather_text(const std::string& text) const;

  /// Sends send[offsets[r] .. offsets[r + 1]) to rank r; returns what was received, in rank order.
  /// Collective.
  template <Sendable T>
  [[nodiscard]] Gathered<T> alltoall(std::span<const T> send, std::span<const std::int64_t> offsets) const {
    return to_gathered<T>(alltoall_bytes(send.data(), offsets, sizeof(T)));
  }

  /// Point to point; tags are 0 .. 32 767. `receive` needs the exact length.
  template <Sendable T>
  void send(std::span<const T> values, int destination, int tag) const {
    Request request = isend(values, destination, tag);
    request.wait();
  }
  template <Sendable T>
  void receive(std::span<T> values, int source, int tag) const {
    Request request = ireceive(values, source, tag);
    request.wait();
  }
  template <Sendable T>
  [[nodiscard]] Request isend(std::span<const T> values, int destination, int tag) const {
    return isend_bytes(values.data(), bytes_of(values), destination, tag);
  }
  template <Sendable T>
  [[nodiscard]] Request ireceive(std::span<T> values, int source, int tag) const {
    return ireceive_bytes(values.data(), bytes_of(values), source, tag);
  }
  /// Non-blocking forms.
  template <ExactlyReducible T>
  [[nodiscard]] Request iallreduce(std::span<T> values, ReduceOp op) const {
    return iallreduce_bytes(values.data(), static_cast<std::int64_t>(values.size()), dtype_of_integral<T>(), op);
  }
  template <Sendable T>
  [[nodiscard]] Request ibroadcast(std::span<T> values, int root) const {
    return ibroadcast_bytes(values.data(), bytes_of(values), root);
  }
  [[nodiscard]] Request ibarrier() const;

 private:
  struct GatheredBytes {
    std::vector<std::byte> bytes;
    std::vector<std::int64_t> byte_offsets;
  };
  template <class T>
  static constexpr DType dtype_of_integral() {
    if constexpr (std::is_signed_v<T>)
      return sizeof(T) == 8 ? DType::i64 : sizeof(T) == 4 ? DType::i32 : sizeof(T) == 2 ? DType::i16 : DType::i8;
    else
      return sizeof(T) == 8 ? DType::u64 : sizeof(T) == 4 ? DType::u32 : sizeof(T) == 2 ? DType::u16 : DType::u8;
  }
  template <class T>
  static std::int64_t bytes_of(std::span<T> values) {
    return static_cast<std::int64_t>(values.size_bytes());
  }
  template <class T>
  static Gathered<T> to_gathered(GatheredBytes&& from) {
    Gathered<T> result;
    result.values.resize(from.bytes.size() / sizeof(T));
    copy_bytes(result.values.data(), from.bytes.data(), from.bytes.size());
    result.offsets.reserve(from.byte_offsets.size());
    for (const std::int64_t offset : from.byte_offsets)
      result.offsets.push_back(offset / static_cast<std::int64_t>(sizeof(T)));
    return result;
  }
  static void copy_bytes(void* to, const void* from, std::size_t bytes);

  void allreduce_bytes(void* values, std::int64_t count, DType dtype, ReduceOp op) const;
  void reduce_bytes(void* values, std::int64_t count, DType dtype, ReduceOp op, int root) const;
  void exscan_bytes(void* value, DType dtype, ReduceOp op) const;
  void broadcast_bytes(void* data, std::int64_t bytes, int root) const;
  [[nodiscard]] GatheredBytes gather_bytes(const void* data, std::int64_t bytes, int root) const;
  [[nodiscard]] GatheredBytes allgather_bytes(const void* data, std::int64_t bytes) const;
  [[nodiscard]] GatheredBytes alltoall_bytes(const void* data, std::span<const std::int64_t> offsets,
                                             std::size_t element_bytes) const;
  [[nodiscard]] Request isend_bytes(const void* data, std::int64_t bytes, int destination, int tag) const;
  [[nodiscard]] Request ireceive_bytes(void* data, std::int64_t bytes, int source, int tag) const;
  [[nodiscard]] Request iallreduce_bytes(void* values, std::int64_t count, DType dtype, ReduceOp op) const;
  [[nodiscard]] Request ibroadcast_bytes(void* data, std::int64_t bytes, int root) const;

  struct Impl;
  explicit Communicator(std::shared_ptr<Impl> impl);
  std::shared_ptr<Impl> impl_;
};

}  // namespace serried
