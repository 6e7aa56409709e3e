#pragma once

#include <cstdint>
#include <functional>
#include <memory>

#include "serried/base/api.hpp"

namespace SERRIED_API serried {

/// The threads of one rank. Idle threads sleep; they never spin, so that ranks which outnumber the
/// cores do not take them from each other. One pool belongs to one Backend. (An OpenMP runtime
/// fixes its waiting policy when it is loaded, which a library cannot change; hence a pool of our
/// own.)
class ThreadPool {
 public:
  /// @param threads number of threads that work, the calling one included; at least 1.
  explicit ThreadPool(int threads);
  ~ThreadPool();
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;

  [[nodiscard]] int threads() const noexcept;

  /// Calls `task(index, worker)` once for each index in [0, count); worker is in [0, threads()).
  /// Which worker takes which index is not fixed, so results must not depend on it. With one
  /// thread, or one index, everything runs in the caller. The first exception is thrown again in
  /// the caller. Calls do not nest: a call from inside a task runs in line, as worker 0. Local.
  void parallel_for(std::int64_t count,
                    const std::function<void(std::int64_t index, int worker)>& task) const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace serried
