#pragma once

#include <functional>
#include <optional>
#include <type_traits>
#include <utility>

#include "serried/comm/communicator.hpp"

namespace serried {

/// Runs Local work that can fail on one rank alone (open, parse, allocate, factorise). If it threw on any
/// rank, all ranks throw the same RankError, which names the lowest failing rank and its cause.
/// Collective.
/// Communication: one small allreduce; on failure one broadcast of the text.
/// @throws RankError on all ranks, with the ErrorKind of the cause.
void agree(const Communicator& comm, const std::function<void()>& local_work);

/// As agree, and returns each rank's own result.
/// Collective.
template <class F>
  requires(!std::is_void_v<std::invoke_result_t<F>>)
[[nodiscard]] auto agree_on(const Communicator& comm, F&& local_work) {
  std::optional<std::invoke_result_t<F>> result;
  agree(comm, [&] { result.emplace(local_work()); });
  return std::move(*result);
}

/// Runs work on rank `root` alone; if it threw, all ranks throw the same RankError.
/// Collective.
void agree_on_root(const Communicator& comm, int root, const std::function<void()>& local_work);

}  // namespace serried
