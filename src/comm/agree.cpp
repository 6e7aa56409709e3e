#include "serried/comm/agree.hpp"

#include <array>
#include <exception>
#include <new>
#include <string>

#include "serried/base/error.hpp"

namespace serried {
namespace {

/// What became of one rank's work.
struct Outcome {
  bool has_failed = false;
  ErrorKind kind = ErrorKind::internal;
  std::string text;
  std::exception_ptr agreed;  ///< a RankError, which an inner agreement has made already
};

Outcome run(const std::function<void()>& work) {
  try {
    work();
    return {};
  } catch (const RankError& error) {
    return {true, error.kind(), error.what(), std::current_exception()};
  } catch (const Error& error) {
    return {true, error.kind(), error.what(), nullptr};
  } catch (const std::bad_alloc&) {
    return {true, ErrorKind::device, "out of memory: the host has no memory left for this rank",
            nullptr};
  } catch (const std::exception& error) {
    return {true, ErrorKind::internal, error.what(), nullptr};
  } catch (...) {
    return {true, ErrorKind::internal, "an exception that is no std::exception", nullptr};
  }
}

/// FNV-1a of kind and text, not negative: equal failures have equal hashes.
std::int64_t hash_of(const Outcome& outcome) {
  std::uint64_t hash = 0xcbf29ce484222325ULL;
  const auto add = [&hash](unsigned char byte) { hash = (hash ^ byte) * 0x100000001b3ULL; };
  add(static_cast<unsigned char>(outcome.kind));
  for (const char character : outcome.text) add(static_cast<unsigned char>(character));
  return static_cast<std::int64_t>(hash >> 1);
}

[[noreturn]] void throw_alike(const Outcome& outcome, int rank) {
  if (outcome.agreed) std::rethrow_exception(outcome.agreed);
  throw RankError(rank, outcome.kind, outcome.text);
}

}  // namespace

void agree(const Communicator& comm, const std::function<void()>& local_work, CallSite site) {
  const Outcome outcome = run(local_work);
  if (comm.size() == 1) {
    if (outcome.has_failed) throw_alike(outcome, 0);
    return;
  }
  // Minima tell the lowest failing rank, whether all failed, and (by the hash and its negative)
  // whether all failed alike.
  const std::int64_t hash = outcome.has_failed ? hash_of(outcome) : 0;
  std::array<std::int64_t, 4> votes{outcome.has_failed ? comm.rank() : comm.size(),
                                    outcome.has_failed ? 1 : 0, hash, -hash};
  comm.allreduce(std::span<std::int64_t>(votes), ReduceOp::min, site);
  const auto [lowest, have_all_failed, least_hash, negative_hash] = votes;
  if (lowest == comm.size()) return;
  const auto failed_rank = static_cast<int>(lowest);
  if (have_all_failed == 1 && least_hash == -negative_hash) throw_alike(outcome, failed_rank);

  const auto kind = comm.broadcast(outcome.kind, failed_rank, site);
  const std::string text = comm.broadcast_text(outcome.text, failed_rank, site);
  throw RankError(failed_rank, kind, "rank " + std::to_string(failed_rank) + ": " + text);
}

void agree_on_root(const Communicator& comm, int root, const std::function<void()>& local_work,
                   CallSite site) {
  if (root < 0 || root >= comm.size())
    throw InvalidArgument("rank " + std::to_string(root) + " cannot work for a communicator of " +
                          std::to_string(comm.size()));
  const Outcome outcome = comm.rank() == root ? run(local_work) : Outcome{};
  struct Verdict {
    std::int32_t has_failed;
    ErrorKind kind;
  };
  const Verdict verdict =
      comm.broadcast(Verdict{outcome.has_failed ? 1 : 0, outcome.kind}, root, site);
  if (verdict.has_failed == 0) return;
  throw RankError(root, verdict.kind, comm.broadcast_text(outcome.text, root, site));
}

}  // namespace serried
