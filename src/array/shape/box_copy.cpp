#include "array/shape/box_copy.hpp"

#include <algorithm>
#include <array>
#include <optional>
#include <utility>

#include "array/shape/piece.hpp"
#include "serried/comm/agree.hpp"
#include "serried/device/buffer.hpp"

namespace serried {
namespace {

constexpr int box_tag = 31003;
/// What is packed must be in the second cache still when MPI reads it.
constexpr std::int64_t message_bytes = std::int64_t{1} << 20;
constexpr std::int64_t chunk_bytes = std::int64_t{1} << 17;
constexpr std::int64_t buffer_bytes = 4 * message_bytes;
/// A run is sent from where it lies, and received where it stays.
constexpr std::int64_t run_bytes = std::int64_t{1} << 22;

/// What each rank's part gets: all boxes, from one rank to one.
struct Copying {
  const Context& ctx;
  std::int64_t item_bytes;
  std::byte* result;
  const Place& to;
  std::span<const Place> from;
  std::span<const Box> boxes;
};

struct PlacedPiece {
  Piece piece;
  const std::byte* source = nullptr;  ///< the part that it is read from, where that lies here
};

std::vector<PlacedPiece> pieces_between(const Copying& copying, int source, int target) {
  std::vector<PlacedPiece> pieces;
  for (const Box& box : copying.boxes) {
    const Place& from = copying.from[box.source];
    auto piece = piece_between(box, from, source, copying.to, target, copying.item_bytes);
    if (piece) pieces.push_back({std::move(*piece), from.data});
  }
  return pieces;
}

/// The messages from one rank to one, as both of them cut them.
class Messages {
 public:
  Messages(std::vector<PlacedPiece> pieces, std::int64_t item_bytes)
      : pieces_(std::move(pieces)), item_bytes_(item_bytes) {}

  /// The chunks of the next message; none after the last one.
  [[nodiscard]] std::vector<PlacedPiece> next() {
    std::vector<PlacedPiece> message;
    std::int64_t bytes = 0;
    while (open_next()) {
      const PlacedPiece chunk{(*chunks_)[at_], pieces_[piece_].source};
      const std::int64_t more = chunk.piece.bytes(item_bytes_);
      // what is longer than a chunk is a run, and travels alone
      if (bytes > 0 && (bytes + more > message_bytes || more > chunk_bytes)) break;
      message.push_back(chunk);
      bytes += more;
      ++at_;
      if (more > chunk_bytes) break;
    }
    return message;
  }

 private:
  /// Whether there is a chunk at at_ of chunks_.
  bool open_next() {
    while (piece_ < pieces_.size()) {
      if (!chunks_) {
        const Piece& piece = pieces_[piece_].piece;
        chunks_.emplace(piece, item_bytes_, piece.is_run(item_bytes_) ? run_bytes : chunk_bytes);
        at_ = 0;
      }
      if (at_ < chunks_->count()) return true;
      chunks_.reset();
      ++piece_;
    }
    return false;
  }

  std::vector<PlacedPiece> pieces_;
  std::int64_t item_bytes_;
  std::size_t piece_ = 0;
  std::optional<Chunks> chunks_;
  std::int64_t at_ = 0;
};

/// A message under way. One that is a run alone needs no buffer.
class Message {
 public:
  Message() = default;
  explicit Message(std::byte* buffer) : buffer_(buffer) {}

  void send(const Copying& copying, std::vector<PlacedPiece> chunks, int target) {
    request_.wait();
    take(copying, std::move(chunks));
    if (chunks_.empty()) return;
    const std::byte* data = buffer_;
    if (is_run(copying))
      data = chunks_[0].source + chunks_[0].piece.from;
    else
      each(copying, [&](const PlacedPiece& chunk, std::int64_t offset) {
        copy_strided(chunk.piece.packing(copying.item_bytes), copying.item_bytes, buffer_ + offset,
                     chunk.source + chunk.piece.from);
      });
    request_ = copying.ctx.comm().isend(std::span(data, static_cast<std::size_t>(offsets_.back())),
                                        target, box_tag);
  }

  void begin_to_receive(const Copying& copying, std::vector<PlacedPiece> chunks, int source) {
    take(copying, std::move(chunks));
    if (chunks_.empty()) return;
    std::byte* const data = is_run(copying) ? copying.result + chunks_[0].piece.to : buffer_;
    request_ = copying.ctx.comm().ireceive(
        std::span(data, static_cast<std::size_t>(offsets_.back())), source, box_tag);
  }

  void receive(const Copying& copying) {
    request_.wait();
    if (!chunks_.empty() && !is_run(copying))
      each(copying, [&](const PlacedPiece& chunk, std::int64_t offset) {
        copy_strided(chunk.piece.unpacking(copying.item_bytes), copying.item_bytes,
                     copying.result + chunk.piece.to, buffer_ + offset);
      });
    chunks_.clear();
  }

  void finish() { request_.wait(); }

 private:
  [[nodiscard]] bool is_run(const Copying& copying) const {
    return chunks_.size() == 1 && chunks_[0].piece.is_run(copying.item_bytes);
  }
  void take(const Copying& copying, std::vector<PlacedPiece> chunks) {
    chunks_ = std::move(chunks);
    offsets_.assign(1, 0);
    for (const PlacedPiece& chunk : chunks_)
      offsets_.push_back(offsets_.back() + chunk.piece.bytes(copying.item_bytes));
  }
  template <class F>
  void each(const Copying& copying, const F& copy) const {
    const auto one = [&](std::int64_t i, int) {
      copy(chunks_[static_cast<std::size_t>(i)], offsets_[static_cast<std::size_t>(i)]);
    };
    const auto count = static_cast<std::int64_t>(chunks_.size());
    // waking threads for less takes longer than copying it
    if (offsets_.back() >= 2 * chunk_bytes)
      copying.ctx.backend()->threads().parallel_for(count, one);
    else
      for (std::int64_t i = 0; i < count; ++i) one(i, 0);
  }

  std::byte* buffer_ = nullptr;
  std::vector<PlacedPiece> chunks_;
  std::vector<std::int64_t> offsets_{0};
  Communicator::Request request_;
};

/// Sends to one rank and receives from one, a message ahead.
void exchange(const Copying& copying, int target, int source, std::array<Message, 2>& sent,
              std::array<Message, 2>& received) {
  const int here = copying.ctx.rank();
  Messages out(pieces_between(copying, here, target), copying.item_bytes);
  Messages in(pieces_between(copying, source, here), copying.item_bytes);
  bool is_receiving = true;
  bool is_sending = true;
  for (std::size_t round = 0; is_receiving || is_sending; ++round) {
    if (is_receiving) {
      std::vector<PlacedPiece> chunks = in.next();
      is_receiving = !chunks.empty();
      received[round % 2].begin_to_receive(copying, std::move(chunks), source);
    }
    if (is_sending) {
      std::vector<PlacedPiece> chunks = out.next();
      is_sending = !chunks.empty();
      sent[round % 2].send(copying, std::move(chunks), target);
    }
    received[(round + 1) % 2].receive(copying);
  }
  for (Message& message : received) message.receive(copying);
  for (Message& message : sent) message.finish();
}

void copy_here(const Copying& copying) {
  const auto span = copying.ctx.recorder().span("copy elements", Activity::computation);
  const int here = copying.ctx.rank();
  const ThreadPool& threads = copying.ctx.backend()->threads();
  const std::int64_t item = copying.item_bytes;
  const auto copy = [&](const Piece& piece, const std::byte* source) {
    if (!piece.is_turned() || piece.bytes(item) > chunk_bytes)
      return copy_strided(piece.axes, item, copying.result + piece.to, source + piece.from);
    // what is turned in the cache meets memory in long runs on both sides
    std::array<std::byte, chunk_bytes> chunk;
    copy_strided(piece.packing(item), item, chunk.data(), source + piece.from);
    copy_strided(piece.unpacking(item), item, copying.result + piece.to, chunk.data());
  };
  const std::vector<PlacedPiece> pieces = pieces_between(copying, here, here);
  const auto count = static_cast<std::int64_t>(pieces.size());
  constexpr std::int64_t many = 64;
  if (count >= many) {
    const auto run = [&](std::int64_t first, int) {
      for (std::int64_t i = first * many; i < std::min(count, (first + 1) * many); ++i)
        copy(pieces[static_cast<std::size_t>(i)].piece, pieces[static_cast<std::size_t>(i)].source);
    };
    return threads.parallel_for((count + many - 1) / many, run);
  }
  for (const auto& [piece, source] : pieces) {
    const Chunks chunks(piece, item, piece.is_turned() ? chunk_bytes : message_bytes, true);
    threads.parallel_for(chunks.count(),
                         [&, from = source](std::int64_t i, int) { copy(chunks[i], from); });
  }
}

/// The same with all ranks at once, where all messages fit the buffers: nothing then waits for
/// what it does not need. A rank may do so alone, as the messages are the same. False if they do
/// not fit.
bool exchange_at_once(const Copying& copying, std::byte* buffer) {
  const int here = copying.ctx.rank();
  const int ranks = copying.ctx.size();
  std::vector<Message> received;
  std::vector<Message> sent;
  std::vector<std::pair<int, std::vector<PlacedPiece>>> incoming;  // by rank
  std::vector<std::pair<int, std::vector<PlacedPiece>>> outgoing;
  std::int64_t used = 0;
  const auto plan = [&](int source, int target) {
    Messages messages(pieces_between(copying, source, target), copying.item_bytes);
    const bool is_sent = source == here;
    for (auto chunks = messages.next(); !chunks.empty(); chunks = messages.next()) {
      (is_sent ? sent : received).emplace_back(buffer + used);
      for (const PlacedPiece& chunk : chunks) used += chunk.piece.bytes(copying.item_bytes);
      (is_sent ? outgoing : incoming).emplace_back(is_sent ? target : source, std::move(chunks));
      if (used > buffer_bytes) return false;
    }
    return true;
  };
  for (int step = 1; step < ranks; ++step)
    if (!plan(here, (here + step) % ranks) || !plan((here + ranks - step) % ranks, here))
      return false;
  for (std::size_t i = 0; i < received.size(); ++i)
    received[i].begin_to_receive(copying, std::move(incoming[i].second), incoming[i].first);
  for (std::size_t i = 0; i < sent.size(); ++i)
    sent[i].send(copying, std::move(outgoing[i].second), outgoing[i].first);
  copy_here(copying);
  for (Message& message : received) message.receive(copying);
  for (Message& message : sent) message.finish();
  return true;
}

}  // namespace

void copy_boxes_here(const Context& ctx, std::int64_t item_bytes, std::byte* result,
                     const Place& to, std::span<const Place> from, std::span<const Box> boxes) {
  copy_here({ctx, item_bytes, result, to, from, boxes});
}

void copy_boxes(const Context& ctx, std::int64_t item_bytes, std::byte* result, const Place& to,
                std::span<const Place> from, std::span<const Box> boxes) {
  const Copying copying{ctx, item_bytes, result, to, from, boxes};
  const int ranks = ctx.size();
  if (ranks == 1) return copy_here(copying);
  Buffer buffer;
  agree(ctx.comm(), [&] { buffer = Buffer(ctx.backend(), buffer_bytes); });
  try {
    if (exchange_at_once(copying, buffer.data())) return;
    copy_here(copying);
    std::byte* const data = buffer.data();
    std::array<Message, 2> sent{Message(data), Message(data + message_bytes)};
    std::array<Message, 2> received{Message(data + 2 * message_bytes),
                                    Message(data + 3 * message_bytes)};
    // In every step each rank sends to one and receives from one, so that they wait in no circle.
    for (int step = 1; step < ranks; ++step)
      exchange(copying, (ctx.rank() + step) % ranks, (ctx.rank() + ranks - step) % ranks, sent,
               received);
  } catch (...) {
    // MPI may write to it still
    static_cast<void>(new Buffer(std::move(buffer)));
    throw;
  }
}

}  // namespace serried
