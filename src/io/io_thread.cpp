#include "io/io_thread.hpp"

#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>
#include <utility>

#include "comm/watch/external_call.hpp"

namespace serried {

namespace {

thread_local bool is_io_thread = false;

}  // namespace

struct IoThread::Impl {
  std::mutex mutex;
  std::condition_variable has_work;
  std::condition_variable is_resting;
  std::deque<std::function<void()>> works;  // the first is being done
  bool is_stopping = false;
  std::thread thread;

  void run() {
    is_io_thread = true;
    std::unique_lock lock(mutex);
    while (true) {
      has_work.wait(lock, [&] { return is_stopping || !works.empty(); });
      if (works.empty()) return;
      lock.unlock();
      works.front()();
      lock.lock();
      works.pop_front();
      if (works.empty()) is_resting.notify_all();
    }
  }
};

IoThread::IoThread() : impl_(std::make_unique<Impl>()) {}

IoThread::~IoThread() {
  {
    const std::lock_guard lock(impl_->mutex);
    impl_->is_stopping = true;
  }
  impl_->has_work.notify_all();
  if (impl_->thread.joinable()) impl_->thread.join();
}

IoThread& IoThread::of_process() {
  static IoThread thread;
  return thread;
}

void IoThread::submit(std::function<void()> work) {
  const std::lock_guard lock(impl_->mutex);
  if (!impl_->thread.joinable()) impl_->thread = std::thread([impl = impl_.get()] { impl->run(); });
  impl_->works.push_back(std::move(work));
  impl_->has_work.notify_one();
}

void IoThread::wait() noexcept {
  if (is_io_thread) return;
  const comm::ThreadWait waiting;
  std::unique_lock lock(impl_->mutex);
  impl_->is_resting.wait(lock, [&] { return impl_->works.empty(); });
}

Activity IoThread::activity() const noexcept {
  return is_io_thread ? Activity::file_ahead : Activity::file;
}

}  // namespace serried
