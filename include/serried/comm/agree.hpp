#pragma once

#include <functional>
#include <optional>
#include <type_traits>
#include <utility>

#include "serried/base/api.hpp"
#include "serried/comm/communicator.hpp"

namespace SERRIED_API serried {

/// Runs Local work that can fail on one rank alone (open, parse, allocate, factorise). If it threw
/// on any rank, all ranks throw a RankError with the lowest failing rank, its ErrorKind and its
/// cause. The text is the cause alone on a communicator of one rank, or where all ranks failed with
/// the same kind and text (a missing file is one clear message); else "rank R: cause". A RankError
/// that left the work alike on all ranks (from an agreement inside) is passed on unchanged.
/// std::bad_alloc becomes ErrorKind::device, any other foreign exception ErrorKind::internal.
/// Collective; `local_work` is called once on every rank, and must not leave the ranks in different
/// places: what it calls is Local, or Collective and preceded by nothing that can throw on some
/// ranks only. Communication: one allreduce of 32 bytes; on failure two broadcasts of kind and
/// text.
/// @throws RankError on all ranks, with the ErrorKind of the cause.
void agree(const Communicator& comm, const std::function<void()>& local_work,
           CallSite site = CallSite::current());

/// As agree, and returns each rank's own result, moved.
/// Collective.
template <class F>
requires(!std::is_void_v<std::invoke_result_t<F>>)
    [[nodiscard]] auto agree_on(const Communicator& comm, F&& local_work,
                                CallSite site = CallSite::current()) {
  std::optional<std::invoke_result_t<F>> result;
  agree(
      comm, [&] { result.emplace(local_work()); }, site);
  return std::move(*result);
}

/// Runs work on rank `root` alone; if it threw, all ranks throw the same RankError, whose text is
/// the cause. Collective. Communication: one broadcast of 8 bytes; on failure two of the text.
/// @throws RankError on all ranks, with the ErrorKind of the cause.
/// @throws InvalidArgument if `root` is no rank of `comm`.
void agree_on_root(const Communicator& comm, int root, const std::function<void()>& local_work,
                   CallSite site = CallSite::current());

}  // namespace serried
