#pragma once

#include <coroutine>
#include <cstdint>
#include <functional>
#include <span>
#include <utility>
#include <vector>

#include "ml/kmeans/checkpoints.hpp"
#include "ml/kmeans/rows.hpp"
#include "ml/kmeans/task.hpp"

namespace serried::kmeans {

/// Reads of the data that several tasks share. A task asks for a read by `co_await` and stops; when
/// no task can go on, one read serves all that wait, batch by batch, and they go on in the order in
/// which they asked. Reads of single leaves and rows come first, so that a read of all rows serves
/// every task: there are as many of those as the longest task needs. On all ranks the same tasks
/// have to ask for the same kinds of reads in the same order.
class SharedReads {
 public:
  /// @param checkpoints of the tasks that read, if there are any: before each read of all rows they
  /// are saved, or end the tasks, where that is wanted.
  explicit SharedReads(Rows& rows, Checkpoints* checkpoints = nullptr)
      : rows_(rows), checkpoints_(checkpoints) {}
  SharedReads(const SharedReads&) = delete;
  SharedReads& operator=(const SharedReads&) = delete;

  [[nodiscard]] Rows& rows() const noexcept { return rows_; }
  [[nodiscard]] Checkpoints* checkpoints() const noexcept { return checkpoints_; }

 private:
  struct Request {
    const char* name = "";
    std::function<void(const Unit&)> work = {};
    std::vector<LeafTotals*> totals = {};
    std::span<const std::int64_t> wanted = {};  ///< leaves or rows
    std::vector<double> values = {};            ///< of the rows
    std::coroutine_handle<> task = nullptr;
  };
  using Queue = std::vector<Request*>;

 public:
  /// What a task waits for.
  class [[nodiscard]] Read {
   public:
    Read(Queue& queue, Request request) : queue_(queue), request_(std::move(request)) {}
    Read(const Read&) = delete;
    Read& operator=(const Read&) = delete;
    /// A task that is ended while it waits, because another one failed, waits no more.
    ~Read() { std::erase(queue_, &request_); }
    [[nodiscard]] bool await_ready() const noexcept { return false; }
    void await_suspend(std::coroutine_handle<> task) {
      request_.task = task;
      queue_.push_back(&request_);
    }
    std::vector<double> await_resume() noexcept { return std::move(request_.values); }

   private:
    Queue& queue_;
    Request request_;
  };

  /// Rows::pass. `work` and `totals` must outlive the read.
  template <class F, class... Totals>
  Read pass(const char* name, const F& work, Totals&... totals) {
    return {passes_, {.name = name, .work = std::ref(work), .totals = {&totals...}}};
  }
  /// Rows::visit_leaves.
  template <class F>
  Read visit_leaves(std::span<const std::int64_t> leaves, const F& work) {
    return {visits_, {.work = std::ref(work), .wanted = leaves}};
  }
  /// Rows::fetch; gives the values.
  Read fetch(std::span<const std::int64_t> global_rows) {
    return {fetches_, {.wanted = global_rows}};
  }

  /// Runs the tasks `make(0) ... make(count - 1)`, at most `at_once` of them side by side; as soon
  /// as one is done the next is made.
  /// Collective.
  /// @throws what reading or a task throws.
  void run(std::int64_t count, std::int64_t at_once,
           const std::function<Task<>(std::int64_t)>& make);
  /// Runs one task alone.
  /// Collective.
  template <class T>
  T run(Task<T> task) {
    task.start();
    while (!task.is_done()) serve();
    return task.take();
  }

 private:
  /// One read. Collective.
  void serve();
  void serve_passes(const Queue& queue);
  void serve_visits(const Queue& queue);
  void serve_fetches(const Queue& queue);

  Rows& rows_;
  Checkpoints* checkpoints_;
  Queue passes_, visits_, fetches_;
};

}  // namespace serried::kmeans
