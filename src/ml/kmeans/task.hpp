#pragma once

#include <coroutine>
#include <exception>
#include <optional>
#include <utility>

namespace serried::kmeans {

/// What a task gives back, until it is taken.
template <class T>
struct TaskResult {
  std::optional<T> value;
  void return_value(T result) { value.emplace(std::move(result)); }
  T take() { return std::move(*value); }
};
template <>
struct TaskResult<void> {
  void return_void() const noexcept {}
  void take() const noexcept {}
};

/// A computation that stops where it waits for a read of the data, so that one read can serve
/// several of them (see SharedReads). A coroutine: it does nothing before it is started, and
/// `co_await` of another task runs that one as a part of this. What it refers to must outlive it.
/// Destroying a task that waits ends it there.
template <class T = void>
class [[nodiscard]] Task {
 public:
  struct promise_type : TaskResult<T> {
    std::exception_ptr failure;
    std::coroutine_handle<> caller;  ///< goes on when this task is done

    struct Return {
      [[nodiscard]] bool await_ready() const noexcept { return false; }
      [[nodiscard]] std::coroutine_handle<> await_suspend(
          std::coroutine_handle<promise_type> task) const noexcept {
        const std::coroutine_handle<> next = task.promise().caller;
        return next ? next : std::noop_coroutine();
      }
      void await_resume() const noexcept {}
    };
    Task get_return_object() {
      return Task(std::coroutine_handle<promise_type>::from_promise(*this));
    }
    [[nodiscard]] std::suspend_always initial_suspend() const noexcept { return {}; }
    [[nodiscard]] Return final_suspend() const noexcept { return {}; }
    void unhandled_exception() noexcept { failure = std::current_exception(); }
  };

  Task(Task&& other) noexcept : handle_(std::exchange(other.handle_, nullptr)) {}
  Task& operator=(Task&& other) noexcept {
    std::swap(handle_, other.handle_);
    return *this;
  }
  ~Task() {
    if (handle_) handle_.destroy();
  }

  /// Runs until the task is done, or waits.
  void start() { handle_.resume(); }
  [[nodiscard]] bool is_done() const { return handle_.done(); }
  /// Of a task that is done: its result, or the exception that ended it.
  T take() {
    if (handle_.promise().failure) std::rethrow_exception(handle_.promise().failure);
    return handle_.promise().take();
  }

  // What `co_await` of a task needs.
  [[nodiscard]] bool await_ready() const noexcept { return false; }
  [[nodiscard]] std::coroutine_handle<> await_suspend(std::coroutine_handle<> caller) noexcept {
    handle_.promise().caller = caller;
    return handle_;
  }
  T await_resume() { return take(); }

 private:
  explicit Task(std::coroutine_handle<promise_type> handle) : handle_(handle) {}
  std::coroutine_handle<promise_type> handle_;
};

}  // namespace serried::kmeans
