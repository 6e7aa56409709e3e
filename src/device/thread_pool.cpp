#include "serried/device/thread_pool.hpp"

#include <atomic>
#include <condition_variable>
#include <exception>
#include <mutex>
#include <thread>
#include <vector>

#include "serried/base/error.hpp"

namespace serried {
namespace {

thread_local bool is_inside_task = false;

}  // namespace

struct ThreadPool::Impl {
  std::mutex mutex;
  std::mutex call_mutex;  // one parallel_for at a time
  std::condition_variable work_ready;
  std::condition_variable work_done;
  std::vector<std::thread> workers;
  const std::function<void(std::int64_t, int)>* task = nullptr;
  std::int64_t count = 0;
  std::atomic<std::int64_t> next{0};
  std::uint64_t generation = 0;
  int running = 0;
  bool is_stopping = false;
  std::exception_ptr failure;

  void work(int worker) {
    is_inside_task = true;
    for (std::int64_t index = next++; index < count; index = next++) {
      try {
        (*task)(index, worker);
      } catch (...) {
        const std::lock_guard lock(mutex);
        if (!failure) failure = std::current_exception();
        next = count;
      }
    }
    is_inside_task = false;
  }

  void run(int worker) {
    std::uint64_t seen = 0;
    std::unique_lock lock(mutex);
    while (true) {
      work_ready.wait(lock, [&] { return is_stopping || generation != seen; });
      if (is_stopping) return;
      seen = generation;
      lock.unlock();
      work(worker);
      lock.lock();
      if (--running == 0) work_done.notify_one();
    }
  }
};

ThreadPool::ThreadPool(int threads) : impl_(std::make_unique<Impl>()) {
  if (threads < 1)
    throw InvalidArgument("a rank needs at least 1 thread, not " + std::to_string(threads));
  for (int worker = 1; worker < threads; ++worker)
    impl_->workers.emplace_back([impl = impl_.get(), worker] { impl->run(worker); });
}

ThreadPool::~ThreadPool() {
  {
    const std::lock_guard lock(impl_->mutex);
    impl_->is_stopping = true;
  }
  impl_->work_ready.notify_all();
  for (std::thread& worker : impl_->workers) worker.join();
}

int ThreadPool::threads() const noexcept {
  return static_cast<int>(impl_->workers.size()) + 1;
}

void ThreadPool::parallel_for(std::int64_t count,
                              const std::function<void(std::int64_t, int)>& task) const {
  if (count <= 0) return;
  if (count == 1 || impl_->workers.empty() || is_inside_task) {
    for (std::int64_t index = 0; index < count; ++index) task(index, 0);
    return;
  }
  const std::lock_guard call(impl_->call_mutex);
  {
    const std::lock_guard lock(impl_->mutex);
    impl_->task = &task;
    impl_->count = count;
    impl_->next = 0;
    impl_->failure = nullptr;
    impl_->running = static_cast<int>(impl_->workers.size());
    ++impl_->generation;
  }
  impl_->work_ready.notify_all();
  impl_->work(0);
  std::exception_ptr failure;
  {
    std::unique_lock lock(impl_->mutex);
    impl_->work_done.wait(lock, [&] { return impl_->running == 0; });
    failure = impl_->failure;
  }
  if (failure) std::rethrow_exception(failure);
}

}  // namespace serried
